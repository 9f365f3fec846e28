//! Receipts of payments and other rows.

use money::AccountId;
use tlog::policy::Policy;
use tlog::{Receipt, ReceiptError, leaf_hash};

use super::vouched::{FromTheFuture, Vouched};
use super::{Sentences, words};
use crate::record::{Action, Facts, Opening, OpeningError};

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptVerdict {
    /// Which entry of the log it is, the first is 0.
    pub index: u64,
    /// What happened.
    pub facts: Facts,
    /// The account that gave, if the receipt names it; of the creation of an account, that account.
    pub payer: Option<AccountId>,
    /// The account that received, if the receipt names it.
    pub payee: Option<AccountId>,
    /// On whose word.
    pub vouched: Vouched,
}

/// Why a receipt proves nothing. The first that applies is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefused {
    /// The bytes are no receipt.
    #[error(transparent)]
    Malformed(#[from] ReceiptError),
    /// It has no line `extra`.
    #[error("the receipt has no line `extra`, so nothing says what its leaf is about")]
    NoOpening,
    /// What stands in the line `extra` opens no row.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// Log, witnesses or tree do not vouch for the leaf.
    #[error(transparent)]
    Unproven(#[from] tlog::ReceiptRefused),
    /// A cosignature is from the future.
    #[error(transparent)]
    Future(#[from] FromTheFuture),
}

impl ReceiptRefused {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(error) => error.code(),
            Self::NoOpening => "receipt_no_opening",
            Self::Opening(error) => error.code(),
            Self::Unproven(error) => error.code(),
            Self::Future(error) => error.code(),
        }
    }
}

/// Verifies a file `.tlog-proof` against a policy. `now_s` is the time in Unix seconds against which
/// cosignatures are judged; without it no time is judged.
pub fn verify_receipt(
    bytes: &[u8],
    policy: &Policy,
    now_s: Option<u64>,
) -> Result<ReceiptVerdict, ReceiptRefused> {
    let receipt = Receipt::parse(bytes)?;
    let opening = Opening::decode(receipt.extra().ok_or(ReceiptRefused::NoOpening)?)?;
    let judged = receipt.verify(&leaf_hash(&opening.entry()), policy)?;
    Ok(ReceiptVerdict {
        index: receipt.index(),
        facts: *opening.facts(),
        payer: opening.debit().account(),
        payee: opening.credit().account(),
        vouched: Vouched::of(&judged, policy, now_s)?,
    })
}

impl ReceiptVerdict {
    /// What is proven and what is not, in plain words.
    pub fn sentences(&self) -> Sentences {
        let Self { index, facts, payer, payee, vouched } = self;
        let mut said = Sentences::default();
        let row = words::row(facts, *payer, *payee);
        let (log, of) = (&vouched.log, vouched.size_words());
        let text = format!("The operator of {log} signed that {row} is entry {index} {of}.");
        said.proven("logged", text);
        vouched.say(&mut said);
        let is_transfer = facts.action() != Action::Create;
        if is_transfer && payer.is_none() {
            said.not_proven("payer_closed", "Who paid: the receipt keeps it closed.");
        }
        if is_transfer && payee.is_none() {
            said.not_proven("payee_closed", "Who was paid: the receipt keeps it closed.");
        }
        let named: Vec<_> = [payer, payee].into_iter().flatten().map(ToString::to_string).collect();
        if !named.is_empty() {
            let text = format!("That {} belongs to a certain person.", named.join(" or "));
            said.not_proven("owner", text);
        }
        if matches!(facts.action(), Action::Move | Action::Hold | Action::Post) {
            said.not_proven("delivery", "That the goods were delivered.");
            said.not_proven("later", "That nothing was given back or released later.");
        }
        said.not_proven("time", "That it happened at that time: the operator's clock says so.");
        said
    }
}
