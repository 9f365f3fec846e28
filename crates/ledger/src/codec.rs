//! Bytes of events, as they stand in journal entries.
//!
//! All numbers are big-endian. Each value has exactly one encoding, and whatever decodes encodes to
//! the same bytes again. Bytes may be hostile: decoding answers with an error, never a panic.
//!
//! | account | bytes | | transfer | bytes |
//! | --- | --- | --- | --- | --- |
//! | id | 16 | | id | 16 |
//! | asset code, scale | 8 + 1 | | debit account | 16 |
//! | code | 2 | | credit account | 16 |
//! | user data | 16 | | asset code, scale | 8 + 1 |
//! | flags | 1 | | amount | 16 |
//! | | | | code | 2 |
//! | | | | user data | 16 |
//! | | | | flags | 1 |
//! | | | | pending: timeout in seconds; post, void: pending id | 4; 16 |
//!
//! Account flags, from bit 0: linked, `debits_must_not_exceed_credits`,
//! `credits_must_not_exceed_debits`. Transfer flags: linked, pending, post, void. Other bits are
//! reserved.

use money::{AccountId, Asset, AssetCode, AssetError, IdError, TransferId};

use crate::check::Broken;
use crate::event::{Account, Kind, Limit, Transfer};

const LINKED: u8 = 1;
const DEBITS_MUST_NOT_EXCEED_CREDITS: u8 = 2;
const CREDITS_MUST_NOT_EXCEED_DEBITS: u8 = 4;
const PENDING: u8 = 2;
const POST: u8 = 4;
const VOID: u8 = 8;

/// Why bytes are not an event or a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// There are bytes behind the end of a snapshot.
    #[error("there are bytes behind the end")]
    TrailingBytes,
    /// The snapshot is of a version that this program does not know.
    #[error("version {0} of the snapshot format is unknown")]
    UnknownVersion(u8),
    /// A flag is set that has no meaning yet.
    #[error("a reserved flag is set")]
    ReservedFlag,
    /// Flags are set that exclude each other.
    #[error("flags are set that exclude each other")]
    FlagsAreMutuallyExclusive,
    /// An id has a reserved value.
    #[error(transparent)]
    Id(#[from] IdError),
    /// An asset is malformed.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// The state of a pending transfer is none of those that exist.
    #[error("{0} is not the state of a pending transfer")]
    UnknownPendingState(u8),
    /// Burned ids are not in ascending order.
    #[error("burned ids are not in ascending order")]
    FailedIdsNotAscending,
    /// The snapshot is well-formed, but the ledger in it is not sound.
    #[error("the ledger is not sound: {0}")]
    Broken(#[from] Broken),
}

impl DecodeError {
    /// Stable name for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing_bytes",
            Self::UnknownVersion(_) => "unknown_version",
            Self::ReservedFlag => "reserved_flag",
            Self::FlagsAreMutuallyExclusive => "flags_are_mutually_exclusive",
            Self::Id(_) => "reserved_id",
            Self::Asset(_) => "malformed_asset",
            Self::UnknownPendingState(_) => "unknown_pending_state",
            Self::FailedIdsNotAscending => "failed_ids_not_ascending",
            Self::Broken(_) => "ledger_not_sound",
        }
    }
}

impl Account {
    /// Appends the bytes of this event.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.id.to_be_bytes());
        put_asset(out, self.asset);
        out.extend(self.code.to_be_bytes());
        out.extend(self.user_data.to_be_bytes());
        let limit = match self.limit {
            Limit::None => 0,
            Limit::DebitsMustNotExceedCredits => DEBITS_MUST_NOT_EXCEED_CREDITS,
            Limit::CreditsMustNotExceedDebits => CREDITS_MUST_NOT_EXCEED_DEBITS,
        };
        out.push(limit | if self.linked { LINKED } else { 0 });
    }

    /// Reads one event from the front of `bytes` and moves `bytes` behind it.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let id = take_account_id(bytes)?;
        let asset = take_asset(bytes)?;
        let code = u16::from_be_bytes(take(bytes)?);
        let user_data = u128::from_be_bytes(take(bytes)?);
        let [flags] = take(bytes)?;
        let limit = match flags & !LINKED {
            0 => Limit::None,
            DEBITS_MUST_NOT_EXCEED_CREDITS => Limit::DebitsMustNotExceedCredits,
            CREDITS_MUST_NOT_EXCEED_DEBITS => Limit::CreditsMustNotExceedDebits,
            other => {
                let known = DEBITS_MUST_NOT_EXCEED_CREDITS | CREDITS_MUST_NOT_EXCEED_DEBITS;
                return Err(refuse_flags(other, known));
            }
        };
        Ok(Self { id, asset, code, user_data, limit, linked: flags & LINKED != 0 })
    }
}

impl Transfer {
    /// Appends the bytes of this event.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.id.to_be_bytes());
        out.extend(self.debit_account.to_be_bytes());
        out.extend(self.credit_account.to_be_bytes());
        put_asset(out, self.asset);
        out.extend(self.amount.to_be_bytes());
        out.extend(self.code.to_be_bytes());
        out.extend(self.user_data.to_be_bytes());
        let linked = if self.linked { LINKED } else { 0 };
        match self.kind {
            Kind::Single => out.push(linked),
            Kind::Pending { timeout_seconds } => {
                out.push(linked | PENDING);
                out.extend(timeout_seconds.to_be_bytes());
            }
            Kind::Post { pending_id } => {
                out.push(linked | POST);
                out.extend(pending_id.to_be_bytes());
            }
            Kind::Void { pending_id } => {
                out.push(linked | VOID);
                out.extend(pending_id.to_be_bytes());
            }
        }
    }

    /// Reads one event from the front of `bytes` and moves `bytes` behind it.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let id = take_transfer_id(bytes)?;
        let debit_account = take_account_id(bytes)?;
        let credit_account = take_account_id(bytes)?;
        let asset = take_asset(bytes)?;
        let amount = u128::from_be_bytes(take(bytes)?);
        let code = u16::from_be_bytes(take(bytes)?);
        let user_data = u128::from_be_bytes(take(bytes)?);
        let [flags] = take(bytes)?;
        let kind = match flags & !LINKED {
            0 => Kind::Single,
            PENDING => Kind::Pending { timeout_seconds: u32::from_be_bytes(take(bytes)?) },
            POST => Kind::Post { pending_id: take_transfer_id(bytes)? },
            VOID => Kind::Void { pending_id: take_transfer_id(bytes)? },
            other => return Err(refuse_flags(other, PENDING | POST | VOID)),
        };
        let linked = flags & LINKED != 0;
        Ok(Self { id, kind, debit_account, credit_account, asset, amount, code, user_data, linked })
    }
}

fn refuse_flags(flags: u8, known: u8) -> DecodeError {
    if flags & !known == 0 {
        DecodeError::FlagsAreMutuallyExclusive
    } else {
        DecodeError::ReservedFlag
    }
}

fn put_asset(out: &mut Vec<u8>, asset: Asset) {
    out.extend(asset.code.to_bytes());
    out.push(asset.scale);
}

fn take_asset(bytes: &mut &[u8]) -> Result<Asset, DecodeError> {
    let code = AssetCode::from_bytes(take(bytes)?)?;
    let [scale] = take(bytes)?;
    Ok(Asset::new(code.as_str(), scale)?)
}

fn take_account_id(bytes: &mut &[u8]) -> Result<AccountId, DecodeError> {
    Ok(AccountId::from_be_bytes(take(bytes)?)?)
}

pub(crate) fn take_transfer_id(bytes: &mut &[u8]) -> Result<TransferId, DecodeError> {
    Ok(TransferId::from_be_bytes(take(bytes)?)?)
}

/// Takes `N` bytes from the front.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
    *bytes = rest;
    Ok(*head)
}
