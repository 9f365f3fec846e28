//! The node's stream of events: server-sent events, decoded piece by piece.
//!
//! Format: the section "Server-sent events" of the HTML standard. Invariants: what is buffered has a
//! limit; lines end in LF, CR or CRLF, wherever the pieces are cut.

use bytes::Bytes;

use crate::error::Error;
use crate::transport::Answer;

/// Longest event that is read.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamEvent {
    /// What to say to go on behind it; `None`: it has no place.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its body.
    pub data: String,
}

/// An event was longer than the limit of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Puts events together from pieces.
#[derive(Debug, Default)]
pub struct EventDecoder {
    line: Vec<u8>,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    event: StreamEvent,
    has_data: bool,
}

impl EventDecoder {
    /// Takes a piece; the events that it completes.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<StreamEvent>, TooLong> {
        let mut complete = Vec::new();
        for &byte in piece {
            let is_second = byte == b'\n' && std::mem::take(&mut self.after_cr);
            if is_second {
                continue;
            }
            self.after_cr = byte == b'\r';
            if matches!(byte, b'\n' | b'\r') {
                complete.extend(self.end_line());
                continue;
            }
            if self.line.len() + self.event.data.len() >= EVENT_BYTES_MAX {
                return Err(TooLong);
            }
            self.line.push(byte);
        }
        Ok(complete)
    }

    fn end_line(&mut self) -> Option<StreamEvent> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.name),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            // A comment, such as a heartbeat, or nothing that is known.
            _ => {}
        }
        None
    }
}

/// A stream that is open.
#[derive(Debug)]
pub struct EventStream {
    answer: Answer,
    decoder: EventDecoder,
    waiting: std::collections::VecDeque<StreamEvent>,
}

impl EventStream {
    pub(crate) fn new(answer: Answer) -> Self {
        Self { answer, decoder: EventDecoder::default(), waiting: [].into() }
    }

    /// The next event; `None` when the node ends the stream.
    pub async fn next(&mut self) -> Result<Option<StreamEvent>, Error> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            let Some(piece): Option<Bytes> = self.answer.piece().await? else { return Ok(None) };
            let events = self.decoder.push(&piece);
            let too_long = |_| Error::answer("the node sent an event that is too long");
            self.waiting.extend(events.map_err(too_long)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>, name: &str, data: &str) -> StreamEvent {
        StreamEvent { id: id.map(str::to_owned), name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_however_the_pieces_are_cut() {
        let text = ": hello\r\nretry: 1000\r\n\r\nid: 7\nevent: payment.settled\ndata: {\"a\":1}\n\n\
                    data:x\rdata: y\r\r: beat\n\nevent: empty\n\ndata: é\n\n";
        let expected = [
            event(Some("7"), "payment.settled", "{\"a\":1}"),
            event(None, "", "x\ny"),
            event(None, "", "é"),
        ];
        for size in 1..=text.len() {
            let mut decoder = EventDecoder::default();
            let events: Vec<StreamEvent> = text
                .as_bytes()
                .chunks(size)
                .flat_map(|piece| decoder.push(piece).unwrap())
                .collect();
            assert_eq!(events, expected, "pieces of {size} bytes");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut decoder = EventDecoder::default();
        assert_eq!(decoder.push(&vec![b'x'; EVENT_BYTES_MAX]), Ok(Vec::new()));
        assert_eq!(decoder.push(b"x"), Err(TooLong));
        let mut decoder = EventDecoder::default();
        let line = format!("data: {}\n", "y".repeat(1000));
        assert!((0..1000).any(|_| decoder.push(line.as_bytes()).is_err()));
    }
}
