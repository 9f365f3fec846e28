//! What payees and operators take: payouts, statements, refunds.

use clap::{Args, Subcommand};

use super::OperatorArgs;

const PAYOUT_EXAMPLES: &str = "\
Examples:
  farthing payout request --account acc_... --name 'Ann Writer' --iban 'DE89 3704 0044 0532 0130 00'
  farthing payout list --state requested
  farthing payout release po_...
  farthing payout export > for-the-bank.xml
  farthing payout paid po_...";

#[derive(Debug, Args)]
#[command(after_help = PAYOUT_EXAMPLES)]
pub(crate) struct PayoutArgs {
    #[command(subcommand)]
    pub(crate) command: PayoutCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PayoutCommand {
    /// Ask for a payout; its money is held.
    Request(PayoutRequestArgs),
    /// List payouts, newest first.
    List(PayoutListArgs),
    /// Stop a payout for now.
    Hold(PayoutStepArgs),
    /// Let a payout be paid.
    Release(PayoutStepArgs),
    /// Call a payout off; the payee has the money again.
    Cancel(PayoutStepArgs),
    /// Say that the bank has paid.
    Paid(PayoutStepArgs),
    /// Put all released payouts into a file for the bank (pain.001), on standard output.
    Export(PayoutExportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PayoutRequestArgs {
    /// The account of the payee.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: String,
    /// How much, in base units; all that is available by default.
    #[arg(long, value_name = "UNITS")]
    pub(crate) units: Option<String>,
    /// Who is paid, as the bank knows it.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// The bank account.
    #[arg(long, value_name = "IBAN")]
    pub(crate) iban: String,
    /// The bank, if it has to be named.
    #[arg(long, value_name = "BIC")]
    pub(crate) bic: Option<String>,
    /// Names the request: the same again is safe. A random one by default.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PayoutListArgs {
    /// Of this account only.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// In this state only: requested, held, released, exported, paid or cancelled.
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PayoutStepArgs {
    /// The payout.
    pub(crate) payout: String,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PayoutExportArgs {
    /// Give a file again: `exported_at_ms` of the payouts in it.
    #[arg(long, value_name = "MILLISECONDS")]
    pub(crate) again: Option<u64>,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

const STATEMENT_EXAMPLES: &str = "\
Examples:
  farthing statement --account acc_... > all.csv
  farthing statement --account acc_... --from 2026-01-01 --to 2026-02-01 --format camt053 > january.xml";

#[derive(Debug, Args)]
#[command(after_help = STATEMENT_EXAMPLES)]
pub(crate) struct StatementArgs {
    /// The account.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: String,
    /// First day, in UTC; the account's first by default.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) from: Option<String>,
    /// Day behind the last one, in UTC; until now by default.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) to: Option<String>,
    /// csv, jsonl or camt053.
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    pub(crate) format: String,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

const REFUND_EXAMPLES: &str = "\
Examples:
  farthing refund pay_...
  farthing refund pay_... --units 500000 --reason 'half of it was missing'

Without --idempotency-key the key follows from what is asked, so a repeated command pays back once.";

#[derive(Debug, Args)]
#[command(after_help = REFUND_EXAMPLES)]
pub(crate) struct RefundArgs {
    /// The payment.
    pub(crate) payment: String,
    /// How much, in base units; all that is left by default.
    #[arg(long, value_name = "UNITS")]
    pub(crate) units: Option<String>,
    /// Why, in at most 120 bytes.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Names the refund; by default derived from payment, amount and reason.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}
