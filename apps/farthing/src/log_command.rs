//! `farthing log`: mirror a log, check one, make the second memory of what was signed.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{LogClient, Timeouts};
use serde_json::json;
use tlog::policy::{POLICY_BYTES_MAX, Policy};

use crate::cli::{LogArgs, LogCheckArgs, LogCommand, LogExportArgs};
use crate::failure::Failure;
use crate::mirror::{self, Mirrored, Source};
use crate::{term, verify};

/// Where a node serves its log.
const NODE_PREFIX: &str = "log";
const POLICY: &str = "policy";

/// Carries out a command of the log.
pub(crate) async fn run(args: LogArgs) -> Result<(), Failure> {
    match args.command {
        LogCommand::Export(args) => export(&args).await,
        LogCommand::Verify(args) => check(&args).await,
        LogCommand::Guard { create } => guard(&create),
    }
}

async fn export(args: &LogExportArgs) -> Result<(), Failure> {
    let prefix = match (&args.node, &args.prefix) {
        (_, Some(prefix)) => prefix.clone(),
        (Some(node), None) => format!("{}/{NODE_PREFIX}", node.trim_end_matches('/')),
        (None, None) => return Err(Failure::usage("name the log with --node or --prefix")),
    };
    let log = LogClient::new(&prefix, Timeouts::default())?;
    let policy = match verify::policy_or(&args.trust)? {
        Some(policy) => policy,
        None => own_policy(&log).await?,
    };
    let source = Source::Web(log);
    let shown = Shown::default();
    let progress = |done, all| shown.show(done, all);
    let mirrored = mirror::export(&source, &policy, &args.to, &progress).await;
    drop(shown);
    tell(&mirrored?, &args.to);
    Ok(())
}

async fn check(args: &LogCheckArgs) -> Result<(), Failure> {
    let policy = verify::policy(&args.trust)?;
    let source = Source::Folder(args.folder.clone());
    let shown = Shown::default();
    let checked = mirror::check(&source, &policy, &|done, all| shown.show(done, all)).await;
    drop(shown);
    tell(&checked?, &args.folder);
    Ok(())
}

fn tell(mirrored: &Mirrored, folder: &Path) {
    let Mirrored { seen, old_size, files, bytes } = mirrored;
    let answer = json!({
        "log": seen.origin,
        "folder": folder.display().to_string(),
        "old_size": old_size.to_string(),
        "size": seen.head.size.to_string(),
        "root": STANDARD.encode(seen.head.root.0),
        "signatures": seen.note.signatures().len(),
        "files": files,
        "bytes": bytes,
    });
    term::line(&answer.to_string());
}

/// What the log says of itself: enough to notice damage, and no proof of whose log it is.
async fn own_policy(log: &LogClient) -> Result<Policy, Failure> {
    let named = "name the log's key with --log VKEY, or a policy with --policy FILE";
    let bytes = log.read(POLICY, POLICY_BYTES_MAX).await?.ok_or_else(|| {
        Failure::usage(format!("{} publishes no policy", log.prefix())).with_hint(named)
    })?;
    let policy = Policy::parse(&bytes).map_err(|why| {
        Failure::new(format!("the policy of {}: {why} ({})", log.prefix(), why.code()))
    })?;
    for known in policy.logs() {
        term::note(&format!("warning: the key {} came from the log itself", known.key()));
    }
    term::note(&format!("hint: compare it with what the operator published elsewhere; {named}"));
    Ok(policy)
}

fn guard(path: &Path) -> Result<(), Failure> {
    let made = engine::create_guard(&disk::Local, path);
    let made = made.map_err(|why| Failure::new(format!("{why} ({})", why.code())))?;
    if made {
        term::line(&format!("made {}", path.display()));
    } else {
        term::line(&format!("{} is there already and stays as it is", path.display()));
    }
    Ok(())
}

/// On a terminal, how far it has come.
#[derive(Default)]
struct Shown(std::cell::Cell<u64>);

impl Shown {
    fn show(&self, done: u64, all: u64) {
        let percent = done.saturating_mul(100) / all.max(1);
        if term::is_watched() && self.0.replace(percent) != percent {
            term::progress(&format!("{done} of {all} leaves"));
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if term::is_watched() {
            term::progress("");
        }
    }
}
