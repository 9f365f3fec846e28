//! The body of an answer in chunks (RFC 9112, section 7.1), counted as it comes.
//!
//! Only lengths are kept. A body that does not end as it should is an error of the run.

use anyhow::{Result, bail, ensure};

/// Hexadecimal digits of the longest chunk size that is read.
const SIZE_DIGITS_MAX: u32 = 8;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The line with the size of a chunk: size and digits so far.
    Size(u64, u32),
    /// What follows the size in its line.
    Extension(u64),
    /// So much data of a chunk, with the line end behind it.
    Data(u64),
    /// A line behind the last chunk: characters so far.
    Trailer(u64),
    End,
}

/// A body that is being read.
#[derive(Debug)]
pub(crate) struct Chunks {
    place: Place,
    body_bytes: u64,
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self { place: Place::Size(0, 0), body_bytes: 0 }
    }

    /// Data so far.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.place == Place::End
    }

    /// Takes what came.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Result<()> {
        while let Some((byte, rest)) = bytes.split_first() {
            self.place = match self.place {
                Place::Data(left) => {
                    let here = left.min(bytes.len() as u64);
                    bytes = bytes.split_at(usize::try_from(here)?).1;
                    self.place = match left - here {
                        0 => Place::Size(0, 0),
                        left => Place::Data(left),
                    };
                    continue;
                }
                place => self.step(place, *byte)?,
            };
            bytes = rest;
        }
        Ok(())
    }

    fn step(&mut self, place: Place, byte: u8) -> Result<Place> {
        Ok(match (place, byte) {
            (Place::Size(size, digits), b'\r' | b';') if digits > 0 => Place::Extension(size),
            (Place::Size(size, digits), _) => {
                let digit = char::from(byte).to_digit(16);
                let (Some(digit), true) = (digit, digits < SIZE_DIGITS_MAX) else {
                    bail!("a chunk has no size");
                };
                Place::Size(size * 16 + u64::from(digit), digits + 1)
            }
            (Place::Extension(0), b'\n') => Place::Trailer(0),
            (Place::Extension(size), b'\n') => {
                self.body_bytes += size;
                // The line end behind the data is two bytes.
                Place::Data(size + 2)
            }
            (Place::Extension(size), _) => Place::Extension(size),
            (Place::Trailer(0), b'\n') => Place::End,
            (Place::Trailer(_), b'\n') => Place::Trailer(0),
            (Place::Trailer(length), b'\r') => Place::Trailer(length),
            (Place::Trailer(length), _) => Place::Trailer(length + 1),
            (Place::Data(_) | Place::End, _) => {
                ensure!(place != Place::End, "more came than one answer");
                place
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_counted_however_it_is_cut() {
        let whole = b"5\r\nhello\r\n0A;x=y\r\n0123456789\r\n0\r\nname: value\r\n\r\n";
        for size in 1..whole.len() {
            let mut chunks = Chunks::new();
            for piece in whole.chunks(size) {
                assert!(!chunks.is_at_end());
                chunks.read(piece).unwrap();
            }
            assert!(chunks.is_at_end());
            assert_eq!(chunks.body_bytes(), 15);
        }
    }

    #[test]
    fn what_is_no_body_is_an_error() {
        for broken in ["x\r\n", "\r\n", "123456789\r\n", "0\r\n\r\nHTTP/1.1"] {
            assert!(Chunks::new().read(broken.as_bytes()).is_err(), "{broken}");
        }
        let mut cut = Chunks::new();
        cut.read(b"5\r\nhell").unwrap();
        assert!(!cut.is_at_end());
    }
}
