//! The bench tools against a server and a program whose figures are known.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use benches::callgrind::Counted;
use benches::load::{self, Load};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Answers 404 to `/missing` and 200 to the rest, after `delay`; counts requests and connections.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

fn server(delay: Duration) -> Server {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let connections = Arc::new(AtomicUsize::new(0));
    let (seen, opened) = (requests.clone(), connections.clone());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve(listener, delay, &seen, &opened));
    });
    Server { address, requests, connections }
}

async fn serve(
    listener: std::net::TcpListener,
    delay: Duration,
    seen: &Arc<AtomicUsize>,
    opened: &Arc<AtomicUsize>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        opened.fetch_add(1, Ordering::SeqCst);
        let seen = seen.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            seen.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(request.headers().contains_key("host"));
                tokio::time::sleep(delay).await;
                if let Some(count) = request.uri().path().strip_prefix("/stream/") {
                    return Ok(streamed(count.parse().unwrap()));
                }
                let missing = request.uri().path() == "/missing";
                let status = if missing { StatusCode::NOT_FOUND } else { StatusCode::OK };
                let body = Full::new(Bytes::from_static(b"content")).boxed();
                let mut answer = Response::new(body);
                *answer.status_mut() = status;
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = hyper::server::conn::http1::Builder::new();
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

/// As many pieces of a thousand bytes, without a length.
fn streamed(count: usize) -> Response<BoxBody<Bytes, Infallible>> {
    let piece = |_| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'a'; 1_000])));
    Response::new(BodyExt::boxed(StreamBody::new(futures_util::stream::iter(
        (0..count).map(piece),
    ))))
}

#[test]
fn streams_are_read_at_once_and_to_their_end() {
    let server = server(Duration::ZERO);
    let origin = format!("http://{}", server.address);
    let get = |path| load::get(&origin, path).unwrap();
    let streamed = load::read_streams(&[get("/stream/50"), get("/stream/20")]).unwrap();
    assert_eq!(streamed.least_bytes, 20_000);
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
    // An answer with a length, and one that is refused, are no streams.
    assert!(load::read_streams(&[get("/")]).is_err());
    assert!(load::read_streams(&[get("/missing")]).is_err());
}

#[test]
fn one_answer_is_read_with_its_headers() {
    let server = server(Duration::ZERO);
    let call = load::get(&format!("http://{}", server.address), "/missing").unwrap();
    let answer = load::ask(&call).unwrap();
    assert_eq!(
        (answer.status, &answer.headers["content-length"]),
        (StatusCode::NOT_FOUND, &"7".parse().unwrap())
    );
    assert_eq!(
        answer.request_bytes,
        format!("GET /missing HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).len()
    );
    assert!(answer.head_bytes > "HTTP/1.1 404 Not Found\r\ncontent-length: 7\r\n\r\n".len());
}

#[test]
fn a_closed_load_sends_each_request_once_over_few_connections() {
    let server = server(Duration::ZERO);
    let origin = format!("http://{}", server.address);
    let mut calls = vec![load::get(&origin, "/").unwrap(); 90];
    calls.extend(vec![load::get(&origin, "/missing").unwrap(); 10]);
    let outcome = load::run(&Load::new(4, calls)).unwrap();
    assert_eq!(server.requests.load(Ordering::SeqCst), 100);
    assert_eq!(server.connections.load(Ordering::SeqCst), 4);
    assert_eq!(outcome.statuses()[&StatusCode::OK], 90);
    assert_eq!(outcome.statuses()[&StatusCode::NOT_FOUND], 10);
    assert!(outcome.expect_only(StatusCode::OK).is_err());
    assert!(outcome.requests_per_s() > 0.0);
    let halves =
        |outcome: &load::Outcome| outcome.expect_halves(StatusCode::OK, StatusCode::NOT_FOUND);
    assert!(halves(&outcome).is_err());
    let calls = ["/", "/missing", "/", "/missing"].map(|path| load::get(&origin, path).unwrap());
    halves(&load::run(&Load::new(2, calls.into())).unwrap()).unwrap();
}

#[test]
fn a_paced_load_counts_the_wait_of_requests_that_were_due() {
    // One connection, 20 ms an answer, one request due each 5 ms: the tenth has waited long.
    let server = server(Duration::from_millis(20));
    let origin = format!("http://{}", server.address);
    let calls = vec![load::get(&origin, "/").unwrap(); 10];
    let plan = Load::new(1, calls).paced(Duration::from_millis(5));
    let outcome = load::run(&plan).unwrap();
    outcome.expect_only(StatusCode::OK).unwrap();
    assert!(outcome.latency_ms(1) >= 20.0, "{}", outcome.latency_ms(1));
    assert!(outcome.latency_ms(99) >= 150.0, "{}", outcome.latency_ms(99));
}

#[test]
fn a_dead_server_is_an_error() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let plan = Load::new(1, vec![load::get(&origin, "/").unwrap()]);
    assert!(load::run(&plan).is_err());
}

#[test]
fn instructions_repeat_and_grow_with_the_work() {
    let count = |program: &str, arguments: &[&str]| {
        Counted::start(Path::new(program), arguments).unwrap().finish().unwrap()
    };
    let short = count("/usr/bin/seq", &["1000"]);
    let again = count("/usr/bin/seq", &["1000"]);
    let long = count("/usr/bin/seq", &["200000"]);
    assert!(short.total > 100_000, "{}", short.total);
    assert!(short.total.abs_diff(again.total) * 50 < short.total);
    assert!(long.total > short.total * 2, "{} {}", short.total, long.total);
    assert!(short.inclusive("main").is_some(), "{:?}", &short.functions[..5]);
    assert!(Counted::start(Path::new("/bin/false"), &[]).unwrap().finish().is_err());
}

#[test]
fn an_interrupted_program_that_fails_gives_no_figures() {
    let sleeper = Counted::start(Path::new("/bin/sleep"), &["60"]).unwrap();
    assert!(sleeper.interrupt().is_err());
}
