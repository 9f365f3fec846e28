//! The command line of offers.

use clap::{ArgAction, Args, Subcommand};
use money::{AccountId, AssetCode, OfferId};

use super::OperatorArgs;

const OFFER_EXAMPLES: &str = "\
Examples:
  farthing offer new '/articles/{id}' 0.002 --payee acc_... --description 'An article'
  farthing offer new /report 0.05 --payee acc_... --split acc_...=80 --split acc_...=20
  farthing offer new /song 0.01 --payee acc_... --min 0 --suggest 0.01 --suggest 0.05
  farthing offer list
  farthing offer change off_... --price 0.003 --price-for IN=0.0004 --price-for agent=0.01
  farthing offer change off_... --price-for none --active false
  farthing offer delete off_...

Amounts are decimals in the offer's asset. A change is in force with the next request. Offers of the
configuration file are listed and are changed there.";

#[derive(Debug, Args)]
#[command(after_help = OFFER_EXAMPLES)]
pub(crate) struct OfferArgs {
    #[command(subcommand)]
    pub(crate) command: OfferCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OfferCommand {
    /// Put a price on paths, or on a tool of an MCP server.
    New(OfferNewArgs),
    /// List what is for sale.
    List(OfferListArgs),
    /// Show one offer.
    Show(OfferOneArgs),
    /// Change an offer; what is not named stays as it is.
    Change(OfferChangeArgs),
    /// Take an offer back: its paths cost nothing then, unless another offer covers them.
    Delete(OfferDeleteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OfferNewArgs {
    /// Paths that it covers, such as `/articles/{id}` or `/files/{*path}`.
    pub(crate) path: String,
    /// What one request costs, such as 0.002.
    pub(crate) price: String,
    /// The account that is paid; `farthing accounts` lists them.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) payee: AccountId,
    /// The asset of all amounts; may be left out if the node carries one.
    #[arg(long, value_name = "CODE")]
    pub(crate) asset: Option<AssetCode>,
    /// Name of the gateway that sells it.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) site: String,
    /// A method that it covers, as often as needed; GET if none is named, POST for a tool.
    #[arg(long = "method", value_name = "METHOD")]
    pub(crate) methods: Vec<String>,
    /// Price this tool of the MCP server at PATH instead of the path.
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Option<String>,
    #[command(flatten)]
    pub(crate) terms: OfferTermsArgs,
    /// Print JSON, amounts in base units.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OfferChangeArgs {
    /// The offer.
    pub(crate) offer: OfferId,
    /// What one request costs, such as 0.002.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) price: Option<String>,
    #[command(flatten)]
    pub(crate) terms: OfferTermsArgs,
    /// Print JSON, amounts in base units.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

/// What can be said when an offer is made, and changed later. `none` for a list empties it.
#[derive(Debug, Args)]
pub(crate) struct OfferTermsArgs {
    /// One line for people.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Media type of the answer.
    #[arg(long, value_name = "TYPE")]
    pub(crate) mime_type: Option<String>,
    /// A part of each payment in percent, for each who shares; they sum to 100. `none`: all goes to the
    /// payee.
    #[arg(long = "split", value_name = "ACCOUNT=PERCENT")]
    pub(crate) splits: Vec<String>,
    /// A price for payers of a country (IN), of a class (person, program, agent, crawler) or both
    /// (IN/agent); the first that fits counts. `none`: one price for all.
    #[arg(long = "price-for", value_name = "WHO=AMOUNT")]
    pub(crate) prices: Vec<String>,
    /// The payer says how much to give, but not less than this. `none`: the price is the price.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) min: Option<String>,
    /// An amount that pages suggest; goes with --min.
    #[arg(long = "suggest", value_name = "AMOUNT", requires = "min")]
    pub(crate) suggested: Vec<String>,
    /// For how long a payment opens the same resource again.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) access_seconds: Option<u32>,
    /// Whether it is in force.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    pub(crate) active: Option<bool>,
    /// Whether catalogues show it.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    pub(crate) listed: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct OfferListArgs {
    /// Of this site only.
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// Print JSON, amounts in base units.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OfferOneArgs {
    /// The offer.
    pub(crate) offer: OfferId,
    /// Print JSON, amounts in base units.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OfferDeleteArgs {
    /// The offer.
    pub(crate) offer: OfferId,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}
