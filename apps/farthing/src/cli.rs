//! The command line: names, defaults, help.

mod code;
mod keys;
mod log;
mod mandate;
mod mcp;
mod offer;
mod operate;
mod payee;
mod seal;
mod sponsor;
mod webhooks;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use code::{CodeArgs, CodeCommand, CodeNewArgs};
pub(crate) use keys::{KeyArgs, KeyCommand, NewKeyArgs, OperatorCommand, OperatorCommandArgs};
pub(crate) use log::{
    ForgetArgs, LogArgs, LogCheckArgs, LogCommand, LogExportArgs, TrustArgs, VerifyArgs,
    VerifyCommand, VerifyFile,
};
pub(crate) use mandate::{GrantArgs, MandateArgs, MandateCommand};
pub(crate) use mcp::McpArgs;
pub(crate) use offer::{
    OfferArgs, OfferChangeArgs, OfferCommand, OfferListArgs, OfferNewArgs, OfferOneArgs,
    OfferTermsArgs,
};
pub(crate) use operate::{ClockArgs, ClockCommand, CompletionsArgs, HealthArgs, ManArgs, TopArgs};
pub(crate) use payee::{
    PayoutArgs, PayoutCommand, PayoutListArgs, PayoutRequestArgs, RefundArgs, StatementArgs,
};
pub(crate) use seal::{SealArgs, SealCommand, SealCommandArgs};
pub(crate) use sponsor::{SponsorArgs, SponsorCommand, SponsorNewArgs};
pub(crate) use webhooks::{
    AddArgs, DeliveriesArgs, EventsArgs, EventsCommand, ListenArgs, ListenFormat, ReplayArgs,
    TriggerArgs, WebhookArgs, WebhookCommand,
};

use crate::logging::LogFormat;

const EXAMPLES: &str = "\
Examples:
  farthing demo                                   see everything at work in one process
  farthing serve --config farthing.toml           run a node and its gateways
  farthing wallet new --node http://127.0.0.1:4021
  farthing pay http://127.0.0.1:4020/articles/1 --max 0.01

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused or above the limit, 4 not enough money, 5 damage
was found.
Set NO_COLOR to get no colour, RUST_LOG to get more of the log on standard error.";

/// Payments below a cent, self-hosted.
#[derive(Debug, Parser)]
#[command(name = "farthing", version, about, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// How events on standard error are written.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "FARTHING_LOG_FORMAT",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a node and the gateways of its configuration.
    Serve(ServeArgs),
    /// Run gateways apart from their node; they keep no state.
    Gateway(GatewayArgs),
    /// Ask for a URL and pay for it if it has a price.
    Pay(PayArgs),
    /// Make a wallet, look into it, fill it with play money.
    Wallet(WalletArgs),
    /// Give other keys a budget, pass one on, stop and end it.
    Mandate(MandateArgs),
    /// List every account of a node, and whether its books balance.
    Accounts(AccountsArgs),
    /// Let money enter through the treasury.
    Fund(FundArgs),
    /// Show a running node at a glance, drawn again each second.
    Top(TopArgs),
    /// Show the clock of a sandbox node, or put it ahead.
    Clock(ClockArgs),
    /// Put prices on things, change them, take them back.
    Offer(OfferArgs),
    /// Make, list and delete discount codes.
    Code(CodeArgs),
    /// Let somebody pay for visitors, list and delete who does.
    Sponsor(SponsorArgs),
    /// Pay a settled payment back, all of it or a part.
    Refund(RefundArgs),
    /// State what an account had, got and gave: CSV, JSONL or camt.053.
    Statement(StatementArgs),
    /// Ask for payouts, and see them through to the bank.
    Payout(PayoutArgs),
    /// Say whether a node is ready.
    Health(HealthArgs),
    /// Make, list and delete API keys.
    Key(KeyArgs),
    /// Set the password of the operator's pages.
    Operator(OperatorCommandArgs),
    /// Make and change the key file that seals the secrets of a data folder.
    Seal(SealCommandArgs),
    /// Check a data folder or a backup, and explain what is wrong with it.
    Fsck(FsckArgs),
    /// Copy a data folder, also while its node runs.
    Backup(BackupArgs),
    /// Make a data folder from a backup, after checking it.
    Restore(RestoreArgs),
    /// Post the node's events, signed, to a port of this machine.
    Listen(ListenArgs),
    /// Let a sandbox send a made-up event.
    Trigger(TriggerArgs),
    /// Send events again.
    Events(EventsArgs),
    /// Endpoints of webhooks and what became of their deliveries.
    Webhook(WebhookArgs),
    /// Make the entries that the log has of an account unreadable for good.
    Forget(ForgetArgs),
    /// Mirror the log of a node, check a mirror, make the log's second memory.
    Log(LogArgs),
    /// Say what a receipt proves, without asking anybody.
    Verify(VerifyArgs),
    /// Run a witness: cosign the checkpoints of logs as long as they only grow.
    Witness(WitnessArgs),
    /// Give an agent tools to find, price and pay for things, over the Model Context Protocol.
    Mcp(McpArgs),
    /// Print the node's HTTP API as an OpenAPI 3.1 document.
    Openapi,
    /// Run a small magazine, its node and its payers in one process.
    Demo(DemoArgs),
    /// Print what completes commands in a shell.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command.
    Man(ManArgs),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  farthing serve --config farthing.toml
  farthing serve --config farthing.toml --print-config
  FARTHING_DATA=/var/lib/farthing farthing serve --config farthing.toml

Settings: defaults, then the file, then the environment, then flags. On SIGINT or SIGTERM the node
finishes what is under way, writes a snapshot and exits with 0.";

#[derive(Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "farthing.toml")]
    pub(crate) config: PathBuf,
    /// Where the node listens.
    #[arg(long, value_name = "ADDRESS:PORT", env = "FARTHING_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// The data folder; made if it does not exist.
    #[arg(long, value_name = "FOLDER", env = "FARTHING_DATA")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
    /// Start although the clock is behind the journal: the journal's time was the wrong one.
    #[arg(long)]
    pub(crate) accept_clock: bool,
    /// Begin a new log under this name if the books have one under another: the way out when that one
    /// has halted for good. Whoever checks receipts has to be told of it.
    #[arg(long, value_name = "NAME", value_parser = tlog::KeyName::new)]
    pub(crate) new_log: Option<tlog::KeyName>,
    /// Print the settings as they would be used, and exit.
    #[arg(long)]
    pub(crate) print_config: bool,
}

const GATEWAY_EXAMPLES: &str = "\
Examples:
  FARTHING_GATEWAY_TOKEN=... farthing gateway --node https://pay.example --config farthing.toml
  farthing gateway --node http://127.0.0.1:4021 --config farthing.toml --token-file gateway.token

The token is `gateway.token` in the node's data folder. Any number of gateways can serve one node.";

#[derive(Debug, Args)]
#[command(after_help = GATEWAY_EXAMPLES)]
pub(crate) struct GatewayArgs {
    /// The node that takes the payments.
    #[arg(long, value_name = "URL")]
    pub(crate) node: String,
    /// The configuration; its `[node]` counts only for `public_url`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Where the first gateway listens.
    #[arg(long, value_name = "ADDRESS:PORT", env = "FARTHING_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// A file with the gateway's token; else the environment's `FARTHING_GATEWAY_TOKEN` counts.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

const PAY_EXAMPLES: &str = "\
Examples:
  farthing pay http://127.0.0.1:4020/articles/1
  farthing pay http://127.0.0.1:4020/articles/1 --dry-run
  farthing pay http://127.0.0.1:4020/tune.wav -o tune.wav > receipt.json
  farthing pay http://127.0.0.1:4020/api/quote --data '{\"topic\":\"thrift\"}' --max 0.001

The content goes to standard output and the receipt to standard error; with -o the content goes to
the file and the receipt to standard output. One call signs one order: if the outcome is unknown, the
same order is presented again, never another one.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused or above the limit, 4 not enough money.";

#[derive(Debug, Args)]
#[command(after_help = PAY_EXAMPLES)]
pub(crate) struct PayArgs {
    /// What to ask for.
    pub(crate) url: String,
    /// Request method; POST if there is data.
    #[arg(long, short = 'X', value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// Request body; `@FILE` reads it from a file.
    #[arg(long, short = 'd', value_name = "TEXT")]
    pub(crate) data: Option<String>,
    /// A request header.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// The most to pay, in the asset of `--asset`.
    #[arg(long, value_name = "AMOUNT", default_value = "0.01")]
    pub(crate) max: String,
    /// The asset to pay in.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    pub(crate) asset: String,
    /// Pay under a mandate of another payer's, made by `farthing mandate`.
    #[arg(long, value_name = "FILE")]
    pub(crate) mandate: Option<PathBuf>,
    /// Print the price and pay nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write the content to a file.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) wallet: WalletFile,
    /// Reach the wallet's node at another URL.
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WalletFile {
    /// The wallet; by default `farthing/wallet.json` in the user's configuration folder.
    #[arg(long = "wallet", value_name = "FILE", env = "FARTHING_WALLET", global = true)]
    pub(crate) path: Option<PathBuf>,
}

const WALLET_EXAMPLES: &str = "\
Examples:
  farthing wallet new --node http://127.0.0.1:4021
  farthing wallet top-up
  farthing wallet balance
  farthing wallet statement -o statement.json

A wallet is a key. Its file is readable by its owner only and is refused if others can read it.";

#[derive(Debug, Args)]
#[command(after_help = WALLET_EXAMPLES)]
pub(crate) struct WalletArgs {
    #[command(flatten)]
    pub(crate) wallet: WalletFile,
    #[command(subcommand)]
    pub(crate) command: WalletCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Make a wallet for a node.
    New {
        /// The node.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4021")]
        node: String,
    },
    /// Show the public key, the accounts and the node.
    Show,
    /// Show what can be spent.
    Balance,
    /// List payments, newest first.
    History,
    /// Get the statement of an account: all its entries of the node's log, with proofs.
    Statement {
        /// Write it to a file; else to standard output.
        #[arg(long, short = 'o', value_name = "FILE")]
        output: Option<PathBuf>,
        /// The account's asset; may be left out if the node carries one.
        #[arg(long, value_name = "CODE")]
        asset: Option<String>,
    },
    /// Get play money from a sandbox node.
    TopUp,
}

const NODE_HELP: &str = "\
Examples:
  farthing accounts --data farthing-data
  FARTHING_OPERATOR_TOKEN=... farthing accounts --node https://pay.example";

#[derive(Debug, Args)]
pub(crate) struct OperatorArgs {
    /// Data folder of the running node, with its address and the operator's token, for which the
    /// environment's `FARTHING_OPERATOR_TOKEN` stands in if it is set.
    #[arg(long, value_name = "FOLDER", env = "FARTHING_DATA", default_value = "farthing-data")]
    pub(crate) data: PathBuf,
    /// The node, if it is not the one of the data folder.
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
}

#[derive(Debug, Args)]
#[command(after_help = NODE_HELP)]
pub(crate) struct AccountsArgs {
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
    /// Print JSON, amounts in base units.
    #[arg(long)]
    pub(crate) json: bool,
}

const FUND_EXAMPLES: &str = "\
Examples:
  farthing fund acc_0000000000000000000000002d 5 --reference 'bank transfer 4711'
  farthing fund 3b6a27bc...(64 hex digits of a wallet's key) 0.50 --reference 'cash, slip 12'

The same account, amount and reference again lets nothing more enter, so a repeated command is safe.
For a second event that looks the same, give it an --idempotency-key of its own.";

#[derive(Debug, Args)]
#[command(after_help = FUND_EXAMPLES)]
pub(crate) struct FundArgs {
    /// Who receives: an account, or the public key of a payer.
    #[arg(value_name = "ACCOUNT|KEY")]
    pub(crate) receiver: String,
    /// How much, for example 5 or 0.50.
    pub(crate) amount: String,
    /// The outside event, for example a bank reference.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: String,
    /// The asset; may be left out if the node carries one.
    #[arg(long, value_name = "CODE")]
    pub(crate) asset: Option<String>,
    /// Names the event; by default derived from receiver, amount and reference.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

const FSCK_EXAMPLES: &str = "\
Examples:
  farthing fsck --data /var/lib/farthing
  farthing fsck --data /backup/monday --json

Checks every checksum and the hash chain, folds all entries, compares the snapshots with the journal,
and adds up books, payments and mandates. Changes nothing. A running node is checked up to what is
marked as durable.
Exit codes: 0 sound, 1 the check could not be made, 2 wrong usage, 5 damage was found.";

#[derive(Debug, Args)]
#[command(after_help = FSCK_EXAMPLES)]
pub(crate) struct FsckArgs {
    /// The data folder, or a backup.
    #[arg(long, value_name = "FOLDER", env = "FARTHING_DATA", default_value = "farthing-data")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
    /// Print the whole report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

const BACKUP_EXAMPLES: &str = "\
Examples:
  farthing backup --data /var/lib/farthing --to /backup/monday

A running node is asked up to where it can be copied, and goes on meanwhile. The backup holds the
node's key and tokens: keep it as secret as the data folder, or seal them with a key file (`farthing
seal new`), which is never in a backup: keep it, and keep it elsewhere.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the node, 5 damage was found.";

#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
    /// Where the backup goes: a folder that is empty or not there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
}

const RESTORE_EXAMPLES: &str = "\
Examples:
  farthing restore --from /backup/monday --data /var/lib/farthing

The backup is checked whole before a byte is written. Never run the restored node beside the original.
Exit codes: 0 done, 1 failed, 2 wrong usage, 5 the backup is damaged.";

#[derive(Debug, Args)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(crate) struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: PathBuf,
    /// The data folder to be: empty or not there.
    #[arg(long, value_name = "FOLDER", env = "FARTHING_DATA")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
}

const WITNESS_EXAMPLES: &str = "\
Examples:
  farthing witness --data witness-data --name witness.example/w1 --print-key
  farthing witness --data witness-data --name witness.example/w1 --log pay.example/log+1a2b3c4d+AQ...
  farthing witness --data witness-data --name witness.example/w1 --logs logs.txt \\
    --listen 127.0.0.1:4022 --url https://witness.example/w1

The key is made at the first start. Never copy the folder to run it twice, and never put an older copy
of it back: the witness would contradict itself.
Exit codes: 0 stopped, 1 failed, 2 wrong usage, 5 the folder is damaged.";

#[derive(Debug, Args)]
#[command(after_help = WITNESS_EXAMPLES)]
pub(crate) struct WitnessArgs {
    /// Where the key and what was cosigned are kept; made if it does not exist.
    #[arg(long, value_name = "FOLDER", default_value = "witness-data")]
    pub(crate) data: PathBuf,
    /// The witness's name: a URL without its scheme that is the operator's own.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4022")]
    pub(crate) listen: SocketAddr,
    /// The key of a log to watch, as a vkey.
    #[arg(long = "log", value_name = "VKEY")]
    pub(crate) logs: Vec<String>,
    /// A file with further keys of logs, one a line; `#` opens a comment.
    #[arg(long = "logs", value_name = "FILE")]
    pub(crate) logs_file: Option<PathBuf>,
    /// Where logs reach it, if not at the address that it listens on. Its path is served as well.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Print the witness's key as a vkey, and exit; made if it does not exist.
    #[arg(long)]
    pub(crate) print_key: bool,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  farthing demo
  farthing demo --smoke     buy one of everything, be refused in every way, check the books";

#[derive(Debug, Args)]
#[command(after_help = DEMO_EXAMPLES)]
pub(crate) struct DemoArgs {
    /// Make every kind of purchase, print a table, exit with 0 if all was as it must be.
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Keep the data in this folder; else in one that is removed at the end.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Port of the magazine.
    #[arg(long = "site-port", value_name = "PORT")]
    pub(crate) port_site: Option<u16>,
    /// Port of the node.
    #[arg(long = "node-port", value_name = "PORT")]
    pub(crate) port_node: Option<u16>,
}
