"""Reads server-sent events as they arrive, as far as payments need them: names and data.

Keeps at most `EVENT_CHARS_MAX` characters of an event; a longer one is skipped, because no event of
a payment is that long.
"""

import codecs
import re
from dataclasses import dataclass

EVENT_CHARS_MAX = 65_536
"""Longest event that is read."""

_LINE_END = re.compile(r"\r\n|\n|\r(?!$)")


@dataclass(frozen=True)
class ServerEvent:
    """One event; `message` if it has no name."""

    name: str
    data: str


class EventReader:
    """Reads chunks of one stream."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._lines: list[str] = []
        self._length = 0

    def push(self, chunk: bytes) -> list[ServerEvent]:
        """The events that this chunk completes."""
        *lines, self._rest = _LINE_END.split(self._rest + self._decoder.decode(chunk))
        if len(self._rest) > EVENT_CHARS_MAX:
            self._length += len(self._rest)
            self._rest = ""
        events = []
        for line in lines:
            if line:
                self._length += len(line)
                if self._length <= EVENT_CHARS_MAX:
                    self._lines.append(line)
                continue
            event = _event(self._lines) if self._length <= EVENT_CHARS_MAX else None
            if event is not None:
                events.append(event)
            self._lines, self._length = [], 0
        return events


def _event(lines: list[str]) -> ServerEvent | None:
    name, data = "message", []
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return ServerEvent(name, "\n".join(data)) if data else None
