//! `farthing accounts` and `farthing fund`: the operator's view, and money that enters.
//!
//! Invariant: a repeated `fund` lets nothing more enter, because its key is derived from what it
//! says unless the operator names another.

use client::{Enters, NodeClient, Receiver, Timeouts};
use instrument::PublicKey;
use instrument::hex::Hex;
use money::{Amount, Asset};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cli::{AccountsArgs, FundArgs, OperatorArgs};
use crate::data;
use crate::failure::Failure;
use crate::term;
use crate::vault::Vault;

const TOKEN_VARIABLE: &str = "FARTHING_OPERATOR_TOKEN";

/// Lists every account and whether the books balance.
pub(crate) async fn accounts(args: AccountsArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let accounts = node.accounts(&token).await?;
    let books = node.books(&token).await?;
    if args.json {
        term::line(&json!({"accounts": accounts, "books": books}).to_string());
        return Ok(());
    }
    let head = ["ACCOUNT", "ROLE", "LABEL", "AVAILABLE", "HELD"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for account in &accounts {
        rows.push(vec![
            account.account.to_string(),
            account.role.clone(),
            account.label.clone(),
            account.available()?.to_string(),
            account.held()?.to_string(),
        ]);
    }
    term::table(&rows, 3);
    for sums in &books.books {
        let (debits, credits) = (sums.amount(&sums.debits)?, sums.amount(&sums.credits)?);
        let word = if sums.balanced { "balanced" } else { "NOT BALANCED" };
        term::line(&format!("books: debits {debits}, credits {credits}: {word}"));
    }
    if books.balanced { Ok(()) } else { Err(Failure::new("the books do not balance")) }
}

/// Lets money enter through the treasury.
pub(crate) async fn fund(args: FundArgs) -> Result<(), Failure> {
    let receiver = receiver(&args.receiver)?;
    let (node, token) = connect(&args.operator)?;
    let asset = asset(&node, args.asset.as_deref()).await?;
    let amount = Amount::parse_decimal(&args.amount, asset).map_err(|why| {
        Failure::usage(format!("`{}` is not an amount: {why}", args.amount))
            .with_hint("write a decimal such as 5 or 0.50")
    })?;
    let key = args
        .idempotency_key
        .unwrap_or_else(|| derived_key(&args.receiver, amount, &args.reference));
    let enters = Enters { receiver, amount, reference: &args.reference, idempotency_key: &key };
    let funded = node.fund(&token, &enters).await?;
    if funded.replayed {
        term::note("this event has entered before; nothing was changed");
    }
    let answer = json!({
        "transfer": funded.transfer,
        "account": funded.account,
        "amount": amount.to_string(),
        "balance_units": funded.balance,
        "replayed": funded.replayed,
        "idempotency_key": key,
    });
    term::line(&answer.to_string());
    Ok(())
}

pub(crate) fn connect(args: &OperatorArgs) -> Result<(NodeClient, String), Failure> {
    let folder = args.data.display();
    let url = match &args.node {
        Some(url) => url.clone(),
        None => data::running(&args.data).map_err(|error| {
            Failure::new(format!("no running node is found in {folder}: {error}"))
                .with_hint("name its data folder with --data, or its URL with --node")
        })?,
    };
    let token = match std::env::var(TOKEN_VARIABLE) {
        Ok(token) if !token.is_empty() => token,
        _ => token(args)?,
    };
    Ok((NodeClient::new(&url, Timeouts::default())?, token))
}

fn token(args: &OperatorArgs) -> Result<String, Failure> {
    let vault = Vault::open(&args.data, args.seal.seal_key.as_deref())?;
    vault.read(data::OPERATOR_TOKEN).map_err(|error| {
        let text = format!("the operator's token is missing: {error}");
        let usual = format!("name the data folder with --data, or set {TOKEN_VARIABLE}");
        Failure::new(text).with_hint(error.hint().map_or(usual, str::to_owned))
    })
}

fn receiver(text: &str) -> Result<Receiver, Failure> {
    if let Some(key) = PublicKey::from_hex(text) {
        return Ok(Receiver::Key(key));
    }
    text.parse().map(Receiver::Account).map_err(|why: money::IdError| {
        Failure::usage(format!("`{text}` is neither an account nor a key: {why}"))
            .with_hint("`farthing accounts` lists accounts, `farthing wallet show` a key")
    })
}

/// The asset that was named, or the only one.
pub(crate) async fn asset(node: &NodeClient, code: Option<&str>) -> Result<Asset, Failure> {
    let carried = node.facts().await?.assets;
    let named = |text: &str| carried.iter().find(|facts| facts.asset.as_str() == text);
    let found = match (code, carried.as_slice()) {
        (Some(code), _) => named(code).ok_or_else(|| format!("the node carries no {code}")),
        (None, [only]) => Ok(only),
        (None, []) => Err("the node carries no asset".to_owned()),
        (None, _) => Err("the node carries several assets".to_owned()),
    };
    let codes: Vec<&str> = carried.iter().map(|facts| facts.asset.as_str()).collect();
    let hint = format!("name one of {} with --asset", codes.join(", "));
    let found = found.map_err(|text| Failure::usage(text).with_hint(hint))?;
    let asset = Asset::new(found.asset.as_str(), found.scale);
    asset.map_err(|why| Failure::new(format!("the node's asset is malformed: {why}")))
}

/// The same event, the same key.
fn derived_key(receiver: &str, amount: Amount, reference: &str) -> String {
    let parts = [receiver, &amount.to_string(), reference];
    let mut digest = Sha256::new_with_prefix(b"farthing/fund-key/1");
    for part in parts {
        digest.update(part.len().to_string());
        digest.update([b':']);
        digest.update(part);
    }
    format!("fund-{}", Hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_has_the_same_key_and_no_other_has() {
        let usd = Asset::new("USD", 9).unwrap();
        let key = |receiver, units, text| derived_key(receiver, Amount::new(units, usd), text);
        assert_eq!(key("a", 1, "r"), key("a", 1, "r"));
        let others = [key("b", 1, "r"), key("a", 2, "r"), key("a", 1, "s")];
        assert!(others.iter().all(|other| *other != key("a", 1, "r")));
    }
}
