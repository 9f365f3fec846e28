//! Discount codes over the API.

use gateway::{PublishedCode, code_id};
use http::Method;
use money::AccountId;
use serde_json::{Value, json};

use crate::offers::Desk;

const CODES: &str = "/v1/codes";

#[tokio::test]
async fn a_code_is_made_listed_and_taken_back() {
    let desk = Desk::new().await;
    let asked = json!({"code": "Spring", "percent_ppm": 250_000, "max_uses": 3});
    let made = desk.operator(Method::POST, CODES, &asked).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!(made.json["code_id"], code_id("SPRING").to_string());
    let read = PublishedCode::of_listed(made.json.clone()).unwrap();
    assert!(read.to_code().is_ok(), "a gateway reads what the list shows");
    let again = json!({"code": "SPRING", "percent_ppm": 1});
    let taken = desk.operator(Method::POST, CODES, &again).await;
    taken.is_problem(409, "code_taken", Some("code"));
    let listed = desk.operator(Method::GET, CODES, &Value::Null).await;
    assert_eq!(listed.json["data"], json!([made.json]));
    assert!(listed.headers.contains_key("etag"));

    let path = format!("{CODES}/{}", made.json["code_id"].as_str().unwrap());
    assert_eq!(desk.operator(Method::DELETE, &path, &Value::Null).await.status, 204);
    let gone = desk.operator(Method::DELETE, &path, &Value::Null).await;
    gone.is_problem(404, "code_unknown", None);
    assert_eq!(desk.operator(Method::POST, CODES, &again).await.status, 201);
    let made_up = desk.operator(Method::POST, CODES, &json!({"percent_ppm": 1})).await;
    assert_eq!(made_up.json["code"].as_str().unwrap().len(), 12);
}

#[tokio::test]
async fn what_makes_no_code_is_refused_by_its_field() {
    let desk = Desk::new().await;
    let nowhere = json!(["off_0000000000000000000000002d"]);
    for (asked, status, code, param) in [
        (json!({"code": "abc", "percent_ppm": 1}), 400, "invalid_code", "code"),
        (json!({"code": "a b c", "percent_ppm": 1}), 400, "invalid_code", "code"),
        (json!({"code": "é".repeat(99), "percent_ppm": 1}), 400, "invalid_code", "code"),
        (json!({"code": "SPRING"}), 400, "invalid_code", "percent_ppm"),
        (json!({"percent_ppm": 1_000_000}), 400, "invalid_code", "percent_ppm"),
        (json!({"price": "5"}), 400, "invalid_code", "offers"),
        (json!({"price": "0", "offers": nowhere}), 400, "invalid_code", "price"),
        (json!({"percent_ppm": 1, "offers": []}), 400, "invalid_code", "offers"),
        (json!({"percent_ppm": 1, "offers": nowhere}), 404, "offer_unknown", "offers"),
        (json!({"percent_ppm": 1, "max_uses": 0}), 400, "invalid_code", "max_uses"),
        (json!({"percent_ppm": 1, "expires_at_ms": 1}), 400, "invalid_time", "expires_at_ms"),
        (json!({"percent_ppm": 1, "uses": 1}), 400, "unknown_field", "uses"),
    ] {
        let answer = desk.operator(Method::POST, CODES, &asked).await;
        answer.is_problem(status, code, Some(param));
    }
    let listed = desk.operator(Method::GET, CODES, &Value::Null).await;
    assert_eq!(listed.json["data"], json!([]), "nothing of it was kept");
}

#[tokio::test]
async fn a_key_makes_codes_for_its_own_offers_alone() {
    let desk = Desk::new().await;
    let both = || json!(["read", "offers:write"]);
    let own = desk.key(json!([desk.payee.to_string()]), both()).await;
    let other = desk.key(json!([AccountId::new(9).unwrap().to_string()]), both()).await;
    let offer = desk.operator(Method::POST, "/v1/offers", &desk.offer()).await;
    let for_all = json!({"percent_ppm": 1});
    let for_one = json!({"percent_ppm": 1, "offers": [offer.json["offer"]]});
    let refused = desk.call(Method::POST, CODES, &own, &for_all).await;
    refused.is_problem(403, "account_not_allowed", Some("offers"));
    let unseen = desk.call(Method::POST, CODES, &other, &for_one).await;
    unseen.is_problem(404, "offer_unknown", Some("offers"));
    let made = desk.call(Method::POST, CODES, &own, &for_one).await;
    assert_eq!(made.status, 201, "{}", made.json);
    desk.operator(Method::POST, CODES, &for_all).await;
    let path = format!("{CODES}/{}", made.json["code_id"].as_str().unwrap());
    let refused = desk.call(Method::DELETE, &path, &other, &Value::Null).await;
    refused.is_problem(404, "code_unknown", None);
    for (token, count) in [(&own, 1), (&other, 0)] {
        let listed = desk.call(Method::GET, CODES, token, &Value::Null).await;
        assert_eq!(listed.json["data"].as_array().unwrap().len(), count);
    }
    assert_eq!(desk.call(Method::DELETE, &path, &own, &Value::Null).await.status, 204);
}
