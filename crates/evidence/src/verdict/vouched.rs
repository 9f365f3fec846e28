//! On whose word a verdict stands: the log that signed and the witnesses that saw.

use tlog::Hash;
use tlog::policy::{Judged, Policy};

use super::Sentences;
use super::time::utc;

/// Cosignatures of a later time than now and so many seconds are not believed: clocks differ, but
/// not by more.
pub const COSIGNATURE_AHEAD_SECONDS_MAX: u64 = 60;

/// Who vouches for a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The name of the log's key, which is its origin.
    pub log: String,
    /// How many entries the log has in this state.
    pub size: u64,
    /// The root of this state.
    pub root: Hash,
    /// The policy's witnesses that cosigned this state, in the policy's order.
    pub witnesses: Vec<Witnessed>,
    /// How many witnesses the policy knows.
    pub known_witnesses: usize,
    /// Whether the policy asks for cosignatures; if so, its quorum is met.
    pub needs_witnesses: bool,
}

/// A witness that cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Its name in the policy.
    pub name: String,
    /// The name of its key.
    pub key: String,
    /// When it says that it did, Unix seconds.
    pub time_s: u64,
}

/// A witness claims to have cosigned at a time that is not yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cosignature of `{key}` is of {}, which has not come yet", utc(*time_s))]
pub struct FromTheFuture {
    /// The name of the witness's key.
    pub key: String,
    /// The time, Unix seconds.
    pub time_s: u64,
}

impl FromTheFuture {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        "cosignature_from_future"
    }
}

impl Vouched {
    /// What a judged checkpoint stands on. `now_s` is Unix seconds; without it no time is judged.
    pub(crate) fn of(
        judged: &Judged<'_>,
        policy: &Policy,
        now_s: Option<u64>,
    ) -> Result<Self, FromTheFuture> {
        let witnesses = judged.cosigned.iter().map(|cosigned| Witnessed {
            name: String::from_utf8_lossy(cosigned.witness.name()).into_owned(),
            key: cosigned.witness.key().name().as_str().to_owned(),
            time_s: cosigned.time,
        });
        let witnesses: Vec<_> = witnesses.collect();
        let latest = now_s.map(|now| now.saturating_add(COSIGNATURE_AHEAD_SECONDS_MAX));
        let is_ahead = |seen: &&Witnessed| latest.is_some_and(|latest| seen.time_s > latest);
        if let Some(Witnessed { key, time_s, .. }) = witnesses.iter().find(is_ahead) {
            return Err(FromTheFuture { key: key.clone(), time_s: *time_s });
        }
        let head = judged.checkpoint.head();
        Ok(Self {
            log: judged.log.key().name().as_str().to_owned(),
            size: head.size,
            root: head.root,
            witnesses,
            known_witnesses: policy.witnesses().len(),
            needs_witnesses: !policy.needs_no_witness(),
        })
    }

    /// The latest time at which a witness saw this state, Unix seconds.
    pub fn latest_s(&self) -> Option<u64> {
        self.witnesses.iter().map(|witness| witness.time_s).max()
    }

    pub(super) fn size_words(&self) -> String {
        match self.size {
            1 => "of its log of one entry".to_owned(),
            size => format!("of its log of {size} entries"),
        }
    }

    pub(super) fn say(&self, sentences: &mut Sentences) {
        if self.witnesses.is_empty() {
            let text = "That no other version of the log was shown to others: no witness cosigned.";
            sentences.not_proven("not_witnessed", text);
            return;
        }
        let seen: Vec<_> = self.witnesses.iter().map(Witnessed::words).collect();
        let (found, known) = (self.witnesses.len(), self.known_witnesses);
        let judged = if self.needs_witnesses {
            "as many as the policy asks for"
        } else {
            "though the policy asks for none"
        };
        let text = format!(
            "{found} of {known} witnesses that the policy knows, {judged}, saw this state of the \
             log and saw it only ever grow: {}.",
            seen.join(", ")
        );
        sentences.proven("witnessed", text);
    }
}

impl Witnessed {
    fn words(&self) -> String {
        format!("{} at {}", self.key, utc(self.time_s))
    }
}
