//! Calls about mandates.

use instrument::{Mandate, Pause, PublicKey, Revocation, TreeMandate, Verified};

use super::{Command, Engine, Reply};
use crate::error::{GrantError, PauseError, RevokeError};

/// What the writer is asked to do about mandates.
pub(crate) enum MandateCommand {
    Grant(Box<Verified<Mandate>>, String, Reply<(), GrantError>),
    GrantChain(Vec<Verified<TreeMandate>>, String, Reply<(), GrantError>),
    Pause(Verified<Pause>, PublicKey, Reply<(), PauseError>),
    Revoke(Verified<Revocation>, PublicKey, Reply<(), RevokeError>),
}

impl Engine {
    /// Registers a mandate. Idempotent by id.
    pub async fn grant(&self, mandate: Verified<Mandate>, label: String) -> Result<(), GrantError> {
        let mandate = Box::new(mandate);
        self.call(|reply| Command::Mandate(MandateCommand::Grant(mandate, label, reply))).await
    }

    /// Registers a chain of mandates, root first: all of it or nothing. It may begin below a mandate
    /// that is known. Idempotent. The label is for those that are new.
    pub async fn grant_chain(
        &self,
        chain: Vec<Verified<TreeMandate>>,
        label: String,
    ) -> Result<(), GrantError> {
        self.call(|reply| Command::Mandate(MandateCommand::GrantChain(chain, label, reply))).await
    }

    /// Pauses a mandate and all below it at once, or lets it go on. `key` is the key that the
    /// statement was verified with.
    pub async fn pause(&self, pause: Verified<Pause>, key: PublicKey) -> Result<(), PauseError> {
        self.call(|reply| Command::Mandate(MandateCommand::Pause(pause, key, reply))).await
    }

    /// Revokes a mandate and all below it at once. `key` is the key that the revocation was verified
    /// with.
    pub async fn revoke(
        &self,
        revocation: Verified<Revocation>,
        key: PublicKey,
    ) -> Result<(), RevokeError> {
        self.call(|reply| Command::Mandate(MandateCommand::Revoke(revocation, key, reply))).await
    }
}
