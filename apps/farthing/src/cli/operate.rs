//! What the operator's tools around a node take: health, clock, picture, manual, completions.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::OperatorArgs;
use crate::clock_command::parse_time;

const HEALTH_EXAMPLES: &str = "\
Examples:
  farthing health --data /var/lib/farthing
  farthing health --node http://127.0.0.1:4021

Exit codes: 0 ready, 1 away or not ready, 2 wrong usage.";

#[derive(Debug, Args)]
#[command(after_help = HEALTH_EXAMPLES)]
pub(crate) struct HealthArgs {
    /// Data folder of the node, with its address.
    #[arg(long, value_name = "FOLDER", env = "FARTHING_DATA", default_value = "farthing-data")]
    pub(crate) data: PathBuf,
    /// The node, if it is not the one of the data folder.
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  farthing completions bash > /usr/share/bash-completion/completions/farthing
  farthing completions zsh > ~/.zfunc/_farthing
  farthing completions fish > ~/.config/fish/completions/farthing.fish";

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

const MAN_EXAMPLES: &str = "\
Examples:
  farthing man | man -l -
  farthing man --to /usr/share/man/man1";

#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(crate) struct ManArgs {
    /// Write one page for each command into this folder; else the first page to standard output.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
}

const CLOCK_EXAMPLES: &str = "\
Examples:
  farthing clock show
  farthing clock advance 30d
  farthing clock advance 90m --data demo-data

Only a node all of whose assets are play money has a clock that can be put ahead, and only ahead: holds,
mandates, channels and orders expire as they would. Times: 10s, 15m, 12h, 30d, 2w.
Wallets sign by their own clock: until they run by the node's (GET /v1/clock), it refuses what they sign
as order_expired and access_wrong_time. Advance last, when all is bought that shall expire.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused: the node carries real money.";

#[derive(Debug, Args)]
#[command(after_help = CLOCK_EXAMPLES)]
pub(crate) struct ClockArgs {
    #[command(subcommand)]
    pub(crate) command: ClockCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Print what time it is for the node.
    Show(OperatorArgs),
    /// Put the clock ahead.
    Advance {
        /// How far, for example 30d.
        #[arg(value_name = "TIME", value_parser = parse_time)]
        by: u64,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

const TOP_EXAMPLES: &str = "\
Examples:
  farthing top
  farthing top --data /var/lib/farthing --once
  FARTHING_OPERATOR_TOKEN=... farthing top --node https://pay.example

Ctrl-C ends it. Without a terminal, or with --once, one picture is printed.";

#[derive(Debug, Args)]
#[command(after_help = TOP_EXAMPLES)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
    /// Print one picture and exit.
    #[arg(long)]
    pub(crate) once: bool,
    /// Seconds between two pictures.
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    pub(crate) every: u64,
}
