//! What the commands around events and webhooks take.

use clap::{Args, Subcommand, ValueEnum};

use super::OperatorArgs;
use crate::listen::Trouble;

const LISTEN_EXAMPLES: &str = "\
Examples:
  farthing listen --forward-to http://127.0.0.1:3000/webhooks
  farthing listen --forward-to http://127.0.0.1:3000/webhooks --events payment.settled,refund.settled
  farthing listen --forward-to http://127.0.0.1:3000/webhooks --chaos duplicate,reorder,corrupt --seed 7
  farthing listen --print-secret

Events are signed as webhooks are, with a secret that stays the same for the node's token. A token of a
payee's API key, in FARTHING_OPERATOR_TOKEN, sees what concerns that payee.";

#[derive(Debug, Args)]
#[command(after_help = LISTEN_EXAMPLES)]
pub(crate) struct ListenArgs {
    /// Where events are posted; without it they are only shown.
    #[arg(long, value_name = "URL")]
    pub(crate) forward_to: Option<String>,
    /// Names of events, with commas between; all without it.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) events: Vec<String>,
    /// Print the secret with which events are signed, and end.
    #[arg(long)]
    pub(crate) print_secret: bool,
    /// How events are shown.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ListenFormat,
    /// Trouble on the way, with commas between.
    #[arg(long, value_name = "TROUBLE", value_enum, value_delimiter = ',')]
    pub(crate) chaos: Vec<Trouble>,
    /// The same number makes the same trouble.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListenFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

const TRIGGER_EXAMPLES: &str = "\
Examples:
  farthing trigger payment.settled
  farthing trigger payout.paid --node http://127.0.0.1:4021

Only a sandbox sends made-up events. They carry \"test\": true and have no position.";

#[derive(Debug, Args)]
#[command(after_help = TRIGGER_EXAMPLES)]
pub(crate) struct TriggerArgs {
    /// Name of the event.
    #[arg(value_name = "EVENT")]
    pub(crate) event: String,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(subcommand)]
    pub(crate) command: EventsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Send an endpoint everything since a time again, with the same ids.
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Id of the endpoint, from `farthing webhook list`.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) endpoint: String,
    /// Since when: so long ago, such as 90m, 12h or 3d, or a time in Unix milliseconds.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: String,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WebhookArgs {
    #[command(subcommand)]
    pub(crate) command: WebhookCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// List the endpoints.
    List {
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Make an endpoint; prints its secret once.
    Add(AddArgs),
    /// List the newest deliveries of an endpoint.
    Deliveries(DeliveriesArgs),
    /// Send a delivery again.
    Redeliver {
        /// Id of the delivery.
        delivery: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Where events are posted.
    pub(crate) url: String,
    /// Names of events, with commas between; all without it.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "*")]
    pub(crate) events: Vec<String>,
    /// Accounts to which it is limited, with commas between. Such an endpoint is never told who paid.
    #[arg(long, value_name = "ACCOUNTS", value_delimiter = ',')]
    pub(crate) accounts: Vec<String>,
    /// Sign with an Ed25519 key instead of a shared secret.
    #[arg(long)]
    pub(crate) ed25519: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeliveriesArgs {
    /// Id of the endpoint.
    pub(crate) endpoint: String,
    /// Only those in this state.
    #[arg(long, value_name = "STATE", value_parser = ["pending", "delivered", "dead"])]
    pub(crate) state: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}
