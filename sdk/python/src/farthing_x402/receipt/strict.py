"""Texts and bytes of the log's formats, read strictly: one value has one text.

Also the one error of this package. Must not know what the bytes mean.
"""

import base64
import binascii
import re

_U64_MAX = 2**64 - 1
_DECIMAL = re.compile(rb"0|[1-9][0-9]{0,19}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


class ReceiptRefused(Exception):
    """Why a receipt, a policy or a key is not taken: `code` is stable, the sentence may change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def bytes_of(source: str | bytes) -> bytes:
    """The bytes of a text, or bytes as they are."""
    return source.encode("utf-8", "surrogatepass") if isinstance(source, str) else bytes(source)


def decimal(text: bytes) -> int | None:
    """A number below 2^64 without sign and leading zeros; None for every other text."""
    number = int(text) if _DECIMAL.fullmatch(text) else None
    return number if number is not None and number <= _U64_MAX else None


def base64_bytes(text: bytes) -> bytes | None:
    """Standard alphabet, padding, no stray bits; None for every other text."""
    if not _BASE64.fullmatch(text):
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data) == text else None


def hash_bytes(text: bytes) -> bytes | None:
    """Base64 of 32 bytes."""
    data = base64_bytes(text)
    return data if data is not None and len(data) == 32 else None
