//! Policies: which logs are believed, and which witnesses must have seen what they say.
//!
//! Invariants: names are defined before they are used, so that groups never form a circle; no key
//! stands in a policy twice, and each name is a member of one group at most, so that no witness
//! counts twice. Format: C2SP tlog-policy. It must not judge the times of cosignatures.

mod error;
mod judge;
mod parse;

use crate::note::VerifierKey;

pub use error::{PolicyError, PolicyFault};
pub use judge::{Cosigned, Judged, Unacceptable};

/// Longest policy that is read.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;
/// Most logs, most witnesses and most groups of one policy.
pub const POLICY_ENTRIES_COUNT_MAX: usize = 256;

/// Logs, witnesses and the quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Quorum,
}

/// A log that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    key: VerifierKey,
    url: Option<Vec<u8>>,
}

/// A witness, under the name that it has in the policy alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    name: Vec<u8>,
    key: VerifierKey,
    url: Option<Vec<u8>>,
}

/// Members of which at least `threshold` must have seen a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: Vec<u8>,
    threshold: usize,
    members: Vec<Member>,
}

/// A name that is defined: its place among the witnesses or groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// Who must have seen a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    None,
    Of(Member),
}

impl Log {
    /// The key; its name is the origin of the log's checkpoints.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where the log is found. Any bytes without spaces and control characters.
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

impl Witness {
    /// The name in the policy. Any bytes without spaces and control characters.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where the witness is asked: its submission prefix. Any bytes without spaces.
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

impl Policy {
    /// The logs in their order.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses in their order.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Whether checkpoints count without any witness.
    pub fn needs_no_witness(&self) -> bool {
        self.quorum == Quorum::None
    }

    /// Whether those witnesses for which `has_cosigned` is true are enough.
    pub fn quorum_is_met(&self, has_cosigned: impl Fn(&Witness) -> bool) -> bool {
        let Quorum::Of(quorum) = self.quorum else { return true };
        let mut seen = Seen {
            witnesses: self.witnesses.iter().map(has_cosigned).collect(),
            groups: Vec::with_capacity(self.groups.len()),
        };
        // A group has only earlier ones as members.
        for group in &self.groups {
            let count = group.members.iter().filter(|member| seen.by(**member)).count();
            seen.groups.push(count >= group.threshold);
        }
        seen.by(quorum)
    }

    fn name_of(&self, member: Member) -> &[u8] {
        let name = match member {
            Member::Witness(at) => self.witnesses.get(at).map(|witness| &witness.name),
            Member::Group(at) => self.groups.get(at).map(|group| &group.name),
        };
        name.map_or(&[], Vec::as_slice)
    }

    /// The policy as a file that every reader takes for the same policy, comments left out.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut lines = Lines::default();
        for Log { key, url } in &self.logs {
            lines.push(&[b"log", key.to_string().as_bytes()], url.as_deref());
        }
        for Witness { name, key, url } in &self.witnesses {
            lines.push(&[b"witness", name, key.to_string().as_bytes()], url.as_deref());
        }
        for group in &self.groups {
            let threshold = match group.threshold {
                all if all == group.members.len() => "all".to_owned(),
                1 => "any".to_owned(),
                some => some.to_string(),
            };
            let head: [&[u8]; 3] = [b"group", &group.name, threshold.as_bytes()];
            lines.push(&head, group.members.iter().map(|member| self.name_of(*member)));
        }
        let quorum = match self.quorum {
            Quorum::None => b"none",
            Quorum::Of(member) => self.name_of(member),
        };
        lines.push(&[b"quorum", quorum], None);
        lines.0
    }
}

/// Which witnesses and groups have seen a checkpoint.
struct Seen {
    witnesses: Vec<bool>,
    groups: Vec<bool>,
}

impl Seen {
    fn by(&self, member: Member) -> bool {
        let seen = match member {
            Member::Witness(at) => self.witnesses.get(at),
            Member::Group(at) => self.groups.get(at),
        };
        seen.is_some_and(|seen| *seen)
    }
}

#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push<'a>(&mut self, head: &[&'a [u8]], rest: impl IntoIterator<Item = &'a [u8]>) {
        let words: Vec<&[u8]> = head.iter().copied().chain(rest).collect();
        self.0.extend(words.join(&b' '));
        self.0.push(b'\n');
    }
}
