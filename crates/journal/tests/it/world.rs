//! Folders, options and batches that the tests share.

use std::fs;
use std::path::{Path, PathBuf};

use journal::{Files, Journal, Options, Recovery};

/// Small enough that a dozen batches fill several segments. The mark follows each batch.
pub const SMALL: Options = Options {
    batch_bytes_max: 1024,
    segment_bytes: 2048,
    preallocate_bytes: 512,
    mark_every_batches: 1,
    verify_from: None,
    new_id: None,
};

/// One segment for everything.
pub const WIDE: Options = Options { segment_bytes: 64 * 1024, ..SMALL };

/// The content of batch `sequence`: length and bytes depend on it, and none is zero.
pub fn body(sequence: u64) -> Vec<u8> {
    let length = 20 + sequence * 77 % 300;
    (0..length).map(|at| u8::try_from((sequence * 31 + at * 7) % 255 + 1).unwrap()).collect()
}

pub fn open(dir: &Path, options: Options) -> (Files, Recovery) {
    Files::open(dir, options).unwrap()
}

/// Opens the journal and appends up to batch `last`.
pub fn fill(dir: &Path, options: Options, last: u64) -> Files {
    let (mut journal, _) = open(dir, options);
    for sequence in journal.next()..=last {
        journal.append(sequence, &body(sequence)).unwrap();
    }
    journal
}

/// Asserts that the journal holds batches 1 to `last` with the right content, and no more.
pub fn assert_holds(journal: &impl Journal, last: u64) {
    assert_eq!(journal.next(), last + 1);
    let mut expected = 1;
    for batch in journal.read(1).unwrap() {
        let batch = batch.unwrap();
        assert_eq!((batch.sequence, batch.body), (expected, body(expected)));
        if expected == last {
            assert_eq!(batch.hash, journal.head());
        }
        expected += 1;
    }
    assert_eq!(expected, last + 1);
}

pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "seg"));
    paths.sort();
    paths
}

/// The files of a folder, to put back later or elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image(Vec<(String, Vec<u8>)>);

impl Image {
    pub fn of(dir: &Path) -> Self {
        let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
            .collect();
        files.sort();
        Self(files)
    }

    /// Without the spare, which a thread grows whenever it gets to it.
    pub fn but_spare(mut self) -> Self {
        self.0.retain(|(name, _)| name != "spare.new");
        self
    }

    pub fn put(&self, dir: &Path) {
        for (name, bytes) in &self.0 {
            fs::write(dir.join(name), bytes).unwrap();
        }
    }

    pub fn bytes(&self, name: &str) -> &Vec<u8> {
        &self.0.iter().find(|(known, _)| known == name).unwrap().1
    }

    pub fn bytes_mut(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.0.iter_mut().find(|(known, _)| known == name).unwrap().1
    }
}

/// Where each frame of the segment begins, and where the last one ends.
pub fn frame_starts(segment: &[u8]) -> Vec<usize> {
    let mut at = 128;
    let mut starts = vec![at];
    while segment[at..].starts_with(b"FARBATCH") {
        let length = u32::from_be_bytes(segment[at + 16..at + 20].try_into().unwrap());
        at += 64 + length as usize + 32;
        starts.push(at);
    }
    starts
}

pub const FIRST_SEGMENT: &str = "00000000000000000001.seg";
pub const MARK: &str = "durable";
