//! The paywall as a layer of a Rust service.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use gateway::{Node, PaywallLayer};
use http::Request;
use tokio::net::TcpListener;
use tower::ServiceBuilder;

use crate::books::Books;
use crate::client::{self, Got, Wanted};
use crate::shop::{CHEAP, JOB, challenge, paywall};

struct Service {
    books: Books,
    address: std::net::SocketAddr,
    executed: Arc<AtomicUsize>,
}

impl Service {
    async fn open() -> Self {
        let (books, executed) = (Books::open().await, Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&executed);
        let job = move |body: String| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { format!("did {body}") }
        };
        let layer = PaywallLayer::new(paywall(Node::Local(books.engine.clone()), &books));
        let app = Router::new()
            .route("/cheap/{id}", get(|| async { "an article" }))
            .route("/job/{id}", post(job))
            .route("/both/{id}", get(panics).post(panics))
            .route("/free", get(|| async { "free" }))
            .layer(ServiceBuilder::new().layer(layer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { books, address, executed }
    }

    async fn buy(&self, wanted: &Wanted) -> (Wanted, Got) {
        let payment = self.books.payer.pay(&challenge(self.address, wanted).await);
        let paid = wanted.clone().paid(&payment.header());
        let got = client::send(self.address, &paid).await;
        (paid, got)
    }
}

async fn panics(_: Request<Body>) -> Result<String, Infallible> {
    panic!("a handler with a fault");
}

#[tokio::test]
async fn a_router_sells_its_routes() {
    let service = Service::open().await;
    let (_, got) = service.buy(&Wanted::get("/cheap/1")).await;
    assert_eq!((got.status, &got.body[..]), (200, &b"an article"[..]));
    assert!(got.settlement().is_some());
    let (paid, got) = service.buy(&Wanted::post("/job/1", "it")).await;
    assert_eq!((got.status, &got.body[..]), (200, &b"did it"[..]));
    let again = client::send(service.address, &paid).await;
    assert_eq!((again.status, &again.body[..]), (200, &b"did it"[..]));
    assert_eq!(service.executed.load(Ordering::SeqCst), 1);
    let free = client::send(service.address, &Wanted::get("/free")).await;
    assert_eq!((free.status, &free.body[..]), (200, &b"free"[..]));
    service.books.assert_paid(CHEAP + JOB).await;
}

#[tokio::test]
async fn r15_a_handler_that_panics_is_not_paid_and_holds_nothing() {
    let service = Service::open().await;
    for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "x")] {
        let (paid, got) = service.buy(&wanted).await;
        assert_eq!((got.status, got.code().as_str()), (502, "upstream_broken"));
        assert!(got.settlement().is_none());
        service.books.assert_paid(0).await;
        // A copy gets its answer at once.
        assert_eq!(client::send(service.address, &paid).await.status, 502);
    }
    service.books.assert_paid(0).await;
}
