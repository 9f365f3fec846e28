//! The checklist that paid resource servers are held to, by number. What needs a node apart is in
//! `far_node`, what needs names for payments in `names`.

use axum::body::Body;
use http::Method;
use http402::x402;
use money::Amount;

use crate::books::{FUNDED_UNITS, account, author, usd};
use crate::client::{self, Wanted};
use crate::shop::{CHEAP, DEAR, JOB, Shop};

#[tokio::test]
async fn r0_an_unpaid_request_gets_an_offer_on_our_network() {
    let shop = Shop::open().await;
    let got = shop.send(&Wanted::get("/cheap/1")).await;
    let required = got.required();
    assert_eq!(required.accepts[0].network, shop.books.engine.node());
    assert_eq!(required.accepts[0].amount, Amount::new(CHEAP, usd()));
    assert_eq!(required.accepts[0].pay_to, author());
    assert_eq!(required.resource.url, "http://shop.example/cheap/1");
    assert_eq!(got.header("cache-control"), "no-store");
    assert_eq!(got.code(), "payment_required");
    assert_eq!(got.json()["x402Version"], 1);
    assert_eq!(shop.upstream.count(), 0);
}

#[tokio::test]
async fn r1_r10_a_good_payment_is_served_with_proof_and_moves_the_money() {
    let shop = Shop::open().await;
    for wanted in [Wanted::get("/cheap/1"), Wanted::post("/job/1", "make it so")] {
        let price = if wanted.method == Method::GET { CHEAP } else { JOB };
        let (earned, spent) = (shop.books.available(author()).await, shop.books.spent().await);
        let payment = shop.payment(&wanted).await;
        let got = shop.send(&wanted.clone().paid(&payment.header())).await;
        assert_eq!(got.status, 200);
        assert_eq!(got.body, format!("content of {} {}", wanted.method, wanted.path));
        let settlement = got.settlement().unwrap();
        assert_eq!(settlement.payment, payment.id());
        assert_eq!(settlement.network, shop.books.engine.node());
        assert_eq!(settlement.amount, Amount::new(price, usd()));
        assert_eq!(settlement.state, x402::PaymentState::Settled);
        assert_eq!(settlement.payer, shop.books.payer.account());
        assert_eq!(settlement.receipt, format!("http://node.example/v1/receipts/{}", payment.id()));
        assert_eq!(shop.books.available(author()).await, earned + price);
        shop.books.assert_paid(spent + price).await;
    }
}

#[tokio::test]
async fn r2_the_same_payment_gets_the_first_answer_again() {
    let shop = Shop::open().await;
    for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "body")] {
        let paid = shop.paid(&wanted).await;
        let count = shop.upstream.count();
        let first = shop.send(&paid).await;
        let spent = shop.books.spent().await;
        let second = shop.send(&paid).await;
        assert_eq!((first.status, second.status), (200, 200));
        assert_eq!(first.body, second.body);
        assert_eq!(first.settlement(), second.settlement());
        assert_eq!(second.header("idempotent-replayed"), "true");
        assert_eq!(shop.upstream.count(), count + 1);
        shop.books.assert_paid(spent).await;
    }
    shop.books.assert_paid(CHEAP + JOB).await;
}

#[tokio::test]
async fn r2_five_copies_at_once_execute_once() {
    for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "body")] {
        let shop = Shop::open().await;
        let number = std::sync::atomic::AtomicUsize::new(0);
        shop.upstream.on("/both/1", move |_| {
            let number = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move {
                // The copies come while the first one is served.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                http::Response::new(Body::from(format!("execution {number}")))
            }
        });
        let paid = shop.paid(&wanted).await;
        let copies = (0..5).map(|_| shop.send(&paid));
        for got in futures_util::future::join_all(copies).await {
            assert_eq!((got.status, &got.body[..]), (200, &b"execution 0"[..]));
            assert!(got.settlement().is_some());
        }
        assert_eq!(shop.upstream.count(), 1);
        assert_eq!(shop.books.payments().await.len(), 1);
        shop.books.assert_paid(if wanted.method == Method::GET { CHEAP } else { JOB }).await;
    }
}

#[tokio::test]
async fn r11_each_route_is_charged_once_with_its_own_payment() {
    let shop = Shop::open().await;
    for path in ["/cheap/1", "/dear/1", "/both/1"] {
        assert_eq!(shop.buy(&Wanted::get(path)).await.status, 200);
    }
    shop.books.assert_paid(CHEAP + DEAR + CHEAP).await;
    assert_eq!(shop.upstream.count(), 3);
}

#[tokio::test]
async fn r11_a_payment_for_one_request_is_refused_on_another() {
    let shop = Shop::open().await;
    let bought = Wanted::get("/both/1?size=small");
    for (asked, paid_for) in [
        (Wanted::get("/dear/1"), Wanted::get("/cheap/1")),
        (Wanted::get("/cheap/2"), Wanted::get("/cheap/1")),
        (Wanted::post("/both/1?size=small", ""), bought.clone()),
        (Wanted::get("/both/1?size=large"), bought.clone()),
        (Wanted::get("/both/1"), bought.clone()),
        (Wanted::get("/both/1?"), Wanted::get("/both/1")),
        (Wanted::get("/both/1/"), Wanted::get("/both/1")),
        (Wanted::get("/bot%68/1"), Wanted::get("/both/1")),
        (Wanted::post("/job/1", "large"), Wanted::post("/job/1", "small")),
        (Wanted::post("/job/1", ""), Wanted::post("/job/1", "small")),
    ] {
        let cheap = shop.challenge(&paid_for).await;
        // Once as it is, once with the terms of the request, but the order of the other.
        let plain = shop.books.payer.pay(&cheap);
        let mut dressed = plain.clone();
        dressed.required = shop.challenge(&asked).await;
        for (payment, code) in
            [(plain, "invalid_payment_requirements"), (dressed, "purchase_mismatch")]
        {
            let got = shop.send(&asked.clone().paid(&payment.header())).await;
            assert_eq!((got.status, got.code().as_str()), (402, code), "{asked:?}");
            assert!(got.settlement().is_none());
            assert_eq!(got.header("farthing-payment"), payment.id().to_string());
        }
    }
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn r11b_altered_terms_are_refused_before_anything_is_charged() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let payment = shop.payment(&wanted).await;
    let other = account(4242).to_string();
    for (member, value, status, code) in [
        ("payTo", other.as_str(), 402, "invalid_payment_requirements"),
        ("asset", "EUR", 402, "invalid_payment_requirements"),
        ("amount", "1", 402, "invalid_payment_requirements"),
        ("network", "farthing:0000000000000000000000002e", 402, "invalid_network"),
        ("network", "eip155:8453", 400, "invalid_network"),
        ("scheme", "upto", 402, "invalid_payment_requirements"),
        ("scheme", "batch-settlement", 400, "invalid_payload"),
        ("scheme", "other", 400, "unsupported_scheme"),
    ] {
        let mut json = payment.json();
        assert_ne!(json["accepted"][member], value);
        json["accepted"][member] = value.into();
        let header = ("payment-signature".to_owned(), crate::books::encode(json.to_string()));
        let got = shop.send(&wanted.clone().paid(&header)).await;
        assert_eq!((got.status, got.code().as_str()), (status, code), "{member}");
    }
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn r11e_ambiguous_paths_never_reach_the_upstream() {
    let shop = Shop::open().await;
    for path in [
        "/free/..%2fcheap/1",
        "/free/%2e%2e/cheap/1",
        "/free/../cheap/1",
        "/free/.%2e/cheap/1",
        "/cheap%2f1",
        "/cheap%5c1",
        "/cheap\\1",
        "/free/..;/cheap/1",
        "/free/%252e%252e/cheap/1",
        "/cheap/1%00",
        "/./cheap/1",
        "//x/cheap/1",
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n");
        let answer = client::send_raw(shop.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        assert!(!answer.contains("content of"), "{path}: {answer}");
    }
    for path in ["/cheap//1", "/%63heap/1", "/cheap/1/", "/cheap/1;v=2", "/cheap;v=2/1"] {
        let got = shop.send(&Wanted::get(path)).await;
        assert_eq!(got.status, 402, "{path}");
    }
    assert_eq!(shop.upstream.count(), 0);
}

#[tokio::test]
async fn r11f_the_payers_word_for_the_resource_means_nothing() {
    let shop = Shop::open().await;
    let cheap = Wanted::get("/cheap/1");
    let mut payment = shop.payment(&cheap).await;
    payment.required.resource.url = "http://shop.example/dear/1".to_owned();
    assert_eq!(shop.send(&cheap.paid(&payment.header())).await.status, 200);
    let got = shop.send(&Wanted::get("/dear/1").paid(&payment.header())).await;
    assert_eq!(got.status, 402);
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn r15_a_handler_that_does_not_deliver_is_not_paid() {
    let shop = Shop::open().await;
    for (number, status) in [500, 503, 302, 303, 307, 404, 409].into_iter().enumerate() {
        for wanted in
            [Wanted::get(&format!("/both/{number}")), Wanted::post(&format!("/both/{number}"), "x")]
        {
            let location = [("location", "/elsewhere")];
            shop.upstream.says(&wanted.path, status, &location, b"not what you wanted");
            let got = shop.buy(&wanted).await;
            assert_eq!((got.status, &got.body[..]), (status, &b"not what you wanted"[..]));
            assert!(got.settlement().is_none(), "{status}");
            assert_eq!(got.header("location"), "/elsewhere");
        }
    }
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn r16_a_head_shows_the_price_and_is_never_charged() {
    let shop = Shop::open().await;
    let get = shop.send(&Wanted::get("/cheap/1")).await;
    let head = Wanted::new(Method::HEAD, "/cheap/1");
    let unpaid = shop.send(&head).await;
    assert_eq!((unpaid.status, unpaid.body.len()), (402, 0));
    assert_eq!(unpaid.headers[x402::PAYMENT_REQUIRED], get.headers[x402::PAYMENT_REQUIRED]);
    let payment = shop.books.payer.pay(&get.required());
    let paid = shop.send(&head.paid(&payment.header())).await;
    assert_eq!((paid.status, paid.body.len()), (402, 0));
    assert!(paid.settle_response().is_none());
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn r17_a_paid_answer_is_kept_out_of_shared_caches() {
    let shop = Shop::open().await;
    for (upstream, expected) in [
        ("public, max-age=3600, s-maxage=9999", "private"),
        ("no-store", "private, no-store"),
        ("immutable", "private"),
    ] {
        let headers = [
            ("cache-control", upstream),
            ("expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
            ("surrogate-control", "max-age=99"),
            ("cdn-cache-control", "max-age=99"),
        ];
        for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "x")] {
            shop.upstream.says("/both/1", 200, &headers, b"text");
            let paid = shop.paid(&wanted).await;
            for got in [shop.send(&paid).await, shop.send(&paid).await] {
                assert_eq!(got.status, 200);
                let values: Vec<_> = got.headers.get_all("cache-control").iter().collect();
                assert_eq!(values, [expected], "{wanted:?}");
                for name in ["expires", "surrogate-control", "cdn-cache-control"] {
                    assert_eq!(got.header(name), "");
                }
            }
        }
    }
}

#[tokio::test]
async fn r19_a_flow_that_is_not_offered_is_refused() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let mut json = shop.payment(&wanted).await.json();
    json["accepted"]["extra"]["paymentFlow"] = "upfront".into();
    let header = ("payment-signature".to_owned(), crate::books::encode(json.to_string()));
    let got = shop.send(&wanted.paid(&header)).await;
    assert_eq!((got.status, got.code().as_str()), (402, "invalid_payment_requirements"));
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn r22_status_and_headers_of_the_handler_are_kept() {
    let shop = Shop::open().await;
    for (status, name, value) in [
        (201, "location", "/things/7"),
        (202, "content-location", "/jobs/7"),
        (200, "etag", "\"v1\""),
        (206, "content-range", "bytes 0-3/10"),
        (203, "warning", "214"),
    ] {
        for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "x")] {
            shop.upstream.says("/both/1", status, &[(name, value)], b"made");
            let paid = shop.paid(&wanted).await;
            for got in [shop.send(&paid).await, shop.send(&paid).await] {
                assert_eq!((got.status, got.header(name)), (status, value));
                assert_eq!(&got.body[..], b"made");
                assert!(got.settlement().is_some());
            }
        }
    }
}

#[tokio::test]
async fn r22_answers_without_content_are_paid_and_settled() {
    let shop = Shop::open().await;
    for (number, status) in [204, 205].into_iter().enumerate() {
        for wanted in
            [Wanted::get(&format!("/both/{number}")), Wanted::post(&format!("/both/{number}"), "x")]
        {
            shop.upstream.says(&wanted.path, status, &[("x-done", "yes")], b"");
            let paid = shop.paid(&wanted).await;
            for got in [shop.send(&paid).await, shop.send(&paid).await] {
                assert_eq!((got.status, got.header("x-done"), got.body.len()), (status, "yes", 0));
                assert_eq!(got.settlement().unwrap().state, x402::PaymentState::Settled);
            }
        }
    }
    assert_eq!(shop.upstream.count(), 4);
    shop.books.assert_paid(2 * (CHEAP + JOB)).await;
}

#[tokio::test]
async fn r24_malformed_payments_get_a_problem() {
    let shop = Shop::open().await;
    let base64 = crate::books::encode;
    for (value, code) in [
        ("%%%not base64%%%".to_owned(), "invalid_base64"),
        (base64("not json"), "invalid_json"),
        (base64("\"text\""), "invalid_payload"),
        (base64("42"), "invalid_payload"),
        (base64("null"), "invalid_payload"),
        (base64("[1,2,3]"), "invalid_payload"),
        (base64("{}"), "invalid_x402_version"),
    ] {
        for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "x")] {
            let got = shop.send(&wanted.with("payment-signature", &value)).await;
            assert_eq!((got.status, got.code().as_str()), (400, code), "{value}");
        }
    }
    let got = shop.send(&Wanted::get("/cheap/1").with("payment-signature", "")).await;
    assert_eq!(got.status, 400);
    assert_eq!(shop.upstream.count(), 0);
    assert_eq!(shop.books.available(shop.books.payer.account()).await, FUNDED_UNITS);
}
