//! `farthing webhook`, `farthing events` and `farthing trigger`: the operator's hand on webhooks.
//!
//! The node decides; these say what it answered.

use engine::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::cli::{
    AddArgs, DeliveriesArgs, EventsArgs, EventsCommand, ReplayArgs, TriggerArgs, WebhookArgs,
    WebhookCommand,
};
use crate::failure::Failure;
use crate::operator::connect;
use crate::term;

/// Carries out `farthing webhook`.
pub(crate) async fn run(args: WebhookArgs) -> Result<(), Failure> {
    match args.command {
        WebhookCommand::List { operator } => {
            let (node, token) = connect(&operator)?;
            list(&node.webhook_endpoints(&token).await?);
        }
        WebhookCommand::Add(args) => add(&args).await?,
        WebhookCommand::Deliveries(args) => deliveries(&args).await?,
        WebhookCommand::Redeliver { delivery, operator } => {
            let (node, token) = connect(&operator)?;
            term::line(&node.redeliver(&token, &delivery).await?.to_string());
        }
    }
    Ok(())
}

/// Carries out `farthing events`.
pub(crate) async fn events(args: EventsArgs) -> Result<(), Failure> {
    let EventsCommand::Replay(ReplayArgs { endpoint, since, operator }) = args.command;
    let since_ms = since_ms(&since, SystemClock.now_ms())?;
    let (node, token) = connect(&operator)?;
    term::line(&node.replay(&token, &endpoint, since_ms).await?.to_string());
    Ok(())
}

/// Carries out `farthing trigger`.
pub(crate) async fn trigger(args: TriggerArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    term::line(&node.trigger(&token, &args.event).await?.to_string());
    Ok(())
}

async fn add(args: &AddArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let mut wanted = json!({
        "url": args.url,
        "events": args.events,
        "signature": if args.ed25519 { "ed25519" } else { "hmac" },
    });
    if !args.accounts.is_empty() {
        wanted["accounts"] = json!(args.accounts);
    }
    let made = node.add_webhook_endpoint(&token, &wanted).await?;
    term::line(&made.to_string());
    term::note("the secret is shown this once");
    Ok(())
}

async fn deliveries(args: &DeliveriesArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let page = node.deliveries(&token, &args.endpoint, args.state.as_deref()).await?;
    if args.json {
        term::line(&page.to_string());
        return Ok(());
    }
    let head = ["DELIVERY", "EVENT", "TYPE", "STATE", "FAILURES", "STATUS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for delivery in members(&page) {
        let columns = ["delivery", "event", "type", "state", "failures", "status"];
        rows.push(columns.map(|name| text(&delivery[name])).to_vec());
    }
    term::table(&rows, 4);
    Ok(())
}

fn list(page: &Value) {
    let head = ["ENDPOINT", "URL", "EVENTS", "STATE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for endpoint in members(page) {
        let events: Vec<String> =
            endpoint["events"].as_array().into_iter().flatten().map(text).collect();
        let state = match (&endpoint["active"], &endpoint["disabled"]) {
            (Value::Bool(true), _) => "active".to_owned(),
            (_, Value::Null) => "off".to_owned(),
            (_, why) => format!("switched off: {}", text(why)),
        };
        rows.push(vec![
            text(&endpoint["webhook_endpoint"]),
            text(&endpoint["url"]),
            events.join(","),
            state,
        ]);
    }
    term::table(&rows, 4);
}

fn members(page: &Value) -> impl Iterator<Item = &Value> {
    page["data"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `90m`, `12h`, `3d` ago, or Unix milliseconds.
fn since_ms(text: &str, now_ms: u64) -> Result<u64, Failure> {
    let unit_ms = match text.chars().last() {
        Some('s') => Some(1_000),
        Some('m') => Some(60 * 1_000),
        Some('h') => Some(60 * 60 * 1_000),
        Some('d') => Some(24 * 60 * 60 * 1_000),
        _ => None,
    };
    let read = match unit_ms {
        Some(unit_ms) => {
            let count: Option<u64> = text[..text.len() - 1].parse().ok();
            count.map(|count| now_ms.saturating_sub(count.saturating_mul(unit_ms)))
        }
        None => text.parse().ok(),
    };
    read.ok_or_else(|| {
        Failure::usage(format!("`{text}` is not a time"))
            .with_hint("write how long ago, such as 90m, 12h or 3d, or Unix milliseconds")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_so_long_ago_or_a_number() {
        let now_ms = 1_000_000_000;
        assert_eq!(since_ms("90m", now_ms).unwrap(), now_ms - 5_400_000);
        assert_eq!(since_ms("3d", now_ms).unwrap(), now_ms - 259_200_000);
        assert_eq!(since_ms("99999999999d", now_ms).unwrap(), 0);
        assert_eq!(since_ms("1700000000000", now_ms).unwrap(), 1_700_000_000_000);
        for text in ["", "d", "1w", "-1h", "yesterday", "é"] {
            assert!(since_ms(text, now_ms).is_err(), "{text}");
        }
    }
}
