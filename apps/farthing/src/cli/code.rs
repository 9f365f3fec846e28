//! The command line of discount codes.

use clap::{Args, Subcommand};
use money::{CodeId, OfferId};

use super::OperatorArgs;

const CODE_EXAMPLES: &str = "\
Examples:
  farthing code new SPRING --percent 25 --days 30
  farthing code new --percent 50 --max-uses 100 --per-payer 1
  farthing code new FRIENDS --price 0.001 --offer off_...
  farthing code list
  farthing code delete code_...

Payers name a code in the header Farthing-Code, or in the field of the page. A code that is not named is
made up. Uses are counted with the payments; to change a code, delete it and make another.";

#[derive(Debug, Args)]
#[command(after_help = CODE_EXAMPLES)]
pub(crate) struct CodeArgs {
    #[command(subcommand)]
    pub(crate) command: CodeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CodeCommand {
    /// Make a code and print it.
    New(CodeNewArgs),
    /// List codes.
    List {
        #[command(flatten)]
        operator: OperatorArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a code back; it counts no longer.
    Delete {
        /// The code's id.
        #[arg(value_name = "CODE_ID")]
        id: CodeId,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CodeNewArgs {
    /// What payers name: 4 to 40 letters, digits, - and _. Made up if left out.
    pub(crate) code: Option<String>,
    /// What it takes off the price.
    #[arg(long, value_name = "PERCENT", required_unless_present = "price")]
    pub(crate) percent: Option<String>,
    /// The price that it sets; goes with --offer.
    #[arg(long, value_name = "AMOUNT", conflicts_with = "percent", requires = "offers")]
    pub(crate) price: Option<String>,
    /// An offer that it is for, as often as needed; all without it.
    #[arg(long = "offer", value_name = "OFFER")]
    pub(crate) offers: Vec<OfferId>,
    /// How often it counts in all.
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_uses: Option<u32>,
    /// How often it counts for one payer.
    #[arg(long, value_name = "COUNT")]
    pub(crate) per_payer: Option<u32>,
    /// How many days it counts, 366 at most and without it.
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<u32>,
    /// Print JSON, amounts in base units.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}
