//! A backup becomes a data folder again, after it was checked whole.
//!
//! Order: every file against the manifest, the books by [`fsck`], then the copy, each file checked
//! again. A log does not go on in the copy by itself: it may have signed more since. The target is touched only when the backup has passed.

use std::path::Path;

use money::NodeId;

use super::manifest::{BackedUpFile, Manifest};
use super::report::{Report, Severity};
use super::{KeepError, Progress, files, fsck};
use crate::log::{LOG, MARK, restored};

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says.
    pub manifest: Manifest,
    /// What checking it found.
    pub report: Report,
}

/// Restores the backup in `from` into the folder `to`, which must be empty or not there. `key` is
/// the node of the backup's key file.
pub fn restore(
    from: &Path,
    to: &Path,
    key: Option<NodeId>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Restored, KeepError> {
    let manifest = Manifest::read(from)?;
    files::require_empty(to)?;
    if let Some(key) = key.filter(|key| *key != manifest.node) {
        return Err(KeepError::OtherNode { key, books: manifest.node });
    }
    let total_bytes = manifest.total_bytes();
    let mut done_bytes = 0;
    for file in &manifest.files {
        verify(&from.join(&file.path), file, &mut |bytes| {
            done_bytes += bytes;
            progress(Progress { doing: "verifying", done_bytes, total_bytes });
        })?;
    }
    let report = fsck(from, Some(manifest.node), progress)?;
    require_sound(&report, &manifest)?;

    files::take_empty(to)?;
    halt_log(&manifest, to)?;
    let mut done_bytes = 0;
    for file in manifest.files.iter().filter(|file| file.path != mark_path()) {
        let target = to.join(&file.path);
        if let Some(folder) = target.parent() {
            files::make(folder)?;
        }
        let sha256 = files::copy(&from.join(&file.path), file.bytes, &target, &mut |bytes| {
            done_bytes += bytes;
            progress(Progress { doing: "restoring", done_bytes, total_bytes });
        })?;
        if sha256 != file.sha256 {
            let what = "it changed while it was copied";
            return Err(KeepError::File { path: target, what });
        }
        if let Some(folder) = target.parent() {
            files::sync_folder(folder)?;
        }
    }
    Ok(Restored { manifest, report })
}

/// The log signs nothing in the restored folder, before there is anything else in it.
fn halt_log(manifest: &Manifest, to: &Path) -> Result<(), KeepError> {
    let log = to.join(LOG);
    if !manifest.files.iter().any(|file| Path::new(&file.path).starts_with(LOG)) {
        return Ok(());
    }
    files::make(&log)?;
    files::create(&log.join(MARK), restored(manifest.last_batch).as_bytes())?;
    Ok(files::sync_folder(&log)?)
}

fn mark_path() -> String {
    format!("{LOG}/{MARK}")
}

fn verify(path: &Path, file: &BackedUpFile, done: &mut dyn FnMut(u64)) -> Result<(), KeepError> {
    let differs = |what| Err(KeepError::File { path: path.to_owned(), what });
    match path.metadata() {
        Ok(found) if found.len() == file.bytes => {}
        Ok(_) => return differs("its size is not that of the manifest"),
        Err(_) => return differs("it is missing"),
    }
    if files::digest(path, file.bytes, done)? == file.sha256 {
        Ok(())
    } else {
        differs("its SHA-256 is not that of the manifest")
    }
}

fn require_sound(report: &Report, manifest: &Manifest) -> Result<(), KeepError> {
    if let Some(found) = report.findings.iter().find(|found| found.severity == Severity::Damage) {
        return Err(KeepError::Unsound(found.what.clone()));
    }
    if (report.last_batch, report.head) != (manifest.last_batch, manifest.head) {
        let what = "its journal ends with another batch than its manifest says";
        return Err(KeepError::Unsound(what.to_owned()));
    }
    Ok(())
}
