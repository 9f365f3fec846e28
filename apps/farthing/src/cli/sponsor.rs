//! The command line of sponsors.

use clap::{Args, Subcommand};
use money::{MandateId, OfferId};

use super::OperatorArgs;
use crate::clock_command::parse_time;

const SPONSOR_EXAMPLES: &str = "\
Examples:
  farthing sponsor key
  farthing mandate new --delegate KEY --total 5 --per-day 1 -o mandate.json
  farthing sponsor new man_... --title 'Town library' --uses 5 --every 1d
  farthing sponsor new man_... --title Farthing --uses 1 --every 12h --offer off_...
  farthing sponsor list
  farthing sponsor delete man_...

Who sponsors grants a mandate to the key of the sites, which `farthing sponsor key` prints; its limits, and
its end, are its granter's to say. Sites pay under it for visitors that present no payment.";

#[derive(Debug, Args)]
#[command(after_help = SPONSOR_EXAMPLES)]
pub(crate) struct SponsorArgs {
    #[command(subcommand)]
    pub(crate) command: SponsorCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SponsorCommand {
    /// Print the key of the sites, the delegate of sponsors' mandates.
    Key {
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Let the sites pay for visitors under a mandate.
    New(SponsorNewArgs),
    /// List sponsors.
    List {
        #[command(flatten)]
        operator: OperatorArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a sponsor back; it pays no longer. Its mandate stays as it is.
    Delete {
        /// The sponsor's mandate.
        mandate: MandateId,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SponsorNewArgs {
    /// The mandate, granted to the key of the sites and registered.
    pub(crate) mandate: MandateId,
    /// What visitors are told of who has paid.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: String,
    /// How often it pays for each visitor in each window.
    #[arg(long, value_name = "COUNT")]
    pub(crate) uses: u32,
    /// Length of the window, for example 1d.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) every: u64,
    /// An offer that it pays for, as often as needed; all without it.
    #[arg(long = "offer", value_name = "OFFER")]
    pub(crate) offers: Vec<OfferId>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}
