//! Reads one segment frame by frame and checks each against the chain.
//!
//! It only reports what it finds. Whether an invalid frame is a torn tail or damage is for the
//! caller to decide, who knows what comes after it.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use disk::{Access, Disk, DiskError, DiskFile, During as _, Reader};

use crate::batch::Hash;
use crate::error::Damage;
use crate::frame::{FrameHeader, HEADER_BYTES, MAGIC};
use crate::options::Position;
use crate::seal::{SEALED_BYTES, Unsealed};
use crate::segment::{FIRST_FRAME_AT, SegmentHeader};

const BUFFER_BYTES: usize = 256 * 1024;

static ZEROS: [u8; BUFFER_BYTES] = [0; BUFFER_BYTES];

/// A segment being read.
pub(crate) struct SegmentReader {
    reader: BufReader<Reader<Box<dyn DiskFile>>>,
    pub(crate) path: PathBuf,
    pub(crate) header: SegmentHeader,
    pub(crate) key: [u8; 32],
    /// Where the next frame begins.
    pub(crate) offset: u64,
    /// The sequence of the next frame.
    pub(crate) sequence: u64,
    /// The chain hash before the next frame.
    pub(crate) chain: Hash,
}

/// What stands where the next frame should.
pub(crate) enum Step {
    /// A whole batch with this chain hash; the body is in the caller's buffer.
    Batch(Hash),
    /// No whole batch.
    End(Fault),
}

/// Why there is no whole batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No valid header: the end, a torn frame, or damage.
    NoHeader,
    /// A valid header, but the body or hash after it is not what was hashed.
    Broken {
        /// Where the frame would end.
        end: u64,
    },
    /// A valid header of another batch, or of another history.
    Foreign,
}

impl Fault {
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::NoHeader => "the batch header is broken",
            Self::Broken { .. } => "the batch does not match its hash",
            Self::Foreign => "the batch does not follow the one before it",
        }
    }
}

/// What follows the last whole batch of a segment.
pub(crate) struct Rest {
    /// The end of the last byte that is not zero; the start of the rest if all are.
    pub(crate) end: u64,
    /// Where the first valid frame header after the first byte of the rest begins.
    pub(crate) later_frame: Option<u64>,
}

impl SegmentReader {
    /// Opens a segment and reads its header.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<Result<Self, Unsealed>, DiskError> {
        let file = disk.open(path, Access::Read).during("open", path)?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, Reader::new(file));
        let mut bytes = [0; SEALED_BYTES];
        if !filled(reader.read_exact(&mut bytes)).during("read", path)? {
            return Ok(Err(Unsealed::Damaged));
        }
        Ok(SegmentHeader::decode(&bytes).map(|(header, key)| Self {
            reader,
            path: path.to_owned(),
            key,
            offset: FIRST_FRAME_AT,
            sequence: header.first,
            chain: header.chain,
            header,
        }))
    }

    /// Checks the next frame and leaves its batch in `body`. After [`Step::End`] the reader is
    /// spent.
    pub(crate) fn step(&mut self, body: &mut Vec<u8>) -> Result<Step, DiskError> {
        self.try_step(body).during("read", &self.path)
    }

    fn try_step(&mut self, body: &mut Vec<u8>) -> io::Result<Step> {
        let mut bytes = [0; HEADER_BYTES];
        let header = if filled(self.reader.read_exact(&mut bytes))? {
            FrameHeader::decode(&bytes, &self.key)
        } else {
            None
        };
        let Some(header) = header else {
            return Ok(Step::End(Fault::NoHeader));
        };
        if header.sequence != self.sequence || header.previous != self.chain {
            return Ok(Step::End(Fault::Foreign));
        }
        let end = self.offset + header.frame_bytes();
        body.resize(header.body_bytes as usize, 0);
        let mut hash = Hash::ZERO;
        let whole = filled(self.reader.read_exact(body))?
            && filled(self.reader.read_exact(&mut hash.0))?
            && hash == header.hash(body);
        if !whole {
            return Ok(Step::End(Fault::Broken { end }));
        }
        self.offset = end;
        self.sequence = self.sequence.saturating_add(1);
        self.chain = hash;
        Ok(Step::Batch(hash))
    }

    /// What follows the last whole batch.
    pub(crate) fn rest(&self) -> Result<Rest, DiskError> {
        self.try_rest().during("read", &self.path)
    }

    /// Reads in pieces that overlap by less than a header, so that each header is whole in one.
    fn try_rest(&self) -> io::Result<Rest> {
        let file = self.reader.get_ref().file();
        let length = file.len()?;
        let mut rest = Rest { end: self.offset, later_frame: None };
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut at = self.offset;
        while at < length {
            let left = usize::try_from(length - at).unwrap_or(usize::MAX);
            let piece = &mut buffer[..left.min(BUFFER_BYTES)];
            file.read_exact_at(piece, at)?;
            let end = at + piece.len() as u64;
            // Most of a rest is zeros written ahead.
            if *piece != ZEROS[..piece.len()] {
                let last = piece.iter().rposition(|byte| *byte != 0).unwrap_or(0);
                rest.end = at + last as u64 + 1;
                rest.later_frame = rest.later_frame.or_else(|| self.frame_in(piece, at));
            }
            at = if end == length { end } else { end - (HEADER_BYTES as u64 - 1) };
        }
        Ok(rest)
    }

    /// The first valid header in `piece`, which begins at `at`; not where the next frame should be.
    fn frame_in(&self, piece: &[u8], at: u64) -> Option<u64> {
        let mut found = piece.windows(HEADER_BYTES).zip(at..).filter(|(window, _)| {
            window.starts_with(&MAGIC) && FrameHeader::decode(window, &self.key).is_some()
        });
        found.find_map(|(_, place)| (place > self.offset).then_some(place))
    }

    /// Goes on at a valid header behind damage, as if what it says about the batch before were so.
    pub(crate) fn resume(&mut self, at: u64) -> Result<(), DiskError> {
        let mut bytes = [0; HEADER_BYTES];
        self.reader
            .get_ref()
            .file()
            .read_exact_at(&mut bytes, at)
            .and_then(|()| self.reader.seek(SeekFrom::Start(at)))
            .during("read", &self.path)?;
        if let Some(header) = FrameHeader::decode(&bytes, &self.key) {
            self.sequence = header.sequence;
            self.chain = header.previous;
        }
        self.offset = at;
        Ok(())
    }

    /// The last batch before the next frame.
    pub(crate) fn before(&self) -> Position {
        Position { sequence: self.sequence.saturating_sub(1), hash: self.chain }
    }

    /// Damage at the next frame.
    pub(crate) fn damage(&self, what: &'static str) -> Damage {
        let Self { path, sequence, offset, .. } = self;
        Damage { segment: path.clone(), sequence: *sequence, offset: *offset, what }
    }
}

/// Whether a read got all it asked for; a file that ends early is no error here.
fn filled(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(cause) => Err(cause),
    }
}
