//! Seeds of the engine and the gateway.

use engine::{AuthorizeError, Idempotency, Mode};
use gateway::node::wire::{AuthorizeWire, AuthorizedWire, FinishWire, HoldWire, RefusedWire};
use money::{AccountId, PaymentId, Shares};
use seal::Seal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Done, base64, crawlers, life, write};

pub fn engines() -> Done {
    let folder = std::env::temp_dir().join(format!("farthing-seeds-{}", std::process::id()));
    let remains = life::live(&folder);
    std::fs::remove_dir_all(&folder)?;
    let remains = remains?;
    let mut batches = remains.batches;
    let whole = batches.concat();
    batches.push(whole[..whole.len() - 1].to_vec());
    batches.push(whole);
    write("engine_batch", &batches)?;
    let half = remains.snapshot[..remains.snapshot.len() / 2].to_vec();
    write("engine_snapshot", &[remains.snapshot, half])
}

pub fn gateways() -> Done {
    paths()?;
    digests()?;
    guards()?;
    tools()?;
    wires()
}

fn guards() -> Done {
    let ranges =
        ["192.0.2.0/24", "2001:db8::/32", "::1", "::ffff:10.0.0.0/104", "10.0.0.0/08", "a"];
    write("admission_range", &ranges)?;
    let offer = json!({
        "offer": "off_0000000000000000000000002d", "path": "/articles/{n}", "price": "2000000",
        "asset": "USD", "scale": 9, "payee": "acc_0000000000000000000000002d",
    });
    let mut full = offer.clone();
    full["methods"] = json!(["GET", "POST"]);
    full["prices"] =
        json!([{"country": "IN", "price": "400000"}, {"class": "crawler", "price": "5"}]);
    full["split"] = json!([{"account": "acc_0000000000000000000000003d", "share_ppm": 1_000_000}]);
    let mut own = offer.clone();
    own["price"] = json!("0");
    own["pay_what_you_want"] = json!({"min": "0", "suggested": ["5000000"]});
    let mut tool = offer.clone();
    (tool["path"], tool["tool"]) = (json!("/mcp"), json!("search"));
    let mut negative = offer.clone();
    negative["price"] = json!("-1");
    let mut unknown = offer.clone();
    unknown["colour"] = json!("red");
    let offers = [offer, full, own, tool, negative, unknown].map(|offer| offer.to_string());
    write("gateway_offer", &offers)?;
    let sealed = Seal::new(&[7; 32]).seal("node.key", "a secret")?;
    let texts = [sealed.clone(), sealed[..sealed.len() - 1].to_owned(), "seal1.AAAA".to_owned()];
    write("seal_text", &texts)
}

fn paths() -> Done {
    let paths = [
        "/",
        "/articles/1",
        "//articles//1/",
        "/%61rticles/%C3%BC",
        "/articles;v=2/1;",
        "/articles/;/1",
        "/a/../b",
        "/a/%2e%2E/b",
        "/a%2fb",
        "/a%5Cb",
        "/a%00",
        "/a%252e",
        "/a%zz",
        "/a%ff",
    ];
    write("gateway_path", &paths)?;
    let patterns = [
        "/",
        "/articles/{id}",
        "/files/{*rest}",
        "//a//{b}/c/",
        "articles",
        "/{}",
        "/{*a}/b",
        "/a{b}",
        "/..",
        "/a%20b",
        "/a;b",
        "/a\0",
    ];
    write("gateway_pattern", &patterns)
}

fn digests() -> Done {
    let body = "a body in pieces";
    let digest = base64(Sha256::digest(body));
    let seeds = [
        format!("sha-256=:{digest}:\n{body}"),
        format!("sha-512=:AAAA:, sha-256=:{digest}:\n{body}"),
        format!("sha-512=:AAAA:\n{body}"),
        format!("\n{body}"),
        format!("sha-256=:{digest}:\n{body}, and more"),
        format!("sha-256=:{digest}:\n"),
        format!("sha-256=:{digest}\n{body}"),
        "sha-256=:AAAA:\n".to_owned(),
        "sha-256=:====:\n".to_owned(),
    ];
    write("gateway_digest", &seeds)
}

fn tools() -> Done {
    let call = |name: &str, meta: Value| {
        let params = json!({"name": name, "arguments": {"word": "wren"}, "_meta": meta});
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
    };
    let challenge = json!({"id": "AAAA", "realm": "a", "method": "farthing", "intent": "charge",
        "request": {"amount": "3", "currency": "usd"}, "opaque": "e30"});
    let credential =
        json!({"challenge": challenge, "payload": {"order": "AAAA", "signature": "AAAA"}});
    let messages = [
        call("lookup", json!({})),
        call("lookup", json!({"x402/payment": {"x402Version": 2, "payload": {}}})),
        call("lookup", json!({"x402/payment": "text", "progressToken": 1})),
        call("lookup", json!({"org.paymentauth/credential": credential})),
        call("lookup", json!({"org.paymentauth/credential": [], "x402/payment": null})),
        call("hello", json!({"x402/payment": {}})),
        call("lookup", json!({})).replace("\"id\":1", "\"id\":null"),
        call("lookup", json!({})).replace("\"name\"", "\"name\":\"hello\",\"name\""),
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string(),
        json!([call("lookup", json!({}))]).to_string(),
        "{\"method\":\"tools/call\",\"params\":[\"lookup\"]}".to_owned(),
    ];
    write("gateway_tool", &messages)?;
    let schema = json!({"type": "object", "$defs": {"a": {}}});
    let tools =
        json!([{"name": "lookup", "_meta": {"a": 1}, "outputSchema": schema}, {"name": "hello"}]);
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}).to_string();
    let listings = [
        format!("j{answer}"),
        format!("s: note\r\n\r\nid: 1\ndata: {answer}\n\ndata: {answer}\n\n"),
        format!("sevent: message\rdata:{}\r\r", answer.replace(',', ",\rdata:")),
        format!("s{answer}"),
        "j{\"id\":1,\"result\":{\"tools\":[{\"name\":\"lookup\",\"_meta\":7},7]}}".to_owned(),
    ];
    write("gateway_listing", &listings)
}

fn wires() -> Done {
    let plain = life::command(0x5d01, Mode::Claim)?;
    let mut full = life::command(0x5d02, Mode::Hold { seconds: 30 })?;
    full.terms.split = Some((vec![AccountId::new(1002)?], Shares::new(vec![1_000_000])?));
    full.idempotency = Some(Idempotency { key: [5; 32], fingerprint: [6; 32] });
    let mut forged = serde_json::to_value(AuthorizeWire::new(&plain))?;
    forged["signature"] = base64([0; 64]).into();
    let crawled = serde_json::to_vec(&crawlers::wire(plain.clone())?)?;
    let [plain, full] = [plain, full].map(|command| AuthorizeWire::new(&command));
    let seeds = [serde_json::to_vec(&plain)?, serde_json::to_vec(&full)?];
    write(
        "gateway_authorize",
        &[&seeds[0], &seeds[1], &crawled, forged.to_string().as_bytes(), b"{}"],
    )?;

    let (payment, claim) = (PaymentId::new(0x9a11)?, engine::ClaimToken(1));
    let hold = serde_json::to_string(&HoldWire { payment, claim, seconds: 30 })?;
    let (units, outcome) = (Some("700".to_owned()), Some(life::outcome().into()));
    let full = FinishWire { payment, claim, units, outcome, durable_outcome: true };
    let full = serde_json::to_string(&full)?;
    let least = json!({"payment": payment, "claim": claim}).to_string();
    let wrong = full.replace("dGV4dA==", "dGV4dB==");
    write("gateway_finish", &[&hold, &full, &least, &wrong, "{\"payment\":1}"])?;

    let amount = json!({"amount": "1000", "asset": "USD", "scale": 9});
    let account = AccountId::new(1001)?;
    let known = json!({"replay": {"payment": {
        "payment": payment, "payer": account, "payee": account, "authorized": amount,
        "settled": amount, "state": "settled", "reason": null,
        "description": "an article", "order_digest": "07".repeat(32), "at_ns": 1,
    }, "outcome": null}});
    let proceed = serde_json::to_string(&AuthorizedWire::Proceed { payment, claim })?;
    let refused = RefusedWire { refused: AuthorizeError::InsufficientFunds };
    let refused = serde_json::to_string(&refused)?;
    write("gateway_answer", &[&proceed, &refused, &known.to_string(), "{\"proceed\":{}}"])
}
