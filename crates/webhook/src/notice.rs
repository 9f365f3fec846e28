//! An event as the outside world hears of it: its name, its id, its body.
//!
//! Webhooks, the stream of events and `farthing listen` all show these bodies. Invariants: the same
//! event has the same id, always; amounts and ids are texts; payees are told what belongs to their own
//! accounts and never who paid.

use std::borrow::Cow;

use money::{AccountId, EventId};
use serde::Serialize;
use serde_json::{Map, Value};

/// The version of the API in whose shapes bodies are written.
pub const API_VERSION: &str = "2026-11-01";

/// Name of the event that tests an endpoint; every endpoint gets its own, none asks for it.
pub const PING: &str = "ping";

/// Names of all events.
pub const EVENT_NAMES: &[&str] = &[
    "payment.held",
    "payment.settled",
    "payment.released",
    "refund.settled",
    "channel.opened",
    "channel.settled",
    "channel.closed",
    "account.opened",
    "account.funded",
    "mandate.granted",
    "mandate.paused",
    "mandate.resumed",
    "mandate.revoked",
    "offer.created",
    "offer.changed",
    "offer.deleted",
    "payout.requested",
    "payout.held",
    "payout.released",
    "payout.paid",
    "payout.cancelled",
    "key.created",
    "key.deleted",
    "webhook_endpoint.created",
    "webhook_endpoint.changed",
    "webhook_endpoint.deleted",
];

/// What payees are told of an event's data: everything that names the payer is missing here.
const TOLD_TO_PAYEES: &[&str] = &[
    "account",
    "amount",
    "asset",
    "authorized_at_ms",
    "channel",
    "class",
    "country",
    "description",
    "document",
    "legs",
    "offer",
    "offer_tag",
    "payee",
    "payment",
    "payout",
    "reason",
    "refund",
    "refunded",
    "scale",
    "state",
    "transfer",
];

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Everything.
    Operator,
    /// What these accounts received, and not from whom.
    Payees(&'a [AccountId]),
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Its id.
    pub id: EventId,
    /// Its name, one of [`EVENT_NAMES`] or [`PING`].
    pub name: &'static str,
    /// Its place among the node's events; `None` for a test.
    pub position: Option<u64>,
    /// When it happened, Unix milliseconds.
    pub at_ms: u64,
    /// Accounts whose payees may hear of it.
    pub accounts: Vec<AccountId>,
    /// What happened.
    pub data: Map<String, Value>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: EventId,
    #[serde(rename = "type")]
    name: &'a str,
    api_version: &'a str,
    created_at_ms: u64,
    position: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    data: &'a Map<String, Value>,
}

/// A name of the list, by its text.
pub fn event_name(text: &str) -> Option<&'static str> {
    EVENT_NAMES.iter().find(|name| **name == text).copied()
}

fn member_account(leg: &Value) -> Option<AccountId> {
    leg.get("account")?.as_str()?.parse().ok()
}

impl Notice {
    /// Whether the audience may hear of it at all.
    pub fn concerns(&self, audience: Audience<'_>) -> bool {
        match audience {
            Audience::Operator => true,
            Audience::Payees(accounts) => {
                self.accounts.iter().any(|account| accounts.contains(account))
            }
        }
    }

    /// What the audience is told of its data.
    pub fn told(&self, audience: Audience<'_>) -> Cow<'_, Map<String, Value>> {
        match audience {
            Audience::Operator => Cow::Borrowed(&self.data),
            Audience::Payees(accounts) => Cow::Owned(self.narrowed(accounts)),
        }
    }

    /// Its body, JSON.
    pub fn body(&self, audience: Audience<'_>) -> Vec<u8> {
        let data = self.told(audience);
        let body = Body {
            id: self.id,
            name: self.name,
            api_version: API_VERSION,
            created_at_ms: self.at_ms,
            position: self.position,
            test: self.position.is_none(),
            data: &data,
        };
        match serde_json::to_vec(&body) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("texts and numbers make JSON: {error}"),
        }
    }

    fn narrowed(&self, accounts: &[AccountId]) -> Map<String, Value> {
        let told = self.data.iter().filter(|(name, _)| TOLD_TO_PAYEES.contains(&name.as_str()));
        let mut told: Map<String, Value> =
            told.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(Value::Array(legs)) = told.get_mut("legs") {
            legs.retain(|leg| member_account(leg).is_some_and(|own| accounts.contains(&own)));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(number: u128) -> AccountId {
        AccountId::new(number).unwrap()
    }

    fn settled() -> Notice {
        let data = json!({
            "payment": "pay_x", "payer": account(9), "mandate": "man_x", "payee": account(1),
            "amount": "100",
            "legs": [{"account": account(1), "units": "60"}, {"account": account(2), "units": "40"}],
        });
        let Value::Object(data) = data else { unreachable!() };
        Notice {
            id: EventId::new(5).unwrap(),
            name: "payment.settled",
            position: Some(5),
            at_ms: 17,
            accounts: vec![account(1), account(2)],
            data,
        }
    }

    #[test]
    fn the_operator_is_told_everything() {
        let body: Value = serde_json::from_slice(&settled().body(Audience::Operator)).unwrap();
        assert_eq!(body["type"], "payment.settled");
        assert_eq!(body["position"], 5);
        assert_eq!(body["data"]["payer"], json!(account(9)));
        assert_eq!(body["id"], json!(EventId::new(5).unwrap()));
        assert_eq!(body.get("test"), None);
    }

    #[test]
    fn a_payee_is_told_its_own_share_and_never_who_paid() {
        let notice = settled();
        let own = [account(2)];
        assert!(notice.concerns(Audience::Payees(&own)));
        assert!(!notice.concerns(Audience::Payees(&[account(3)])));
        let body = notice.body(Audience::Payees(&own));
        let text = String::from_utf8(body.clone()).unwrap();
        assert!(!text.contains(&account(9).to_string()) && !text.contains("man_x"), "{text}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["data"]["legs"], json!([{"account": account(2), "units": "40"}]));
    }
}
