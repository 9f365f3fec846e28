//! Server-sent events (WHATWG HTML, 9.2.6), as far as answers of MCP servers need them: where one ends,
//! and its data.

/// Whether a content type is that of a stream of events.
pub(super) fn is_kind(kind: &str) -> bool {
    kind.starts_with("text/event-stream")
}

/// Where the first event ends, the empty line included. What was searched before is skipped.
pub(super) fn end(bytes: &[u8], searched: usize) -> Option<usize> {
    let start = searched.saturating_sub(END_BYTES_LONGEST - 1);
    let unread = bytes.get(start..)?;
    let ends = [&b"\n\n"[..], b"\r\r", b"\n\r\n"].into_iter().filter_map(|end| {
        unread.windows(end.len()).position(|window| window == end).map(|at| start + at + end.len())
    });
    ends.min()
}

/// Longest end of an event.
const END_BYTES_LONGEST: usize = 3;

/// The data of an event; `None` if it has none.
pub(super) fn data(event: &[u8]) -> Option<String> {
    let data: Vec<&str> = lines(event)?.filter_map(|line| line.strip_prefix("data:")).collect();
    let data = data.iter().map(|line| line.strip_prefix(' ').unwrap_or(line));
    let data: Vec<&str> = data.collect();
    (!data.is_empty()).then(|| data.join("\n"))
}

/// The event with other data, which must be one line.
pub(super) fn with_data(event: &[u8], data: &str) -> Vec<u8> {
    let mut text = String::with_capacity(event.len() + data.len());
    for line in lines(event).into_iter().flatten() {
        if !line.is_empty() && !line.starts_with("data:") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str("data: ");
    text.push_str(data);
    text.push_str("\n\n");
    text.into_bytes()
}

fn lines(event: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let text = std::str::from_utf8(event).ok()?;
    // An end of two characters gives an empty line more, which says nothing.
    Some(text.split(['\n', '\r']))
}
