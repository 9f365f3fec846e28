//! The command line of keys and of the operator's password.

use clap::{Args, Subcommand};

use super::OperatorArgs;

const KEY_EXAMPLES: &str = "\
Examples:
  farthing key new 'the shop' --scope read --scope refunds:write --account acc_0000000000000000000000002d
  farthing key new 'a night job' --scope read --address 192.0.2.0/24 --days 30
  farthing key list
  farthing key delete key_0000000000000000000000002d

Scopes: read, offers:write, refunds:write, payouts:write, webhooks:write, money:write, keys:write,
settings:write, operator (all). The secret goes to standard output once; the node keeps its digest.";

#[derive(Debug, Args)]
#[command(after_help = KEY_EXAMPLES)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an API key and print its secret.
    New(NewKeyArgs),
    /// List API keys.
    List {
        #[command(flatten)]
        operator: OperatorArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete an API key; it counts no longer.
    Delete {
        /// The key's id.
        #[arg(value_name = "KEY")]
        id: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewKeyArgs {
    /// What to call it.
    pub(crate) name: String,
    /// What it may do.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    pub(crate) scopes: Vec<String>,
    /// A payee's account that it is limited to.
    #[arg(long = "account", value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,
    /// An asset that it is limited to.
    #[arg(long = "asset", value_name = "CODE")]
    pub(crate) assets: Vec<String>,
    /// A path that it may call; `*` at the end stands for anything.
    #[arg(long = "route", value_name = "PATH")]
    pub(crate) routes: Vec<String>,
    /// A range of addresses that it may be used from.
    #[arg(long = "address", value_name = "RANGE")]
    pub(crate) addresses: Vec<String>,
    /// How many days it counts; for ever without it.
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<u32>,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

const PASSWORD_EXAMPLES: &str = "\
Examples:
  farthing operator password
  pass show farthing | farthing operator password

Reads one line of standard input, 10 characters to 1,024 bytes. Sessions of the password before are over.";

#[derive(Debug, Args)]
pub(crate) struct OperatorCommandArgs {
    #[command(subcommand)]
    pub(crate) command: OperatorCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Set the password with which the operator logs in to the node's pages.
    #[command(after_help = PASSWORD_EXAMPLES)]
    Password(OperatorArgs),
}
