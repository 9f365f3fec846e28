"""The file of a receipt, and whether its proof leads from a leaf to a root.

Keeps: one receipt has one text; a proof has exactly as many hashes as there are siblings.
Formats: C2SP tlog-proof, files `.tlog-proof`; RFC 6962, section 2.1.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .note import NOTE_BYTES_MAX, Checkpoint, Note, parse_note
from .strict import ReceiptRefused, base64_bytes, bytes_of, decimal, hash_bytes

_RECEIPT_BYTES_MAX = 2 * NOTE_BYTES_MAX
_PROOF_HASHES_COUNT_MAX = 63
"""Enough for 2^63 leaves."""
_FIRST_LINE = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Receipt:
    """What stands in a receipt; nothing is verified."""

    index: int
    """The first leaf is 0."""
    proof: tuple[bytes, ...]
    """Sibling hashes, leaf side first."""
    note: Note
    extra: bytes | None = None
    """Opens the leaf. No signature covers it."""


def parse_receipt(source: str | bytes) -> Receipt:
    """Reads a receipt."""
    data = bytes_of(source)
    if len(data) > _RECEIPT_BYTES_MAX:
        why = f"the receipt is longer than {_RECEIPT_BYTES_MAX} bytes"
        raise ReceiptRefused("receipt_too_large", why)
    first, newline, rest = data.partition(b"\n")
    if first != _FIRST_LINE.encode() or not newline:
        why = f"the file is no receipt: its first line is not `{_FIRST_LINE}`"
        raise ReceiptRefused("receipt_first_line", why)
    head, gap, note = rest.partition(b"\n\n")
    if not gap:
        why = "the receipt has no checkpoint; it may have been cut"
        raise ReceiptRefused("receipt_no_checkpoint", why)
    lines = head.split(b"\n")
    extra = _parse_extra(lines.pop(0)) if lines[0].startswith(b"extra ") else None
    index = _parse_index(lines.pop(0) if lines else b"")
    return Receipt(index, _parse_proof(lines), parse_note(note), extra)


def _parse_extra(line: bytes) -> bytes:
    extra = base64_bytes(line.removeprefix(b"extra "))
    if not extra:
        why = "the line `extra` of the receipt is not base64 with padding"
        raise ReceiptRefused("receipt_extra", why)
    return extra


def _parse_index(line: bytes) -> int:
    index = decimal(line.removeprefix(b"index ")) if line.startswith(b"index ") else None
    if index is None:
        why = "the receipt has no line `index` with a decimal without leading zeros in its place"
        raise ReceiptRefused("receipt_index", why)
    return index


def _parse_proof(lines: Sequence[bytes]) -> tuple[bytes, ...]:
    proof = []
    for number, line in enumerate(lines, 1):
        if number > _PROOF_HASHES_COUNT_MAX:
            why = f"the receipt has more than {_PROOF_HASHES_COUNT_MAX} hashes"
            raise ReceiptRefused("receipt_too_many_hashes", why)
        sibling = hash_bytes(line)
        if sibling is None:
            why = f"hash {number} of the receipt is not base64 of 32 bytes"
            raise ReceiptRefused("receipt_hash", why)
        proof.append(sibling)
    return tuple(proof)


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf's data."""
    return hashlib.sha256(b"\0" + entry).digest()


def check_inclusion(leaf: bytes, index: int, checkpoint: Checkpoint, proof: Sequence[bytes]) -> None:
    """Checks that a leaf stands at this index of the tree of a checkpoint."""
    size = checkpoint.size
    if index >= size:
        why = f"the receipt is for leaf {index}, but the tree of its checkpoint has {size} leaves"
        raise ReceiptRefused("receipt_beyond_tree", why)
    sides = list(_climb(index, size - 1))
    reached = leaf
    for is_left, sibling in zip(sides, proof):
        pair = sibling + reached if is_left else reached + sibling
        reached = hashlib.sha256(b"\1" + pair).digest()
    if len(sides) != len(proof) or reached != checkpoint.root:
        why = "the leaf is not at this place of the log: the receipt's proof does not hold"
        raise ReceiptRefused("receipt_not_included", why)


def _climb(place: int, last: int) -> Iterator[bool]:
    """Of each sibling on the way to the root, lowest first, whether it stands to the left."""
    while last > 0:
        # The last hash of an odd number has no sibling here and goes up as it is.
        if place % 2 == 1 or place < last:
            yield place % 2 == 1
        place //= 2
        last //= 2
