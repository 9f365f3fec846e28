//! The command line of the log: mirrors, verdicts, forgetting.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OperatorArgs;

const LOG_EXAMPLES: &str = "\
Examples:
  farthing log export --node https://pay.example --to /srv/log --log 'pay.example/log+...'
  farthing log verify /srv/log --log 'pay.example/log+...'
  farthing log guard --create /mnt/other-disk/pay.example.guard";

#[derive(Debug, Args)]
#[command(after_help = LOG_EXAMPLES)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    pub(crate) command: LogCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Mirror a log into a folder that any static host can serve.
    Export(LogExportArgs),
    /// Check every file of a mirror.
    Verify(LogCheckArgs),
    /// Make the second memory of what a node signed, named in its configuration as `guard`.
    Guard {
        /// Where; best on another disk than the data folder. One that is there stays as it is.
        #[arg(long, value_name = "PATH")]
        create: PathBuf,
    },
}

/// Whom to believe.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// The log's key, as its operator publishes it elsewhere; no witness is asked for.
    #[arg(long = "log", value_name = "VKEY", conflicts_with = "policy")]
    pub(crate) log: Vec<String>,
    /// A policy: which logs are believed, and which witnesses must have seen them.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  farthing log export --node https://pay.example --to /srv/log --log 'pay.example/log+...'
  farthing log export --prefix https://mirror.example/pay --to copy --policy pay.policy

Fetches what is new since the last time. Every entry is checked against its tile, every tile against
the root, the checkpoint against the key, and the new checkpoint against the one in the folder. If
anything is wrong, it is named and the folder stays as it was; the checkpoint is written last.
Exit codes: 0 done, 1 failed, 2 wrong usage, 5 the log was damaged, set back or forked.";

#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct LogExportArgs {
    /// The node; its log is below `/log`.
    #[arg(long, value_name = "URL", conflicts_with = "prefix", required_unless_present = "prefix")]
    pub(crate) node: Option<String>,
    /// Where the log is if not at its node, for example at a mirror: the checkpoint is at
    /// `URL/checkpoint`.
    #[arg(long, value_name = "URL")]
    pub(crate) prefix: Option<String>,
    /// The mirror; made if it does not exist.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  farthing log verify /srv/log --log 'pay.example/log+...'
  farthing log verify /srv/log --policy pay.policy

Exit codes: 0 sound, 1 the check could not be made, 2 wrong usage, 5 damage was found.";

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct LogCheckArgs {
    /// The mirror.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  farthing verify receipt payment.tlog-proof --log 'pay.example/log+...'
  curl -s https://pay.example/v1/receipts/pay_.../proof | farthing verify receipt - --policy p.txt
  farthing verify statement statement.json --policy p.txt

Nobody is asked: the file and the key are enough. The key must not come from where the file comes
from.
Exit codes: 0 proven, 1 the file cannot be read, 2 wrong usage, 5 nothing is proven.";

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArgs {
    #[command(subcommand)]
    pub(crate) command: VerifyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// What a `.tlog-proof` proves: that a payment is an entry of the log.
    Receipt(VerifyFile),
    /// What a statement proves: that these are all entries of an account, and what it is owed.
    Statement(VerifyFile),
}

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyFile {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Print the verdict as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

const FORGET_EXAMPLES: &str = "\
Examples:
  farthing forget acc_0000000000000000000000002d --yes
  FARTHING_OPERATOR_TOKEN=... farthing forget acc_... --yes --node https://pay.example

Destroys what opens the account's entries of the log up to now. The log stays valid, and receipts
that somebody keeps stay good. It cannot be undone; backups made before still open the entries.";

#[derive(Debug, Args)]
#[command(after_help = FORGET_EXAMPLES)]
pub(crate) struct ForgetArgs {
    /// The account.
    pub(crate) account: String,
    /// It is meant.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}
