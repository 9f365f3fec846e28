//! Reading of policy files.
//!
//! Bytes above 127 are opaque: what a policy means depends on no table of characters.

use std::collections::{HashMap, HashSet};

use super::{
    Group, Log, Member, POLICY_BYTES_MAX, POLICY_ENTRIES_COUNT_MAX, Policy, PolicyError,
    PolicyFault, Quorum, Witness,
};
use crate::line::parse_decimal;
use crate::note::{KeyError, KeyType, VerifierKey};

const LOG: &str = "log <vkey> [<url>]";
const WITNESS: &str = "witness <name> <vkey> [<url>]";
const GROUP: &str = "group <name> all|any|<k> <member>...";
const QUORUM: &str = "quorum <name>";

impl Policy {
    /// Reads a policy.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(PolicyError { line: 1, fault: PolicyFault::TooLarge });
        }
        let mut reader = Reader::default();
        let mut after_last = 1;
        for (text, line) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            reader.line(text).map_err(|fault| PolicyError { line, fault })?;
            after_last = line.saturating_add(1);
        }
        let no_quorum = PolicyError { line: after_last, fault: PolicyFault::NoQuorum };
        let quorum = reader.quorum.ok_or(no_quorum)?;
        let Reader { logs, witnesses, groups, .. } = reader;
        Ok(Self { logs, witnesses, groups, quorum })
    }
}

/// What the lines so far have said.
#[derive(Default)]
struct Reader {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Quorum>,
    names: HashMap<Vec<u8>, Member>,
    members: HashSet<Member>,
    keys: HashSet<[u8; 32]>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        let text = line.strip_suffix(b"\n").ok_or(PolicyFault::Unterminated)?;
        if text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(PolicyFault::ControlCharacter);
        }
        let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
        let words: Vec<&[u8]> = text.split(blank).filter(|word| !word.is_empty()).collect();
        let Some((keyword, rest)) = words.split_first() else { return Ok(()) };
        if keyword.starts_with(b"#") {
            return Ok(());
        }
        match *keyword {
            b"log" => self.log(rest),
            b"witness" => self.witness(rest),
            b"group" => self.group(rest),
            b"quorum" => self.set_quorum(rest),
            word => Err(PolicyFault::Keyword { word: readable(word) }),
        }
    }

    fn log(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let ([vkey] | [vkey, _]) = words else { return Err(PolicyFault::Form { form: LOG }) };
        room_for_another(&self.logs)?;
        let key = self.key(vkey, KeyType::Note)?;
        self.logs.push(Log { key, url: words.get(1).map(|url| url.to_vec()) });
        Ok(())
    }

    fn witness(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let ([name, vkey] | [name, vkey, _]) = words else {
            return Err(PolicyFault::Form { form: WITNESS });
        };
        room_for_another(&self.witnesses)?;
        self.define(name, Member::Witness(self.witnesses.len()))?;
        let key = self.key(vkey, KeyType::Cosignature)?;
        let url = words.get(2).map(|url| url.to_vec());
        self.witnesses.push(Witness { name: name.to_vec(), key, url });
        Ok(())
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name, threshold, names @ ..] = words else {
            return Err(PolicyFault::Form { form: GROUP });
        };
        if names.is_empty() {
            return Err(PolicyFault::Form { form: GROUP });
        }
        room_for_another(&self.groups)?;
        let threshold = threshold_of(threshold, names.len())?;
        let mut members = Vec::with_capacity(names.len());
        for name in names {
            let member = self.defined(name)?;
            if !self.members.insert(member) {
                return Err(PolicyFault::MemberTwice { name: readable(name) });
            }
            members.push(member);
        }
        // Last, so that a group is no member of itself.
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { name: name.to_vec(), threshold, members });
        Ok(())
    }

    fn set_quorum(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name] = words else { return Err(PolicyFault::Form { form: QUORUM }) };
        if self.quorum.is_some() {
            return Err(PolicyFault::QuorumTwice);
        }
        let none = *name == b"none";
        self.quorum = Some(if none { Quorum::None } else { Quorum::Of(self.defined(name)?) });
        Ok(())
    }

    fn key(&mut self, vkey: &[u8], key_type: KeyType) -> Result<VerifierKey, PolicyFault> {
        let text = str::from_utf8(vkey).map_err(|_| KeyError::Form)?;
        let key = VerifierKey::parse(text)?;
        if key.key_type() != key_type {
            return Err(PolicyFault::KeyType);
        }
        if !self.keys.insert(*key.bytes()) {
            return Err(PolicyFault::DuplicateKey);
        }
        Ok(key)
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), PolicyFault> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(PolicyFault::NameTaken { name: readable(name) });
        }
        self.names.insert(name.to_vec(), member);
        Ok(())
    }

    fn defined(&self, name: &[u8]) -> Result<Member, PolicyFault> {
        let undefined = || PolicyFault::Undefined { name: readable(name) };
        self.names.get(name).copied().ok_or_else(undefined)
    }
}

fn room_for_another<T>(entries: &[T]) -> Result<(), PolicyFault> {
    if entries.len() >= POLICY_ENTRIES_COUNT_MAX {
        return Err(PolicyFault::TooMany);
    }
    Ok(())
}

fn threshold_of(word: &[u8], members: usize) -> Result<usize, PolicyFault> {
    let number = match word {
        b"all" => Some(members),
        b"any" => Some(1),
        _ => str::from_utf8(word)
            .ok()
            .and_then(parse_decimal)
            .and_then(|number| usize::try_from(number).ok()),
    };
    number.filter(|number| (1..=members).contains(number)).ok_or(PolicyFault::Threshold { members })
}

fn readable(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}
