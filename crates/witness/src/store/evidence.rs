//! Requests that a log signed and that contradict what was cosigned, kept for whoever has to judge.
//!
//! One file for each checkpoint: what was cosigned last, and the request. Checkpoints are public, so
//! anybody can send one with a proof that does not hold; those are weak evidence and give way to
//! newer ones of their log. Two roots of one size are proof and stay.
//!
//! Invariants: files and their number are bounded; failing to keep something never changes an answer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use disk::{Disk, DiskError, During as _, create_folder, create_whole};
use tlog::Note;

use super::lock;
use super::sealed::{Kind, seal};
use crate::digest;

/// Most proofs of a fork that are kept of one log.
pub const EVIDENCE_FORKS_COUNT_MAX: usize = 16;
/// Most requests with a proof that does not hold that are kept of one log.
pub const EVIDENCE_UNPROVEN_COUNT_MAX: usize = 4;
/// Most files of evidence of all logs.
pub const EVIDENCE_FILES_COUNT_MAX: usize = 1024;

/// How much a request proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// The log signed two roots of one size, or a wrong one of no leaves.
    Fork,
    /// The log signed a checkpoint; whoever sent it did not prove that it has grown.
    Unproven,
}

/// A request to keep.
#[derive(Debug)]
pub(crate) struct Rejected<'a> {
    pub(crate) origin: &'a str,
    pub(crate) weight: Weight,
    /// Code of the refusal.
    pub(crate) code: &'static str,
    /// Unix seconds.
    pub(crate) time: u64,
    /// What had been cosigned.
    pub(crate) newest: Option<&'a Note>,
    /// The text that the log signed.
    pub(crate) text: &'a str,
    /// The request, without signatures of strangers.
    pub(crate) request: &'a str,
}

#[derive(Debug)]
pub(super) struct Evidence {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    files: Mutex<Vec<File>>,
}

/// A file by its name: `<origin>-<number>-<text>.<weight>`, origin and text as hex of their SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    origin: String,
    number: u64,
    text: String,
    weight: Weight,
}

impl Weight {
    const fn ending(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Unproven => "unproven",
        }
    }

    const fn of_one_log(self) -> usize {
        match self {
            Self::Fork => EVIDENCE_FORKS_COUNT_MAX,
            Self::Unproven => EVIDENCE_UNPROVEN_COUNT_MAX,
        }
    }
}

impl File {
    fn parse(name: &str) -> Option<Self> {
        let (stem, ending) = name.split_once('.')?;
        let weight =
            [Weight::Fork, Weight::Unproven].into_iter().find(|it| it.ending() == ending)?;
        let mut parts = stem.split('-');
        let (origin, number, text) = (parts.next()?, parts.next()?, parts.next()?);
        let file = Self {
            origin: origin.to_owned(),
            number: number.parse().ok()?,
            text: text.to_owned(),
            weight,
        };
        (file.name() == name).then_some(file)
    }

    fn name(&self) -> String {
        let Self { origin, number, text, weight } = self;
        format!("{origin}-{number:020}-{text}.{}", weight.ending())
    }
}

impl Evidence {
    pub(super) fn open(disk: Arc<dyn Disk>, folder: PathBuf) -> Result<Self, DiskError> {
        create_folder(&*disk, &folder)?;
        disk::remove_unfinished(&*disk, &folder)?;
        let paths = disk.list(&folder).during("list folder", &folder)?;
        let names = paths.iter().filter_map(|path| path.file_name()?.to_str());
        let mut files: Vec<File> = names.filter_map(File::parse).collect();
        files.sort_by_key(|file| file.number);
        Ok(Self { disk, folder, files: Mutex::new(files) })
    }

    pub(super) fn keep(&self, rejected: &Rejected<'_>) {
        let Rejected { origin, code, .. } = rejected;
        match self.try_keep(rejected) {
            Ok(Some(path)) => {
                tracing::error!(origin, code, path = %path.display(), "evidence against a log");
            }
            Ok(None) => tracing::warn!(origin, code, "known evidence, or no room for more"),
            Err(error) => tracing::error!(origin, code, %error, "evidence could not be kept"),
        }
    }

    fn try_keep(&self, rejected: &Rejected<'_>) -> Result<Option<PathBuf>, DiskError> {
        let mut files = lock(&self.files);
        let file = File {
            origin: digest::hex(rejected.origin.as_bytes()),
            number: files.last().map_or(1, |last| last.number.saturating_add(1)),
            text: digest::hex(rejected.text.as_bytes()),
            weight: rejected.weight,
        };
        let is_alike = |old: &&File| (&old.origin, old.weight) == (&file.origin, file.weight);
        let alike: Vec<&File> = files.iter().filter(is_alike).collect();
        if alike.iter().any(|old| old.text == file.text) {
            return Ok(None);
        }
        if alike.len() >= file.weight.of_one_log() {
            let (Weight::Unproven, Some(oldest)) = (file.weight, alike.first()) else {
                return Ok(None);
            };
            let oldest = (*oldest).clone();
            let path = self.folder.join(oldest.name());
            self.disk.remove(&path).during("remove", &path)?;
            files.retain(|old| *old != oldest);
        }
        if files.len() >= EVIDENCE_FILES_COUNT_MAX {
            return Ok(None);
        }
        let text = content(rejected);
        let path = create_whole(&*self.disk, &self.folder, &file.name(), &[text.as_bytes()])?;
        files.push(file);
        Ok(Some(path))
    }
}

/// `stored` is the length in bytes of what was cosigned, which comes first behind the empty line; the
/// request is all that follows.
fn content(rejected: &Rejected<'_>) -> String {
    let newest = rejected.newest.map(ToString::to_string).unwrap_or_default();
    let Rejected { code, time, request, .. } = rejected;
    let stored = newest.len();
    seal(Kind::Evidence, &format!("code {code}\ntime {time}\nstored {stored}\n\n{newest}{request}"))
}
