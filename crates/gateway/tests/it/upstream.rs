//! Services behind the gateway: one that does what a test tells it, and one that writes raw bytes.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Method, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request as it came through the gateway.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    /// `None` if it broke off.
    pub body: Option<Bytes>,
}

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Handler = Arc<dyn Fn(Seen) -> Answer + Send + Sync>;

/// A service that counts what it executes.
#[derive(Clone, Default)]
pub struct Upstream {
    seen: Arc<Mutex<Vec<Seen>>>,
    handlers: Arc<Mutex<BTreeMap<String, Handler>>>,
}

impl Upstream {
    pub async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = self.router();
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    pub fn router(&self) -> axum::Router {
        axum::Router::new().fallback(answer).with_state(self.clone())
    }

    /// What a path answers from now on.
    pub fn on<F, A>(&self, path: &str, handler: F)
    where
        F: Fn(Seen) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |seen| Box::pin(handler(seen)));
        self.handlers.lock().unwrap().insert(path.to_owned(), handler);
    }

    /// What a path answers from now on, always the same.
    pub fn says(&self, path: &str, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let body = Bytes::copy_from_slice(body);
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.on(path, move |_| {
            let answer = response(status, &headers, Body::from(body.clone()));
            async move { answer }
        });
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

pub fn response(status: u16, headers: &[(String, String)], body: Body) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}

async fn answer(State(upstream): State<Upstream>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.ok();
    let seen = Seen {
        method: head.method,
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body,
    };
    upstream.seen.lock().unwrap().push(seen.clone());
    let handler = upstream.handlers.lock().unwrap().get(head.uri.path()).cloned();
    match handler {
        Some(handler) => handler(seen).await,
        None => Response::new(Body::from(format!("content of {} {}", seen.method, seen.path))),
    }
}

/// A body of so many bytes in pieces, of which the first `whole` come and then the connection breaks.
pub fn broken_body(pieces: usize, piece_bytes: usize) -> Body {
    let good = futures_util::stream::iter((0..pieces).map(move |_| Ok(vec![b'x'; piece_bytes])));
    let bad = futures_util::stream::once(async { Err(std::io::Error::other("broken on purpose")) });
    Body::from_stream(good.chain(bad))
}

/// An upstream that reads a request's head, writes these bytes and closes.
pub async fn serve_bytes(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer: Vec<u8> = answer.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                let mut piece = [0; 4096];
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    match stream.read(&mut piece).await {
                        Ok(read) if read > 0 => head.extend_from_slice(&piece[..read]),
                        _ => return,
                    }
                }
                // The gateway may have hung up, which the test sees.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}
