//! A log's side: asks the witnesses of a policy to cosign a checkpoint.
//!
//! [`Client::collect`] is one round. Every witness has one request at a time, and none waits for
//! another; what has not come when the round's time is over is given up, and so is a witness that
//! failed lately, until its pause is over.
//!
//! Invariant: signatures that a round hands out were made by the policy's keys for the checkpoint of
//! the round. It must not decide what follows from an [`Alarm`]; its caller has the log.

mod exchange;
mod outcome;
mod peer;

use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use http::Uri;
use tlog::policy::Policy;
use tlog::{Checkpoint, CheckpointError, Hash, Note, NoteSignature, VerifierKey};
use tokio::time::Instant;

pub use self::exchange::ANSWER_BYTES_MAX;
pub use self::outcome::{Alarm, Outcome, Status};
pub use self::peer::CONFLICT_RETRIES_COUNT_MAX;

use self::exchange::Http;
use self::peer::{Asked, Peer, Question};

/// Times of a client, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Longest wait for a connection.
    pub connect_ms: u64,
    /// Longest wait for one answer.
    pub answer_ms: u64,
    /// Longest round.
    pub collect_ms: u64,
    /// Pause after the first failure of a witness; doubles with each further one.
    pub pause_first_ms: u64,
    /// Longest such pause.
    pub pause_last_ms: u64,
    /// Pause after a refusal that only people can change.
    pub refused_pause_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_ms: 2_000,
            answer_ms: 3_000,
            collect_ms: 4_000,
            pause_first_ms: 1_000,
            pause_last_ms: 300_000,
            refused_pause_ms: 600_000,
        }
    }
}

/// Why a policy's witnesses cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the URL of witness `{witness}` is not one that can be asked: `{url}`; write http:// or https://"
)]
pub struct UrlError {
    /// The name in the policy.
    pub witness: String,
    /// The URL.
    pub url: String,
}

impl UrlError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        "witness_url"
    }
}

/// The witnesses of a policy, as one log sees them.
#[derive(Debug)]
pub struct Client {
    http: Http,
    options: Options,
    logs: Vec<VerifierKey>,
    peers: Vec<Peer>,
}

/// What a round brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Verified cosignatures, for [`Note::with_signatures`].
    pub signatures: Vec<NoteSignature>,
    /// One of each witness, in the policy's order.
    pub witnesses: Vec<Status>,
}

impl Round {
    /// Witnesses whose answer says that the log contradicts itself, also if it was in an earlier
    /// round and they have not cosigned since.
    pub fn alarms(&self) -> impl Iterator<Item = (&Status, Alarm)> {
        self.witnesses.iter().filter_map(|status| Some((status, status.alarm?)))
    }
}

impl Client {
    /// A client for the witnesses of a policy. Those without URL are never asked.
    pub fn new(policy: &Policy, options: Options) -> Result<Self, UrlError> {
        let mut peers = Vec::with_capacity(policy.witnesses().len());
        for witness in policy.witnesses() {
            let name = String::from_utf8_lossy(witness.name()).into_owned();
            let url = witness.url().map(|url| {
                parse_url(url).ok_or_else(|| UrlError {
                    witness: name.clone(),
                    url: String::from_utf8_lossy(url).into_owned(),
                })
            });
            peers.push(Peer::new(name.clone(), witness.key().clone(), url.transpose()?));
        }
        let connect = Duration::from_millis(options.connect_ms);
        let logs = policy.logs().iter().map(|log| log.key().clone()).collect();
        Ok(Self { http: Http::new(connect), options, logs, peers })
    }

    /// How many witnesses can be asked.
    pub fn count(&self) -> usize {
        self.peers.iter().filter(|peer| peer.has_url()).count()
    }

    /// One round: asks every witness to cosign the checkpoint in `note`, which must be the newest
    /// that the log has signed. `prove(old, new)` gives the consistency proof between two sizes with
    /// `0 < old < new`.
    pub async fn collect<P, F, E>(
        &mut self,
        note: &Note,
        prove: P,
    ) -> Result<Round, CheckpointError>
    where
        P: Fn(u64, u64) -> F,
        F: Future<Output = Result<Vec<Hash>, E>>,
        E: core::fmt::Display,
    {
        let checkpoint = Checkpoint::parse(note.text())?;
        let start = Instant::now();
        let end = start.checked_add(Duration::from_millis(self.options.collect_ms));
        let (http, options, logs) = (&self.http, &self.options, self.logs.as_slice());
        let (question, prove) = (&Question { http, options, logs, note, checkpoint }, &prove);
        let asked = self.peers.iter_mut().map(|peer| async move {
            if let Some(outcome) = peer.is_passed_over(start) {
                return (None, peer.status(outcome, start));
            }
            let asking = peer.ask(question, prove);
            let asked = match end {
                Some(end) => tokio::time::timeout_at(end, asking).await.unwrap_or(Asked::late()),
                None => asking.await,
            };
            let now = Instant::now();
            peer.learn(&asked.outcome, options, now);
            (asked.signature, peer.status(asked.outcome, now))
        });
        let (signatures, witnesses): (Vec<_>, Vec<_>) = join_all(asked).await.into_iter().unzip();
        Ok(Round { signatures: signatures.into_iter().flatten().collect(), witnesses })
    }
}

/// The submission prefix without a slash at its end.
fn parse_url(url: &[u8]) -> Option<Uri> {
    let text = core::str::from_utf8(url).ok()?;
    let uri: Uri = text.trim_end_matches('/').parse().ok()?;
    let authority = uri.authority()?;
    let plain = !authority.as_str().contains('@') && uri.query().is_none();
    (plain && matches!(uri.scheme_str(), Some("http" | "https"))).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_and_plain() {
        let found = parse_url(b"https://witness.example/w1/").unwrap();
        assert_eq!(found.to_string(), "https://witness.example/w1");
        assert!(parse_url(b"http://127.0.0.1:7380").is_some());
        for url in [
            "ftp://a.example",
            "witness.example",
            "/w1",
            "http://",
            "http://u@a.example",
            "http://a.example/?q",
            "",
        ] {
            assert!(parse_url(url.as_bytes()).is_none(), "{url}");
        }
        assert!(parse_url(b"http://a.example/\xff").is_none());
    }
}
