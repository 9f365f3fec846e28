//! One witness: what is known of it, and one request after the other until it has cosigned.
//!
//! Invariant: what is remembered as cosigned comes from verified cosignatures alone. Sizes that a
//! witness merely names serve for the next proof, or are told as an alarm.

use std::future::Future;
use std::time::Duration;

use http::Uri;
use tlog::witness::{AddCheckpoint, Answer};
use tlog::{Checkpoint, Hash, Note, NoteSignature, VerifierKey};
use tokio::time::Instant;

use super::Options;
use super::exchange::{Answered, Http, NoAnswer};
use super::outcome::{Alarm, Outcome, Status};
use crate::digest;

/// Most further requests of a round after a witness has named another size.
pub const CONFLICT_RETRIES_COUNT_MAX: u32 = 3;

/// Beginning of a witness's words that is told.
const WORDS_CHARS: usize = 160;

/// A witness that is asked.
#[derive(Debug)]
pub(super) struct Peer {
    name: String,
    key: VerifierKey,
    /// Without a slash at its end.
    prefix: Option<Uri>,
    cosigned: Option<Cosigned>,
    failures: u32,
    /// It is left alone before.
    rests_until: Option<Instant>,
    alarm: Option<Alarm>,
    proof: Option<Note>,
}

/// What all witnesses are asked in one round.
pub(super) struct Question<'a> {
    pub(super) http: &'a Http,
    pub(super) options: &'a Options,
    /// The keys of the logs of the policy.
    pub(super) logs: &'a [VerifierKey],
    pub(super) note: &'a Note,
    /// What the note says.
    pub(super) checkpoint: Checkpoint,
}

#[derive(Debug, Clone, Copy)]
struct Cosigned {
    size: u64,
    time: u64,
}

/// What came of asking.
pub(super) struct Asked {
    pub(super) signature: Option<NoteSignature>,
    pub(super) outcome: Outcome,
}

impl Asked {
    pub(super) fn late() -> Self {
        Outcome::Late.into()
    }
}

impl From<Outcome> for Asked {
    fn from(outcome: Outcome) -> Self {
        Self { signature: None, outcome }
    }
}

/// What follows from an answer.
enum Step {
    /// Ask again, with a proof from this size.
    From(u64),
    Done(Asked),
}

impl Peer {
    /// `url` is the submission prefix.
    pub(super) fn new(name: String, key: VerifierKey, prefix: Option<Uri>) -> Self {
        Self {
            name,
            key,
            prefix,
            cosigned: None,
            failures: 0,
            rests_until: None,
            alarm: None,
            proof: None,
        }
    }

    pub(super) fn has_url(&self) -> bool {
        self.prefix.is_some()
    }

    fn url(&self, path: &str) -> Option<Uri> {
        let prefix = self.prefix.clone()?;
        let path = format!("{}/{path}", prefix.path().trim_end_matches('/'));
        let mut parts = prefix.into_parts();
        parts.path_and_query = Some(path.parse().ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Why it is not asked now, if it is not.
    pub(super) fn is_passed_over(&self, now: Instant) -> Option<Outcome> {
        if self.prefix.is_none() {
            return Some(Outcome::NoUrl);
        }
        self.rests_until.is_some_and(|until| now < until).then_some(Outcome::Paused)
    }

    /// Asks until it has cosigned, or something else came of it. May be dropped at any point.
    pub(super) async fn ask<P, F, E>(&mut self, question: &Question<'_>, prove: &P) -> Asked
    where
        P: Fn(u64, u64) -> F,
        F: Future<Output = Result<Vec<Hash>, E>>,
        E: core::fmt::Display,
    {
        let Question { http, options, note, .. } = question;
        let Some(url) = self.url("add-checkpoint") else { return Outcome::NoUrl.into() };
        let limit = Duration::from_millis(options.answer_ms);
        let size = question.checkpoint.head().size;
        // A size above the checkpoint would be refused unseen; from this one the witness names its own.
        let mut old = self.cosigned.map_or(0, |cosigned| cosigned.size).min(size);
        for _ in 0..=CONFLICT_RETRIES_COUNT_MAX {
            let proof = if old == 0 || old == size {
                Vec::new()
            } else {
                match prove(old, size).await {
                    Ok(proof) => proof,
                    Err(error) => return Outcome::Unproven(error.to_string()).into(),
                }
            };
            let body = match AddCheckpoint::new(old, proof, Note::clone(note)) {
                Ok(request) => request.to_string(),
                Err(error) => return Outcome::Unproven(error.to_string()).into(),
            };
            let answered = match tokio::time::timeout(limit, http.post(&url, body)).await {
                Ok(Ok(answered)) => answered,
                Ok(Err(NoAnswer::Broken(why))) => return Outcome::Unreachable(why).into(),
                Ok(Err(NoAnswer::TooLong)) => {
                    return Outcome::Malformed("witness_answer_too_large").into();
                }
                Err(_) => return Asked::late(),
            };
            match self.judge(&answered, note, old, size) {
                Step::From(stored) => old = stored,
                Step::Done(asked) => {
                    if let Outcome::Alarm(alarm) = asked.outcome {
                        // First, because asking for the proof may be cut off.
                        self.alarm = Some(alarm);
                        self.proof = self.shown(question).await.or(self.proof.take());
                    }
                    return asked;
                }
            }
        }
        Outcome::Unsettled.into()
    }

    /// What the witness cosigned last, if the log's own key has signed it and it cannot be before
    /// the log's newest checkpoint.
    async fn shown(&self, question: &Question<'_>) -> Option<Note> {
        let Question { http, options, logs, checkpoint, .. } = question;
        let (origin, own) = (checkpoint.origin(), checkpoint.head());
        let url = self.url(&format!("{}/checkpoint", digest::hex(origin.as_bytes())))?;
        let limit = Duration::from_millis(options.answer_ms);
        let answered = tokio::time::timeout(limit, http.get(&url)).await.ok()?.ok()?;
        let note = Note::parse(&answered.body).ok().filter(|_| answered.status == 200)?;
        let shown = Checkpoint::parse(note.text()).ok()?;
        let of_log = logs.iter().filter(|key| key.name().as_str() == origin);
        let is_signed = shown.origin() == origin && note.verify(of_log).is_ok();
        let head = shown.head();
        let contradicts = head.size > own.size || (head.size == own.size && head.root != own.root);
        (is_signed && contradicts).then_some(note)
    }

    fn judge(&mut self, answered: &Answered, note: &Note, old: u64, size: u64) -> Step {
        let Answered { status, content_type, body } = answered;
        let outcome = match Answer::parse(*status, content_type, body) {
            Err(error) => Outcome::Malformed(error.code()),
            Ok(Answer::Cosigned(lines)) => return Step::Done(self.verified(note, &lines, size)),
            Ok(Answer::Conflict { stored }) if stored > size => {
                Outcome::Alarm(Alarm::WitnessAhead { size: stored, own_size: size })
            }
            Ok(Answer::Conflict { stored }) if stored != old => return Step::From(stored),
            // Earlier versions of the protocol answer so to another root of the same size.
            Ok(Answer::Conflict { .. }) if old == size => {
                Outcome::Alarm(Alarm::Inconsistent { own_size: size })
            }
            Ok(Answer::Conflict { .. }) => Outcome::Malformed("witness_answer_size"),
            Ok(Answer::Refused { status: 422 }) => {
                Outcome::Alarm(Alarm::Inconsistent { own_size: size })
            }
            Ok(Answer::Refused { status }) if matches!(status, 400 | 403 | 404) => {
                Outcome::Refused { status, words: words(body) }
            }
            Ok(Answer::Refused { status }) => Outcome::Failed { status },
        };
        Step::Done(outcome.into())
    }

    /// Takes what the witness's own key made for the checkpoint.
    fn verified(&mut self, note: &Note, lines: &[NoteSignature], size: u64) -> Asked {
        let key = &self.key;
        let verified = match note.with_verified(lines, [key]) {
            Ok(verified) => verified,
            Err(error) => return Outcome::Forged(error.code()).into(),
        };
        let is_own = |line: &&NoteSignature| line.name() == key.name() && line.id() == key.id();
        let signature = verified.signatures().iter().rfind(is_own).cloned();
        let signed = verified.verify([key]).ok();
        let time = signed.and_then(|signed| signed.last()?.time);
        let (Some(signature), Some(time)) = (signature, time) else {
            return Outcome::Forged("note_unsigned").into();
        };
        self.cosigned = Some(Cosigned { size, time });
        Asked { signature: Some(signature), outcome: Outcome::Cosigned { time } }
    }

    /// Remembers what came of asking.
    pub(super) fn learn(&mut self, outcome: &Outcome, options: &Options, now: Instant) {
        let pause_ms = match outcome {
            Outcome::Cosigned { .. } => {
                (self.failures, self.rests_until) = (0, None);
                (self.alarm, self.proof) = (None, None);
                return;
            }
            Outcome::NoUrl | Outcome::Paused => return,
            Outcome::Refused { .. } | Outcome::Alarm(_) => options.refused_pause_ms,
            _ => {
                let doubled = 1_u64.checked_shl(self.failures).unwrap_or(u64::MAX);
                options.pause_first_ms.saturating_mul(doubled).min(options.pause_last_ms)
            }
        };
        self.failures = self.failures.saturating_add(1);
        self.rests_until = now.checked_add(Duration::from_millis(pause_ms));
    }

    pub(super) fn status(&self, outcome: Outcome, now: Instant) -> Status {
        let pause = self.rests_until.map(|until| until.saturating_duration_since(now));
        let pause_ms = pause.map_or(0, |pause| pause.as_millis());
        Status {
            name: self.name.clone(),
            outcome,
            cosigned_size: self.cosigned.map(|cosigned| cosigned.size),
            cosigned_time: self.cosigned.map(|cosigned| cosigned.time),
            failures: self.failures,
            pause_ms: u64::try_from(pause_ms).unwrap_or(u64::MAX),
            alarm: self.alarm,
            proof: self.proof.clone(),
        }
    }
}

/// The beginning of what a witness says, without what would speak to a terminal.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let plain = text.trim().chars().map(|it| if it.is_control() { ' ' } else { it });
    plain.take(WORDS_CHARS).collect()
}
