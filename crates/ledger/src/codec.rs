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
//! | user data of 128, 64, 32 bits | 16 + 8 + 4 | | asset code, scale | 8 + 1 |
//! | flags | 2 | | amount | 16 |
//! | | | | code | 2 |
//! | | | | user data of 128, 64, 32 bits | 16 + 8 + 4 |
//! | | | | flags | 2 |
//! | | | | pending: timeout in seconds; post, void: pending id | 4; 16 |
//!
//! Account flags, from bit 0: linked, `debits_must_not_exceed_credits`,
//! `credits_must_not_exceed_debits`, history, one reserved, closed. Transfer flags: linked, pending, post,
//! void, `balancing_debit`, `balancing_credit`, `closing_debit`, `closing_credit`. Other bits are
//! reserved. The numbers of the bits are those of the `TigerBeetle` documentation.

use money::{AccountId, Asset, AssetCode, AssetError, IdError, TransferId};

use crate::check::Broken;
use crate::event::{Account, Kind, Limit, Sides, Transfer};

const LINKED: u16 = 1;
const DEBITS_MUST_NOT_EXCEED_CREDITS: u16 = 1 << 1;
const CREDITS_MUST_NOT_EXCEED_DEBITS: u16 = 1 << 2;
const HISTORY: u16 = 1 << 3;
const CLOSED: u16 = 1 << 5;
const ACCOUNT_FLAGS: u16 =
    LINKED | DEBITS_MUST_NOT_EXCEED_CREDITS | CREDITS_MUST_NOT_EXCEED_DEBITS | HISTORY | CLOSED;
const PENDING: u16 = 1 << 1;
const POST: u16 = 1 << 2;
const VOID: u16 = 1 << 3;
const BALANCING_DEBIT: u16 = 1 << 4;
const BALANCING_CREDIT: u16 = 1 << 5;
const CLOSING_DEBIT: u16 = 1 << 6;
const CLOSING_CREDIT: u16 = 1 << 7;
const BALANCING: u16 = BALANCING_DEBIT | BALANCING_CREDIT;
const CLOSING: u16 = CLOSING_DEBIT | CLOSING_CREDIT;
const TRANSFER_FLAGS: u16 = LINKED | PENDING | POST | VOID | BALANCING | CLOSING;

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
    /// The snapshot is of a version that this program no longer reads.
    #[error("version {0} of the snapshot format is too old; the journal has what it held")]
    OldVersion(u8),
    /// A flag is set that has no meaning yet.
    #[error("a reserved flag is set")]
    ReservedFlag,
    /// Flags are set that exclude each other.
    #[error("flags are set that exclude each other")]
    FlagsAreMutuallyExclusive,
    /// A transfer closes an account and is not pending.
    #[error("a transfer that closes an account must be pending")]
    ClosingTransferMustBePending,
    /// An id has a reserved value.
    #[error(transparent)]
    Id(#[from] IdError),
    /// An asset is malformed.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// A row is of no kind that exists.
    #[error("{0} is not the kind of a row")]
    UnknownRowKind(u8),
    /// Something stands where the kind of row has nothing.
    #[error("there is something where the row has nothing")]
    ReservedBytes,
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
            Self::OldVersion(_) => "old_version",
            Self::ReservedFlag => "reserved_flag",
            Self::FlagsAreMutuallyExclusive => "flags_are_mutually_exclusive",
            Self::ClosingTransferMustBePending => "closing_transfer_must_be_pending",
            Self::Id(_) => "reserved_id",
            Self::Asset(_) => "malformed_asset",
            Self::UnknownRowKind(_) => "unknown_row_kind",
            Self::ReservedBytes => "reserved_bytes",
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
        out.extend(self.user_data_64.to_be_bytes());
        out.extend(self.user_data_32.to_be_bytes());
        out.extend(self.flags().to_be_bytes());
    }

    /// The flags as they stand in bytes.
    pub(crate) const fn flags(&self) -> u16 {
        let limit = match self.limit {
            Limit::None => 0,
            Limit::DebitsMustNotExceedCredits => DEBITS_MUST_NOT_EXCEED_CREDITS,
            Limit::CreditsMustNotExceedDebits => CREDITS_MUST_NOT_EXCEED_DEBITS,
        };
        limit | flag(self.linked, LINKED) | flag(self.history, HISTORY) | flag(self.closed, CLOSED)
    }

    /// Reads one event from the front of `bytes` and moves `bytes` behind it.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let id = take_account_id(bytes)?;
        let asset = take_asset(bytes)?;
        let code = u16::from_be_bytes(take(bytes)?);
        let user_data = u128::from_be_bytes(take(bytes)?);
        let user_data_64 = u64::from_be_bytes(take(bytes)?);
        let user_data_32 = u32::from_be_bytes(take(bytes)?);
        let account = Self {
            id,
            asset,
            code,
            user_data,
            user_data_64,
            user_data_32,
            limit: Limit::None,
            history: false,
            closed: false,
            linked: false,
        };
        account.with_flags(u16::from_be_bytes(take(bytes)?))
    }

    /// The account with limit, history, closed and linked as flags say.
    pub(crate) fn with_flags(self, flags: u16) -> Result<Self, DecodeError> {
        if flags & !ACCOUNT_FLAGS != 0 {
            return Err(DecodeError::ReservedFlag);
        }
        let limits = DEBITS_MUST_NOT_EXCEED_CREDITS | CREDITS_MUST_NOT_EXCEED_DEBITS;
        let limit = match flags & limits {
            0 => Limit::None,
            DEBITS_MUST_NOT_EXCEED_CREDITS => Limit::DebitsMustNotExceedCredits,
            CREDITS_MUST_NOT_EXCEED_DEBITS => Limit::CreditsMustNotExceedDebits,
            _ => return Err(DecodeError::FlagsAreMutuallyExclusive),
        };
        Ok(Self {
            limit,
            history: flags & HISTORY != 0,
            closed: flags & CLOSED != 0,
            linked: flags & LINKED != 0,
            ..self
        })
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
        out.extend(self.user_data_64.to_be_bytes());
        out.extend(self.user_data_32.to_be_bytes());
        out.extend(self.flags().to_be_bytes());
        match self.kind {
            Kind::Single { .. } => {}
            Kind::Pending { timeout_seconds, .. } => out.extend(timeout_seconds.to_be_bytes()),
            Kind::Post { pending_id } | Kind::Void { pending_id } => {
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
        let user_data_64 = u64::from_be_bytes(take(bytes)?);
        let user_data_32 = u32::from_be_bytes(take(bytes)?);
        let flags = u16::from_be_bytes(take(bytes)?);
        let kind = take_kind(bytes, flags)?;
        let linked = is_linked(flags);
        Ok(Self {
            id,
            kind,
            debit_account,
            credit_account,
            asset,
            amount,
            code,
            user_data,
            user_data_64,
            user_data_32,
            linked,
        })
    }

    /// The flags as they stand in bytes.
    pub(crate) const fn flags(&self) -> u16 {
        let kind = match self.kind {
            Kind::Single { .. } => 0,
            Kind::Pending { .. } => PENDING,
            Kind::Post { .. } => POST,
            Kind::Void { .. } => VOID,
        };
        let (balancing, closing) = (self.kind.balancing(), self.kind.closing());
        kind | flag(self.linked, LINKED)
            | flag(balancing.debit, BALANCING_DEBIT)
            | flag(balancing.credit, BALANCING_CREDIT)
            | flag(closing.debit, CLOSING_DEBIT)
            | flag(closing.credit, CLOSING_CREDIT)
    }
}

pub(crate) const fn is_linked(flags: u16) -> bool {
    flags & LINKED != 0
}

pub(crate) const fn is_void(flags: u16) -> bool {
    flags & VOID != 0
}

/// The kind that transfer flags and the bytes behind them say.
fn take_kind(bytes: &mut &[u8], flags: u16) -> Result<Kind, DecodeError> {
    match flags & (PENDING | POST | VOID) {
        PENDING => kind_of(flags, u32::from_be_bytes(take(bytes)?), None),
        POST | VOID if flags & (BALANCING | CLOSING) == 0 => {
            kind_of(flags, 0, Some(take_transfer_id(bytes)?))
        }
        _ => kind_of(flags, 0, None),
    }
}

/// The kind that transfer flags say, with the timeout of a pending transfer and the pending id of a
/// post or void.
pub(crate) fn kind_of(
    flags: u16,
    timeout_seconds: u32,
    pending_id: Option<TransferId>,
) -> Result<Kind, DecodeError> {
    if flags & !TRANSFER_FLAGS != 0 {
        return Err(DecodeError::ReservedFlag);
    }
    let sides = |debit, credit| Sides { debit: flags & debit != 0, credit: flags & credit != 0 };
    let balancing = sides(BALANCING_DEBIT, BALANCING_CREDIT);
    let closing = sides(CLOSING_DEBIT, CLOSING_CREDIT);
    match flags & (PENDING | POST | VOID) {
        0 if closing != Sides::NONE => Err(DecodeError::ClosingTransferMustBePending),
        0 => Ok(Kind::Single { balancing }),
        PENDING => Ok(Kind::Pending { timeout_seconds, balancing, closing }),
        _ if flags & (BALANCING | CLOSING) != 0 => Err(DecodeError::FlagsAreMutuallyExclusive),
        POST => Ok(Kind::Post { pending_id: pending_id.ok_or(DecodeError::Truncated)? }),
        VOID => Ok(Kind::Void { pending_id: pending_id.ok_or(DecodeError::Truncated)? }),
        _ => Err(DecodeError::FlagsAreMutuallyExclusive),
    }
}

const fn flag(is_set: bool, bit: u16) -> u16 {
    if is_set { bit } else { 0 }
}

pub(crate) fn put_asset(out: &mut Vec<u8>, asset: Asset) {
    out.extend(asset.code.to_bytes());
    out.push(asset.scale);
}

pub(crate) fn take_asset(bytes: &mut &[u8]) -> Result<Asset, DecodeError> {
    let code = AssetCode::from_bytes(take(bytes)?)?;
    let [scale] = take(bytes)?;
    Ok(Asset::new(code.as_str(), scale)?)
}

pub(crate) fn take_account_id(bytes: &mut &[u8]) -> Result<AccountId, DecodeError> {
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
