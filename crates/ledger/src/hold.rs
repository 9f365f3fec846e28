//! An open hold: what a post, void or expiry of it must know.
//!
//! Invariant: an open hold has a time of creation, and a row without is vacant.

use money::TransferId;

use crate::codec::{is_linked, kind_of};
use crate::event::{Kind, Transfer};
use crate::resident::Resident;
use crate::state::expiry_ns;

/// A pending transfer that is neither posted, voided nor released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    pub id: TransferId,
    pub amount: u128,
    pub user_data: u128,
    pub user_data_64: u64,
    /// Of its creation; zero in a vacant row.
    pub timestamp_ns: u64,
    pub user_data_32: u32,
    pub timeout_seconds: u32,
    /// Index of the debit account.
    pub debit: u32,
    /// Index of the credit account.
    pub credit: u32,
    pub code: u16,
    /// Transfer flags, as they stand in its row.
    pub flags: u16,
}

const _: () = assert!(size_of::<Hold>() == 96);

impl Hold {
    pub(crate) fn new(transfer: &Transfer, timestamp_ns: u64, debit: u32, credit: u32) -> Self {
        Self {
            id: transfer.id,
            amount: transfer.amount,
            user_data: transfer.user_data,
            user_data_64: transfer.user_data_64,
            timestamp_ns,
            user_data_32: transfer.user_data_32,
            timeout_seconds: transfer.kind.timeout_seconds(),
            debit,
            credit,
            code: transfer.code,
            flags: transfer.flags(),
        }
    }

    /// The row is that of an open hold.
    pub(crate) const fn is_open(&self) -> bool {
        self.timestamp_ns != 0
    }

    pub(crate) fn kind(&self) -> Kind {
        kind_of(self.flags, self.timeout_seconds, None).expect("a hold has the flags of a hold")
    }

    /// The transfer that made the hold.
    pub(crate) fn transfer(&self, resident: &Resident) -> Transfer {
        let debit = resident.accounts.get(self.debit);
        Transfer {
            id: self.id,
            kind: self.kind(),
            debit_account: debit.id,
            credit_account: resident.accounts.get(self.credit).id,
            asset: resident.asset(debit.asset),
            amount: self.amount,
            code: self.code,
            user_data: self.user_data,
            user_data_64: self.user_data_64,
            user_data_32: self.user_data_32,
            linked: is_linked(self.flags),
        }
    }

    /// End and creation of a hold with a timeout; the first can overflow only in hostile bytes.
    pub(crate) fn expiry(&self) -> Option<(u64, u64)> {
        match self.timeout_seconds {
            0 => None,
            seconds => Some((expiry_ns(self.timestamp_ns, seconds)?, self.timestamp_ns)),
        }
    }
}
