//! `farthing payout`, `farthing statement`, `farthing refund`: what the API answers, on standard
//! output.
//!
//! Invariant: a refund or payout is asked for under a key that follows from what is asked, unless another
//! is named, so a repeated command moves money once.

use client::NodeClient;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cli::{
    OperatorArgs, PayoutArgs, PayoutCommand, PayoutListArgs, PayoutRequestArgs, RefundArgs,
    StatementArgs,
};
use crate::failure::Failure;
use crate::operator::connect;

/// Everything about payouts.
pub(crate) async fn payout(args: PayoutArgs) -> Result<(), Failure> {
    match args.command {
        PayoutCommand::Request(args) => request(args).await,
        PayoutCommand::List(args) => list(args).await,
        PayoutCommand::Hold(args) => step(&args.operator, &args.payout, "hold").await,
        PayoutCommand::Release(args) => step(&args.operator, &args.payout, "release").await,
        PayoutCommand::Cancel(args) => step(&args.operator, &args.payout, "cancel").await,
        PayoutCommand::Paid(args) => step(&args.operator, &args.payout, "paid").await,
        PayoutCommand::Export(args) => {
            let (method, query) = match args.again {
                Some(at_ms) => (Method::GET, format!("?exported_at_ms={at_ms}")),
                None => (Method::POST, String::new()),
            };
            print(&args.operator, method, &format!("/v1/payouts/export{query}"), None, None).await
        }
    }
}

/// An account's statement.
pub(crate) async fn statement(args: StatementArgs) -> Result<(), Failure> {
    let from_ms = args.from.as_deref().map(day_ms).transpose()?.unwrap_or(0);
    let to_ms = args.to.as_deref().map(day_ms).transpose()?.unwrap_or(u64::MAX);
    let StatementArgs { account, format, .. } = &args;
    let path =
        format!("/v1/statements?account={account}&format={format}&from_ms={from_ms}&to_ms={to_ms}");
    print(&args.operator, Method::GET, &path, None, None).await
}

/// Pays a payment back.
pub(crate) async fn refund(args: RefundArgs) -> Result<(), Failure> {
    let RefundArgs { payment, units, reason, idempotency_key, operator } = args;
    let body = json!({"payment": payment, "amount": units, "reason": reason});
    let key = idempotency_key.unwrap_or_else(|| derived_key(&body));
    print(&operator, Method::POST, "/v1/refunds", Some(&key), Some(&body)).await
}

async fn request(args: PayoutRequestArgs) -> Result<(), Failure> {
    let PayoutRequestArgs { account, units, name, iban, bic, idempotency_key, operator } = args;
    let creditor = json!({"name": name, "iban": iban, "bic": bic});
    let body = json!({"account": account, "amount": units, "creditor": creditor});
    let key = match idempotency_key {
        Some(key) => key,
        None => random_key()?,
    };
    print(&operator, Method::POST, "/v1/payouts", Some(&key), Some(&body)).await
}

async fn list(args: PayoutListArgs) -> Result<(), Failure> {
    let given = [("account", args.account), ("state", args.state)];
    let given = given.into_iter().filter_map(|(name, value)| Some(format!("&{name}={}", value?)));
    let path = format!("/v1/payouts?limit=100{}", given.collect::<String>());
    print(&args.operator, Method::GET, &path, None, None).await
}

async fn step(operator: &OperatorArgs, payout: &str, step: &str) -> Result<(), Failure> {
    print(operator, Method::POST, &format!("/v1/payouts/{payout}/{step}"), None, None).await
}

/// Calls and writes the answer as it comes.
async fn print(
    operator: &OperatorArgs,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: Option<&Value>,
) -> Result<(), Failure> {
    let (node, token): (NodeClient, String) = connect(operator)?;
    let answer = node.call(&token, (method, path), key, body).await?;
    answer.write_to(&mut tokio::io::stdout(), |_| {}).await?;
    Ok(())
}

/// The begin of a day in UTC, Unix milliseconds.
fn day_ms(day: &str) -> Result<u64, Failure> {
    report::day_begin_ms(day).ok_or_else(|| {
        Failure::usage(format!("`{day}` is not a day")).with_hint("write it as 2026-01-31")
    })
}

/// Follows from what is asked.
fn derived_key(body: &Value) -> String {
    let digest = Sha256::digest(body.to_string());
    instrument::hex::Hex(&digest[..16]).to_string()
}

/// Two payouts of all that there is look the same, so nothing can be derived from them.
fn random_key() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("the system gives no random numbers: {error}")))?;
    Ok(instrument::hex::Hex(&bytes).to_string())
}
