//! Listening: connections in, requests to a service, a clean end.
//!
//! Invariants: the number of connections, the size of a request's head and the time that it may
//! take are limited; on stop no request is cut off that finishes within the grace time.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::Peer;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::Service;

use crate::framing;
use crate::hosts::origin_at;
use crate::patient::Patient;
use crate::tls::Handshakes;

/// Connections of one listener.
const CONNECTIONS_COUNT_MAX: usize = 4096;
/// Head of a request, give or take one read; a payment alone may take 16 KiB.
const REQUEST_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Time for the head of a request, and for the next request on a connection.
const REQUEST_HEAD_SECONDS_MAX: u64 = 30;
/// Time in which a client has to read something of what is written to it.
const WRITE_SECONDS_MAX: u64 = 120;
/// Time for requests under way when the process is asked to stop.
const SHUTDOWN_GRACE_SECONDS_MAX: u64 = 30;
/// Pause after a connection could not be taken, for example without file descriptors.
const ACCEPT_PAUSE_MS: u64 = 50;

const WRITE_TIME: Duration = Duration::from_secs(WRITE_SECONDS_MAX);

/// A socket that is bound already, so that its address is known.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Handshakes>,
}

/// The address could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}")]
pub(crate) struct BindError {
    address: SocketAddr,
    cause: io::Error,
}

impl Listener {
    /// Takes an address; port 0 is any free one.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let failed = |cause| BindError { address, cause };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, tls: None })
    }

    /// Only with TLS from now on, if there is a certificate.
    pub(crate) fn with_tls(self, tls: Option<Handshakes>) -> Self {
        Self { tls, ..self }
    }

    /// The origin at which it is reached from this machine.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme(), self.address)
    }

    /// The origin at which it is reached under a name.
    pub(crate) fn url_of(&self, host: &str) -> String {
        origin_at(self.scheme(), host, self.address.port())
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `stop` becomes true, then ends within the grace time.
    pub(crate) async fn serve<S>(self, service: S, mut stop: watch::Receiver<bool>)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send,
    {
        let connections = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(CONNECTIONS_COUNT_MAX));
        loop {
            let (stream, peer, slot) = tokio::select! {
                accepted = accept(&self.socket, &slots) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let (service, tls) = (service.clone(), self.tls.clone());
            let (watcher, mut stop) = (connections.watcher(), stop.clone());
            tokio::spawn(async move {
                let Some(tls) = tls else {
                    return answer(stream, peer, service, watcher, slot).await;
                };
                let shaken = tokio::select! {
                    shaken = tls.take(stream) => shaken,
                    _ = stop.wait_for(|stop| *stop) => return,
                };
                match shaken {
                    Ok(stream) => answer(stream, peer, service, watcher, slot).await,
                    Err(error) => tracing::debug!(%error, "there is no handshake"),
                }
            });
        }
        drop(self.socket);
        let grace = Duration::from_secs(SHUTDOWN_GRACE_SECONDS_MAX);
        if tokio::time::timeout(grace, connections.shutdown()).await.is_err() {
            tracing::warn!("requests are cut off: they took longer than the grace time");
        }
    }
}

/// The requests of one connection, which gives its slot back at its end.
async fn answer<I, S>(
    stream: I,
    peer: Peer,
    service: S,
    watcher: Watcher,
    slot: Option<OwnedSemaphorePermit>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let is_single = framing::is_single(request.headers());
        let answer = is_single.then(|| service.clone().call(request.map(Body::new)));
        async move {
            match answer {
                Some(answer) => answer.await,
                None => Ok(framing::refused()),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(REQUEST_HEAD_SECONDS_MAX))
        .max_buf_size(REQUEST_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream, WRITE_TIME)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke off");
    }
    drop(slot);
}

/// The next connection, once there is room for it.
async fn accept(
    socket: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Peer, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so a slot is always given.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match socket.accept().await {
            Ok((stream, address)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps small packets back");
                }
                return (stream, Peer(address.ip()), slot);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;

    async fn ask(address: SocketAddr, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn bound() -> Listener {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Listener::bind(any).await.unwrap()
    }

    #[tokio::test]
    async fn a_request_under_way_is_finished_on_stop_and_no_other_is_taken() {
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (told, waits) = (Arc::clone(&arrived), Arc::clone(&go_on));
        let slow = move || async move {
            told.notify_one();
            waits.notified().await;
            "finished"
        };
        let listener = bound().await;
        let address = listener.address;
        let (stop, stopped) = watch::channel(false);
        let router = Router::new().route("/", get(slow));
        let server = tokio::spawn(listener.serve(router, stopped));
        let stream = ask(address, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        arrived.notified().await;
        stop.send(true).unwrap();
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!server.is_finished(), "the request is still under way");
        go_on.notify_one();
        assert!(answer(stream).await.ends_with("finished"));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_head_above_the_limit_is_refused() {
        let listener = bound().await;
        let address = listener.address;
        let (_stop, stopped) = watch::channel(false);
        let router = Router::new().route("/", get(|| async { "taken" }));
        tokio::spawn(listener.serve(router, stopped));
        let close = "host: a\r\nconnection: close\r\n";
        let head = format!("GET / HTTP/1.1\r\n{close}x: {}\r\n\r\n", "y".repeat(32 * 1024));
        assert!(answer(ask(address, &head).await).await.ends_with("taken"));
        let padding = "y".repeat(4 * REQUEST_HEAD_BYTES_MAX);
        let head = format!("GET / HTTP/1.1\r\n{close}x: {padding}\r\n\r\n");
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server hangs up while there is more to come, so both ways may break off.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut refused = Vec::new();
        let _ = stream.read_to_end(&mut refused).await;
        let refused = String::from_utf8(refused).unwrap();
        let expected = refused.is_empty() || refused.starts_with("HTTP/1.1 431");
        assert!(expected, "{refused}");
    }
}
