//! `farthing fsck`, `farthing backup` and `farthing restore`: checking, copying and restoring a
//! data folder.
//!
//! Invariants: a check changes nothing, not even a missing key is made; a backup and a restore
//! write only into a folder that is empty or not there. Progress and advice go to standard error,
//! the result to standard output.

use std::path::Path;

use engine::{Backup, BackupPoint, Clock as _, KeepError, Progress, Report, Severity, SystemClock};
use instrument::{PurchaseDigest, node_id};
use money::NodeId;
use serde_json::json;

use crate::cli::{BackupArgs, FsckArgs, OperatorArgs, RestoreArgs, SealArgs};
use crate::data;
use crate::failure::Failure;
use crate::operator;
use crate::secrets::SecretError;
use crate::term;
use crate::vault::Vault;

impl From<KeepError> for Failure {
    fn from(error: KeepError) -> Self {
        let text = error.to_string();
        if error.is_damage() {
            return Self::damage(text).with_hint("`farthing fsck` explains what is wrong");
        }
        match error {
            KeepError::Disk(_) | KeepError::Snapshot(_) => {
                Self::new(text).with_hint("a copy that was begun is not finished; remove it")
            }
            _ => Self::new(text),
        }
    }
}

/// Checks a folder.
pub(crate) async fn fsck(args: FsckArgs) -> Result<(), Failure> {
    let key = known_key_of(&args.data, &args.seal)?;
    let folder = args.data.clone();
    let check = move || {
        let mut shown = Shown::default();
        engine::fsck(&folder, key, &mut |progress| shown.show(progress))
    };
    let report = blocking(check).await?;
    if args.json {
        let report = serde_json::to_string(&report);
        term::line(&report.map_err(|why| Failure::new(format!("the report: {why}")))?);
    } else {
        print(&report);
    }
    if report.sound {
        return Ok(());
    }
    Err(Failure::damage(format!("{} is not sound", args.data.display()))
        .with_hint("nothing was changed; keep the folder as it is until it is clear what happened"))
}

/// Copies a folder.
pub(crate) async fn backup(args: BackupArgs) -> Result<(), Failure> {
    let folder = args.operator.data.clone();
    let seal_key = args.operator.seal.seal_key.as_deref();
    let node = key_of(&folder, seal_key)?.ok_or_else(|| {
        let missing = format!("{} has no {}", folder.display(), data::NODE_KEY);
        Failure::new(missing).with_hint("without the key nobody can be this node; put it back")
    })?;
    let point = if engine::is_running(&folder)? { Some(ask(&args.operator).await?) } else { None };
    let to = args.to.clone();
    let copy = move || {
        let mut shown = Shown::default();
        let backup = Backup {
            from: &folder,
            to: &to,
            node,
            point,
            secrets: &data::SECRETS,
            taken_at_ms: SystemClock.now_ms(),
        };
        engine::backup(&backup, &mut |progress| shown.show(progress))
    };
    let manifest = blocking(copy).await?;
    term::note(match seal_key {
        None => "the backup holds the node's key and tokens: keep it as secret as the data folder",
        Some(_) => "secrets of the backup are sealed: keep the key file, and keep it elsewhere",
    });
    let answer = json!({
        "backup": args.to,
        "node": manifest.node,
        "last_batch": manifest.last_batch,
        "head": PurchaseDigest(manifest.head).to_string(),
        "files": manifest.files.len(),
        "bytes": manifest.total_bytes(),
    });
    term::line(&answer.to_string());
    Ok(())
}

/// Asks the running node up to where it can be copied.
async fn ask(args: &OperatorArgs) -> Result<BackupPoint, Failure> {
    let (node, token) = operator::connect(args)?;
    let point = node.backup_point(&token).await?;
    let head = PurchaseDigest::from_hex(&point.head)
        .ok_or_else(|| Failure::new("the node's answer is malformed: `head` is not a hash"))?;
    Ok(BackupPoint { node: point.node, last_batch: point.last_batch, head: head.0 })
}

/// Makes a data folder from a backup.
pub(crate) async fn restore(args: RestoreArgs) -> Result<(), Failure> {
    let key = known_key_of(&args.from, &args.seal)?;
    let (from, to) = (args.from.clone(), args.data.clone());
    let make = move || {
        let mut shown = Shown::default();
        engine::restore(&from, &to, key, &mut |progress| shown.show(progress))
    };
    let restored = blocking(make).await?;
    let manifest = &restored.manifest;
    term::note("what was paid after this backup is not in it; never run it beside the original");
    let answer = json!({
        "data": args.data,
        "node": manifest.node,
        "last_batch": manifest.last_batch,
        "taken_at_ms": manifest.taken_at_ms,
        "accounts": restored.report.accounts,
        "payments": restored.report.payments,
    });
    term::line(&answer.to_string());
    Ok(())
}

/// The node of a folder's key file, if it has one.
fn key_of(folder: &Path, seal_key: Option<&Path>) -> Result<Option<NodeId>, SecretError> {
    let key = Vault::open(folder, seal_key)?.known_node_key()?;
    Ok(key.map(|key| node_id(&key.public())))
}

/// As [`key_of`], for work that can do without: where backups are checked the key file should not be.
fn known_key_of(folder: &Path, seal: &SealArgs) -> Result<Option<NodeId>, Failure> {
    match key_of(folder, seal.seal_key.as_deref()) {
        Err(SecretError::Sealed(path)) => {
            let path = path.display();
            term::note(&format!("{path} is sealed; without its key file it is not checked"));
            Ok(None)
        }
        known => Ok(known?),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeepError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Failure::new("the work was cut off")),
    }
}

/// What of the progress is on the screen; for a file or pipe only its steps are told.
#[derive(Default)]
struct Shown {
    doing: &'static str,
    percent: u64,
}

impl Shown {
    fn show(&mut self, progress: Progress) {
        let Progress { doing, done_bytes, total_bytes } = progress;
        let percent = done_bytes.saturating_mul(100) / total_bytes.max(1);
        if (self.doing, self.percent) == (doing, percent) {
            return;
        }
        if term::is_watched() {
            term::progress(&format!("{doing}: {percent} %"));
        } else if self.doing != doing {
            term::note(doing);
        }
        (self.doing, self.percent) = (doing, percent);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if term::is_watched() {
            term::progress("");
        }
    }
}

fn print(report: &Report) {
    let bytes: u64 = report.segments.iter().map(|segment| segment.bytes).sum();
    let first = report.segments.first().map_or(0, |segment| segment.first_batch);
    let batches: u64 = report.segments.iter().map(|segment| segment.batches).sum();
    let (last, segments) = (report.last_batch, report.segments.len());
    term::line(&format!(
        "journal    {batches} whole batches from {first} to {last} in {segments} segments, {bytes} \
         bytes"
    ));
    term::line(&format!("head       {}", PurchaseDigest(report.head)));
    let node = report.node.map_or_else(|| "not named yet".to_owned(), |node| node.to_string());
    term::line(&format!("node       {node}"));
    let (folded, entries) = (report.folded_batch, report.entries);
    term::line(&format!("folded     up to batch {folded}, {entries} entries"));
    let Report { accounts, payments, channels, mandates, .. } = report;
    term::line(&format!(
        "state      {accounts} accounts, {payments} payments, {channels} open channels, {mandates} \
         mandates"
    ));
    for sums in &report.books {
        let word = if sums.balanced { "balanced" } else { "NOT BALANCED" };
        let (debits, credits) = (sums.debits, sums.credits);
        term::line(&format!("books      debits {debits}, credits {credits}: {word}"));
    }
    let equal: Vec<String> = report.snapshots_equal.iter().map(ToString::to_string).collect();
    if !equal.is_empty() {
        let equal = equal.join(" and ");
        term::line(&format!("snapshots  of batch {equal} equal what the journal folds to"));
    }
    let archivable = report.segments.iter().filter(|segment| segment.archivable).count();
    if archivable > 0 {
        term::line(&format!("archive    the first {archivable} segments can be moved away"));
    }
    if report.running {
        term::line("running    a node has the folder open; judged up to its durable mark");
    }
    for finding in &report.findings {
        let word = if finding.severity == Severity::Damage { "damage" } else { "notice" };
        term::line(&format!("{}: {}: {}", term::strong(word), finding.code, finding.what));
        let file = finding.file.as_ref().map(|file| format!("in {}", file.display()));
        let batch = finding.batch.map(|batch| format!("batch {batch}"));
        let offset = finding.offset.map(|offset| format!("byte {offset}"));
        let place: Vec<String> = file.into_iter().chain(batch).chain(offset).collect();
        if !place.is_empty() {
            term::line(&format!("  where: {}", place.join(", ")));
        }
        term::line(&format!("  what to do: {}", finding.advice));
    }
    term::line(if report.sound { "sound" } else { "NOT SOUND" });
}
