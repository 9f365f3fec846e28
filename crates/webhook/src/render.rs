//! The engine's events in the shapes of the API.
//!
//! Of a document that has changed again by now, the present body stands for the one that was: several
//! changes at once are told as what came of them. Bodies of keys and endpoints are never told.

use engine::{
    ChannelEvent, DocumentChange, DocumentEvent, DocumentKind, Engine, Event, EventKind,
    PaymentEvent, RefundEvent, Tags,
};
use money::{AccountId, Amount, Asset};
use serde_json::{Map, Value, json};

use crate::notice::{Notice, event_name};

/// Name, accounts and content.
type Told = (&'static str, Vec<AccountId>, Value);

/// An event of the engine as the world hears of it; `None` if it does not.
pub fn notice_of(engine: &Engine, event: &Event) -> Option<Notice> {
    let (name, accounts, data) = match &event.kind {
        EventKind::AccountOpened(it) => {
            let data = json!({
                "account": it.account, "asset": it.asset.code, "scale": it.asset.scale,
                "role": it.role, "label": it.label,
            });
            ("account.opened", vec![it.account], data)
        }
        EventKind::Funded(it) => {
            let mut data = json!({
                "transfer": it.fund, "account": it.account, "reference": it.reference,
            });
            put_amount(&mut data, "amount", it.amount);
            ("account.funded", vec![it.account], data)
        }
        EventKind::PaymentHeld(it) => payment("payment.held", it),
        EventKind::PaymentSettled(it) => payment("payment.settled", it),
        EventKind::PaymentReleased(it, reason) => {
            let (name, accounts, mut data) = payment("payment.released", it);
            data["reason"] = json!(reason);
            (name, accounts, data)
        }
        EventKind::RefundSettled(it) => refund(it),
        EventKind::ChannelOpened(it) => channel("channel.opened", it),
        EventKind::ChannelSettled(it) => channel("channel.settled", it),
        EventKind::ChannelClosed(it) => channel("channel.closed", it),
        EventKind::MandateGranted(it) => mandate("mandate.granted", it),
        EventKind::MandatePaused(it) => mandate("mandate.paused", it),
        EventKind::MandateResumed(it) => mandate("mandate.resumed", it),
        EventKind::MandateRevoked(it) => mandate("mandate.revoked", it),
        EventKind::DocumentPut(it) => document(engine, it)?,
    };
    let Value::Object(data) = data else { return None };
    Some(Notice {
        id: event.id(engine.node()),
        name,
        position: Some(event.position),
        at_ms: event.at_ns / 1_000_000,
        accounts,
        data,
    })
}

fn put_amount(data: &mut Value, name: &str, amount: Amount) {
    let Asset { code, scale, .. } = amount.asset();
    data[name] = amount.units().to_string().into();
    data["asset"] = json!(code);
    data["scale"] = json!(scale);
}

fn put_tags(data: &mut Value, tags: &Tags) {
    data["offer_tag"] = json!(tags.offer);
    data["country"] = json!(tags.country);
    data["class"] = json!(tags.class);
}

fn legs_json(legs: &[(AccountId, u128)]) -> Value {
    let leg = |(account, units): &(AccountId, u128)| json!({"account": account, "amount": units.to_string()});
    legs.iter().map(leg).collect()
}

/// The payee whom the terms name, and everybody who receives.
fn payees(payee: AccountId, legs: &[(AccountId, u128)]) -> Vec<AccountId> {
    let mut accounts: Vec<AccountId> =
        std::iter::once(payee).chain(legs.iter().map(|(account, _)| *account)).collect();
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}

fn payment(name: &'static str, it: &PaymentEvent) -> Told {
    let mut data = json!({
        "payment": it.payment, "payer": it.payer, "payee": it.payee, "mandate": it.mandate,
        "authorized": it.authorized.units().to_string(), "legs": legs_json(&it.legs),
        "authorized_at_ms": it.authorized_at_ns / 1_000_000, "description": it.description,
    });
    put_amount(&mut data, "amount", it.amount);
    put_tags(&mut data, &it.tags);
    (name, payees(it.payee, &it.legs), data)
}

fn refund(it: &RefundEvent) -> Told {
    let mut data = json!({
        "refund": it.refund, "payment": it.payment, "payer": it.payer, "payee": it.payee,
        "refunded": it.refunded.units().to_string(), "legs": legs_json(&it.legs),
        "reason": it.reason,
    });
    put_amount(&mut data, "amount", it.amount);
    put_tags(&mut data, &it.tags);
    ("refund.settled", payees(it.payee, &it.legs), data)
}

fn channel(name: &'static str, it: &ChannelEvent) -> Told {
    let mut data = json!({
        "channel": it.channel, "payer": it.payer, "payee": it.payee, "mandate": it.mandate,
        "legs": legs_json(&it.legs), "description": it.description,
    });
    put_amount(&mut data, "amount", it.amount);
    put_tags(&mut data, &it.tags);
    (name, payees(it.payee, &it.legs), data)
}

fn mandate(name: &'static str, it: &engine::MandateEvent) -> Told {
    (name, Vec::new(), json!({"mandate": it.mandate, "payer": it.payer}))
}

fn document(engine: &Engine, it: &DocumentEvent) -> Option<Told> {
    let change = match it.change {
        DocumentChange::Created => "created",
        DocumentChange::Changed => "changed",
        DocumentChange::Deleted => "deleted",
    };
    let told = |kind: &str, id: &str| {
        let name = event_name(&format!("{kind}.{change}"))?;
        Some((name, Vec::new(), json!({id: it.id, "revision": it.revision})))
    };
    match it.kind {
        DocumentKind::Key => told("key", "key"),
        DocumentKind::WebhookEndpoint => told("webhook_endpoint", "webhook_endpoint"),
        DocumentKind::Offer => {
            let (name, mut accounts, mut data) = told("offer", "offer")?;
            let body = body(engine, it).unwrap_or_default();
            let split = body.get("split").and_then(Value::as_array).into_iter().flatten();
            accounts.extend(body.get("payee").and_then(account));
            accounts.extend(split.filter_map(|share| share.get("account").and_then(account)));
            if !body.is_empty() {
                data["document"] = Value::Object(body);
            }
            Some((name, accounts, data))
        }
        DocumentKind::Payout => {
            let body = body(engine, it)?;
            let state = body.get("state").and_then(Value::as_str)?;
            let name = event_name(&format!("payout.{state}"))?;
            let accounts = body.get("account").and_then(account).into_iter().collect();
            let mut data = json!({"payout": it.id, "revision": it.revision});
            for told in ["account", "amount", "asset", "scale", "state", "reason"] {
                if let Some(value) = body.get(told) {
                    data[told] = value.clone();
                }
            }
            Some((name, accounts, data))
        }
        _ => None,
    }
}

fn account(value: &Value) -> Option<AccountId> {
    value.as_str()?.parse().ok()
}

/// What the document says now; nothing if it is gone.
fn body(engine: &Engine, it: &DocumentEvent) -> Option<Map<String, Value>> {
    let document = engine.document(it.kind, &it.id)?;
    serde_json::from_slice(&document.body).ok()
}
