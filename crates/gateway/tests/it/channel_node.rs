//! Channels with a node that restarts between watermark and delivery, and with gateways apart from
//! their node: nothing runs twice, and nobody loses more than one request.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use gateway::Node;
use http::{Method, Response};
use http402::{Dialect, Instrument};
use tokio::sync::Notify;

use crate::books::Books;
use crate::client::{self, Got, Wanted};
use crate::far_node::{FarNode, Fault};
use crate::purse::{DEPOSIT, Purse, header};
use crate::shop::{CHEAP, HOLD_SECONDS, JOB, Shop, paywall, serve};
use crate::upstream::Upstream;

/// A shop whose node restarts while the service is at work.
struct Interrupted {
    shop: Shop,
    purse: Purse,
    paid: Wanted,
    /// What the payer got.
    got: Got,
    /// The gateway of the node's second life.
    address: SocketAddr,
}

/// Buys `wanted`; the node restarts once the service is asked, and the service answers after that.
async fn interrupted(wanted: &Wanted, price: u128) -> Interrupted {
    let mut shop = Shop::open().await;
    let purse = shop.opened(Dialect::X402V2, 1).await;
    let (asked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (noted, wait) = (Arc::clone(&asked), Arc::clone(&go_on));
    shop.upstream.on(&wanted.path, move |_| {
        let (noted, wait) = (Arc::clone(&noted), Arc::clone(&wait));
        async move {
            noted.notify_one();
            wait.notified().await;
            Response::new(Body::from("worth it"))
        }
    });
    let voucher = Instrument::Voucher(purse.pay(price));
    let paid = shop.with_channel(Dialect::X402V2, wanted, &voucher).await;
    let first = client::send(shop.address, &paid);
    let restart = async {
        asked.notified().await;
        shop.books.restart().await;
        go_on.notify_one();
    };
    let (got, ()) = tokio::join!(first, restart);
    // The next time, the service does not wait.
    shop.upstream.says(&wanted.path, 200, &[], b"worth it");
    let behind = shop.upstream.serve().await;
    let address = serve(paywall(Node::Local(shop.books.engine.clone()), &shop.books), behind).await;
    Interrupted { shop, purse, paid, got, address }
}

#[tokio::test]
async fn a_restart_before_the_charge_of_a_get_costs_nothing_and_the_voucher_is_as_new() {
    let Interrupted { shop, purse, paid, got, address } =
        interrupted(&Wanted::get("/both/1"), CHEAP).await;
    assert_eq!((got.status, got.code().as_str()), (503, "node_stopped"), "{got:?}");
    assert_eq!(got.json()["charged"], false);
    assert_eq!(shop.channel_view(purse.id()).await.spent, CHEAP);
    for replayed in ["", "true"] {
        let got = client::send(address, &paid).await;
        assert_eq!((got.status, got.header("idempotent-replayed")), (200, replayed), "{got:?}");
        assert_eq!(got.body, "worth it");
    }
    assert_eq!(shop.channel_view(purse.id()).await.spent, 2 * CHEAP);
    assert_eq!(shop.upstream.count(), 3);
}

#[tokio::test]
async fn a_restart_before_the_charge_of_a_post_costs_nothing_and_runs_nothing_twice() {
    let Interrupted { shop, purse, paid, got, address } =
        interrupted(&Wanted::post("/both/1", "x"), JOB).await;
    assert_eq!(got.status, 503, "{got:?}");
    let view = shop.channel_view(purse.id()).await;
    assert_eq!((view.spent, view.reserved), (CHEAP, JOB), "the reserve is durable");
    shop.books.clock.advance_ms(u64::from(HOLD_SECONDS) * 1000 + 1);
    let again = client::send(address, &paid).await;
    assert_eq!((again.status, again.code().as_str()), (402, "payment_released"), "{again:?}");
    assert_eq!(shop.upstream.count(), 2);
    let view = shop.channel_view(purse.id()).await;
    assert_eq!((view.spent, view.reserved), (CHEAP, 0));
    // What was given back pays for another try.
    let wanted = Wanted::post("/both/1", "x");
    let asked = client::send(address, &wanted).await;
    let next = header(Dialect::Mpp, &asked, &Instrument::Voucher(purse.pay(0)));
    assert_eq!(client::send(address, &wanted.paid(&next)).await.status, 200);
    assert_eq!(shop.channel_view(purse.id()).await.spent, CHEAP + JOB);
}

#[tokio::test]
async fn what_was_paid_before_a_restart_is_answered_after_it() {
    let mut shop = Shop::open().await;
    let purse = shop.opened(Dialect::X402V2, 1).await;
    let wanted = Wanted::post("/both/1", "x");
    let voucher = Instrument::Voucher(purse.pay(JOB));
    let paid = shop.with_channel(Dialect::X402V2, &wanted, &voucher).await;
    let first = shop.send(&paid).await;
    shop.books.restart().await;
    let behind = shop.upstream.serve().await;
    let address = serve(paywall(Node::Local(shop.books.engine.clone()), &shop.books), behind).await;
    let again = client::send(address, &paid).await;
    assert_eq!((first.status, again.status), (200, 200), "{again:?}");
    assert_eq!(first.body, again.body);
    assert_eq!(shop.upstream.count(), 2);
    assert_eq!(shop.channel_view(purse.id()).await.spent, CHEAP + JOB);
}

/// How long these gateways wait for their node: not all of them see it fail.
const PATIENCE_MS: u64 = 1_500;

/// Two gateways, one node, one upstream.
struct Apart {
    books: Books,
    node: FarNode,
    upstream: Upstream,
    gateways: [SocketAddr; 2],
    purse: Purse,
}

impl Apart {
    /// With an open channel that has paid once.
    async fn open() -> Self {
        let (books, upstream) = (Books::open().await, Upstream::default());
        let node = FarNode::new(books.engine.clone());
        let behind = upstream.serve().await;
        let first = serve(paywall(node.remote_within(PATIENCE_MS).await, &books), behind).await;
        let second = serve(paywall(node.remote_within(PATIENCE_MS).await, &books), behind).await;
        let purse = Purse::new(&books, 1);
        let apart = Self { books, node, upstream, gateways: [first, second], purse };
        let open = apart.purse.open(apart.purse.pay(CHEAP));
        let paid = apart.paid(&Wanted::get("/cheap/1"), &open).await;
        assert_eq!(apart.send(0, &paid).await.status, 200);
        apart
    }

    async fn paid(&self, wanted: &Wanted, instrument: &Instrument) -> Wanted {
        let asked = client::send(self.gateways[0], wanted).await;
        wanted.clone().paid(&header(Dialect::Mpp, &asked, instrument))
    }

    async fn send(&self, gateway: usize, wanted: &Wanted) -> Got {
        client::send(self.gateways[gateway], wanted).await
    }

    async fn spent(&self) -> u128 {
        let id = self.purse.id();
        let view = self.books.engine.read(move |state| state.channel(id)).await.unwrap();
        view.unwrap().spent
    }
}

fn both() -> [(Wanted, u128); 2] {
    [(Wanted::get("/both/1"), CHEAP), (Wanted::post("/both/1", "x"), JOB)]
}

#[tokio::test]
async fn two_gateways_serve_one_voucher_once() {
    for (wanted, price) in both() {
        let apart = Apart::open().await;
        let paid = apart.paid(&wanted, &Instrument::Voucher(apart.purse.pay(price))).await;
        let copies = (0..6).map(|number| apart.send(number % 2, &paid));
        for got in futures_util::future::join_all(copies).await {
            assert_eq!(got.status, 200, "{got:?}");
            assert_eq!(got.body, format!("content of {} /both/1", wanted.method));
        }
        assert_eq!(apart.upstream.count(), 2);
        assert_eq!(apart.spent().await, CHEAP + price);
        // And a challenge of one gateway is good at the other.
        let close = apart.paid(&wanted, &apart.purse.close(CHEAP + price)).await;
        assert_eq!(apart.send(1, &close).await.status, 200);
        apart.books.assert_paid(CHEAP + price).await;
    }
}

#[tokio::test]
async fn a_spend_whose_answer_was_lost_is_delivered_once() {
    for (wanted, price) in both() {
        let apart = Apart::open().await;
        let paid = apart.paid(&wanted, &Instrument::Voucher(apart.purse.pay(price))).await;
        apart.node.break_step("spend", Fault::LoseAnswer);
        let lost = apart.send(0, &paid).await;
        assert!(matches!(lost.status, 200 | 503), "{lost:?}");
        apart.node.mend();
        for gateway in [1, 0] {
            let got = apart.send(gateway, &paid).await;
            assert_eq!(got.status, 200, "{got:?}");
            assert_eq!(got.body, format!("content of {} /both/1", wanted.method));
        }
        assert_eq!(apart.upstream.count(), 2);
        assert_eq!(apart.spent().await, CHEAP + price);
    }
}

#[tokio::test]
async fn what_could_not_be_charged_is_not_delivered() {
    for (wanted, price) in both() {
        for fault in [
            Fault::Hang,
            Fault::Say(502, "text/html", b"<h1>Bad Gateway</h1>".to_vec()),
            Fault::Say(200, "text/plain", b"yes".to_vec()),
            Fault::Truncate,
        ] {
            let apart = Apart::open().await;
            let paid = apart.paid(&wanted, &Instrument::Voucher(apart.purse.pay(price))).await;
            apart.node.break_step("spend", fault);
            let got = apart.send(0, &paid).await;
            assert_eq!((got.status, got.code().as_str()), (503, "node_unreachable"), "{got:?}");
            assert!(!got.headers.contains_key("payment-receipt"));
            assert_eq!(apart.upstream.count(), 2);
            apart.node.mend();
            assert_eq!(apart.spent().await, CHEAP);
            if wanted.method == Method::GET {
                // The lease was given up, so the voucher is as good as new.
                assert_eq!(apart.send(1, &paid).await.status, 200);
                assert_eq!(apart.spent().await, CHEAP + price);
            }
        }
    }
}

#[tokio::test]
async fn a_node_that_does_not_begin_keeps_the_handler_from_running() {
    for (wanted, price) in both() {
        for fault in [Fault::Hang, Fault::Say(500, "text/plain", Vec::new()), Fault::Truncate] {
            let apart = Apart::open().await;
            let paid = apart.paid(&wanted, &Instrument::Voucher(apart.purse.pay(price))).await;
            apart.node.break_step("present", fault);
            let got = apart.send(0, &paid).await;
            assert_eq!((got.status, got.code().as_str()), (503, "node_unreachable"), "{got:?}");
            assert_eq!(apart.upstream.count(), 1);
            apart.node.mend();
            assert_eq!(apart.send(1, &paid).await.status, 200);
            assert_eq!(apart.spent().await, CHEAP + price);
        }
    }
}

/// Five top-ups at once, through two gateways: the largest counts, none twice.
#[tokio::test]
async fn top_ups_race_and_the_largest_counts() {
    let apart = Apart::open().await;
    let wanted = Wanted::get("/cheap/1");
    let mut paid = Vec::new();
    for more in [3, 1, 5, 2, 5] {
        paid.push(apart.paid(&wanted, &apart.purse.top_up(DEPOSIT + more, None)).await);
    }
    let sent = paid.iter().enumerate().map(|(number, paid)| apart.send(number % 2, paid));
    for got in futures_util::future::join_all(sent).await {
        assert!(got.status == 200 || got.code() == "top_up_lower", "{got:?}");
    }
    assert_eq!(apart.books.held().await, DEPOSIT + 5);
}
