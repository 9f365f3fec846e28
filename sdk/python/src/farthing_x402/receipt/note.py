"""Signed notes and the checkpoints in them. Reading proves nothing before `signed_by` says who has
signed.

Keeps: signatures of unknown keys count for nothing; one that claims a known key and fails spoils
the whole note. Formats: C2SP signed-note, tlog-checkpoint.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .strict import ReceiptRefused, base64_bytes, decimal, hash_bytes
from .vkey import VerifierKey, check_signature, is_key_name

NOTE_BYTES_MAX = 256 * 1024
_SIGNATURES_COUNT_MAX = 100
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\0-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class NoteSignature:
    """Who claims to have signed."""

    name: str
    id: str
    """Eight hex digits."""
    data: bytes


@dataclass(frozen=True)
class Note:
    """A text with at least one signature."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of its tree."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class Signed:
    """A known key that has signed; a witness's with the time, Unix seconds."""

    key: VerifierKey
    time: int | None


def parse_note(data: bytes) -> Note:
    """Reads a note."""
    if len(data) > NOTE_BYTES_MAX:
        raise ReceiptRefused("note_too_large", f"the note is longer than {NOTE_BYTES_MAX} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise ReceiptRefused("note_not_utf8", "the note is not UTF-8") from None
    if _CONTROL.search(whole):
        why = "the note has a control character; lines end with a newline alone"
        raise ReceiptRefused("note_control_character", why)
    end = whole.rfind("\n\n")
    lines = whole[end + 2 :]
    if end < 0 or not lines:
        raise ReceiptRefused("note_no_signature", "the note has no signature")
    return Note(whole[: end + 1], _parse_lines(lines))


def _parse_lines(lines: str) -> tuple[NoteSignature, ...]:
    if not lines.endswith("\n"):
        why = "the note does not end with a newline; it may have been cut"
        raise ReceiptRefused("note_unterminated", why)
    texts = lines[:-1].split("\n")
    if len(texts) > _SIGNATURES_COUNT_MAX:
        why = f"the note has more than {_SIGNATURES_COUNT_MAX} signatures"
        raise ReceiptRefused("note_too_many_signatures", why)
    return tuple(
        _parse_line(text, f"signature line {number}") for number, text in enumerate(texts, 1)
    )


def _parse_line(text: str, line: str) -> NoteSignature:
    name, gap, encoded = text.removeprefix(_DASH).partition(" ")
    if not text.startswith(_DASH) or not gap:
        why = f"{line} does not have the form `{_DASH}name signature`"
        raise ReceiptRefused("note_signature_form", why)
    if not is_key_name(name):
        raise ReceiptRefused("note_signature_name", f"{line} has no name fit for a key")
    data = base64_bytes(encoded.encode())
    if data is None:
        why = f"{line} does not have a signature in base64 with padding"
        raise ReceiptRefused("note_signature_base64", why)
    if len(data) < 5:
        why = f"{line} is too short for the id of a key and a signature"
        raise ReceiptRefused("note_signature_short", why)
    return NoteSignature(name, data[:4].hex(), data[4:])


def parse_checkpoint(text: str) -> Checkpoint:
    """Reads the text of a note. Lines beyond the third are signed, but say nothing here."""
    lines = text[:-1].split("\n")
    if len(lines) < 3:
        why = "a checkpoint has at least three lines: origin, size and root"
        raise ReceiptRefused("checkpoint_lines", why)
    if "" in lines:
        why = f"line {lines.index('') + 1} of the checkpoint is empty"
        raise ReceiptRefused("checkpoint_empty_line", why)
    size = decimal(lines[1].encode())
    if size is None:
        why = "the size in the checkpoint is not a decimal without leading zeros"
        raise ReceiptRefused("checkpoint_size", why)
    root = hash_bytes(lines[2].encode())
    if root is None:
        why = "the root in the checkpoint is not base64 of 32 bytes"
        raise ReceiptRefused("checkpoint_root", why)
    return Checkpoint(lines[0], size, root)


def signed_by(note: Note, known: Sequence[VerifierKey]) -> list[Signed]:
    """The known keys that have signed the note, in the order of its lines; at least one."""
    signed = [
        Signed(key, _check(key, note.text, signature.data))
        for signature in note.signatures
        for key in known
        if (key.name, key.id) == (signature.name, signature.id)
    ]
    if not signed:
        why = "no key that is known here has signed the note"
        raise ReceiptRefused("note_unsigned", why)
    return signed


def _check(key: VerifierKey, text: str, signature: bytes) -> int | None:
    try:
        return check_signature(key, text, signature)
    except ReceiptRefused as refused:
        why = f"the signature of `{key.name}` with id {key.id} is not good: {refused}"
        raise ReceiptRefused(refused.code, why) from None
