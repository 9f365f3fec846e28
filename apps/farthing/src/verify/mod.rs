//! `farthing verify`: what a receipt or a statement proves, by keys that were got elsewhere.
//!
//! Invariant: the file brings no key that it is judged by. Standard output carries the verdict,
//! also one that nothing is proven.

mod trust;

use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use evidence::verdict::{ReceiptVerdict, Sentence, Sentences, verify_receipt};
use serde_json::{Value, json};
use tlog::RECEIPT_BYTES_MAX;

use crate::cli::{VerifyArgs, VerifyCommand, VerifyFile};
use crate::failure::Failure;
use crate::term;

pub(crate) use trust::{policy, policy_or};

const STANDARD_INPUT: &str = "-";

/// What became of it.
struct Verdict {
    facts: Value,
    said: Sentences,
}

/// Verifies a file.
pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    match &args.command {
        VerifyCommand::Receipt(file) => receipt(file),
    }
}

fn receipt(args: &VerifyFile) -> Result<(), Failure> {
    let policy = policy(&args.trust)?;
    let bytes = read(&args.file, RECEIPT_BYTES_MAX)?;
    let verified = verify_receipt(&bytes, &policy, now_s());
    let verdict = verified.map(|verdict| Verdict {
        facts: receipt_facts(&verdict),
        said: verdict.sentences(),
    });
    show(args, verdict.map_err(|refused| (refused.code(), refused.to_string())))
}

fn show(args: &VerifyFile, verdict: Result<Verdict, (&str, String)>) -> Result<(), Failure> {
    match verdict {
        Ok(Verdict { facts, said }) => {
            if args.json {
                let answer = json!({
                    "verdict": "proven",
                    "proven": sentences(&said.proven),
                    "not_proven": sentences(&said.not_proven),
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

fn receipt_facts(verdict: &ReceiptVerdict) -> Value {
    let ReceiptVerdict { index, facts, payer, payee, vouched } = verdict;
    let witnesses = vouched.witnesses.iter();
    let witnesses: Vec<Value> = witnesses
        .map(|seen| json!({"name": seen.name, "key": seen.key, "time": seen.time_s}))
        .collect();
    json!({
        "index": index.to_string(),
        "size": vouched.size.to_string(),
        "log": vouched.log,
        "witnesses": witnesses,
        "action": format!("{:?}", facts.action()).to_lowercase(),
        "asset": facts.asset.code,
        "scale": facts.asset.scale,
        "amount": facts.amount.to_string(),
        "timestamp_ns": facts.timestamp_ns.to_string(),
        "payment": facts.payment().map(|id| id.to_string()),
        "payer": payer.map(|id| id.to_string()),
        "payee": payee.map(|id| id.to_string()),
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

/// Unix seconds; `None` if the clock is before that time.
fn now_s() -> Option<u64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}
