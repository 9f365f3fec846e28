//! A gateway in front of an upstream, with offers of every kind, on a real socket.

use std::net::SocketAddr;

use admission::Peer;
use axum::body::Body;
use engine::LogOptions;
use gateway::{
    ChannelSettings, Crawler, CrawlerKeys, Crawlers, Forward, ForwardOptions, Node, NodeFacts,
    Offer, Origin, PathPattern, Payees, Paywall, PaywallOptions, PaywallService, Routes, Shelf,
    SiteKey,
};
use http::{Method, Request};
use http402::Identifier;
use http402::mpp::ChallengeSecret;
use http402::x402::PaymentRequired;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use instrument::KeyPair;
use money::{Amount, Shares};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::books::{Books, Paid, author, editor, platform, usd};
use crate::client::{self, Got, Wanted};
use crate::upstream::Upstream;

pub const ORIGIN: &str = "http://shop.example";
/// Where the payer, as a crawler, says that its keys are.
pub const AGENT: &str = "https://bot.example";
/// Header by which a test says from which address a request comes.
pub const FROM: &str = "x-test-from";
pub const CHEAP: u128 = 1_000;
pub const DEAR: u128 = 5_000;
pub const JOB: u128 = 3_000;
pub const ODD: u128 = 1_003;
pub const HOLD_SECONDS: u32 = 30;

/// A gateway with its node and upstream.
pub struct Shop {
    pub books: Books,
    pub upstream: Upstream,
    pub address: SocketAddr,
}

impl Shop {
    pub async fn open() -> Self {
        let (books, upstream) = (Books::open().await, Upstream::default());
        let behind = upstream.serve().await;
        let address = serve(paywall(Node::Local(books.engine.clone()), &books), behind).await;
        Self { books, upstream, address }
    }

    /// A shop whose node keeps a log.
    pub async fn logged(log: LogOptions) -> Self {
        let (books, upstream) = (Books::open_with(Some(log)).await, Upstream::default());
        let behind = upstream.serve().await;
        let address = serve(paywall(Node::Local(books.engine.clone()), &books), behind).await;
        Self { books, upstream, address }
    }

    /// A shop whose upstream is somebody else.
    pub async fn in_front_of(behind: SocketAddr) -> Self {
        let (books, upstream) = (Books::open().await, Upstream::default());
        let address = serve(paywall(Node::Local(books.engine.clone()), &books), behind).await;
        Self { books, upstream, address }
    }

    pub async fn send(&self, wanted: &Wanted) -> Got {
        client::send(self.address, wanted).await
    }

    pub async fn challenge(&self, wanted: &Wanted) -> PaymentRequired {
        challenge(self.address, wanted).await
    }

    /// A signed payment for a request.
    pub async fn payment(&self, wanted: &Wanted) -> Paid {
        self.books.payer.pay(&self.challenge(wanted).await)
    }

    /// The request with a new payment.
    pub async fn paid(&self, wanted: &Wanted) -> Wanted {
        wanted.clone().paid(&self.payment(wanted).await.header())
    }

    /// Pays for a request and makes it.
    pub async fn buy(&self, wanted: &Wanted) -> Got {
        self.send(&self.paid(wanted).await).await
    }
}

pub async fn challenge(address: SocketAddr, wanted: &Wanted) -> PaymentRequired {
    client::send(address, wanted).await.required()
}

pub fn payees() -> Payees {
    Payees { pay_to: author(), split: None, name: "Magazine".to_owned(), split_text: None }
}

pub fn offer(path: &str, methods: &[Method], units: u128) -> Offer {
    let path_text = path;
    let path = PathPattern::parse(path).unwrap();
    Offer {
        id: Offer::file_id("default", &path, methods),
        path,
        prices: Vec::new(),
        own_amount: None,
        free: None,
        passes: Vec::new(),
        methods: methods.to_vec(),
        price: Amount::new(units, usd()),
        meter: None,
        channel: ChannelSettings::usual(Amount::new(units, usd()), None),
        payees: payees(),
        description: format!("what stands at {path_text}"),
        mime_type: None,
        access_seconds: 60,
        hold_seconds: HOLD_SECONDS,
        order_seconds: 60,
        identifier: Identifier::Optional,
        free_methods: Vec::new(),
        listed: true,
        crawl: false,
        tool: None,
    }
}

fn routes() -> Routes {
    let (get, post, both) = (&[Method::GET], &[Method::POST], &[Method::GET, Method::POST]);
    let shares = Shares::new(vec![800_000, 150_000, 50_000]).unwrap();
    let split = Payees {
        split: Some((vec![author(), editor(), platform()], shares)),
        split_text: Some("author 80 %, editor 15 %, platform 5 %".to_owned()),
        ..payees()
    };
    Routes::new(vec![
        offer("/cheap/{id}", get, CHEAP),
        offer("/dear/{id}", get, DEAR),
        offer("/both/{id}", get, CHEAP),
        offer("/both/{id}", post, JOB),
        offer("/job/{id}", post, JOB),
        offer("/files/{*rest}", both, CHEAP),
        Offer { payees: split, ..offer("/split/{id}", both, ODD) },
        Offer { identifier: Identifier::Required, ..offer("/named/{id}", get, CHEAP) },
        Offer { crawl: true, ..offer("/crawl/{*rest}", both, CHEAP) },
        Offer { hold_seconds: 1, ..offer("/brief/{id}", both, CHEAP) },
    ])
    .unwrap()
}

/// The payer is let in as a crawler, and somebody without money.
fn crawlers(books: &Books) -> Crawlers {
    let crawler = |agent: &str, key: &KeyPair| Crawler {
        agent: agent.to_owned(),
        keys: CrawlerKeys::Key(key.public()),
    };
    Crawlers::new(vec![
        crawler(AGENT, &books.payer.key),
        crawler("https://poor.example", &KeyPair::from_seed(&[8; 32])),
    ])
}

/// A paywall with all offers.
pub fn paywall(node: Node, books: &Books) -> Paywall {
    paywall_of(node, books, routes())
}

/// A paywall with these offers.
pub fn paywall_of(node: Node, books: &Books, routes: Routes) -> Paywall {
    paywall_at(node, books, routes, None)
}

/// A paywall behind a proxy that names the payer's country.
pub fn paywall_at(
    node: Node,
    books: &Books,
    routes: Routes,
    country_header: Option<http::HeaderName>,
) -> Paywall {
    Paywall::new(PaywallOptions {
        node,
        facts: NodeFacts { node: books.engine.node(), url: "http://node.example".to_owned() },
        origin: Origin::Fixed(ORIGIN.to_owned()),
        shelf: Shelf::new(routes),
        service_name: Some("Magazine".to_owned()),
        crawlers: crawlers(books),
        challenge_secret: ChallengeSecret::of_gateway("token"),
        site_key: SiteKey::of_gateway("token"),
        country_header,
    })
}

/// Serves a gateway.
pub async fn serve(paywall: Paywall, behind: SocketAddr) -> SocketAddr {
    let options = ForwardOptions { connect_timeout_ms: 1_000, head_timeout_ms: 1_000 };
    let forward = Forward::new(&format!("http://{behind}").parse().unwrap(), options).unwrap();
    let service = PaywallService::new(paywall, forward);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let service = service.clone();
                let mut request = request.map(Body::new);
                let from = request.headers().get(FROM).and_then(|from| from.to_str().ok());
                if let Some(from) = from.and_then(|from| from.parse().ok()) {
                    request.extensions_mut().insert(Peer(from));
                }
                async move { service.oneshot(request).await }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer);
            tokio::spawn(connection);
        }
    });
    address
}
