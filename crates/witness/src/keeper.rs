//! The witness: whom it watches, its key, and the one step from a request to a cosignature.
//!
//! Invariant: nothing is cosigned that [`decide`] did not accept against what is stored at that
//! moment, and no cosignature gets out before its head is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use tlog::witness::{AddCheckpoint, Refusal, RequestError, Watched, decide};
use tlog::{CosignError, Cosigner, KeyType, Note, NoteError, NoteSignature, TreeHead, VerifierKey};

use crate::digest;
use crate::store::{AdvanceError, OpenError, Rejected, Store, Weight};

/// Most keys of logs that one witness watches.
pub const LOGS_COUNT_MAX: usize = 4096;

/// Now, Unix seconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A witness with its state.
pub struct Witness {
    store: Store,
    cosigner: Cosigner,
    logs: BTreeMap<String, Vec<VerifierKey>>,
    /// Origins by the hex of their SHA-256.
    by_hash: BTreeMap<String, String>,
}

impl core::fmt::Debug for Witness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let key = self.cosigner.verifier();
        f.debug_struct("Witness").field("key", key).finish_non_exhaustive()
    }
}

/// Why a witness cannot work so.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The key of a log is one of a witness.
    #[error("`{vkey}` is the key of a witness; name the key with which the log signs")]
    KeyType {
        /// The key.
        vkey: String,
    },
    /// More keys than [`LOGS_COUNT_MAX`].
    #[error("a witness watches at most {LOGS_COUNT_MAX} keys of logs")]
    TooManyLogs,
    /// What is stored was cosigned by another key or under another name.
    #[error(transparent)]
    Store(#[from] OpenError),
}

impl SetupError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::KeyType { .. } => "witness_log_key_type",
            Self::TooManyLogs => "witness_too_many_logs",
            Self::Store(error) => error.code(),
        }
    }
}

/// Why a request got no cosignature. In the order of precedence.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// It is malformed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A write has failed, now or earlier.
    #[error("the witness cannot store what it cosigns; its operator has to restart it")]
    Stopped,
    /// The clock is wrong, or the checkpoint takes more room than a note has.
    #[error("the witness cannot cosign: {0}")]
    Internal(&'static str),
}

impl AddError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Request(error) => error.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::Stopped => "witness_stopped",
            Self::Internal(_) => "witness_internal",
        }
    }

    /// The HTTP status of the answer.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Request(error) => error.http_status(),
            Self::Refused(refusal) => refusal.http_status(),
            Self::Stopped => 503,
            Self::Internal(_) => 500,
        }
    }

    /// Content type and body of the answer.
    pub fn answer(&self) -> (&'static str, String) {
        match self {
            Self::Refused(refusal) => refusal.answer(),
            _ => ("text/plain; charset=utf-8", format!("{}: {self}\n", self.code())),
        }
    }
}

impl From<CosignError> for AddError {
    fn from(_: CosignError) -> Self {
        Self::Internal("its clock is beyond what the format carries")
    }
}

impl From<NoteError> for AddError {
    fn from(_: NoteError) -> Self {
        Self::Internal("the checkpoint leaves no room for another signature")
    }
}

impl Witness {
    /// A witness that trusts these keys, each for the log of its name; several keys may be of one
    /// log.
    pub fn new(
        store: Store,
        cosigner: Cosigner,
        keys: impl IntoIterator<Item = VerifierKey>,
    ) -> Result<Self, SetupError> {
        let mut logs: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for (key, count) in keys.into_iter().zip(1..) {
            if key.key_type() != KeyType::Note {
                return Err(SetupError::KeyType { vkey: key.to_string() });
            }
            if count > LOGS_COUNT_MAX {
                return Err(SetupError::TooManyLogs);
            }
            let known = logs.entry(key.name().as_str().to_owned()).or_default();
            if !known.contains(&key) {
                known.push(key);
            }
        }
        for (origin, newest) in store.all() {
            if newest.note.verify([cosigner.verifier()]).is_err() {
                let path = store.head_path(&origin);
                let why = "another key or name has cosigned it";
                return Err(OpenError::Damaged { path, why }.into());
            }
        }
        let by_hash = |origin: &String| (digest::hex(origin.as_bytes()), origin.clone());
        let by_hash = logs.keys().map(by_hash).collect();
        Ok(Self { store, cosigner, logs, by_hash })
    }

    /// The public key.
    pub fn key(&self) -> &VerifierKey {
        self.cosigner.verifier()
    }

    /// How many logs are watched.
    pub fn logs_count(&self) -> usize {
        self.logs.len()
    }

    /// Whether it can cosign: no write has failed since it was opened.
    pub fn is_healthy(&self) -> bool {
        !self.store.is_stopped()
    }

    /// What was cosigned last of a log.
    pub fn head(&self, origin: &str) -> Option<TreeHead> {
        self.store.newest(origin).map(|newest| newest.head)
    }

    /// The newest cosigned checkpoint of the watched log whose origin has this SHA-256, in lowercase
    /// hex.
    pub fn checkpoint(&self, origin_hash: &str) -> Option<Note> {
        let origin = self.by_hash.get(origin_hash)?;
        self.store.newest(origin).map(|newest| newest.note)
    }

    /// Answers the body of a request at a time, Unix seconds. Waits for the disk.
    pub fn add_checkpoint(&self, body: &[u8], time: u64) -> Result<NoteSignature, AddError> {
        let request = AddCheckpoint::parse(body)?;
        let origin = request.checkpoint().origin();
        let keys = self.logs.get(origin).map(Vec::as_slice);
        let judge = |stored| decide(&request, keys.map(|keys| Watched { keys, stored }));
        // Once without the log's lock, so that whoever sends nonsense waits for no disk and keeps
        // nobody waiting.
        let newest = self.store.newest(origin);
        judge(newest.as_ref().map(|newest| newest.head))
            .inspect_err(|refusal| self.keep(&request, refusal, time))?;
        let mut cosignature = None;
        let advanced = self.store.advance(origin, |stored| -> Result<Note, AddError> {
            let signature = judge(stored)?.cosign(&self.cosigner, time)?;
            cosignature = Some(signature.clone());
            let mut lines = own_lines(&request, keys.unwrap_or_default());
            lines.push(signature);
            Ok(Note::new(request.note().text().to_owned(), lines)?)
        });
        match advanced {
            Ok(_) => cosignature.ok_or(AddError::Internal("nothing was signed")),
            Err(AdvanceError::Refused(error)) => {
                if let AddError::Refused(refusal) = &error {
                    self.keep(&request, refusal, time);
                }
                Err(error)
            }
            Err(AdvanceError::Stopped) => Err(AddError::Stopped),
            Err(AdvanceError::Disk(error)) => {
                tracing::error!(origin, %error, "the witness stops: a head could not be stored");
                Err(AddError::Stopped)
            }
            Err(AdvanceError::Backwards) => {
                tracing::error!(origin, "a head was decided on that goes backwards");
                Err(AddError::Internal("it would contradict itself"))
            }
        }
    }

    fn keep(&self, request: &AddCheckpoint, refusal: &Refusal, time: u64) {
        if !refusal.is_evidence() {
            return;
        }
        let weight = match refusal {
            Refusal::OtherRoot { .. } | Refusal::EmptyRoot => Weight::Fork,
            _ => Weight::Unproven,
        };
        let origin = request.checkpoint().origin();
        let keys = self.logs.get(origin).map(Vec::as_slice).unwrap_or_default();
        let text = request.note().text();
        let cleaned = Note::new(text.to_owned(), own_lines(request, keys)).ok().and_then(|note| {
            AddCheckpoint::new(request.old_size(), request.proof().to_vec(), note).ok()
        });
        let newest = self.store.newest(origin).map(|newest| newest.note);
        self.store.keep(&Rejected {
            origin,
            weight,
            code: refusal.code(),
            time,
            newest: newest.as_ref(),
            text,
            request: &cleaned.as_ref().unwrap_or(request).to_string(),
        });
    }
}

/// One line of each trusted key, verified by [`decide`]: what strangers wrote below a checkpoint is
/// not kept.
fn own_lines(request: &AddCheckpoint, keys: &[VerifierKey]) -> Vec<NoteSignature> {
    let lines = request.note().signatures();
    let of = |key: &VerifierKey| {
        lines.iter().find(|line| line.name() == key.name() && line.id() == key.id()).cloned()
    };
    keys.iter().filter_map(of).collect()
}
