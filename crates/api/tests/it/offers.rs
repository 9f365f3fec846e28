//! Offers at run time.

use engine::{AccountRole, AccountSpec, DocumentKind};
use gateway::PublishedOffer;
use http::Method;
use money::AccountId;
use serde_json::{Value, json};

use crate::world::{Answer, GATEWAY, OPERATOR, World, request, usd};

pub struct Desk {
    pub world: World,
    pub payee: AccountId,
}

impl Desk {
    pub async fn new() -> Self {
        let world = World::new().await;
        let payee = AccountId::new(4711).unwrap();
        let label = "writer".to_owned();
        let spec = AccountSpec { id: payee, asset: usd(), role: AccountRole::Payee, label };
        world.engine.open_account(spec).await.unwrap();
        Self { world, payee }
    }

    pub async fn call(&self, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        let token = format!("Bearer {token}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        self.world.send(request(method, path, &headers, &body)).await
    }

    pub async fn operator(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.call(method, path, OPERATOR, body).await
    }

    /// Makes a key for some accounts and gives its secret.
    pub async fn key(&self, accounts: Value, scopes: Value) -> String {
        let asked = json!({"name": "k", "scopes": scopes, "accounts": accounts});
        let made = self.operator(Method::POST, "/v1/keys", &asked).await;
        made.json["secret"].as_str().unwrap().to_owned()
    }

    pub fn offer(&self) -> Value {
        json!({
            "path": "/articles/{id}", "price": "2000000", "asset": "USD",
            "payee": self.payee.to_string(), "description": "An article",
        })
    }
}

#[tokio::test]
async fn an_offer_is_made_shown_changed_and_taken_back() {
    let desk = Desk::new().await;
    let made = desk.operator(Method::POST, "/v1/offers", &desk.offer()).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!((&made.json["payee_name"], &made.json["revision"]), (&json!("writer"), &json!(1)));
    assert_eq!(made.json["methods"], json!([]));
    let id = made.json["offer"].as_str().unwrap();
    let path = format!("/v1/offers/{id}");
    let document = desk.world.engine.document(DocumentKind::Offer, id).unwrap();
    let offer = PublishedOffer::read(&document.body).unwrap().to_offer().unwrap();
    assert_eq!((offer.price.units(), offer.methods), (2_000_000, vec![Method::GET]));

    let changed =
        desk.operator(Method::PATCH, &path, &json!({"price": "5", "active": false})).await;
    assert_eq!((changed.status, &changed.json["price"]), (200, &json!("5")));
    assert_eq!(changed.json["description"], "An article", "the rest stays");
    let own = json!({"pay_what_you_want": {"min": "1", "suggested": ["5"]}});
    let own = desk.operator(Method::PATCH, &path, &own).await;
    assert_eq!(own.json["pay_what_you_want"]["min"], "1");
    let none = desk.operator(Method::PATCH, &path, &json!({"pay_what_you_want": null})).await;
    assert_eq!(none.json["pay_what_you_want"], Value::Null);
    let free = json!({"free": {"count": 3, "seconds": 60}});
    let free = desk.operator(Method::PATCH, &path, &free).await;
    assert_eq!(free.json["free"], json!({"count": 3, "seconds": 60}));
    let none = desk.operator(Method::PATCH, &path, &json!({"free": null})).await;
    assert_eq!(none.json["free"], Value::Null);
    let day =
        json!({"pass": "day", "title": "A day", "price": "9", "seconds": 86400, "uses": null});
    let passes = desk.operator(Method::PATCH, &path, &json!({"passes": [day]})).await;
    assert_eq!(passes.json["passes"], json!([day]));
    let none = desk.operator(Method::PATCH, &path, &json!({"passes": []})).await;
    assert_eq!(none.json["passes"], json!([]));
    assert_eq!(desk.operator(Method::GET, &path, &Value::Null).await.json, none.json);
    let listed = desk.operator(Method::GET, "/v1/offers", &Value::Null).await;
    assert_eq!(listed.json["data"], json!([none.json]));

    assert_eq!(desk.operator(Method::DELETE, &path, &Value::Null).await.status, 204);
    desk.operator(Method::GET, &path, &Value::Null).await.is_problem(404, "offer_unknown", None);
    desk.operator(Method::PATCH, &path, &json!({})).await.is_problem(404, "offer_unknown", None);
}

#[tokio::test]
async fn what_cannot_be_sold_is_refused_by_its_field() {
    let desk = Desk::new().await;
    let stranger = AccountId::new(9).unwrap().to_string();
    let half = |account: &str| json!({"account": account, "share_ppm": 500_000});
    let cases = [
        ("price", json!("0"), "invalid_offer", "price"),
        ("price", json!("1.5"), "invalid_offer", "price"),
        ("path", json!("articles"), "invalid_offer", "path"),
        ("methods", json!(["get"]), "invalid_offer", "methods"),
        ("methods", json!(["CONNECT"]), "invalid_offer", "price"),
        ("tool", json!("a b"), "invalid_offer", "tool"),
        ("payee", json!(stranger), "invalid_account", "payee"),
        ("split", json!([half(&stranger), half(&stranger)]), "invalid_account", "split"),
        ("split", json!([half(&desk.payee.to_string())]), "invalid_offer", "split"),
        ("pay_what_you_want", json!({"min": "x"}), "invalid_offer", "pay_what_you_want"),
        ("free", json!({"count": 0, "seconds": 60}), "invalid_offer", "free"),
        ("passes", json!([{"pass": "A", "price": "1", "uses": 1}]), "invalid_offer", "passes"),
        ("passes", json!([{"pass": "a", "price": "1"}]), "invalid_offer", "passes"),
        ("passes", json!([{"pass": "a", "price": "x", "uses": 1}]), "invalid_offer", "passes"),
        ("pay_what_you_want", json!({"min": "3000000"}), "invalid_offer", "price"),
        ("prices", json!([{"country": "IN", "price": "0"}]), "invalid_offer", "price"),
        ("description", json!("x".repeat(501)), "invalid_offer", "description"),
    ];
    for (field, value, code, param) in cases {
        let mut offer = desk.offer();
        offer[field] = value;
        let answer = desk.operator(Method::POST, "/v1/offers", &offer).await;
        answer.is_problem(400, code, Some(param));
    }
    let listed = desk.operator(Method::GET, "/v1/offers", &Value::Null).await;
    assert_eq!(listed.json["data"], json!([]), "nothing of it was kept");
}

#[tokio::test]
async fn a_key_prices_for_its_own_accounts_alone() {
    let desk = Desk::new().await;
    let both = || json!(["read", "offers:write"]);
    let own = desk.key(json!([desk.payee.to_string()]), both()).await;
    let other = desk.key(json!([AccountId::new(9).unwrap().to_string()]), both()).await;
    let reader = desk.key(Value::Null, json!(["read"])).await;
    let post = |token: String| {
        let desk = &desk;
        async move { desk.call(Method::POST, "/v1/offers", &token, &desk.offer()).await }
    };
    post(other.clone()).await.is_problem(403, "account_not_allowed", None);
    post(reader).await.is_problem(403, "scope_missing", None);
    let made = post(own).await;
    assert_eq!(made.status, 201);
    let path = format!("/v1/offers/{}", made.json["offer"].as_str().unwrap());
    for method in [Method::GET, Method::DELETE] {
        let answer = desk.call(method, &path, &other, &Value::Null).await;
        answer.is_problem(404, "offer_unknown", None);
    }
    let unseen = desk.call(Method::GET, "/v1/offers", &other, &Value::Null).await;
    assert_eq!(unseen.json["data"], json!([]));
}

#[tokio::test]
async fn a_gateway_is_told_what_has_changed_and_no_more() {
    let desk = Desk::new().await;
    let ask = async |query: &str, token: &str, known: &str| {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str()), ("if-none-match", known)];
        let path = format!("/v1/offers{query}");
        desk.world.send(request(Method::GET, &path, &headers, "")).await
    };
    let tag = |answer: &Answer| answer.headers["etag"].to_str().unwrap().to_owned();
    let (here, mut there) = (desk.offer(), desk.offer());
    there["site"] = json!("other");
    let made = desk.operator(Method::POST, "/v1/offers", &here).await;
    desk.operator(Method::POST, "/v1/offers", &there).await;
    let all = ask("?site=default", GATEWAY, "").await;
    assert_eq!((all.status, all.json["data"].as_array().unwrap().len()), (200, 1));
    let known = tag(&all);
    let same = ask("?site=default", GATEWAY, &known).await;
    assert_eq!((same.status, tag(&same)), (304, known.clone()));
    assert_eq!(ask("?site=other", GATEWAY, &known).await.status, 200);
    let path = format!("/v1/offers/{}", made.json["offer"].as_str().unwrap());
    desk.operator(Method::PATCH, &path, &json!({"price": "7"})).await;
    let changed = ask("?site=default", GATEWAY, &known).await;
    assert_eq!((changed.status, &changed.json["data"][0]["price"]), (200, &json!("7")));
    // The tag is that of the list: each page has it.
    let first = ask("?limit=1", GATEWAY, "").await;
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = ask(&format!("?limit=1&cursor={cursor}"), GATEWAY, "").await;
    assert_eq!((second.status, tag(&second)), (200, tag(&first)));
    // The token opens nothing else of offers.
    let refused = desk.call(Method::DELETE, &path, GATEWAY, &Value::Null).await;
    refused.is_problem(401, "token_wrong", None);
    let unknown = ask("?sites=default", GATEWAY, "").await;
    unknown.is_problem(400, "invalid_query", Some("sites"));
}
