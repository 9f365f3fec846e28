//! `farthing demo --smoke`: every kind of purchase and refusal over real sockets, then the books.
//!
//! Invariant: what the payer's balance lost is exactly what the answers said was paid.

mod paid;
mod refused;
mod shop;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use axum::http::{HeaderName, HeaderValue};
use money::{Amount, Asset};
use serde_json::{Value, json};

use self::shop::{Answer, Ask, Shop};
use crate::term;

/// Where the demo listens.
pub(super) struct Places {
    pub site: String,
    /// A gateway whose upstream is down.
    pub down: String,
    pub node: String,
    pub operator_token: String,
    pub asset: Asset,
}

/// What one case is expected to give.
enum Expected {
    /// This status and this many base units paid.
    Paid(u16, u128),
    /// This status and code, nothing paid.
    Refused(u16, &'static str),
    /// This status, nothing paid, whatever the body says.
    Unpaid(u16),
}

struct Case {
    name: &'static str,
    expected: Expected,
    answer: Result<Answer>,
}

/// Runs everything and prints the table. `true` if all was as expected.
pub(super) async fn run(places: &Places) -> Result<bool> {
    let rich = Shop::new()?;
    let start = top_up(places, &rich).await?;
    let payees_before = payees(places).await?;
    let mut cases = paid::cases(places, &rich).await?;
    cases.extend(refused::cases(places, &rich).await?);

    let mut all_good = true;
    let mut paid_units = 0;
    term::line(&format!("{:<44} {:>6}  {:>12}  {}", "case", "status", "paid", "why"));
    for case in &cases {
        let (good, line, units) = judge(case, places.asset);
        paid_units += units;
        all_good &= good;
        term::line(&line);
    }
    let left = balance(places, &rich).await?;
    let books = books(places).await?;
    let income = income(&payees_before, &payees(places).await?);
    let spent = start.checked_sub(left).context("the payer has more than before")?;
    let exact = spent == paid_units;
    let amount = |units| Amount::new(units, places.asset);
    term::line("");
    term::line(&format!(
        "the payer's balance fell by {}, the answers said {}: {}",
        amount(spent),
        amount(paid_units),
        if exact { "equal" } else { "NOT EQUAL" }
    ));
    let split = income == paid::INCOME.map(|(name, units)| (name.to_owned(), units)).into();
    let income = income.iter().map(|(name, units)| format!("{name} {}", amount(*units)));
    let verdict = if split { "as agreed" } else { "NOT AS AGREED" };
    term::line(&format!("payees received {}: {verdict}", income.collect::<Vec<_>>().join(", ")));
    term::line(&format!("the books {}", if books { "sum to zero" } else { "DO NOT BALANCE" }));
    Ok(all_good && exact && split && books)
}

/// What each payee has, by name.
async fn payees(places: &Places) -> Result<BTreeMap<String, u128>> {
    let accounts = operator_view(places, &Shop::new()?, "/v1/accounts").await?;
    let accounts = accounts["accounts"].as_array().into_iter().flatten();
    let payees = accounts.filter(|account| account["role"] == "payee");
    payees
        .map(|account| {
            let name = account["label"].as_str().context("a payee has no name")?;
            Ok((name.to_owned(), available(account)?))
        })
        .collect()
}

fn income(
    before: &BTreeMap<String, u128>,
    after: &BTreeMap<String, u128>,
) -> BTreeMap<String, u128> {
    let gain = |(name, now): (&String, &u128)| {
        (name.clone(), now.saturating_sub(before.get(name).copied().unwrap_or(0)))
    };
    after.iter().map(gain).collect()
}

fn available(account: &Value) -> Result<u128> {
    let units = account["available"].as_str();
    Ok(money::parse_base_units(units.context("the account has no balance")?)?)
}

fn judge(case: &Case, asset: Asset) -> (bool, String, u128) {
    let answer = match &case.answer {
        Ok(answer) => answer,
        Err(error) => return (false, format!("FAIL {}: {error:#}", case.name), 0),
    };
    let charged = if answer.replayed() { 0 } else { answer.settled().unwrap_or(0) };
    let good = match case.expected {
        Expected::Paid(status, units) => answer.status == status && charged == units,
        Expected::Refused(status, code) => {
            answer.status == status && charged == 0 && answer.code() == code
        }
        Expected::Unpaid(status) => answer.status == status && charged == 0,
    };
    let paid = if charged == 0 { "-".to_owned() } else { Amount::new(charged, asset).to_string() };
    let code = answer.code();
    let why = match (code.is_empty(), answer.replayed()) {
        (_, true) => "the first answer again",
        (true, false) if answer.status == 402 => "the price",
        (true, false) if answer.status >= 300 => "passed on, not charged",
        (true, false) => "delivered",
        (false, false) => code.as_str(),
    };
    let mark = if good { "" } else { "  <-- NOT AS EXPECTED" };
    let line = format!("{:<44} {:>6}  {:>12}  {why}{mark}", case.name, answer.status, paid);
    (good, line, charged)
}

async fn top_up(places: &Places, shop: &Shop) -> Result<u128> {
    let body = json!({"key": shop.key.public().to_string()}).to_string();
    let answer = shop.ask(&json_post(format!("{}/v1/faucet", places.node), body)).await?;
    if answer.status != 200 {
        bail!("the faucet answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    balance(places, shop).await
}

/// What the operator sees in the payer's account.
async fn balance(places: &Places, shop: &Shop) -> Result<u128> {
    let id = instrument::payer_account(&shop.key.public(), places.asset).to_string();
    let accounts = operator_view(places, shop, "/v1/accounts").await?;
    let found = accounts["accounts"].as_array().into_iter().flatten();
    let mut found = found.filter(|account| account["account"] == id.as_str());
    available(found.next().context("the payer has no account")?)
}

async fn books(places: &Places) -> Result<bool> {
    let books = operator_view(places, &Shop::new()?, "/v1/books").await?;
    Ok(books["balanced"] == true)
}

async fn operator_view(places: &Places, shop: &Shop, path: &str) -> Result<Value> {
    let token = HeaderValue::from_str(&format!("Bearer {}", places.operator_token))?;
    let ask = Ask::get(format!("{}{path}", places.node));
    let answer = shop.ask(&ask.with((HeaderName::from_static("authorization"), token))).await?;
    serde_json::from_slice(&answer.body).with_context(|| format!("{path} gave no JSON"))
}

fn json_post(url: String, body: String) -> Ask {
    let kind = HeaderValue::from_static("application/json");
    Ask::post(url, body).with((HeaderName::from_static("content-type"), kind))
}
