//! Rows: everything that ever happened to a ledger, one change each, in 128 bytes that never
//! change. Where a row stands among all rows, counted from zero, is its position.
//!
//! Invariants: each change has exactly one row and each row that decodes encodes to the same bytes;
//! decoding hostile bytes is an error and never a panic. All numbers are big-endian:
//!
//! | from | bytes | account created | transfer created | hold expired |
//! | --- | --- | --- | --- | --- |
//! | 0 | 16 | id | id | id of the hold |
//! | 16 | 16 | asset code 8, scale 1, zeros | debit account | the hold's |
//! | 32 | 16 | zeros | credit account | the hold's |
//! | 48 | 16 | zeros | amount as it was moved | the hold's |
//! | 64 | 16 | zeros | pending id of a post or void, else zeros | zeros |
//! | 80 | 16, 8, 4 | user data of 128, 64, 32 bits | the same | the hold's |
//! | 108 | 4 | zeros | timeout in seconds of a pending one, else zeros | the hold's |
//! | 112 | 2 | number of the asset | number of the asset | the hold's |
//! | 114 | 2 | code | code | the hold's |
//! | 116 | 2 | flags | flags | the hold's |
//! | 118 | 1 | kind: 1 | 2 | 3 |
//! | 119 | 1 | zero | zero | zero |
//! | 120 | 8 | timestamp, Unix nanoseconds | the same | of the release |
//!
//! Assets are numbered from zero in the order in which accounts first had them. Flags are those of
//! the events' own bytes.

use money::{AccountId, Asset, TransferId};

use crate::codec::{DecodeError, is_linked, is_void, kind_of, take_asset};
use crate::event::{Account, Kind, Limit, Transfer};

/// Bytes of a row.
pub const ROW_BYTES: usize = 128;

const ACCOUNT_CREATED: u8 = 1;
const TRANSFER_CREATED: u8 = 2;
const HOLD_EXPIRED: u8 = 3;

/// One change of a ledger. The accessors read what stands there, whatever the kind of the row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row([u8; ROW_BYTES]);

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// An account was created.
    AccountCreated,
    /// A transfer was created.
    TransferCreated,
    /// A pending transfer was released after its time had run out.
    HoldExpired,
}

impl Row {
    /// Any bytes; [`Row::check`] says whether they are a row.
    pub const fn from_bytes(bytes: [u8; ROW_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; ROW_BYTES] {
        &self.0
    }

    /// Whether the row is one that a ledger could write, as far as the row alone tells.
    pub fn check(&self) -> Result<(), DecodeError> {
        match self.kind() {
            Some(RowKind::AccountCreated) => self.account().map(|_| ()),
            Some(RowKind::TransferCreated) => self.fields().map(|_| ()),
            Some(RowKind::HoldExpired) => match self.fields()?.kind {
                Kind::Pending { .. } => Ok(()),
                _ => Err(DecodeError::FlagsAreMutuallyExclusive),
            },
            None => Err(DecodeError::UnknownRowKind(self.0[118])),
        }
    }

    /// What the row is about; `None` if it is no row.
    pub const fn kind(&self) -> Option<RowKind> {
        match self.0[118] {
            ACCOUNT_CREATED => Some(RowKind::AccountCreated),
            TRANSFER_CREATED => Some(RowKind::TransferCreated),
            HOLD_EXPIRED => Some(RowKind::HoldExpired),
            _ => None,
        }
    }

    /// Id of the account, the transfer or the hold.
    pub fn id(&self) -> u128 {
        u128::from_be_bytes(self.at(0))
    }

    /// The account that gives; meaningless in the row of an account.
    pub fn debit_account(&self) -> u128 {
        u128::from_be_bytes(self.at(16))
    }

    /// The account that receives; zero in the row of an account.
    pub fn credit_account(&self) -> u128 {
        u128::from_be_bytes(self.at(32))
    }

    /// Base units; zero in the row of an account.
    pub fn amount(&self) -> u128 {
        u128::from_be_bytes(self.at(48))
    }

    /// The pending transfer that a post or void resolves, else zero.
    pub fn pending_id(&self) -> u128 {
        u128::from_be_bytes(self.at(64))
    }

    /// User data of 128 bits.
    pub fn user_data(&self) -> u128 {
        u128::from_be_bytes(self.at(80))
    }

    /// User data of 64 bits.
    pub fn user_data_64(&self) -> u64 {
        u64::from_be_bytes(self.at(96))
    }

    /// User data of 32 bits.
    pub fn user_data_32(&self) -> u32 {
        u32::from_be_bytes(self.at(104))
    }

    fn timeout_seconds(&self) -> u32 {
        u32::from_be_bytes(self.at(108))
    }

    /// Number of the asset.
    pub fn asset_number(&self) -> u16 {
        u16::from_be_bytes(self.at(112))
    }

    /// The code.
    pub fn code(&self) -> u16 {
        u16::from_be_bytes(self.at(114))
    }

    /// The row is that of a void.
    pub(crate) fn is_void(&self) -> bool {
        is_void(self.flags())
    }

    fn flags(&self) -> u16 {
        u16::from_be_bytes(self.at(116))
    }

    /// When it happened, Unix nanoseconds. Releases may share a time.
    pub fn timestamp_ns(&self) -> u64 {
        u64::from_be_bytes(self.at(120))
    }

    #[inline]
    fn at<const N: usize>(&self, from: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[from..from.saturating_add(N)]);
        bytes
    }

    #[inline]
    fn put<const N: usize>(&mut self, from: usize, bytes: [u8; N]) {
        self.0[from..from.saturating_add(N)].copy_from_slice(&bytes);
    }
}

impl Row {
    /// The row of an account's creation.
    pub(crate) fn of_account(account: &Account, asset_number: u16, timestamp_ns: u64) -> Self {
        let mut row = Self([0; ROW_BYTES]);
        row.put(0, account.id.to_be_bytes());
        row.put(16, account.asset.code.to_bytes());
        row.put(24, [account.asset.scale]);
        row.put(80, account.user_data.to_be_bytes());
        row.put(96, account.user_data_64.to_be_bytes());
        row.put(104, account.user_data_32.to_be_bytes());
        row.put(112, asset_number.to_be_bytes());
        row.put(114, account.code.to_be_bytes());
        row.put(116, account.flags().to_be_bytes());
        row.put(118, [ACCOUNT_CREATED, 0]);
        row.put(120, timestamp_ns.to_be_bytes());
        row
    }

    /// The row of a transfer's creation.
    pub(crate) fn of_transfer(transfer: &Transfer, asset_number: u16, timestamp_ns: u64) -> Self {
        let mut row = Self([0; ROW_BYTES]);
        row.put(0, transfer.id.to_be_bytes());
        row.put(16, transfer.debit_account.to_be_bytes());
        row.put(32, transfer.credit_account.to_be_bytes());
        row.put(48, transfer.amount.to_be_bytes());
        let pending_id = transfer.kind.pending_id().map_or(0, TransferId::get);
        row.put(64, pending_id.to_be_bytes());
        row.put(80, transfer.user_data.to_be_bytes());
        row.put(96, transfer.user_data_64.to_be_bytes());
        row.put(104, transfer.user_data_32.to_be_bytes());
        row.put(108, transfer.kind.timeout_seconds().to_be_bytes());
        row.put(112, asset_number.to_be_bytes());
        row.put(114, transfer.code.to_be_bytes());
        row.put(116, transfer.flags().to_be_bytes());
        row.put(118, [TRANSFER_CREATED, 0]);
        row.put(120, timestamp_ns.to_be_bytes());
        row
    }

    /// The row of the release of a hold.
    pub(crate) fn of_expiry(hold: &Transfer, asset_number: u16, timestamp_ns: u64) -> Self {
        let mut row = Self::of_transfer(hold, asset_number, timestamp_ns);
        row.put(118, [HOLD_EXPIRED, 0]);
        row
    }

    /// The account of the row of an account.
    pub(crate) fn account(&self) -> Result<Account, DecodeError> {
        let rest = [25..80, 108..112, 119..120];
        if rest.into_iter().any(|range| self.0[range].iter().any(|&byte| byte != 0)) {
            return Err(DecodeError::ReservedBytes);
        }
        let account = Account {
            id: AccountId::new(self.id())?,
            asset: take_asset(&mut &self.0[16..25])?,
            code: self.code(),
            user_data: self.user_data(),
            user_data_64: self.user_data_64(),
            user_data_32: self.user_data_32(),
            limit: Limit::None,
            history: false,
            closed: false,
            linked: false,
        };
        account.with_flags(self.flags())
    }

    /// The transfer of the row of a transfer or of an expiry.
    pub(crate) fn transfer(&self, asset: Asset) -> Result<Transfer, DecodeError> {
        let Fields { kind, id, debit_account, credit_account } = self.fields()?;
        Ok(Transfer {
            id,
            kind,
            debit_account,
            credit_account,
            asset,
            amount: self.amount(),
            code: self.code(),
            user_data: self.user_data(),
            user_data_64: self.user_data_64(),
            user_data_32: self.user_data_32(),
            linked: is_linked(self.flags()),
        })
    }

    fn fields(&self) -> Result<Fields, DecodeError> {
        let pending_id = match self.pending_id() {
            0 => None,
            id => Some(TransferId::new(id)?),
        };
        let kind = kind_of(self.flags(), self.timeout_seconds(), pending_id)?;
        let is_clean = kind.timeout_seconds() == self.timeout_seconds()
            && kind.pending_id() == pending_id
            && self.0[119] == 0;
        if !is_clean {
            return Err(DecodeError::ReservedBytes);
        }
        Ok(Fields {
            kind,
            id: TransferId::new(self.id())?,
            debit_account: AccountId::new(self.debit_account())?,
            credit_account: AccountId::new(self.credit_account())?,
        })
    }
}

/// What of a transfer's row can be malformed.
struct Fields {
    kind: Kind,
    id: TransferId,
    debit_account: AccountId,
    credit_account: AccountId,
}

/// The rows in these bytes; what is left at the end is no row.
pub(crate) fn rows_of(bytes: &[u8]) -> impl ExactSizeIterator<Item = &[u8; ROW_BYTES]> {
    bytes.as_chunks::<ROW_BYTES>().0.iter()
}
