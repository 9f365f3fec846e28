//! The command line of `farthing mandate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use instrument::PublicKey;
use money::{AccountId, MandateId};

use super::WalletFile;

const EXAMPLES: &str = "\
Examples:
  farthing mandate new --delegate KEY --total 5 --per-day 1 --depth 1 -o agent.json
  farthing mandate attenuate agent.json --delegate KEY --total 0.5 -o sub-agent.json
  farthing pay http://127.0.0.1:4020/articles/1 --mandate sub-agent.json
  farthing mandate pause man_...

A mandate lets another key pay from this wallet's account within limits. Its file is no secret: it is
worth something only with the delegate's key, which `farthing wallet show` prints. Days and months are
UTC. Amounts are decimals.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MandateArgs {
    #[command(flatten)]
    pub(crate) wallet: WalletFile,
    #[command(subcommand)]
    pub(crate) command: MandateCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MandateCommand {
    /// Grant a budget from this wallet's account, and register it.
    New {
        #[command(flatten)]
        grant: GrantArgs,
        /// The asset; may be left out if the node carries one.
        #[arg(long, value_name = "CODE")]
        asset: Option<String>,
        /// What to call it.
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
    },
    /// Pass a part of a budget on to another key; asks nobody.
    Attenuate {
        /// The mandate that this wallet's key may pay under.
        mandate: PathBuf,
        #[command(flatten)]
        grant: GrantArgs,
    },
    /// List the mandates of this wallet's account, with what is left of them.
    List,
    /// Show one, that this wallet granted or may pay under.
    Show {
        /// The mandate.
        mandate: MandateId,
    },
    /// Stop one and all below it for now.
    Pause {
        /// The mandate.
        mandate: MandateId,
    },
    /// Let one go on that this wallet has paused.
    Resume {
        /// The mandate.
        mandate: MandateId,
    },
    /// End one and all below it for good.
    Revoke {
        /// The mandate.
        mandate: MandateId,
    },
}

/// Who may pay, and how much. What is left out is as above; of a root without limit.
#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// The key that may pay: 64 hex digits.
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub(crate) delegate: PublicKey,
    /// Most in all.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) total: Option<String>,
    /// Most for one payment.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) per_payment: Option<String>,
    /// Most for a day.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) per_day: Option<String>,
    /// Most for a month.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) per_month: Option<String>,
    /// Most for so many units of what is paid by the unit, such as `0.002/1000`.
    #[arg(long, value_name = "AMOUNT/COUNT")]
    pub(crate) unit_price: Option<String>,
    /// Good for so many days; 30 for a root.
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<u16>,
    /// How often it can be passed on, 0 to 7; 0 if left out.
    #[arg(long, value_name = "TIMES", default_value_t = 0)]
    pub(crate) depth: u8,
    /// An account that may be paid, up to four; anybody if left out.
    #[arg(long = "payee", value_name = "ACCOUNT")]
    pub(crate) payees: Vec<AccountId>,
    /// The only origin where it may be used, such as `https://magazine.example`.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Option<String>,
    /// Where the mandate goes, for the delegate's wallet.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: PathBuf,
}

fn key(text: &str) -> Result<PublicKey, &'static str> {
    PublicKey::from_hex(text).ok_or("a key has 64 lowercase hex digits")
}
