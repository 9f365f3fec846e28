//! `farthing verify statement`: all entries of an account.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::epoch::Balances;
use evidence::statement::{STATEMENT_BYTES_MAX, Statement};
use evidence::verdict::{CountedInEpoch, StatementVerdict};
use serde_json::{Value, json};

use super::{Verdict, now_s, policy, read, show, vouched_facts};
use crate::cli::VerifyFile;
use crate::failure::Failure;

pub(super) fn run(args: &VerifyFile) -> Result<(), Failure> {
    let policy = policy(&args.trust)?;
    let bytes = read(&args.file, STATEMENT_BYTES_MAX)?;
    let parsed = Statement::parse(&bytes);
    let verified = parsed.and_then(|statement| statement.verify(&policy, Some(now_s())));
    let verdict = verified.map(|found| Verdict { facts: facts(&found), said: found.sentences() });
    show(args, verdict.map_err(|refused| (refused.code(), refused.to_string())))
}

fn facts(verdict: &StatementVerdict) -> Value {
    let lines = verdict.lines.iter().map(|line| {
        json!({
            "index": line.index.to_string(),
            "text": line.words(verdict.account),
            "balances": sums(&line.balances),
        })
    });
    json!({
        "account": verdict.account,
        "asset": verdict.asset.code,
        "scale": verdict.asset.scale,
        "balances": sums(&verdict.balances),
        "holds_count": verdict.holds_count,
        "entries": lines.collect::<Vec<_>>(),
        "epoch": verdict.epoch.as_ref().map(epoch),
        "vouched": vouched_facts(&verdict.vouched),
    })
}

fn epoch(epoch: &CountedInEpoch) -> Value {
    json!({
        "index": epoch.index.to_string(),
        "number": epoch.number.to_string(),
        "size": epoch.size.to_string(),
        "time_ms": epoch.time_ms.to_string(),
        "balances": sums(&epoch.balances),
        "liabilities": epoch.liabilities.to_string(),
        "later_count": epoch.later_count,
        "label": STANDARD.encode(epoch.label),
    })
}

fn sums(balances: &Balances) -> Value {
    json!({
        "debits_posted": balances.debits_posted.to_string(),
        "credits_posted": balances.credits_posted.to_string(),
        "debits_pending": balances.debits_pending.to_string(),
        "credits_pending": balances.credits_pending.to_string(),
    })
}
