//! Payouts in the books: a document that says where a payout stands, and transfers that follow.
//!
//! A step first changes the document, at its revision, and then makes the transfer that the state asks
//! for. The document decides between two who act at once; the transfer has an id that follows from
//! the payout, so making it again changes nothing. What a crash leaves between the two is made up for by
//! the next step and by [`settle_all`] at the start.
//!
//! Invariant: money is held by the pending transfer as long as the payout is open, posted to the
//! treasury once it is paid, free again once it is cancelled.

use engine::{
    AccountRole, BatchError, Coded, DocumentKind, Engine, Expected, Put, PutError, Retry,
    Unavailable, system_account,
};
use ledger::{CreateTransferStatus, Kind, Transfer};
use money::{AccountId, Asset, AssetCode, PayoutId, TransferId, parse_base_units};
use report::{PAYOUT_CODE, Party, payable};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::life::{State, Step};

/// A payout as its document says. Amounts are base units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payout {
    pub(crate) account: AccountId,
    pub(crate) asset: AssetCode,
    pub(crate) scale: u8,
    /// What was asked for; `None` for all that there was.
    pub(crate) asked: Option<String>,
    /// What is held and paid: whole minor units.
    pub(crate) amount: String,
    pub(crate) creditor: Party,
    pub(crate) state: State,
    pub(crate) requested_at_ms: u64,
    pub(crate) changed_at_ms: u64,
    /// The file it is in, named by the time it was made.
    pub(crate) exported_at_ms: Option<u64>,
}

/// A payout with its id and the revision of its document.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: PayoutId,
    pub(crate) revision: u64,
    pub(crate) payout: Payout,
}

/// Why a payout was not made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PayoutError {
    /// No such account.
    #[error("there is no such account")]
    AccountUnknown,
    /// Only payees are paid out.
    #[error("only the account of a payee can be paid out")]
    NotPayee,
    /// Less than a bank can move.
    #[error(
        "{available} base units are available, less than the smallest amount that a bank moves"
    )]
    TooSmall {
        /// Base units.
        available: u128,
    },
    /// More than there is.
    #[error("the account has not so much: {available} base units are available")]
    ExceedsBalance {
        /// Base units.
        available: u128,
    },
    /// No such payout.
    #[error("there is no such payout")]
    Unknown,
    /// The step is not allowed now.
    #[error("the payout is {}, which does not allow that", .0.name())]
    NotAllowed(State),
    /// The key was used for another payout.
    #[error("this key was used for another payout")]
    Conflict,
    /// Somebody else changed it at the same time.
    #[error("the payout was changed at the same time; look at it again")]
    Changed,
    /// As many are open as there may be.
    #[error("there are too many open payouts")]
    TooMany,
    /// The document or a transfer is not what it must be.
    #[error("the payout's books are damaged: {0}")]
    Damaged(String),
    /// The engine cannot take it now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Coded for PayoutError {
    fn code(&self) -> &'static str {
        match self {
            Self::AccountUnknown => "account_unknown",
            Self::NotPayee => "not_a_payee",
            Self::TooSmall { .. } => "payout_too_small",
            Self::ExceedsBalance { .. } => "payout_exceeds_balance",
            Self::Unknown => "payout_unknown",
            Self::NotAllowed(_) => "payout_step_not_allowed",
            Self::Conflict => "idempotency_conflict",
            Self::Changed => "revision_conflict",
            Self::TooMany => "too_many_payouts",
            Self::Damaged(_) => "payout_damaged",
            Self::Unavailable(inner) => inner.code(),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Self::AccountUnknown | Self::Unknown => 404,
            Self::NotPayee | Self::TooSmall { .. } | Self::Conflict | Self::TooMany => 422,
            Self::ExceedsBalance { .. } | Self::NotAllowed(_) | Self::Changed => 409,
            Self::Damaged(_) => 500,
            Self::Unavailable(inner) => inner.http_status(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::ExceedsBalance { .. } | Self::Changed => Retry::SameKey,
            Self::Unavailable(inner) => inner.retry(),
            _ => Retry::Never,
        }
    }
}

impl From<PutError> for PayoutError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::RevisionConflict { .. } => Self::Changed,
            PutError::TooMany => Self::TooMany,
            PutError::Unavailable(inner) => Self::Unavailable(inner),
            PutError::IdInvalid | PutError::TooLarge => Self::Damaged(error.to_string()),
        }
    }
}

impl From<BatchError> for PayoutError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Unavailable(inner) => Self::Unavailable(inner),
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// What a payee asks for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) id: PayoutId,
    pub(crate) account: AccountId,
    /// Base units; all that there is if `None`.
    pub(crate) units: Option<u128>,
    pub(crate) creditor: Party,
}

/// A payout by its id.
pub(crate) fn find(engine: &Engine, id: PayoutId) -> Result<Option<Known>, PayoutError> {
    let found = engine.document(DocumentKind::Payout, &id.to_string());
    found.map(|document| known(&document.id, document.revision, &document.body)).transpose()
}

/// Every payout, newest first.
pub(crate) fn all(engine: &Engine) -> Result<Vec<Known>, PayoutError> {
    let documents = engine.documents(DocumentKind::Payout);
    let read = |document: &std::sync::Arc<engine::Document>| {
        known(&document.id, document.revision, &document.body)
    };
    let mut found = documents.iter().map(read).collect::<Result<Vec<Known>, _>>()?;
    found.sort_by_key(|known| std::cmp::Reverse((known.payout.requested_at_ms, known.id)));
    Ok(found)
}

fn known(id: &str, revision: u64, body: &[u8]) -> Result<Known, PayoutError> {
    let damaged = |why: &dyn std::fmt::Display| PayoutError::Damaged(format!("{id}: {why}"));
    let payout = serde_json::from_slice(body).map_err(|error| damaged(&error))?;
    let id = id.parse().map_err(|error| damaged(&error))?;
    Ok(Known { id, revision, payout })
}

/// Makes a payout and holds its money; whether it was there before.
pub(crate) async fn request(
    engine: &Engine,
    request: Request,
) -> Result<(Known, bool), PayoutError> {
    if let Some(there) = find(engine, request.id)? {
        let asked = request.units.map(|units| units.to_string());
        let payout = &there.payout;
        let is_same = (payout.account, &payout.asked, &payout.creditor)
            == (request.account, &asked, &request.creditor);
        if !is_same {
            return Err(PayoutError::Conflict);
        }
        settle(engine, &there).await?;
        return Ok((there, true));
    }
    let account = request.account;
    let view = engine.read(move |state| state.account(account)).await?;
    let view = view.ok_or(PayoutError::AccountUnknown)?;
    if view.role != AccountRole::Payee {
        return Err(PayoutError::NotPayee);
    }
    let (asset, available) = (view.asset, view.available.units());
    if request.units.is_some_and(|units| units > available) {
        return Err(PayoutError::ExceedsBalance { available });
    }
    let amount = payable(request.units.unwrap_or(available), asset);
    if amount == 0 {
        return Err(PayoutError::TooSmall { available });
    }
    let now_ms = engine.clock().now_ms();
    let payout = Payout {
        account,
        asset: asset.code,
        scale: asset.scale,
        asked: request.units.map(|units| units.to_string()),
        amount: amount.to_string(),
        creditor: request.creditor,
        state: State::Requested,
        requested_at_ms: now_ms,
        changed_at_ms: now_ms,
        exported_at_ms: None,
    };
    make_room(engine).await?;
    let known = put(engine, request.id, payout, Expected::Absent).await?;
    match settle(engine, &known).await {
        Ok(()) => Ok((known, false)),
        Err(error) => {
            // Without a hold there is no payout.
            remove(engine, &known).await?;
            Err(error)
        }
    }
}

/// Makes a step. A step that was made already is answered as done.
pub(crate) async fn step(
    engine: &Engine,
    known: Known,
    step: Step,
    now_ms: u64,
) -> Result<Known, PayoutError> {
    let before = known.payout.state;
    let state = before.after(step).ok_or(PayoutError::NotAllowed(before))?;
    // A hold that a crash left out is made before the payout goes on.
    settle(engine, &known).await?;
    if state == before {
        return Ok(known);
    }
    let exported_at_ms =
        if step == Step::Export { Some(now_ms) } else { known.payout.exported_at_ms };
    let payout = Payout { state, changed_at_ms: now_ms, exported_at_ms, ..known.payout };
    let known = put(engine, known.id, payout, Expected::Revision(known.revision)).await?;
    settle(engine, &known).await?;
    Ok(known)
}

/// Makes the transfers of every payout whose state asks for one that is not there.
pub(crate) async fn settle_all(engine: &Engine) -> Result<(), PayoutError> {
    for known in all(engine)? {
        match settle(engine, &known).await {
            // It was asked for, and a crash came before the hold; now the money is not there.
            Err(PayoutError::ExceedsBalance { .. }) => remove(engine, &known).await?,
            settled => settled?,
        }
    }
    Ok(())
}

/// Makes the transfers that the state asks for. Those that are there stay as they are.
async fn settle(engine: &Engine, known: &Known) -> Result<(), PayoutError> {
    let hold = hold_of(known)?;
    let end = match known.payout.state {
        State::Paid => Some(hold.post(transfer_id(known.id, 1), hold.amount)),
        State::Cancelled => Some(hold.void(transfer_id(known.id, 1))),
        _ => None,
    };
    let transfers: Vec<Transfer> = [hold].into_iter().chain(end).collect();
    for status in engine.create_transfers(transfers).await? {
        match status {
            status if status.is_created_or_exists() => {}
            CreateTransferStatus::ExceedsCredits => {
                let account = known.payout.account;
                let view = engine.read(move |state| state.account(account)).await?;
                let available = view.map_or(0, |view| view.available.units());
                return Err(PayoutError::ExceedsBalance { available });
            }
            status => {
                return Err(PayoutError::Damaged(format!("{}: {}", known.id, status.code())));
            }
        }
    }
    Ok(())
}

fn hold_of(known: &Known) -> Result<Transfer, PayoutError> {
    let payout = &known.payout;
    let damaged = |why: &dyn std::fmt::Display| PayoutError::Damaged(why.to_string());
    let asset = asset_of(payout).map_err(|why| damaged(&why))?;
    Ok(Transfer {
        id: transfer_id(known.id, 0),
        kind: Kind::pending(0),
        debit_account: payout.account,
        credit_account: system_account("treasury", asset),
        asset,
        amount: parse_base_units(&payout.amount).map_err(|why| damaged(&why))?,
        code: PAYOUT_CODE,
        user_data: known.id.get(),
        user_data_64: 0,
        user_data_32: 0,
        linked: false,
    })
}

/// The asset of a payout.
pub(crate) fn asset_of(payout: &Payout) -> Result<Asset, money::AssetError> {
    Asset::new(payout.asset.as_str(), payout.scale)
}

/// 0 for the hold, 1 for what ends it: post and void share an id, so that only one can ever be.
fn transfer_id(payout: PayoutId, part: u8) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/payout/1")
        .chain_update(payout.to_be_bytes())
        .chain_update([part])
        .finalize();
    TransferId::from_digest(&digest.into())
}

async fn put(
    engine: &Engine,
    id: PayoutId,
    payout: Payout,
    expected: Expected,
) -> Result<Known, PayoutError> {
    let body = serde_json::to_vec(&payout).map_err(|why| PayoutError::Damaged(why.to_string()))?;
    let kind = DocumentKind::Payout;
    let put = Put { kind, id: id.to_string(), body: Some(body), expected };
    let document = engine.put(put).await?;
    Ok(Known { id, revision: document.revision, payout })
}

async fn remove(engine: &Engine, known: &Known) -> Result<(), PayoutError> {
    let (kind, id) = (DocumentKind::Payout, known.id.to_string());
    let expected = Expected::Revision(known.revision);
    engine.put(Put { kind, id, body: None, expected }).await?;
    Ok(())
}

/// Payouts that are over and kept in the registry. The ledger and the events keep them all.
const FINISHED_KEPT_COUNT_MAX: usize = 9_000;

/// Takes the oldest finished payout out of the registry when there are many.
async fn make_room(engine: &Engine) -> Result<(), PayoutError> {
    if engine.documents(DocumentKind::Payout).len() < FINISHED_KEPT_COUNT_MAX {
        return Ok(());
    }
    let all = all(engine)?;
    let oldest = all.iter().rev().find(|known| known.payout.state.is_final());
    match oldest {
        Some(known) => remove(engine, known).await,
        None => Ok(()),
    }
}
