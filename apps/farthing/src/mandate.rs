//! `farthing mandate`: budgets for other keys: granted, passed on, shown, paused, ended.
//!
//! Invariant: passing on asks nobody and reads no more than the wallet and the file.

use std::num::NonZeroU64;

use client::{Chain, Mandate, NodeClient, Timeouts, Wallet};
use engine::{Clock as _, SystemClock};
use instrument::{Audience, Limits, Payees, UNLIMITED, UnitPrice};
use money::{Amount, Asset, MandateId, parse_base_units};

use crate::cli::{GrantArgs, MandateArgs, MandateCommand};
use crate::failure::Failure;
use crate::{operator, term, wallet};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long a root is good for by default.
const ROOT_DAYS: u16 = 30;

/// Carries out a command about mandates.
pub(crate) async fn run(args: MandateArgs) -> Result<(), Failure> {
    let wallet = Wallet::load(&wallet::path(&args.wallet)?)?;
    let node = NodeClient::new(wallet.node_url(), Timeouts::default())?;
    match args.command {
        MandateCommand::New { grant, asset, label } => {
            let asset = operator::asset(&node, asset.as_deref()).await?;
            new(&wallet, &node, &grant, (asset, &label)).await
        }
        MandateCommand::Attenuate { mandate, grant } => {
            let above = Chain::load(&mandate)?;
            let limits = limits(&grant, above.last().asset, &above.last().limits)?;
            let chain = above.attenuate(wallet.key(), grant.delegate, &limits)?;
            keep(&chain, &grant)
        }
        MandateCommand::List => list(&wallet, &node).await,
        MandateCommand::Show { mandate } => show(&wallet, &node, mandate).await,
        MandateCommand::Pause { mandate } => {
            Ok(node.pause(wallet.key(), wallet.network(), mandate, true).await?)
        }
        MandateCommand::Resume { mandate } => {
            Ok(node.pause(wallet.key(), wallet.network(), mandate, false).await?)
        }
        MandateCommand::Revoke { mandate } => {
            Ok(node.revoke(wallet.key(), wallet.network(), mandate).await?)
        }
    }
}

async fn new(
    wallet: &Wallet,
    node: &NodeClient,
    grant: &GrantArgs,
    (asset, label): (Asset, &str),
) -> Result<(), Failure> {
    let expires_at_ms = now_ms().saturating_add(u64::from(ROOT_DAYS) * DAY_MS);
    let widest = Limits {
        per_payment: UNLIMITED,
        per_day: UNLIMITED,
        per_month: UNLIMITED,
        total: UNLIMITED,
        unit_price: None,
        expires_at_ms,
        depth: 0,
        payees: Payees::ANY,
        audience: None,
    };
    let limits = limits(grant, asset, &widest)?;
    let terms = (asset, &limits);
    let chain =
        Chain::root(wallet.node_url(), wallet.network(), wallet.key(), grant.delegate, terms)?;
    node.register(&chain, label).await?;
    keep(&chain, grant)
}

fn keep(chain: &Chain, grant: &GrantArgs) -> Result<(), Failure> {
    chain.save(&grant.output)?;
    term::line(&chain.last().id().to_string());
    Ok(())
}

/// What was asked for; the rest as above.
fn limits(grant: &GrantArgs, asset: Asset, above: &Limits) -> Result<Limits, Failure> {
    let amount = |text: &Option<String>, above: u128| match text {
        None => Ok(above),
        Some(text) => units(text, asset),
    };
    let unit_price = match &grant.unit_price {
        None => above.unit_price,
        Some(text) => Some(unit_price(text, asset)?),
    };
    let payees = match grant.payees.as_slice() {
        [] => above.payees,
        named => Payees::new(named).map_err(|why| Failure::usage(why.to_string()))?,
    };
    let days = grant.days.map(|days| now_ms().saturating_add(u64::from(days) * DAY_MS));
    Ok(Limits {
        per_payment: amount(&grant.per_payment, above.per_payment)?,
        per_day: amount(&grant.per_day, above.per_day)?,
        per_month: amount(&grant.per_month, above.per_month)?,
        total: amount(&grant.total, above.total)?,
        unit_price,
        expires_at_ms: days.unwrap_or(above.expires_at_ms),
        depth: grant.depth,
        payees,
        audience: grant.origin.as_deref().map(Audience::of_origin).or(above.audience),
    })
}

fn units(text: &str, asset: Asset) -> Result<u128, Failure> {
    let amount = Amount::parse_decimal(text, asset);
    let wrong = |why| Failure::usage(format!("`{text}` is not an amount of {asset}: {why}"));
    Ok(amount.map_err(wrong)?.units())
}

fn unit_price(text: &str, asset: Asset) -> Result<UnitPrice, Failure> {
    let wrong = || Failure::usage(format!("`{text}` is not a price such as `0.002/1000`"));
    let (price, per) = text.split_once('/').ok_or_else(wrong)?;
    let per: NonZeroU64 = per.parse().map_err(|_| wrong())?;
    Ok(UnitPrice { price: units(price, asset)?, per })
}

async fn list(wallet: &Wallet, node: &NodeClient) -> Result<(), Failure> {
    let account = node.payer(wallet.key(), wallet.network()).await?;
    let mandates = account.map(|account| account.mandates).unwrap_or_default();
    if mandates.is_empty() {
        term::note("no mandate was granted yet");
        return Ok(());
    }
    let head = ["MANDATE", "BELOW", "LABEL", "STATE", "SPENT", "LEFT NOW"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for mandate in &mandates {
        rows.push(vec![
            mandate.mandate.clone(),
            mandate.parent.clone().unwrap_or_default(),
            term::plain(&mandate.label),
            mandate.state().to_owned(),
            decimal(mandate, Some(&mandate.spent)),
            decimal(mandate, mandate.remaining.as_ref()),
        ]);
    }
    term::table(&rows, 5);
    Ok(())
}

async fn show(wallet: &Wallet, node: &NodeClient, id: MandateId) -> Result<(), Failure> {
    let found = node.mandate(wallet.key(), wallet.network(), id).await?;
    let unknown = || Failure::new(format!("this wallet neither granted {id} nor may pay under it"));
    let mandate = found.ok_or_else(unknown)?;
    term::line(&format!("mandate      {id}"));
    if let Some(parent) = &mandate.parent {
        term::line(&format!("below        {parent}"));
    }
    term::line(&format!("delegate     {}", term::plain(&mandate.delegate)));
    term::line(&format!("state        {}", mandate.state()));
    for (name, units) in [
        ("per payment", &mandate.per_payment),
        ("per day", &mandate.per_day),
        ("per month", &mandate.per_month),
        ("total", &Some(mandate.total.clone())),
        ("spent", &Some(mandate.spent.clone())),
        ("left now", &mandate.remaining),
    ] {
        term::line(&format!("{name:<12} {}", decimal(&mandate, units.as_ref())));
    }
    term::line(&format!("passed on    {} times more at most", mandate.depth));
    Ok(())
}

fn decimal(mandate: &Mandate, units: Option<&String>) -> String {
    let Some(units) = units.and_then(|text| parse_base_units(text).ok()) else {
        return "no limit".to_owned();
    };
    let asset = mandate.asset.zip(mandate.scale);
    let asset = asset.and_then(|(code, scale)| Asset::new(code.as_str(), scale).ok());
    match asset {
        _ if units == UNLIMITED => "no limit".to_owned(),
        Some(asset) => Amount::new(units, asset).to_string(),
        None => format!("{units} base units"),
    }
}

fn now_ms() -> u64 {
    SystemClock.now_ns() / 1_000_000
}
