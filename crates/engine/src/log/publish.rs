//! What the log signs, and what it remembers of that.
//!
//! Invariants: nothing is signed that is smaller than what was signed before, or of another tree; the
//! newest published checkpoint is durable, in the data folder and with the guard, before anybody sees
//! it. When this would break, the log signs nothing more until somebody has looked.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use disk::{Disk, During, create_whole, read_whole};
use tlog::{Checkpoint, Hash, LogSigner, Note, NoteSignature, TreeHead, root};
use tracing::error;

use super::files::Files;
use super::mark::Mark;
use super::{Log, LogError, LogOptions};

/// The newest published checkpoint, within the log's folder.
pub(crate) const NAME: &str = "checkpoint";

/// The newest checkpoints and where they are kept.
#[derive(Debug)]
pub(super) struct Published {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    guard: Option<PathBuf>,
    /// The newest that everybody may see, with its cosignatures.
    note: Option<(TreeHead, Note)>,
    /// The newest that was signed; it may be ahead of the published one.
    signed: Option<(TreeHead, Note)>,
    halted: Option<String>,
}

impl Published {
    /// Reads what was published, and compares it with the tree. A contradiction halts the log; it is
    /// no error of the start, because payments do not need signatures.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        log: &LogOptions,
        files: &Files,
        head: TreeHead,
    ) -> Result<Self, LogError> {
        let LogOptions { signer, guard, .. } = log;
        let note = read(&**disk, &dir.join(NAME), signer)?;
        let guarded = match guard {
            Some(path) => read_guard(&**disk, path, signer)?,
            None => None,
        };
        let mut halted = None;
        for (place, known) in [("the data folder", &note), ("the guard", &guarded)] {
            if let Some((known, _)) = known
                && let Some(why) = contradiction(files, head, *known)?
            {
                halted.get_or_insert(format!("{why} (known to {place})"));
            }
        }
        let mark = Mark::read(&**disk, dir)?;
        let vkey = signer.verifier().to_string();
        let is_guarded = guarded.is_some() && halted.is_none();
        let objection = mark.as_ref().and_then(|mark| mark.objection(&vkey, is_guarded));
        let is_lifted = mark.is_some() && objection.is_none() && !log.renew;
        let halted = halted.or(objection);
        if let Some(why) = &halted {
            error!(%why, "the log signs nothing");
        } else if is_lifted {
            Mark::remove(&**disk, dir)?;
        }
        let note = note.filter(|_| halted.is_none());
        let (disk, dir, guard) = (Arc::clone(disk), dir.to_owned(), guard.clone());
        Ok(Self { disk, dir, guard, signed: note.clone(), note, halted })
    }
}

/// A new log takes the place of the books' one: what that one has signed is put aside.
pub(super) fn renew(disk: &dyn Disk, dir: &Path, log: &LogOptions) -> Result<(), LogError> {
    Mark::renew(disk, dir, &log.signer.verifier().to_string())?;
    put_aside(disk, &dir.join(NAME), &log.signer)?;
    let Some(guard) = &log.guard else { return Ok(()) };
    if put_aside(disk, guard, &log.signer)? {
        write(disk, guard, &[])?;
    }
    Ok(())
}

/// Renames a checkpoint of another key to `<name>.<size>.old`. False: there is none.
fn put_aside(disk: &dyn Disk, path: &Path, signer: &LogSigner) -> Result<bool, LogError> {
    let bytes = match read_whole(disk, path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(false),
        read => read.during("read", path)?,
    };
    let note = Note::parse(&bytes).ok();
    if bytes.is_empty()
        || note.as_ref().is_some_and(|note| note.verify([signer.verifier()]).is_ok())
    {
        return Ok(false);
    }
    let checkpoint = note.and_then(|note| Checkpoint::parse(note.text()).ok());
    let size = checkpoint.map_or_else(|| "damaged".to_owned(), |it| it.head().size.to_string());
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{size}.old"));
    disk.rename(path, Path::new(&name)).during("rename", path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    disk.sync_folder(folder).during("sync folder", folder)?;
    Ok(true)
}

/// Up to which leaf the data folder knows that others have seen the log.
pub(super) fn shown(disk: &dyn Disk, dir: &Path, signer: &LogSigner) -> Result<u64, LogError> {
    Ok(read(disk, &dir.join(NAME), signer)?.map_or(0, |(head, _)| head.size))
}

/// Why a tree with this head cannot be that of a head that was signed before.
fn contradiction(
    files: &Files,
    head: TreeHead,
    known: TreeHead,
) -> Result<Option<String>, LogError> {
    let TreeHead { size, root: expected } = known;
    if size > head.size {
        return Ok(Some(format!(
            "a checkpoint of {size} leaves was signed and the tree has {}: the journal was set back, \
             and to sign would fork the log",
            head.size
        )));
    }
    let found = root_at(files, size)?;
    Ok((found != expected).then(|| {
        format!(
            "a checkpoint of {size} leaves was signed with another root: this is another history"
        )
    }))
}

pub(super) fn root_at(files: &Files, size: u64) -> Result<Hash, LogError> {
    root(&mut files.tree(size), size).map_err(|why| LogError::Disk(why.to_string()))
}

fn read(
    disk: &dyn Disk,
    path: &Path,
    signer: &LogSigner,
) -> Result<Option<(TreeHead, Note)>, LogError> {
    let bytes = match read_whole(disk, path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.during("read", path)?,
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    let damaged = |what: String| LogError::CheckpointDamaged { path: path.to_owned(), what };
    let note = Note::parse(&bytes).map_err(|why| damaged(why.to_string()))?;
    note.verify([signer.verifier()]).map_err(|why| damaged(why.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|why| damaged(why.to_string()))?;
    Ok(Some((checkpoint.head(), note)))
}

/// A checkpoint of whatever key.
pub(super) fn read_any(disk: &dyn Disk, path: &Path) -> Result<Option<(TreeHead, Note)>, String> {
    let bytes = match read_whole(disk, path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|cause| cause.to_string())?,
    };
    let note = Note::parse(&bytes).map_err(|why| why.to_string())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|why| why.to_string())?;
    Ok(Some((checkpoint.head(), note)))
}

fn read_guard(
    disk: &dyn Disk,
    path: &Path,
    signer: &LogSigner,
) -> Result<Option<(TreeHead, Note)>, LogError> {
    match disk.open(path, disk::Access::Read) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            Err(LogError::GuardMissing(path.to_owned()))
        }
        _ => read(disk, path, signer),
    }
}

/// Makes an empty guard; one that is there stays as it is.
pub fn create_guard(disk: &dyn Disk, path: &Path) -> Result<bool, LogError> {
    match disk.open(path, disk::Access::Read) {
        Ok(_) => Ok(false),
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            write(disk, path, &[])?;
            Ok(true)
        }
        Err(cause) => Err(LogError::Disk(format!("{}: {cause}", path.display()))),
    }
}

fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| NAME.to_owned());
    create_whole(disk, folder.unwrap_or(Path::new(".")), &name, &[bytes])?;
    Ok(())
}

impl Published {
    pub(super) fn is_halted(&self) -> bool {
        self.halted.is_some()
    }

    /// Signs a head, if that contradicts nothing.
    fn sign(
        &mut self,
        signer: &LogSigner,
        files: &Files,
        head: TreeHead,
    ) -> Result<Note, LogError> {
        if let Some(why) = &self.halted {
            return Err(LogError::Halted(why.clone()));
        }
        if let Some((signed, note)) = &self.signed {
            if *signed == head {
                return Ok(note.clone());
            }
            if let Some(why) = contradiction(files, head, *signed)? {
                self.halted = Some(why.clone());
                return Err(LogError::Halted(why));
            }
        }
        if root_at(files, head.size)? != head.root {
            return Err(LogError::FilesDamaged);
        }
        let text = Checkpoint::new(signer.verifier().name(), head).to_string();
        let note = signer.sign(text).map_err(|why| LogError::Stopped(why.to_string()))?;
        self.signed = Some((head, note.clone()));
        Ok(note)
    }

    /// Keeps a checkpoint durably.
    fn keep(&self, note: &Note) -> Result<(), LogError> {
        let bytes = note.to_string().into_bytes();
        if let Some(guard) = &self.guard {
            write(&*self.disk, guard, &bytes)?;
        }
        create_whole(&*self.disk, &self.dir, NAME, &[&bytes])?;
        Ok(())
    }
}

impl Log {
    fn published(&self) -> std::sync::MutexGuard<'_, Published> {
        self.0.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest published checkpoint with its cosignatures; `None` before the first.
    pub fn checkpoint(&self) -> Option<(TreeHead, Note)> {
        self.published().note.clone()
    }

    /// Signs the head at hand: a checkpoint of that very moment, which need not be published.
    pub fn sign(&self) -> Result<(TreeHead, Note), LogError> {
        self.0.check()?;
        let mut published = self.published();
        // Read behind the lock: a head from before it may be older than what was signed meanwhile.
        let head = *self.0.head.borrow();
        let note = published.sign(&self.0.signer, &self.0.files, head)?;
        Ok((head, note))
    }

    /// Signs the head at hand and keeps it durably: from now on nothing smaller is signed, whatever
    /// happens. It is not shown yet, so that witnesses can come first.
    pub fn prepare(&self) -> Result<(TreeHead, Note), LogError> {
        let (head, note) = self.sign()?;
        let published = self.published();
        if let Some(shown) = published.note.clone().filter(|(shown, _)| *shown == head) {
            return Ok(shown);
        }
        published.keep(&note)?;
        Ok((head, note))
    }

    /// Shows a checkpoint that was prepared, with the cosignatures that it has got.
    pub fn publish(
        &self,
        head: TreeHead,
        note: &Note,
        cosignatures: &[NoteSignature],
    ) -> Result<(), LogError> {
        let note =
            note.with_signatures(cosignatures).map_err(|why| LogError::Stopped(why.to_string()))?;
        let mut published = self.published();
        published.keep(&note)?;
        published.note = Some((head, note));
        Ok(())
    }

    /// Signs nothing more: somebody has seen what this log does not have.
    pub fn halt(&self, why: String) {
        error!(%why, "the log signs nothing");
        self.published().halted.get_or_insert(why);
    }

    /// Why the log signs nothing, if so.
    pub fn halted(&self) -> Option<String> {
        self.published().halted.clone()
    }
}
