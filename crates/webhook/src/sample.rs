//! Made-up events, for who builds a receiver: of every name one, with the members that real ones have.

use money::{EventId, NodeId};
use seal::NoRandomness;
use serde_json::{Value, json};

use crate::notice::{Notice, PING, event_name};

/// A made-up event of a name, or [`PING`]; `None` if there is no such event.
pub fn sample(name: &str, node: NodeId, at_ms: u64) -> Result<Option<Notice>, NoRandomness> {
    let name = match name {
        PING => PING,
        name => match event_name(name) {
            Some(name) => name,
            None => return Ok(None),
        },
    };
    let mut digest = [0; 32];
    getrandom::fill(&mut digest).map_err(|_| NoRandomness)?;
    let mut data = match data(name, at_ms) {
        Value::Object(data) => data,
        _ => serde_json::Map::new(),
    };
    data.insert("node".to_owned(), json!(node));
    let id = EventId::from_digest(&digest);
    Ok(Some(Notice { id, name, position: None, at_ms, accounts: Vec::new(), data }))
}

const PAYER: &str = "acc_00000000000000000000000001";
const PAYEE: &str = "acc_00000000000000000000000002";

fn data(name: &str, at_ms: u64) -> Value {
    let (family, what) = name.split_once('.').unwrap_or((name, ""));
    let money = json!({
        "payer": PAYER, "payee": PAYEE, "amount": "2000000", "asset": "USD", "scale": 9,
        "mandate": null, "legs": [{"account": PAYEE, "amount": "2000000"}],
        "offer_tag": "0123456789abcdef", "country": "KR", "class": "person",
        "description": "An article",
    });
    let with = |more: Value| {
        let mut all = money.clone();
        if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        all
    };
    let payment = "pay_00000000000000000000000003";
    match family {
        "payment" => {
            let mut all = with(json!({
                "payment": payment, "authorized": "2000000", "authorized_at_ms": at_ms,
            }));
            if what == "released" {
                all["reason"] = "not_delivered".into();
                all["amount"] = "0".into();
            }
            all
        }
        "refund" => with(json!({
            "refund": "ref_00000000000000000000000004", "payment": payment, "refunded": "2000000",
            "reason": "asked for by the payer",
        })),
        "channel" => with(json!({"channel": "ch_00000000000000000000000005"})),
        "account" if what == "opened" => {
            json!({"account": PAYEE, "asset": "USD", "scale": 9, "role": "payee", "label": "writer"})
        }
        "account" => json!({
            "transfer": "tr_00000000000000000000000006", "account": PAYER, "amount": "5000000000",
            "asset": "USD", "scale": 9, "reference": "bank transfer 4711",
        }),
        "mandate" => json!({"mandate": "man_00000000000000000000000007", "payer": PAYER}),
        "offer" => json!({"offer": "off_00000000000000000000000008", "revision": 1}),
        "payout" => json!({
            "payout": "payout_00000000000000000000000009", "account": PAYEE, "amount": "5000000000",
            "asset": "USD", "scale": 9, "state": what, "revision": 1,
        }),
        "key" => json!({"key": "key_0000000000000000000000000a", "revision": 1}),
        "webhook_endpoint" => {
            json!({"webhook_endpoint": "we_0000000000000000000000000b", "revision": 1})
        }
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::EVENT_NAMES;

    #[test]
    fn there_is_one_of_every_name_and_it_says_that_it_is_a_test() {
        let node = NodeId::new(7).unwrap();
        for name in EVENT_NAMES.iter().chain([&PING]) {
            let notice = sample(name, node, 17).unwrap().unwrap();
            assert_eq!((notice.name, notice.position), (*name, None));
            assert!(*name == PING || notice.data.len() > 2, "{name}");
            let body: Value =
                serde_json::from_slice(&notice.body(crate::Audience::Operator)).unwrap();
            assert_eq!(body["test"], true);
        }
        assert_eq!(sample("payment.lost", node, 17).unwrap(), None);
    }
}
