//! Facts: all of a row but its two accounts. Whoever opens a leaf sees them.
//!
//! Invariant: facts that were read are those of a row that a ledger could write, and are written
//! back byte for byte. Layout, numbers big-endian, values as in the row:
//!
//! | from | bytes | what |
//! | --- | --- | --- |
//! | 0 | 1 | kind: 1 account created, 2 transfer created, 3 hold expired |
//! | 1 | 1 | scale of the asset |
//! | 2 | 2 | flags of the account or transfer |
//! | 4 | 2 | code |
//! | 6 | 4 | timeout in seconds of a pending transfer, else zero |
//! | 10 | 4 | user data of 32 bits |
//! | 14 | 8 | asset code, zeros on the right |
//! | 22 | 8 | timestamp, Unix nanoseconds |
//! | 30 | 8 | user data of 64 bits |
//! | 38 | 16 | id of the account, the transfer or the hold |
//! | 54 | 16 | pending id of a post or void, else zero |
//! | 70 | 16 | amount as it was moved, base units; zero for an account |
//! | 86 | 16 | user data of 128 bits: for a payment, its id |

use money::{Amount, Asset, AssetCode, PaymentId};

use crate::digest::Message;

/// The code of transfers that the node makes for payments.
pub const PAYMENT_CODE: u16 = 2;

/// Bytes of the facts.
pub const FACTS_BYTES: usize = 102;

const PENDING: u16 = 1 << 1;
const POST: u16 = 1 << 2;
const VOID: u16 = 1 << 3;
const PHASE: u16 = PENDING | POST | VOID;
const BALANCING: u16 = 0b0011_0000;
const CLOSING: u16 = 0b1100_0000;
const OF_TRANSFERS: u16 = 0b1111_1111;
const OF_ACCOUNTS: u16 = 0b10_1111;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// An account was created.
    AccountCreated,
    /// A transfer was created.
    TransferCreated,
    /// A pending transfer was released after its time had run out.
    HoldExpired,
}

/// What a row does to the balances of its accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the account begins with zeros.
    Create,
    /// Moves the amount.
    Move,
    /// Holds the amount.
    Hold,
    /// Moves the amount and releases what was held: `pending_id` names the hold.
    Post,
    /// Releases what was held: `pending_id` names the hold.
    Void,
    /// Releases what was held: the id is that of the hold.
    Expire,
}

/// All of a row but its accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What the row is about.
    pub kind: RecordKind,
    /// The asset of the account or of the amount.
    pub asset: Asset,
    /// Flags as they stand in the row.
    pub flags: u16,
    /// Code in the node's numbering.
    pub code: u16,
    /// Seconds until a pending transfer expires; zero for never.
    pub timeout_seconds: u32,
    /// User data of 32 bits.
    pub user_data_32: u32,
    /// When it happened, Unix nanoseconds.
    pub timestamp_ns: u64,
    /// User data of 64 bits.
    pub user_data_64: u64,
    /// Id of the account, the transfer or the hold.
    pub id: u128,
    /// The hold that a post or void resolves, else zero.
    pub pending_id: u128,
    /// Base units.
    pub amount: u128,
    /// User data of 128 bits.
    pub user_data: u128,
}

/// Why bytes are not the facts of a row. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// No such kind.
    #[error("{0} is no kind of row: there are 1, 2 and 3")]
    Kind(u8),
    /// Code or scale are those of no asset.
    #[error("the facts name no asset")]
    Asset,
    /// Flags that are reserved or exclude each other.
    #[error("the flags do not fit the kind of row")]
    Flags,
    /// Zero or 2^128-1.
    #[error("the id of the row is reserved")]
    Id,
    /// A post or void without it, or another row with it.
    #[error("posts and voids alone have the id of a hold")]
    PendingId,
    /// Only pending transfers have one.
    #[error("pending transfers alone have a timeout")]
    Timeout,
    /// An account is created without money.
    #[error("the creation of an account moves no amount")]
    Amount,
}

impl FactsError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Kind(_) => "facts_kind",
            Self::Asset => "facts_asset",
            Self::Flags => "facts_flags",
            Self::Id => "facts_id",
            Self::PendingId => "facts_pending_id",
            Self::Timeout => "facts_timeout",
            Self::Amount => "facts_amount",
        }
    }
}

impl RecordKind {
    const fn byte(self) -> u8 {
        match self {
            Self::AccountCreated => 1,
            Self::TransferCreated => 2,
            Self::HoldExpired => 3,
        }
    }
}

impl Facts {
    /// The bytes.
    pub fn to_bytes(&self) -> [u8; FACTS_BYTES] {
        Message::new()
            .with(&[self.kind.byte(), self.asset.scale])
            .with(&self.flags.to_be_bytes())
            .with(&self.code.to_be_bytes())
            .with(&self.timeout_seconds.to_be_bytes())
            .with(&self.user_data_32.to_be_bytes())
            .with(&self.asset.code.to_bytes())
            .with(&self.timestamp_ns.to_be_bytes())
            .with(&self.user_data_64.to_be_bytes())
            .with(&self.id.to_be_bytes())
            .with(&self.pending_id.to_be_bytes())
            .with(&self.amount.to_be_bytes())
            .with(&self.user_data.to_be_bytes())
            .bytes()
    }

    /// Reads bytes.
    pub fn from_bytes(bytes: &[u8; FACTS_BYTES]) -> Result<Self, FactsError> {
        let kind = match bytes[0] {
            1 => RecordKind::AccountCreated,
            2 => RecordKind::TransferCreated,
            3 => RecordKind::HoldExpired,
            other => return Err(FactsError::Kind(other)),
        };
        let code = AssetCode::from_bytes(at(bytes, 14)).map_err(|_| FactsError::Asset)?;
        let asset = Asset::new(code.as_str(), bytes[1]).map_err(|_| FactsError::Asset)?;
        let facts = Self {
            kind,
            asset,
            flags: u16::from_be_bytes(at(bytes, 2)),
            code: u16::from_be_bytes(at(bytes, 4)),
            timeout_seconds: u32::from_be_bytes(at(bytes, 6)),
            user_data_32: u32::from_be_bytes(at(bytes, 10)),
            timestamp_ns: u64::from_be_bytes(at(bytes, 22)),
            user_data_64: u64::from_be_bytes(at(bytes, 30)),
            id: u128::from_be_bytes(at(bytes, 38)),
            pending_id: u128::from_be_bytes(at(bytes, 54)),
            amount: u128::from_be_bytes(at(bytes, 70)),
            user_data: u128::from_be_bytes(at(bytes, 86)),
        };
        facts.check()?;
        Ok(facts)
    }

    /// Whether they are those of a row, as far as they tell.
    pub fn check(&self) -> Result<(), FactsError> {
        if !self.flags_fit() {
            return Err(FactsError::Flags);
        }
        if is_reserved(self.id) {
            return Err(FactsError::Id);
        }
        let resolves = matches!(self.action(), Action::Post | Action::Void);
        if resolves && is_reserved(self.pending_id) || !resolves && self.pending_id != 0 {
            return Err(FactsError::PendingId);
        }
        let is_hold = matches!(self.action(), Action::Hold | Action::Expire);
        if !is_hold && self.timeout_seconds != 0 {
            return Err(FactsError::Timeout);
        }
        if self.kind == RecordKind::AccountCreated && self.amount != 0 {
            return Err(FactsError::Amount);
        }
        Ok(())
    }

    /// What the row does to balances.
    pub const fn action(&self) -> Action {
        match self.kind {
            RecordKind::AccountCreated => Action::Create,
            RecordKind::HoldExpired => Action::Expire,
            RecordKind::TransferCreated if self.has(POST) => Action::Post,
            RecordKind::TransferCreated if self.has(VOID) => Action::Void,
            RecordKind::TransferCreated if self.has(PENDING) => Action::Hold,
            RecordKind::TransferCreated => Action::Move,
        }
    }

    /// The amount with its asset.
    pub const fn amount(&self) -> Amount {
        Amount::new(self.amount, self.asset)
    }

    /// The payment of which the transfer is a part.
    pub fn payment(&self) -> Option<PaymentId> {
        let is_payment = self.action() != Action::Create && self.code == PAYMENT_CODE;
        if is_payment { PaymentId::new(self.user_data).ok() } else { None }
    }

    const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn flags_fit(&self) -> bool {
        let only = |allowed: u16| self.flags & !allowed == 0;
        let is_pending = self.flags & PHASE == PENDING;
        match self.kind {
            RecordKind::AccountCreated => only(OF_ACCOUNTS),
            RecordKind::HoldExpired => only(OF_TRANSFERS) && is_pending,
            RecordKind::TransferCreated if is_pending => only(OF_TRANSFERS),
            RecordKind::TransferCreated if self.flags & PHASE == 0 => only(OF_TRANSFERS & !CLOSING),
            // A post or a void: one phase and nothing that holds have.
            RecordKind::TransferCreated => {
                let is_one = (self.flags & PHASE).is_power_of_two();
                is_one && only(OF_TRANSFERS & !(BALANCING | CLOSING))
            }
        }
    }
}

const fn is_reserved(id: u128) -> bool {
    id == 0 || id == u128::MAX
}

fn at<const N: usize>(bytes: &[u8; FACTS_BYTES], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[from..from + N]);
    part
}
