//! The payer's side of the wire: one connection for each request, and raw bytes for hostile ones.

use std::net::SocketAddr;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use http402::x402::{self, PaymentRequired, SettleResponse, Settlement};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// A request to be made, several times if need be.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Wanted {
    pub fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Bytes::new() }
    }

    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: &str, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::new(Method::POST, path) }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn paid(self, (name, value): &(String, String)) -> Self {
        self.with(name, value)
    }

    pub fn request(&self) -> Request<Body> {
        let body = self.body.clone();
        self.request_with(if body.is_empty() { Body::empty() } else { Body::from(body) })
    }

    pub fn request_with(&self, body: Body) -> Request<Body> {
        let mut request = Request::builder().method(&self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.header("host", "shop.example").body(body).unwrap()
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The settlement, if the answer says that one was made.
    pub fn settlement(&self) -> Option<Settlement> {
        match self.settle_response()? {
            SettleResponse::Success(settlement) => Some(settlement),
            _ => None,
        }
    }

    pub fn settle_response(&self) -> Option<SettleResponse> {
        let value = self.headers.get(x402::PAYMENT_RESPONSE)?;
        Some(SettleResponse::decode_header(value).unwrap())
    }

    pub fn required(&self) -> PaymentRequired {
        assert_eq!(self.status, 402, "{self:?}");
        PaymentRequired::decode_header(&self.headers[x402::PAYMENT_REQUIRED]).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Code of a problem document.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

/// An answer whose body is still to come.
pub struct Live {
    pub response: Response<Incoming>,
    connection: AbortHandle,
}

impl Live {
    /// The next piece of the body; `None` at its end, an error if it broke off.
    pub async fn piece(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        match self.response.frame().await? {
            Ok(frame) => Some(Ok(frame.into_data().unwrap_or_default())),
            Err(error) => Some(Err(error)),
        }
    }

    /// Reads on; tells how many bytes came and whether the end was reached.
    pub async fn drain(&mut self) -> (u64, bool) {
        let mut bytes = 0;
        while let Some(piece) = self.piece().await {
            match piece {
                Ok(piece) => bytes += piece.len() as u64,
                Err(_) => return (bytes, false),
            }
        }
        (bytes, true)
    }

    /// Breaks the connection.
    pub fn hang_up(self) {
        self.connection.abort();
    }
}

/// Sends a request and reads the head of the answer.
pub async fn open(address: SocketAddr, request: Request<Body>) -> Live {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(async move {
        // A connection that breaks is seen by whoever reads the body.
        let _ = connection.await;
    });
    let response = sender.send_request(request).await.unwrap();
    Live { response, connection: connection.abort_handle() }
}

/// Sends a request and reads the whole answer.
pub async fn send(address: SocketAddr, wanted: &Wanted) -> Got {
    send_request(address, wanted.request()).await
}

pub async fn send_request(address: SocketAddr, request: Request<Body>) -> Got {
    let live = open(address, request).await;
    let (head, body) = live.response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Got { status: head.status.as_u16(), headers: head.headers, body }
}

/// Sends a request and hangs up once `sent` has happened.
pub async fn send_and_hang_up(
    address: SocketAddr,
    wanted: &Wanted,
    sent: impl Future<Output = ()>,
) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&raw(wanted)).await.unwrap();
    sent.await;
    drop(stream);
}

/// The bytes of a request.
pub fn raw(wanted: &Wanted) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: shop.example\r\n", wanted.method, wanted.path);
    for (name, value) in &wanted.headers {
        head += name;
        head += ": ";
        head += value;
        head += "\r\n";
    }
    if !wanted.body.is_empty() {
        head += "content-length: ";
        head += &wanted.body.len().to_string();
        head += "\r\n";
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(&wanted.body);
    bytes
}

/// Sends raw bytes and reads until the gateway closes; the request should ask for that.
pub async fn send_raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset ends the answer as well as a close does.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
