//! `farthing verify`: what a receipt or a statement proves, by keys that were got elsewhere.
//!
//! Invariant: the file brings no key that it is judged by. Standard output carries the verdict,
//! also one that nothing is proven.

mod receipt;
mod statement;
mod trust;

use std::io::Read as _;
use std::path::Path;

use engine::{Clock as _, SystemClock};
use evidence::verdict::{Sentence, Sentences, Vouched};
use serde_json::{Value, json};

use crate::cli::{VerifyArgs, VerifyCommand, VerifyFile};
use crate::failure::Failure;
use crate::term;

pub(crate) use trust::{policy, policy_or};

const STANDARD_INPUT: &str = "-";
const NS_PER_SECOND: u64 = 1_000_000_000;

/// What became of it.
struct Verdict {
    /// What is proven, for programs.
    facts: Value,
    /// The same and what is not, for people.
    said: Sentences,
}

/// Verifies a file.
pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    match &args.command {
        VerifyCommand::Receipt(file) => receipt::run(file),
        VerifyCommand::Statement(file) => statement::run(file),
    }
}

fn show(args: &VerifyFile, verdict: Result<Verdict, (&str, String)>) -> Result<(), Failure> {
    match verdict {
        Ok(Verdict { facts, said }) => {
            if args.json {
                let (proven, not_proven) = (sentences(&said.proven), sentences(&said.not_proven));
                let answer = json!({
                    "verdict": "proven",
                    "proven": proven,
                    "not_proven": not_proven,
                    "facts": facts,
                });
                term::line(&answer.to_string());
                return Ok(());
            }
            say("Proven", &said.proven);
            say("Not proven", &said.not_proven);
            Ok(())
        }
        Err((code, why)) => {
            if args.json {
                let answer = json!({"verdict": "refused", "code": code, "detail": why});
                term::line(&answer.to_string());
            } else {
                term::line(&format!("{} by {}", term::strong("Nothing is proven"), args.file));
            }
            Err(Failure::damage(format!("{why} ({code})")))
        }
    }
}

fn say(title: &str, said: &[Sentence]) {
    if said.is_empty() {
        return;
    }
    term::line(&format!("{}:", term::strong(title)));
    for sentence in said {
        term::line(&format!("  {}", term::plain(&sentence.text)));
    }
}

fn sentences(said: &[Sentence]) -> Value {
    said.iter().map(|Sentence { code, text }| json!({"code": code, "text": text})).collect()
}

/// On whose word.
fn vouched_facts(vouched: &Vouched) -> Value {
    let witnesses = vouched
        .witnesses
        .iter()
        .map(|seen| json!({"name": seen.name, "key": seen.key, "time": seen.time_s.to_string()}));
    json!({
        "log": vouched.log,
        "size": vouched.size.to_string(),
        "known_witnesses": vouched.known_witnesses,
        "needs_witnesses": vouched.needs_witnesses,
        "witnesses": witnesses.collect::<Vec<_>>(),
    })
}

/// Reads a file, or standard input for `-`; of a longer one than the limit one byte more.
fn read(file: &str, limit_bytes: usize) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = if file == STANDARD_INPUT {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        let opened = std::fs::File::open(Path::new(file));
        opened.and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(cause) => Err(Failure::new(format!("{file} cannot be read: {cause}"))),
    }
}

fn now_s() -> u64 {
    SystemClock.now_ns() / NS_PER_SECOND
}
