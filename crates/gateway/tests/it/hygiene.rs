//! What crosses the gateway, and what does not.

use axum::body::Body;
use http::{Method, Response};

use crate::client::{self, Wanted};
use crate::shop::{CHEAP, Shop};
use crate::upstream::serve_bytes;

#[tokio::test]
async fn the_upstream_sees_no_payment_and_no_connection_headers() {
    let shop = Shop::open().await;
    let unsent = [
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic c2VjcmV0"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
        ("farthing-payment", "pay_forged"),
        ("want-proof", "1"),
        ("x-http-method-override", "GET"),
        ("x-original-url", "/dear/1"),
        ("x-rewrite-url", "/dear/1"),
    ];
    for wanted in [Wanted::get("/free"), Wanted::post("/job/1", "x"), Wanted::get("/cheap/1")] {
        let paid = if wanted.path == "/free" {
            wanted.with("payment-signature", "anything").with("x-payment", "anything")
        } else {
            let payment = shop.payment(&wanted).await;
            wanted.paid(&payment.header()).paid(&payment.header_in(http402::Dialect::X402V1))
        };
        let paid =
            paid.with("cookie", "a=b; farthing-payment=x; c=d").with("authorization", "Bearer 1");
        let paid = unsent.iter().fold(paid, |paid, (name, value)| paid.with(name, value));
        assert_eq!(shop.send(&paid).await.status, 200);
        let seen = shop.upstream.seen().pop().unwrap();
        for name in
            ["payment-signature", "x-payment"].iter().chain(unsent.map(|(name, _)| name).iter())
        {
            let left = seen.headers.get(*name).filter(|value| {
                // Paid requests carry the gateway's own word for it.
                *name != "farthing-payment" || *value == "pay_forged"
            });
            assert_eq!(left, None, "{name}");
        }
        assert_eq!(seen.headers["cookie"], "a=b; c=d");
        assert_eq!(seen.headers["authorization"], "Bearer 1");
        assert_eq!(seen.headers["x-forwarded-host"], "shop.example");
        assert_eq!(seen.headers.contains_key("farthing-payment"), seen.path != "/free");
    }
}

#[tokio::test]
async fn the_upstream_cannot_speak_for_the_gateway() {
    let shop = Shop::open().await;
    let forged = [
        ("payment-response", "e30="),
        ("payment-proof", "e30="),
        ("x-payment-response", "e30="),
        ("payment-required", "e30="),
        ("settlement-overrides", "{\"amount\":\"1\"}"),
        ("idempotent-replayed", "true"),
        ("farthing-payment", "pay_forged"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
    ];
    for path in ["/free", "/cheap/1", "/missing"] {
        let status = if path == "/missing" { 404 } else { 200 };
        shop.upstream.says(path, status, &[&forged[..], &[("x-own", "kept")]].concat(), b"text");
        let wanted = Wanted::get(path);
        let got =
            if path == "/cheap/1" { shop.buy(&wanted).await } else { shop.send(&wanted).await };
        assert_eq!(
            (got.status, &got.body[..], got.header("x-own")),
            (status, &b"text"[..], "kept")
        );
        for (name, value) in forged {
            assert_ne!(got.header(name), value, "{path} {name}");
        }
        assert_eq!(got.settlement().is_some(), path == "/cheap/1");
    }
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn a_broken_cookie_is_cleared_where_it_was_set_and_nowhere_else() {
    let shop = Shop::open().await;
    for (path, cleared) in [
        ("/cheap/1", "farthing-payment=; Path=/cheap/1; Max-Age=0; SameSite=Strict"),
        ("/cheap/1?a=b", "farthing-payment=; Path=/cheap/1; Max-Age=0; SameSite=Strict"),
        ("/cheap/1;Domain=example", ""),
    ] {
        let wanted = Wanted::get(path).with("accept", "text/html");
        let got = shop.send(&wanted.with("cookie", "farthing-payment=%%%")).await;
        assert_eq!((got.status, got.header("set-cookie")), (402, cleared), "{path}");
    }
}

#[tokio::test]
async fn what_needs_no_payment_passes_unchanged() {
    let shop = Shop::open().await;
    for status in [200, 201, 204, 301, 304, 400, 402, 404, 418, 500, 503] {
        let path = format!("/free/{status}");
        let body: &[u8] = if matches!(status, 204 | 304) { b"" } else { b"as it is" };
        let headers = [("cache-control", "public, max-age=60"), ("location", "/x"), ("vary", "a")];
        shop.upstream.says(&path, status, &headers, body);
        let got = shop.send(&Wanted::get(&path)).await;
        assert_eq!((got.status, &got.body[..]), (status, body));
        for (name, value) in headers {
            assert_eq!(got.header(name), value);
        }
        assert!(got.settle_response().is_none());
        assert!(!got.headers.contains_key("payment-required"));
    }
    for (method, body) in [
        (Method::POST, "a body"),
        (Method::PUT, "a body"),
        (Method::PATCH, "a body"),
        (Method::DELETE, ""),
        (Method::OPTIONS, ""),
        (Method::from_bytes(b"PROPFIND").unwrap(), ""),
    ] {
        let wanted = Wanted { body: body.into(), ..Wanted::new(method.clone(), "/free?a=%20&b") };
        assert_eq!(shop.send(&wanted).await.status, 200);
        let seen = shop.upstream.seen().pop().unwrap();
        assert_eq!((seen.method, seen.path.as_str()), (method, "/free?a=%20&b"));
        assert_eq!(seen.body.unwrap(), body);
    }
    let head = shop.send(&Wanted::new(Method::HEAD, "/free")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

/// A service that is blind to methods answers every one with what GET sells.
#[tokio::test]
async fn other_methods_do_not_open_what_is_sold() {
    let shop = Shop::open().await;
    let options = shop.send(&Wanted::new(Method::OPTIONS, "/cheap/1")).await;
    assert_eq!((options.status, options.body.len()), (200, 0));
    let before = shop.upstream.seen().len();
    for method in ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let refused = shop.send(&Wanted::new(method.clone(), "/cheap/1")).await;
        assert_eq!(refused.status, 405, "{method}");
        let allowed = refused.headers.get("allow").unwrap().to_str().unwrap().to_owned();
        assert!(allowed.contains("GET") && !allowed.contains("PUT"), "{allowed}");
    }
    assert_eq!(shop.upstream.seen().len(), before);
}

#[tokio::test]
async fn free_streams_pass_piece_by_piece_both_ways() {
    let shop = Shop::open().await;
    shop.upstream.on("/free", |seen| async move {
        let bytes = seen.body.map_or(0, |body| body.len());
        Response::new(Body::from(bytes.to_string()))
    });
    let pieces = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 50_000]));
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let got =
        client::send_request(shop.address, Wanted::post("/free", "").request_with(body)).await;
    assert_eq!(&got.body[..], b"5000000");
    let (events, answer) = tokio::sync::mpsc::channel::<&str>(1);
    let answer = std::sync::Mutex::new(Some(answer));
    shop.upstream.on("/live", move |_| {
        let answer = answer.lock().unwrap().take().unwrap();
        let pieces = futures_util::stream::unfold(answer, |mut answer| async move {
            answer.recv().await.map(|piece| (Ok::<_, std::io::Error>(piece), answer))
        });
        async move { Response::new(Body::from_stream(pieces)) }
    });
    let mut live = client::open(shop.address, Wanted::get("/live").request()).await;
    for piece in ["one", "two"] {
        events.send(piece).await.unwrap();
        assert_eq!(live.piece().await.unwrap().unwrap(), piece);
    }
}

#[tokio::test]
async fn odd_answers_of_an_upstream_are_understood_or_refused() {
    let ok = "HTTP/1.1 200 OK\r\n";
    for (name, answer, status, body) in [
        ("until it closes", format!("{ok}\r\nall of it"), 200, "all of it"),
        (
            "interim answers first",
            format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n{ok}content-length: 2\r\n\r\nok"
            ),
            200,
            "ok",
        ),
        (
            "a trailer",
            format!(
                "{ok}transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n"
            ),
            200,
            "ok",
        ),
        (
            "two framings",
            format!(
                "{ok}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"
            ),
            200,
            "whole",
        ),
        (
            "one length twice",
            format!("{ok}content-length: 2\r\ncontent-length: 2\r\n\r\nok"),
            200,
            "ok",
        ),
        ("two lengths", format!("{ok}content-length: 2\r\ncontent-length: 9\r\n\r\nok"), 502, ""),
        ("a length that is none", format!("{ok}content-length: x\r\n\r\nok"), 502, ""),
        (
            "another protocol",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
                .to_owned(),
            502,
            "",
        ),
        ("no HTTP", "220 mail.example ESMTP\r\n".to_owned(), 502, ""),
        ("nothing", String::new(), 502, ""),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-le".to_owned(), 502, ""),
    ] {
        for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "x"), Wanted::get("/free")] {
            let shop = Shop::in_front_of(serve_bytes(answer.clone()).await).await;
            let free = wanted.path == "/free";
            let got = if free { shop.send(&wanted).await } else { shop.buy(&wanted).await };
            assert_eq!(got.status, status, "{name} {wanted:?}: {got:?}");
            if status == 200 {
                assert_eq!(&got.body[..], body.as_bytes(), "{name} {wanted:?}");
            }
            assert_eq!(got.settlement().is_some(), status == 200 && !free, "{name}");
            assert_eq!(shop.books.spent().await > 0, status == 200 && !free, "{name}");
            assert_eq!(shop.books.held().await, 0, "{name}");
        }
    }
}

/// Crawlers of paid services find the offers, unless the service behind describes itself.
#[tokio::test]
async fn a_site_without_a_document_gets_one_with_its_prices() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/openapi.json");
    shop.upstream.says("/openapi.json", 404, &[], b"not here");
    let got = shop.send(&wanted).await;
    assert_eq!((got.status, got.header("content-type")), (200, "application/json"));
    let document: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
    let offer = &document["paths"]["/cheap/{id}"]["get"]["x-payment-info"]["offers"][0];
    assert_eq!(offer["amount"], CHEAP.to_string(), "{document}");
    shop.upstream.says("/openapi.json", 200, &[], b"its own");
    assert_eq!(shop.send(&wanted).await.body, "its own");
    shop.upstream.says("/openapi.json", 500, &[], b"broken");
    assert_eq!(shop.send(&wanted).await.status, 500);
}

#[tokio::test]
async fn a_site_without_a_text_for_language_models_gets_one() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/llms.txt");
    shop.upstream.says("/llms.txt", 404, &[], b"not here");
    let got = shop.send(&wanted).await;
    assert_eq!((got.status, got.header("content-type")), (200, "text/plain; charset=utf-8"));
    let text = String::from_utf8(got.body.to_vec()).unwrap();
    let line = "- `GET http://shop.example/cheap/{id}`: 0.000001 USD";
    assert!(text.lines().any(|told| told.starts_with(line)), "{text}");
    assert!(text.contains("Never sign a second payment"));
    shop.upstream.says("/llms.txt", 200, &[], b"its own");
    assert_eq!(shop.send(&wanted).await.body, "its own");
}

/// Nothing is unpacked on the way, so nothing grows.
#[tokio::test]
async fn an_encoded_body_is_priced_and_passed_on_as_it_is() {
    let shop = Shop::open().await;
    let packed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0][..], &[0xff; 64]].concat();
    shop.upstream.says("/job/1", 200, &[("content-encoding", "gzip")], &packed);
    let wanted = Wanted::post("/job/1", packed.clone()).with("content-encoding", "gzip");
    let got = shop.buy(&wanted).await;
    assert_eq!((got.status, got.header("content-encoding")), (200, "gzip"));
    assert_eq!(got.body, packed);
    let seen = shop.upstream.seen().pop().unwrap();
    assert_eq!(seen.headers["content-encoding"], "gzip");
    assert_eq!(seen.body.unwrap(), packed);
}
