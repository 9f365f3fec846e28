//! `farthing verify receipt`: a `.tlog-proof`.

use evidence::record::{Action, Facts};
use evidence::verdict::{ReceiptVerdict, verify_receipt};
use money::{AccountId, TransferId};
use serde_json::{Value, json};
use tlog::RECEIPT_BYTES_MAX;

use super::{Verdict, now_s, policy, read, show, vouched_facts};
use crate::cli::VerifyFile;
use crate::failure::Failure;

pub(super) fn run(args: &VerifyFile) -> Result<(), Failure> {
    let policy = policy(&args.trust)?;
    let bytes = read(&args.file, RECEIPT_BYTES_MAX)?;
    let verified = verify_receipt(&bytes, &policy, Some(now_s()));
    let verdict = verified.map(|found| Verdict { facts: facts(&found), said: found.sentences() });
    show(args, verdict.map_err(|refused| (refused.code(), refused.to_string())))
}

fn facts(verdict: &ReceiptVerdict) -> Value {
    let ReceiptVerdict { index, facts, payer, payee, vouched } = verdict;
    json!({
        "index": index.to_string(),
        "row": row(facts),
        "payer": payer.map(|id| id.to_string()),
        "payee": payee.map(|id| id.to_string()),
        "vouched": vouched_facts(vouched),
    })
}

fn row(facts: &Facts) -> Value {
    let action = facts.action();
    let account = || AccountId::new(facts.id).map(|id| id.to_string()).ok();
    let id = if action == Action::Create { account() } else { transfer(facts.id) };
    json!({
        "action": format!("{action:?}").to_lowercase(),
        "id": id,
        "pending_id": transfer(facts.pending_id),
        "payment": facts.payment().map(|id| id.to_string()),
        "asset": facts.asset.code,
        "scale": facts.asset.scale,
        "amount": facts.amount.to_string(),
        "code": facts.code,
        "flags": facts.flags,
        "timeout_seconds": facts.timeout_seconds,
        "timestamp_ns": facts.timestamp_ns.to_string(),
        "user_data": facts.user_data.to_string(),
        "user_data_32": facts.user_data_32,
        "user_data_64": facts.user_data_64.to_string(),
    })
}

/// `None` for zero, which stands for no transfer.
fn transfer(id: u128) -> Option<String> {
    TransferId::new(id).map(|id| id.to_string()).ok()
}
