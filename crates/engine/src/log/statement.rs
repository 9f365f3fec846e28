//! The chain of an account's leaves, and how it is forgotten.
//!
//! Invariant: a chain is walked from the account's newest leaf back; what is forgotten is not walked.

use money::AccountId;

use super::{Log, LogError, NO_LEAF};

impl Log {
    /// The newest leaf in which an account takes part, below `size`, and how far its leaves can be
    /// opened back.
    pub(crate) fn newest(&self, account: AccountId) -> Result<(Option<u64>, u64), LogError> {
        let worker = self.0.worker();
        let known = worker.accounts().get(account.get()).copied();
        let known = known.ok_or(LogError::UnknownAccount { leaf: worker.head().size })?;
        Ok(((known.last != NO_LEAF).then_some(known.last), known.since))
    }

    /// Destroys what opens these leaves, which are all of the account's. False: there is a newer one.
    pub(crate) fn forget(
        &self,
        account: AccountId,
        leaves: &[(u64, u8)],
    ) -> Result<bool, LogError> {
        self.0.check()?;
        self.0.worker().forget(account, leaves)
    }

    /// The leaves before a leaf, of its debit and of its credit account.
    pub(crate) fn before(&self, leaf: u64) -> Result<[Option<u64>; 2], LogError> {
        let kept = self.0.files.leaves(leaf..leaf + 1)?;
        Ok(kept.first().map_or([None; 2], |kept| kept.prev.map(super::link)))
    }
}
