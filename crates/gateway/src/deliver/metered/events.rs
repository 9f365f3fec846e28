//! Cuts a `text/event-stream` into its events, and words the gateway's own.
//!
//! Pure. Invariant: the pieces put together are the stream, byte by byte; a piece counts as an event
//! if a reader would be given one, which takes a `data` line (WHATWG HTML, 9.2.6).

use bytes::{Bytes, BytesMut};
use http402::mpp::{EVENT_NEED_VOUCHER, EVENT_RECEIPT, NeedVoucher};

use super::funds::Standing;

/// Largest event: it is read to its end before it is paid.
pub(super) const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// An event is larger than may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Cuts at blank lines.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    buffer: BytesMut,
    /// Where the line begins that is being read.
    line: usize,
    /// What was looked at already.
    seen: usize,
    has_data: bool,
    /// The last byte looked at was a carriage return: a line feed belongs to it.
    after_return: bool,
    /// Something came before: no byte order mark can stand here.
    begun: bool,
}

/// A part of the stream up to a blank line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub bytes: Bytes,
    /// Readers are given an event.
    pub is_event: bool,
}

impl Splitter {
    /// Takes what arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole block, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Block>, TooLarge> {
        while let Some(&byte) = self.buffer.get(self.seen) {
            self.seen += 1;
            let belongs_to_return = byte == b'\n' && std::mem::take(&mut self.after_return);
            if belongs_to_return {
                self.line = self.seen;
                continue;
            }
            self.after_return = byte == b'\r';
            if !matches!(byte, b'\n' | b'\r') {
                continue;
            }
            if self.line + 1 < self.seen {
                self.end_line();
                continue;
            }
            if self.after_return && self.buffer.get(self.seen) == Some(&b'\n') {
                self.seen += 1;
                self.after_return = false;
            }
            return Ok(Some(self.cut(self.seen)));
        }
        if self.buffer.len() > EVENT_BYTES_MAX { Err(TooLarge) } else { Ok(None) }
    }

    /// What is left at the end of the stream, without its blank line.
    pub(super) fn rest(&mut self) -> Option<Block> {
        if self.line < self.buffer.len() {
            self.seen = self.buffer.len() + 1;
            self.end_line();
        }
        (!self.buffer.is_empty()).then(|| self.cut(self.buffer.len()))
    }

    /// Looks at the line before `seen`, and goes on behind it.
    fn end_line(&mut self) {
        let mut line = &self.buffer[self.line..self.seen - 1];
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        self.has_data |= line == b"data" || line.starts_with(b"data:");
        self.line = self.seen;
    }

    fn cut(&mut self, end: usize) -> Block {
        let bytes = self.buffer.split_to(end).freeze();
        (self.line, self.seen, self.begun) = (0, 0, true);
        Block { bytes, is_event: std::mem::take(&mut self.has_data) }
    }
}

/// Tells the payer that the stream waits until so much is accepted.
pub(super) fn need_voucher(standing: &Standing, required: u128) -> Bytes {
    let Standing { channel, accepted, deposit, .. } = *standing;
    let need = NeedVoucher { channel, required, accepted, deposit };
    event(EVENT_NEED_VOUCHER, need.to_json().to_string().as_bytes())
}

/// The receipt at the end of a stream: JSON on one line.
pub(super) fn receipt(json: &[u8]) -> Bytes {
    event(EVENT_RECEIPT, json)
}

fn event(name: &str, data: &[u8]) -> Bytes {
    let parts = [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"];
    Bytes::from(parts.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(pieces: &[&[u8]]) -> Vec<(String, bool)> {
        let mut splitter = Splitter::default();
        let mut blocks = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            while let Some(block) = splitter.next().unwrap() {
                blocks.push(block);
            }
        }
        blocks.extend(splitter.rest());
        let text = |block: Block| String::from_utf8(block.bytes.to_vec()).unwrap();
        blocks.into_iter().map(|block| (text(block.clone()), block.is_event)).collect()
    }

    #[test]
    fn only_what_carries_data_is_an_event() {
        for (text, is_event) in [
            ("data: 1\n\n", true),
            ("data\n\n", true),
            ("data:\r\n\r\n", true),
            ("event: a\rid: 1\rdata: x\r\r", true),
            ("\u{feff}data: 1\n\n", true),
            (": keep-alive\n\n", false),
            ("retry: 1000\nid: 7\nevent: data\n\n", false),
            ("datax: 1\n\n", false),
            (" data: 1\n\n", false),
            ("\n", false),
        ] {
            assert_eq!(blocks(&[text.as_bytes()]), [(text.to_owned(), is_event)]);
        }
    }

    #[test]
    fn what_is_cut_off_at_the_end_counts_by_its_lines() {
        for (text, is_event) in [("data: 1\n", true), ("data: 1", true), ("id: 1\n: x", false)] {
            assert_eq!(blocks(&[text.as_bytes()]), [(text.to_owned(), is_event)]);
        }
    }

    #[test]
    fn a_line_feed_that_comes_late_belongs_to_its_return() {
        let got = blocks(&[b"data: 1\r", b"\ndata: 2\r\n\r", b"\n: x\r\n\r\n"]);
        let events = got.iter().filter(|block| block.1).count();
        assert_eq!((got.len(), events), (2, 1), "{got:?}");
    }

    #[test]
    fn an_event_without_end_is_too_large() {
        let mut splitter = Splitter::default();
        splitter.push(&vec![b'x'; EVENT_BYTES_MAX]);
        assert_eq!(splitter.next(), Ok(None));
        splitter.push(b"x");
        assert_eq!(splitter.next(), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn however_a_stream_arrives_it_has_the_same_events(
            lines in proptest::collection::vec("(data: ?a?|: c|id:1|)(\n|\r\n|\r)", 0..20),
            cuts in proptest::collection::vec(0_usize..200, 0..10),
        ) {
            let text = lines.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                pieces.push(&text.as_bytes()[start..cut]);
                start = cut;
            }
            let (whole, cut) = (blocks(&[text.as_bytes()]), blocks(&pieces));
            let events = |blocks: &[(String, bool)]| blocks.iter().filter(|block| block.1).count();
            prop_assert_eq!(events(&whole), events(&cut));
            let joined: String = cut.into_iter().map(|block| block.0).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
