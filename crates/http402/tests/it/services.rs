//! Facilitator, catalogues and the `OpenAPI` document.

use http::Method;
use http402::openapi::{Operation, Service, document};
use http402::x402::discovery::{DiscoveryList, DiscoveryResource, DiscoverySearch, Manifest};
use http402::x402::{SupportedResponse, VerifyResponse, decode_facilitator_request, requirements};
use http402::{Carrier, Dialect};
use money::AccountId;
use serde_json::{Value, json};

use crate::fixture::{challenge, order, payment_json, terms};
use crate::mpp::{metered, with_channel};

#[test]
fn facilitator_reads_both_versions() {
    let v2 = json!({
        "x402Version": 2,
        "paymentPayload": payment_json(Dialect::X402V2),
        "paymentRequirements": terms(),
    });
    let mut v1_terms = serde_json::to_value(terms()).unwrap();
    v1_terms["maxAmountRequired"] = v1_terms.as_object_mut().unwrap().remove("amount").unwrap();
    v1_terms["resource"] = json!("http://x/");
    v1_terms["outputSchema"] = json!(null);
    let v1 = json!({
        "x402Version": 1,
        "paymentPayload": payment_json(Dialect::X402V1),
        "paymentRequirements": v1_terms,
    });
    for (mut body, dialect) in [(v2, Dialect::X402V2), (v1, Dialect::X402V1)] {
        for _ in 0..2 {
            let read = decode_facilitator_request(body.to_string().as_bytes()).unwrap();
            assert_eq!(read.requirements, terms());
            assert_eq!((read.payment.dialect, read.payment.carrier), (dialect, Carrier::Body));
            assert_eq!(read.payment.instrument.order(), Some(&order()));
            body.as_object_mut().unwrap().remove("x402Version");
        }
    }
}

#[test]
fn members_that_a_foreign_server_adds_are_kept() {
    let mut accepted = serde_json::to_value(terms()).unwrap();
    accepted["extra"]["paymentFlow"] = json!("upfront");
    let mut payment = payment_json(Dialect::X402V2);
    payment["accepted"] = accepted.clone();
    let body =
        json!({"x402Version": 2, "paymentPayload": payment, "paymentRequirements": accepted});
    let read = decode_facilitator_request(body.to_string().as_bytes()).unwrap();
    assert_eq!(read.requirements.extra["paymentFlow"], "upfront");
    assert_eq!(read.payment.accepted, Some(read.requirements));
}

#[test]
fn facilitator_answers_stand_as_documented() {
    let payer = AccountId::new(5).unwrap();
    for (answer, expected) in [
        (
            VerifyResponse::Valid { payer },
            r#"{"isValid":true,"payer":"acc_00000000000000000000000005"}"#,
        ),
        (
            VerifyResponse::Invalid {
                reason: "insufficient_funds".to_owned(),
                message: Some("m".to_owned()),
                payer: Some(payer),
            },
            concat!(
                r#"{"isValid":false,"invalidReason":"insufficient_funds","invalidMessage":"m","#,
                r#""payer":"acc_00000000000000000000000005"}"#,
            ),
        ),
        (
            VerifyResponse::Invalid {
                reason: "invalid_network".to_owned(),
                message: None,
                payer: None,
            },
            r#"{"isValid":false,"invalidReason":"invalid_network"}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&answer).unwrap(), expected);
    }
    let supported = serde_json::to_string(&SupportedResponse::of_node(challenge().network));
    let expected = concat!(
        r#"{"kinds":[{"x402Version":2,"scheme":"exact","#,
        r#""network":"farthing:00000000000000000000000c1s"},"#,
        r#"{"x402Version":2,"scheme":"upto","network":"farthing:00000000000000000000000c1s"},"#,
        r#"{"x402Version":2,"scheme":"batch-settlement","#,
        r#""network":"farthing:00000000000000000000000c1s"},"#,
        r#"{"x402Version":1,"scheme":"exact","#,
        r#""network":"farthing:00000000000000000000000c1s"}],"#,
        r#""extensions":["payment-identifier","bazaar"],"#,
        r#""signers":{"farthing:*":["node_00000000000000000000000c1s"]}}"#,
    );
    assert_eq!(supported.unwrap(), expected);
}

fn entries(count: usize) -> Vec<DiscoveryResource> {
    let entry = |number: usize| {
        let mut challenge = challenge();
        challenge.resource.url = format!("http://x/{number}");
        DiscoveryResource::new(&challenge, &Method::GET, "2026-11-23T00:00:00Z".to_owned())
    };
    (0..count).map(entry).collect()
}

#[test]
fn catalogue_entry_stands_as_documented() {
    let mut challenge = challenge();
    challenge.purchase = None;
    let expected = json!({
        "resource": "http://x/0", "type": "http", "x402Version": 2,
        "accepts": [requirements(&challenge)], "lastUpdated": "2026-11-23T00:00:00Z",
        "description": "The price of a farthing — an article", "mimeType": "text/html",
        "serviceName": "The Farthing Magazine",
        "extensions": {"bazaar": http402::x402::extensions::bazaar("GET")},
    });
    assert_eq!(serde_json::to_value(&entries(1)[0]).unwrap(), expected);
}

#[test]
fn pages_of_the_list() {
    let all = entries(130);
    for (limit, offset, expected, count, first) in [
        (None, 0, json!({"limit": 20, "offset": 0, "total": 130}), 20, Some("http://x/0")),
        (Some(0), 3, json!({"limit": 1, "offset": 3, "total": 130}), 1, Some("http://x/3")),
        (Some(500), 0, json!({"limit": 100, "offset": 0, "total": 130}), 100, Some("http://x/0")),
        (
            Some(50),
            120,
            json!({"limit": 50, "offset": 120, "total": 130}),
            10,
            Some("http://x/120"),
        ),
        (Some(50), 130, json!({"limit": 50, "offset": 130, "total": 130}), 0, None),
        (Some(5), usize::MAX, json!({"limit": 5, "offset": usize::MAX, "total": 130}), 0, None),
    ] {
        let page = DiscoveryList::page(&all, limit, offset);
        let value = serde_json::to_value(&page).unwrap();
        assert_eq!((&value["x402Version"], &value["pagination"]), (&json!(2), &expected));
        assert_eq!(page.items.len(), count);
        assert_eq!(page.items.first().map(|entry| &*entry.resource), first);
    }
}

#[test]
fn search_goes_on_from_its_cursor_to_the_end() {
    let all = entries(25);
    let (mut seen, mut cursor, mut answers) = (Vec::new(), None::<String>, 0);
    while answers < 10 {
        let answer = DiscoverySearch::page(&all, Some(10), cursor.as_deref()).unwrap();
        assert_eq!(answer.partial_results, answer.pagination.cursor.is_some());
        seen.extend(answer.resources);
        answers += 1;
        cursor = answer.pagination.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen, answers), (all.clone(), 3));
    assert_eq!(DiscoverySearch::page(&all, None, Some("-1")), None);
    let value = serde_json::to_value(DiscoverySearch::page(&all, Some(50), None)).unwrap();
    assert_eq!(value["pagination"], json!({"limit": 50, "cursor": null}));
    assert_eq!(value["partialResults"], false);
}

#[test]
fn manifest_stands_as_documented() {
    let manifest =
        Manifest::new(challenge().network, "http://n".to_owned(), vec!["http://x/".to_owned()]);
    let expected = json!({
        "version": 1, "x402Version": 2, "network": "farthing:00000000000000000000000c1s",
        "facilitator": "http://n", "resources": ["http://x/"],
    });
    assert_eq!(serde_json::to_value(manifest).unwrap(), expected);
}

fn operation(method: Method, path: &str) -> Operation {
    Operation {
        method,
        path: path.to_owned(),
        description: "An article".to_owned(),
        mime_type: Some("text/html".to_owned()),
        challenge: challenge(),
    }
}

#[test]
fn openapi_carries_the_price_of_each_operation() {
    let service = Service {
        title: "Magazine".to_owned(),
        version: "1".to_owned(),
        origin: "http://x".to_owned(),
        categories: vec!["news".to_owned()],
        llms: Some("http://x/llms.txt".to_owned()),
        ..Service::default()
    };
    let document = document(
        &service,
        &[
            operation(Method::GET, "/articles/{id}"),
            operation(Method::POST, "/articles/{id}"),
            operation(Method::GET, "/files/{*path}"),
            operation(Method::GET, "/any/*/of/*"),
            operation(Method::from_bytes(b"PURGE").unwrap(), "/articles/{id}"),
        ],
    );
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        document["x-service-info"],
        json!({"categories": ["news"], "docs": {"llms": "http://x/llms.txt"}})
    );
    let paths = document["paths"].as_object().unwrap();
    let names: Vec<&String> = paths.keys().collect();
    assert_eq!(names, ["/any/{part1}/of/{part2}", "/articles/{id}", "/files/{path}"]);
    let methods: Vec<&String> = paths["/articles/{id}"].as_object().unwrap().keys().collect();
    assert_eq!(methods, ["get", "post"]);
    let get = &paths["/articles/{id}"]["get"];
    assert_eq!(
        get["x-payment-info"],
        json!({"offers": [{
            "intent": "charge", "method": "farthing", "amount": "2000000", "currency": "usd",
            "description": "An article: 0.002 USD",
        }]})
    );
    assert!(get.get("requestBody").is_none());
    assert_eq!(paths["/articles/{id}"]["post"]["requestBody"]["required"], false);
    assert_eq!(get["operationId"], "get_articles_id");
    assert_eq!(get["responses"]["402"]["description"], "Payment required");
    assert_eq!(get["responses"]["200"]["content"], json!({"text/html": {}}));
    let parameters: Vec<&Value> = paths["/any/{part1}/of/{part2}"]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| &parameter["name"])
        .collect();
    assert_eq!(parameters, ["part1", "part2"]);
}

#[test]
fn openapi_prices_what_channels_pay_for() {
    let offers = |challenge| {
        let operation = Operation { challenge, ..operation(Method::GET, "/tune") };
        let document = document(&Service::default(), &[operation]);
        document["paths"]["/tune"]["get"]["x-payment-info"]["offers"].clone()
    };
    let channel = with_channel();
    let session = |amount: &str, description: &str| {
        json!({
            "intent": "session", "method": "farthing", "amount": amount, "currency": "usd",
            "description": description,
        })
    };
    assert_eq!(offers(channel)[1], session("2000000", "An article: 0.002 USD for each request"));
    let metered = metered();
    let each = "An article: 0.0000001 USD for each 3 of second";
    assert_eq!(offers(metered), json!([session("100", each)]));
}
