//! `farthing wallet`: make a wallet, look into it, fill it with play money.
//!
//! Invariant: the seed is never printed.

use std::path::{Path, PathBuf};

use client::{NodeClient, PayerAccount, Timeouts, Wallet};
use evidence::statement::STATEMENT_BYTES_MAX;
use http402::x402::network_name;
use instrument::payer_account;
use money::Asset;

use crate::cli::{WalletArgs, WalletCommand, WalletFile};
use crate::failure::Failure;
use crate::{operator, term};

const SECOND_MS: u64 = 1_000;
/// Longest wait for a statement: the node may have to read a long history.
const STATEMENT_MS: u64 = 60_000;

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
        WalletCommand::Statement { output, asset } => {
            statement(&wallet, output.as_deref(), asset.as_deref()).await
        }
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

async fn new(node_url: &str, path: &Path) -> Result<(), Failure> {
    let node = NodeClient::new(node_url, Timeouts::default())?;
    let wallet = Wallet::generate(node.url(), node.facts().await?.node)?;
    wallet.save(path)?;
    term::line(&format!("wallet   {}", path.display()));
    term::line(&format!("key      {}", wallet.public_key()));
    term::line(&format!("network  {}", network_name(wallet.network())));
    Ok(())
}

async fn show(wallet: &Wallet, node: &NodeClient, path: &Path) -> Result<(), Failure> {
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

/// Gets the statement as the node wrote it; whether it holds is for `farthing verify` to say.
async fn statement(
    wallet: &Wallet,
    output: Option<&Path>,
    code: Option<&str>,
) -> Result<(), Failure> {
    let timeouts = Timeouts { node_ms: STATEMENT_MS, ..Timeouts::default() };
    let node = NodeClient::new(wallet.node_url(), timeouts)?;
    let asset = operator::asset(&node, code).await?;
    let account = payer_account(&wallet.public_key(), asset);
    let got = node.statement(wallet.key(), wallet.network(), account, STATEMENT_BYTES_MAX).await?;
    let bytes = got.ok_or_else(|| {
        Failure::new(format!("the node does not know {account}: no money has entered yet"))
    })?;
    let Some(path) = output else {
        term::line(String::from_utf8_lossy(&bytes).trim_end());
        return Ok(());
    };
    let failed = |why| Failure::new(format!("{} cannot be written: {why}", path.display()));
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, &bytes).and_then(|()| std::fs::rename(&part, path)).map_err(failed)?;
    let shown = path.display();
    term::note(&format!("hint: check it with `farthing verify statement {shown}`"));
    Ok(())
}

/// `2026-11-23 02:30:00` for Unix milliseconds.
fn utc(unix_ms: u64) -> String {
    http402::utc(unix_ms / SECOND_MS).replace('T', " ").replace('Z', "")
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_written_for_people() {
        assert_eq!(super::utc(1_798_761_599_999), "2026-12-31 23:59:59");
    }
}
