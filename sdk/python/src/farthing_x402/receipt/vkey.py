"""Public keys that sign notes: their text, the vkey, and what a signature of theirs must be.

Format: C2SP signed-note and tlog-cosignature. Type 0x01 is a log's, 0x04 a witness's.
"""

import hashlib
import re
from dataclasses import dataclass

from ..key import verify_signature
from .point import is_of_small_order, is_usable_key
from .strict import ReceiptRefused, base64_bytes

LOG_KEY = 0x01
WITNESS_KEY = 0x04

_COSIGNATURE_SECONDS_MAX = 2**63 - 1
"""The format's bound."""
_SIGNATURE_BYTES = 64
# What Unicode calls white space, the ASCII control characters, and the plus sign.
_UNFIT = re.compile(r"[\0- +\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_ID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name and the id of both."""

    name: str
    """Of a log: the origin of its checkpoints."""
    id: str
    """Eight lowercase hex digits."""
    type: int
    key: bytes
    """32 bytes, RFC 8032."""
    text: str


def is_key_name(text: str) -> bool:
    """Whether a text may name a key."""
    return text != "" and not _UNFIT.search(text)


def parse_vkey(text: str) -> VerifierKey:
    """Reads `name+id+base64(type || key)`."""
    # Base64 may have a `+` of its own.
    parts = text.split("+", 2)
    if len(parts) < 3:
        raise ReceiptRefused("vkey_form", "a vkey has the form `name+id+key`")
    name, key_id, encoded = parts
    if not is_key_name(name):
        why = "the name of a key must not be empty or have spaces, control characters or `+`"
        raise ReceiptRefused("key_name", why)
    if not _ID.fullmatch(key_id):
        raise ReceiptRefused("vkey_id", "the id of a vkey has eight lowercase hex digits")
    data = base64_bytes(encoded.encode("utf-8", "surrogatepass"))
    if not data:
        raise ReceiptRefused("vkey_base64", "the key of a vkey is base64 with padding")
    key_type, key = data[0], data[1:]
    if key_type not in (LOG_KEY, WITNESS_KEY):
        known = "Ed25519 has 0x01 for logs, 0x04 for witnesses"
        why = f"type {key_type:#04x} of a vkey is unknown here; {known}"
        raise ReceiptRefused("vkey_type", why)
    if len(key) != 32:
        raise ReceiptRefused("vkey_length", f"an Ed25519 key has 32 bytes, not {len(key)}")
    if not is_usable_key(key):
        raise ReceiptRefused("vkey_point", "the key is unusable; derive it from a secret seed")
    if hashlib.sha256(name.encode() + b"\n" + data).hexdigest()[:8] != key_id:
        why = "the id of the vkey does not fit its name and key; copy the vkey anew"
        raise ReceiptRefused("vkey_id_mismatch", why)
    return VerifierKey(name, key_id, key_type, key, text)


def check_signature(key: VerifierKey, text: str, signature: bytes) -> int | None:
    """Checks that a signature is one of this key over the text of a note. A witness's gives the
    time that it signed, Unix seconds. The refusal names no key: the caller does."""
    if key.type == LOG_KEY:
        _check_bytes(key, text.encode(), signature)
        return None
    if len(signature) != 8 + _SIGNATURE_BYTES:
        raise _wrong_length()
    time = int.from_bytes(signature[:8], "big")
    if time > _COSIGNATURE_SECONDS_MAX:
        raise ReceiptRefused("note_signature_time", "its time is beyond 2^63-1 seconds")
    _check_bytes(key, f"cosignature/v1\ntime {time}\n{text}".encode(), signature[8:])
    return time


def _check_bytes(key: VerifierKey, message: bytes, signature: bytes) -> None:
    if len(signature) != _SIGNATURE_BYTES:
        raise _wrong_length()
    if is_of_small_order(signature[:32]) or not verify_signature(key.key, message, signature):
        raise ReceiptRefused("note_signature_mismatch", "it does not fit the text and the key")


def _wrong_length() -> ReceiptRefused:
    return ReceiptRefused("note_signature_length", "its length is wrong")
