//! What is sold by the unit and does not come: nothing is charged, and what the answer says of the
//! same payment is what the same payment then does.

use axum::body::Body;
use engine::Closing;
use http::{Method, Response};
use http402::Dialect;
use money::ChannelId;
use tokio::net::TcpListener;

use crate::client::{Got, Wanted};
use crate::metered::{BYTE, EVENT, MeterShop, TOKEN, TOKENS_MAX, pieces};
use crate::purse::{Purse, header};
use crate::upstream::{broken_body, response};

const EVENTS: &str = "text/event-stream";

/// How a service fails, and what the payer is told.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// A status of its own, which is passed on.
    Status,
    /// A short answer that breaks off.
    Broken,
    /// No events where they are counted.
    NotMetered,
}

impl Failure {
    fn answer(self) -> Response<Body> {
        match self {
            Self::Status => response(503, &[], Body::from("out of ink")),
            Self::Broken => {
                let length = [("content-length".to_owned(), "500".to_owned())];
                response(200, &length, broken_body(1, 100))
            }
            Self::NotMetered => response(200, &[], Body::from("{}")),
        }
    }

    fn check(self, is_repeatable: bool, got: &Got) {
        let code = match self {
            Self::Status => {
                assert_eq!((got.status, &got.body[..]), (503, &b"out of ink"[..]));
                return;
            }
            Self::Broken => "upstream_broken",
            Self::NotMetered => "upstream_not_metered",
        };
        assert_eq!((got.status, got.code().as_str()), (502, code));
        tells_what_to_do(is_repeatable, got);
    }
}

/// The rule and the words of a problem of the gateway's own.
fn tells_what_to_do(is_repeatable: bool, got: &Got) {
    let problem = got.json();
    let (rule, words) = if is_repeatable {
        ("same_key", "the same payment can be presented again")
    } else {
        ("never", "sign a new order or voucher")
    };
    assert_eq!((&problem["retry"], &problem["charged"]), (&rule.into(), &false.into()));
    assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
}

/// The ways to pay for one request: an order for the most, and a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    Order,
    Voucher,
}

impl MeterShop {
    /// With enough for `units`, and the channel if one pays.
    async fn paid_by(
        &self,
        means: Means,
        wanted: &Wanted,
        units: u128,
    ) -> (Wanted, Option<ChannelId>) {
        match means {
            Means::Order => (self.paid(wanted).await, None),
            Means::Voucher => {
                let purse = Purse::new(&self.books, 1);
                let open = purse.open(purse.pay(units));
                let asked = self.send(wanted).await;
                let paid = wanted.clone().paid(&header(Dialect::X402V2, &asked, &open));
                (paid, Some(purse.id()))
            }
        }
    }

    /// The payee has earned exactly so much, and the payer has all the rest.
    async fn assert_earned(&self, channel: Option<ChannelId>, units: u128) {
        if let Some(channel) = channel {
            let closed = self.books.engine.close_channel(Closing::ByPayee(channel)).await;
            assert_eq!(closed.unwrap().settled, units);
        }
        self.books.until_nothing_is_held().await;
        self.books.assert_paid(units).await;
    }
}

#[tokio::test]
async fn after_a_failure_the_same_payment_does_what_the_answer_says() {
    use Failure::{Broken, NotMetered, Status};
    let most = u128::from(TOKENS_MAX) * TOKEN;
    for (path, failures, enough, cost) in [
        ("/bytes/1", &[Status, Broken][..], 1_000, 9 * BYTE),
        ("/events/1", &[Status, NotMetered][..], 1_000, EVENT),
        ("/tokens/1", &[Status, Broken][..], most, 5 * TOKEN),
    ] {
        for (means, method) in [Means::Order, Means::Voucher]
            .into_iter()
            .flat_map(|means| [(means, Method::GET), (means, Method::POST)])
        {
            // What is held or reserved before is released for good.
            let is_leased = means == Means::Voucher && path != "/tokens/1";
            let is_repeatable = method == Method::GET && is_leased;
            for &failure in failures {
                let shop = MeterShop::open().await;
                shop.upstream.on(path, move |_| async move { failure.answer() });
                let wanted = Wanted::new(method.clone(), path);
                let (paid, channel) = shop.paid_by(means, &wanted, enough).await;
                failure.check(is_repeatable, &shop.send(&paid).await);
                shop.upstream.on(path, |_| async {
                    let mut answer = pieces(EVENTS, &["data: 1\n\n"]);
                    answer.headers_mut().insert("farthing-units", "5".parse().unwrap());
                    answer
                });
                let again = shop.send(&paid).await;
                let name = format!("{path} {means:?} {method} {failure:?}: {again:?}");
                if is_repeatable {
                    assert_eq!(again.status, 200, "{name}");
                    assert!(again.body.starts_with(b"data: 1\n\n"), "{name}");
                    assert_eq!(shop.upstream.count(), 2, "{name}");
                    shop.assert_earned(channel, cost).await;
                } else {
                    // The same failure, and the service is not asked a second time.
                    failure.check(is_repeatable, &again);
                    assert_eq!(again.header("idempotent-replayed"), "true", "{name}");
                    assert_eq!(shop.upstream.count(), 1, "{name}");
                    shop.assert_earned(channel, 0).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_as_any_failure() {
    for means in [Means::Order, Means::Voucher] {
        for method in [Method::GET, Method::POST] {
            let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let shop = MeterShop::in_front_of(closed).await;
            let is_repeatable = method == Method::GET && means == Means::Voucher;
            let wanted = Wanted::new(method, "/events/1");
            let (paid, channel) = shop.paid_by(means, &wanted, 1_000).await;
            for _ in 0..2 {
                let got = shop.send(&paid).await;
                assert_eq!((got.status, got.code().as_str()), (502, "upstream_unreachable"));
                tells_what_to_do(is_repeatable, &got);
            }
            shop.assert_earned(channel, 0).await;
        }
    }
}
