"""Bytes and texts of the signed formats: fixed-width numbers, tags, ids in lowercase Crockford
base32.

Keeps one text for one value: whatever is not the canonical form is refused. Knows nothing of what
the bytes mean.
"""

import base64
import binascii
import hashlib
import re

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")
_RESERVED = (0, 2**128 - 1)
_TAG_BYTES = 24


def tag(text: str) -> bytes:
    """24 bytes: the ASCII text, padded with zeros."""
    return text.encode("ascii").ljust(_TAG_BYTES, b"\0")


def unsigned(value: int, width: int) -> bytes:
    """A big-endian unsigned number of `width` bytes; OverflowError if it does not fit."""
    return value.to_bytes(width, "big", signed=False)


def counted(text: str) -> bytes:
    """A u32 length and the UTF-8 bytes of the text."""
    data = text.encode()
    return unsigned(len(data), 4) + data


def sized(data: bytes, length: int) -> bytes:
    """The same bytes, if there are exactly `length`."""
    if len(data) != length:
        raise ValueError(f"expected {length} bytes")
    return data


def hex_bytes(text: object, length: int) -> bytes:
    """Reads `length` bytes as lowercase hex digits."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-f]*", text):
        raise ValueError("expected lowercase hex digits")
    return sized(bytes.fromhex(text) if len(text) % 2 == 0 else b"", length)


def base64_text(data: bytes) -> str:
    """Base64 with the standard alphabet and padding."""
    return base64.b64encode(data).decode("ascii")


def base64_bytes(text: object, length: int) -> bytes:
    """Reads `length` bytes as base64 with the standard alphabet and padding."""
    if not isinstance(text, str):
        raise ValueError("expected base64 with padding")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected base64 with padding") from None
    if base64_text(data) != text:
        raise ValueError("expected base64 with padding")
    return sized(data, length)


def digest_id(data: bytes) -> bytes:
    """The id that the digest of these bytes gives: its first 16 bytes, a reserved value moved to
    its neighbour."""
    value = int.from_bytes(hashlib.sha256(data).digest()[:16], "big")
    return unsigned(min(max(value, 1), 2**128 - 2), 16)


def id_digits(id_bytes: bytes) -> str:
    """26 characters of base32 for a 16-byte id, most significant first."""
    value = int.from_bytes(sized(id_bytes, 16), "big")
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def id_text(kind: str, id_bytes: bytes) -> str:
    """Text of an id, for example `acc_0000000000000000000000002d`."""
    return f"{kind}_{id_digits(id_bytes)}"


def id_from_digits(text: str) -> bytes:
    """Bytes of the 26 base32 characters of an id; zero and the maximum are reserved."""
    if not _DIGITS.fullmatch(text):
        raise ValueError("an id has 26 characters of lowercase Crockford base32")
    value = 0
    for character in text:
        value = value << 5 | _ALPHABET.index(character)
    return checked_id(unsigned(value, 16))


def id_from_text(kind: str, text: str) -> bytes:
    """Bytes of an id's text; the text must be of this kind."""
    if not text.startswith(f"{kind}_"):
        raise ValueError(f"an id of this kind starts with {kind}_")
    return id_from_digits(text[len(kind) + 1 :])


def checked_id(id_bytes: bytes) -> bytes:
    """The same 16 bytes, unless they are reserved."""
    if int.from_bytes(sized(id_bytes, 16), "big") in _RESERVED:
        raise ValueError("the id is reserved")
    return id_bytes
