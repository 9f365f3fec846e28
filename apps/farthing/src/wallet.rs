//! `farthing wallet`: make a wallet, look into it, fill it with play money.
//!
//! Invariant: the seed is never printed.

use std::path::PathBuf;

use client::{NodeClient, PayerAccount, Timeouts, Wallet};
use http402::x402::network_name;
use instrument::payer_account;
use money::Asset;

use crate::cli::{WalletArgs, WalletCommand, WalletFile};
use crate::failure::Failure;
use crate::term;

/// Milliseconds of a day, an hour, a minute and a second.
const DAY_MS: u64 = 24 * HOUR_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const SECOND_MS: u64 = 1_000;

/// Carries out a wallet command.
pub(crate) async fn run(args: WalletArgs) -> Result<(), Failure> {
    let path = path(&args.wallet)?;
    if let WalletCommand::New { node } = &args.command {
        return new(node, &path).await;
    }
    let wallet = Wallet::load(&path)?;
    let node = NodeClient::new(wallet.node_url(), Timeouts::default())?;
    match args.command {
        WalletCommand::Show => show(&wallet, &node, &path).await,
        WalletCommand::Balance => balance(&wallet, &node).await,
        WalletCommand::History => history(&wallet, &node).await,
        WalletCommand::TopUp => {
            let available = node.faucet(&wallet.public_key()).await?;
            term::line(&available.to_string());
            Ok(())
        }
        // Made above, before there is a wallet to load.
        WalletCommand::New { .. } => Ok(()),
    }
}

/// The wallet file that was named, or the usual one.
pub(crate) fn path(file: &WalletFile) -> Result<PathBuf, Failure> {
    file.path.clone().or_else(client::default_path).ok_or_else(|| {
        Failure::usage("there is no home folder to keep a wallet in")
            .with_hint("name a file with --wallet")
    })
}

async fn new(node_url: &str, path: &std::path::Path) -> Result<(), Failure> {
    let node = NodeClient::new(node_url, Timeouts::default())?;
    let wallet = Wallet::generate(node.url(), node.facts().await?.node)?;
    wallet.save(path)?;
    term::line(&format!("wallet   {}", path.display()));
    term::line(&format!("key      {}", wallet.public_key()));
    term::line(&format!("network  {}", network_name(wallet.network())));
    Ok(())
}

async fn show(wallet: &Wallet, node: &NodeClient, path: &std::path::Path) -> Result<(), Failure> {
    term::line(&format!("wallet   {}", path.display()));
    term::line(&format!("key      {}", wallet.public_key()));
    term::line(&format!("network  {}", network_name(wallet.network())));
    term::line(&format!("node     {}", node.url()));
    for facts in node.facts().await?.assets {
        let asset = Asset::new(facts.asset.as_str(), facts.scale);
        let asset = asset.map_err(|why| Failure::new(format!("the node's asset: {why}")))?;
        let account = payer_account(&wallet.public_key(), asset);
        term::line(&format!("account  {account} ({})", facts.asset.as_str()));
    }
    Ok(())
}

async fn account(wallet: &Wallet, node: &NodeClient) -> Result<Option<PayerAccount>, Failure> {
    Ok(node.payer(wallet.key(), wallet.network()).await?)
}

async fn balance(wallet: &Wallet, node: &NodeClient) -> Result<(), Failure> {
    let Some(account) = account(wallet, node).await? else {
        term::line("0");
        term::note("hint: no money has entered yet; on a sandbox: farthing wallet top-up");
        return Ok(());
    };
    term::line(&account.available()?.to_string());
    let held = account.held()?;
    if held.units() > 0 {
        term::note(&format!("{held} more is held for payments under way"));
    }
    Ok(())
}

async fn history(wallet: &Wallet, node: &NodeClient) -> Result<(), Failure> {
    let Some(account) = account(wallet, node).await? else {
        term::note("nothing was paid yet");
        return Ok(());
    };
    let head = ["TIME (UTC)", "PAYMENT", "STATE", "DESCRIPTION", "AMOUNT"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for payment in &account.payments {
        rows.push(vec![
            utc(payment.at_ms),
            payment.payment.to_string(),
            payment.state.clone(),
            term::plain(&payment.description),
            account.amount_of(payment)?.to_string(),
        ]);
    }
    term::table(&rows, 4);
    Ok(())
}

/// `2026-11-23 02:30:00` for Unix milliseconds, by counting the days of years and months.
fn utc(unix_ms: u64) -> String {
    let (mut days, rest) = (unix_ms / DAY_MS, unix_ms % DAY_MS);
    let mut year = 1970_u64;
    while days >= year_days(year) {
        days -= year_days(year);
        year += 1;
    }
    let february = year_days(year) - 337;
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in months {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute) = (rest / HOUR_MS, rest % HOUR_MS / MINUTE_MS);
    let second = rest % MINUTE_MS / SECOND_MS;
    format!("{year}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}", days + 1)
}

const fn year_days(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if leap { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed apart: `date -u -d ... +%s`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_251_200, "2024-03-01 00:00:00"),
            (1_798_761_599, "2026-12-31 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(utc(seconds * 1_000), text);
        }
    }
}
