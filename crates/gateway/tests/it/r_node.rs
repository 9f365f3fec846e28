//! The checklist's numbers about settlement, with gateways apart from their node.

use std::net::SocketAddr;
use std::sync::Arc;

use engine::{AuthorizeError, PaymentState, SettleError};
use gateway::node::wire::RefusedWire;
use http::Method;
use http402::x402::SettleResponse;
use money::{Amount, PaymentId};
use tokio::sync::Notify;

use crate::books::{Books, Paid, author, usd};
use crate::client::{self, Got, Wanted};
use crate::far_node::{FarNode, Fault};
use crate::shop::{CHEAP, HOLD_SECONDS, JOB, challenge, paywall, serve};
use crate::upstream::Upstream;

/// Two gateways, one node, one upstream.
struct Apart {
    books: Books,
    node: FarNode,
    upstream: Upstream,
    gateways: [SocketAddr; 2],
}

impl Apart {
    async fn open() -> Self {
        let (books, upstream) = (Books::open().await, Upstream::default());
        let node = FarNode::new(books.engine.clone());
        let behind = upstream.serve().await;
        let first = serve(paywall(node.remote().await, &books), behind).await;
        let second = serve(paywall(node.remote().await, &books), behind).await;
        Self { books, node, upstream, gateways: [first, second] }
    }

    async fn payment(&self, wanted: &Wanted) -> Paid {
        self.books.payer.pay(&challenge(self.gateways[0], wanted).await)
    }

    async fn send(&self, gateway: usize, wanted: &Wanted) -> Got {
        client::send(self.gateways[gateway], wanted).await
    }
}

fn last_step(wanted: &Wanted) -> &'static str {
    if wanted.method == Method::GET { "charge" } else { "settle" }
}

fn both() -> [Wanted; 2] {
    [Wanted::get("/both/1"), Wanted::post("/both/1", "x")]
}

/// A settlement in the node's words, that never happened.
fn success(payment: PaymentId) -> Vec<u8> {
    let price = Amount::new(CHEAP, usd());
    serde_json::to_vec(&engine::PaymentView {
        payment,
        payer: author(),
        payee: author(),
        authorized: price,
        settled: price,
        state: PaymentState::Settled,
        reason: None,
        description: String::new(),
        order_digest: String::new(),
        at_ns: 0,
        refunded: 0,
        tags: engine::Tags::default(),
    })
    .unwrap()
}

fn refused(wanted: &Wanted) -> Vec<u8> {
    if wanted.method == Method::GET {
        serde_json::to_vec(&RefusedWire { refused: AuthorizeError::MandateRevoked }).unwrap()
    } else {
        serde_json::to_vec(&RefusedWire { refused: SettleError::NotHeld }).unwrap()
    }
}

fn faults(wanted: &Wanted, payment: PaymentId) -> Vec<(&'static str, Fault)> {
    let say = |status, kind, body: &[u8]| Fault::Say(status, kind, body.to_vec());
    let (html, json) = ("text/html", "application/json");
    vec![
        ("R3 hangs", Fault::Hang),
        ("R4 HTML 502", say(502, html, b"<h1>Bad Gateway</h1>")),
        ("R5 503 with a success body", Fault::Say(503, json, success(payment))),
        ("R6 prose", say(200, html, b"<p>All is well.</p>")),
        ("R7 breaks off", Fault::Truncate),
        ("R7 half a document", say(200, json, &success(payment)[..40])),
        ("R8 pending", say(202, json, b"{\"refused\":\"too_many_copies\"}")),
        ("R8 pending, with a success body", Fault::Say(202, json, success(payment))),
        ("R9 refused", Fault::Say(409, json, refused(wanted))),
        ("R9 no refusal that is known", say(409, json, b"{\"refused\":\"because\"}")),
        ("empty", say(200, json, b"")),
    ]
}

#[tokio::test]
async fn r3_to_r9_what_was_not_settled_is_not_served() {
    let cases = both().into_iter().flat_map(|wanted| {
        let count = faults(&wanted, PaymentId::new(5).unwrap()).len();
        (0..count).map(move |number| (wanted.clone(), number))
    });
    // Each with its own node, all at once: several of them wait for a time-out.
    let runs = cases.map(|(wanted, number)| async move {
        let shop = Apart::open().await;
        let payment = shop.payment(&wanted).await;
        let paid = wanted.clone().paid(&payment.header());
        let (name, fault) = faults(&wanted, payment.id()).swap_remove(number);
        shop.node.break_step(last_step(&wanted), fault);
        let got = shop.send(0, &paid).await;
        assert!(matches!(got.status, 402 | 409 | 503), "{name}: {got:?}");
        assert!(!got.body.starts_with(b"content of"), "{name}");
        assert!(got.settlement().is_none(), "{name}");
        assert_eq!(got.header("farthing-payment"), payment.id().to_string(), "{name}");
        assert_eq!(shop.upstream.count(), 1, "{name}");
        shop.node.mend();
        if wanted.method == Method::GET {
            shop.books.assert_paid(0).await;
            // Nothing happened, so the same payment is as good as new.
            let again = shop.send(1, &paid).await;
            assert_eq!(again.status, 200, "{name}: {again:?}");
            shop.books.assert_paid(CHEAP).await;
        } else {
            // It was executed once and never again; the hold runs out.
            shop.books.clock.advance_ms(u64::from(HOLD_SECONDS) * 1000 + 1);
            let again = shop.send(1, &paid).await;
            assert_eq!((again.status, again.code().as_str()), (402, "payment_released"), "{name}");
            assert_eq!(shop.upstream.count(), 1, "{name}");
            shop.books.assert_paid(0).await;
        }
    });
    futures_util::future::join_all(runs).await;
}

#[tokio::test]
async fn r3_a_node_that_does_not_authorize_keeps_the_handler_from_running() {
    for wanted in both() {
        for fault in [
            Fault::Hang,
            Fault::Say(502, "text/html", b"<h1>Bad Gateway</h1>".to_vec()),
            Fault::Say(200, "text/plain", b"yes".to_vec()),
            Fault::Truncate,
        ] {
            let shop = Apart::open().await;
            let payment = shop.payment(&wanted).await;
            let paid = wanted.clone().paid(&payment.header());
            shop.node.break_step("authorize", fault);
            let got = shop.send(0, &paid).await;
            assert_eq!((got.status, got.code().as_str()), (503, "node_unreachable"));
            assert_eq!(shop.upstream.count(), 0);
            shop.node.mend();
            assert_eq!(shop.send(1, &paid).await.status, 200);
        }
    }
}

#[tokio::test]
async fn r8_r18_a_refusal_while_it_is_pending_names_the_payment() {
    let shop = Apart::open().await;
    let payment = shop.payment(&both()[0]).await;
    shop.node.break_step("charge", Fault::Hang);
    let got = shop.send(0, &both()[0].clone().paid(&payment.header())).await;
    let Some(SettleResponse::Failure(refusal)) = got.settle_response() else {
        panic!("{got:?}");
    };
    assert_eq!(refusal.reason, "settlement_pending");
    assert_eq!(refusal.pending, Some(payment.id()));
    assert_eq!(got.header("retry-after"), "1");
    assert_eq!(got.json()["retry"], "after_delay");
}

#[tokio::test]
async fn r14_r20_a_settlement_whose_answer_was_lost_is_delivered_once() {
    for wanted in both() {
        let shop = Apart::open().await;
        let payment = shop.payment(&wanted).await;
        let paid = wanted.clone().paid(&payment.header());
        shop.node.break_step(last_step(&wanted), Fault::LoseAnswer);
        let lost = shop.send(0, &paid).await;
        // The gateway insists on a settlement and may learn in time that it was made.
        assert_eq!(lost.status, 503, "{lost:?}");
        shop.node.mend();
        // A gateway that knows nothing of the first one.
        for got in [shop.send(1, &paid).await, shop.send(0, &paid).await] {
            assert_eq!(got.status, 200);
            assert_eq!(got.body, format!("content of {} /both/1", wanted.method));
            assert_eq!(got.settlement().unwrap().payment, payment.id());
        }
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(if wanted.method == Method::GET { CHEAP } else { JOB }).await;
    }
}

#[tokio::test]
async fn r14_a_settlement_that_got_through_unheard_is_delivered_at_once() {
    let shop = Apart::open().await;
    // Kept whole, and too large to be kept: the latter could not be answered again.
    for (path, length) in [("/both/1", 10), ("/both/2", 100_000)] {
        shop.upstream.says(path, 200, &[], &vec![b'x'; length]);
        let wanted = Wanted::post(path, "x");
        let paid = wanted.clone().paid(&shop.payment(&wanted).await.header());
        shop.node.break_step("settle", Fault::LoseOneAnswer);
        let got = shop.send(0, &paid).await;
        assert_eq!((got.status, got.body.len()), (200, length));
        assert!(got.settlement().is_some());
    }
    shop.books.assert_paid(2 * JOB).await;
    assert_eq!(shop.upstream.count(), 2);
}

#[tokio::test]
async fn the_end_of_a_large_answer_waits_for_its_settlement() {
    const LENGTH: u64 = 300_000;
    for wanted in both() {
        let shop = Apart::open().await;
        shop.upstream.says("/both/1", 200, &[], &vec![b'x'; 300_000]);
        let paid = wanted.clone().paid(&shop.payment(&wanted).await.header());
        shop.node.break_step("settle", Fault::Say(503, "text/plain", Vec::new()));
        let mut live = client::open(shop.gateways[0], paid.request()).await;
        assert_eq!(live.response.status(), 200);
        let (bytes, whole) = live.drain().await;
        assert!(!whole && bytes < LENGTH, "{bytes}");
        shop.books.clock.advance_ms(u64::from(HOLD_SECONDS) * 1000 + 1);
        shop.books.until_nothing_is_held().await;
        shop.books.assert_paid(0).await;
        let again = shop.send(1, &paid).await;
        assert_eq!((again.status, again.code().as_str()), (402, "payment_released"));
    }
}

#[tokio::test]
async fn r23_a_payer_who_hangs_up_during_settlement_finds_it_settled() {
    for wanted in both() {
        let shop = Apart::open().await;
        let payment = shop.payment(&wanted).await;
        let paid = wanted.clone().paid(&payment.header());
        let (done, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let fault = Fault::Wait { done: Arc::clone(&done), answer: Arc::clone(&answer) };
        shop.node.break_step(last_step(&wanted), fault);
        client::send_and_hang_up(shop.gateways[0], &paid, done.notified()).await;
        answer.notify_one();
        shop.node.mend();
        let got = shop.send(1, &paid).await;
        assert_eq!(got.status, 200);
        assert_eq!(got.header("idempotent-replayed"), "true");
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(if wanted.method == Method::GET { CHEAP } else { JOB }).await;
    }
}

#[tokio::test]
async fn r13_two_gateways_execute_one_payment_once() {
    for wanted in both() {
        let price = if wanted.method == Method::GET { CHEAP } else { JOB };
        let shop = Apart::open().await;
        // One, then the other.
        let paid = wanted.clone().paid(&shop.payment(&wanted).await.header());
        assert_eq!(shop.send(0, &paid).await.status, 200);
        assert_eq!(shop.send(1, &paid).await.status, 200);
        assert_eq!(shop.upstream.count(), 1);
        // Both at once.
        let paid = wanted.clone().paid(&shop.payment(&wanted).await.header());
        let copies = (0..6).map(|number| shop.send(number % 2, &paid));
        for got in futures_util::future::join_all(copies).await {
            assert_eq!(got.status, 200);
        }
        assert_eq!(shop.upstream.count(), 2);
        shop.books.assert_paid(2 * price).await;
    }
}

#[tokio::test]
async fn r13_two_gateways_charge_one_name_once() {
    for wanted in both() {
        let shop = Apart::open().await;
        let required = challenge(shop.gateways[0], &wanted).await;
        let fresh = || {
            let payment = shop.books.payer.pay(&required).named("one-name-for-all-of-them");
            wanted.clone().paid(&payment.header())
        };
        let requests: Vec<Wanted> = (0..6).map(|_| fresh()).collect();
        let copies = requests.iter().enumerate().map(|(number, paid)| shop.send(number % 2, paid));
        let answers = futures_util::future::join_all(copies).await;
        let settlement = answers[0].settlement().unwrap();
        for got in &answers {
            assert_eq!((got.status, got.settlement().as_ref()), (200, Some(&settlement)));
        }
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(if wanted.method == Method::GET { CHEAP } else { JOB }).await;
    }
}
