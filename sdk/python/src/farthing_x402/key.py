"""A payer's Ed25519 key: make it, keep it in a file, sign with it.

The file is readable by its owner only and is never written over. The secret leaves this module
only into that file.
"""

import base64
import json
import os
import time
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .encoding import hex_bytes
from .formats import access_bytes

_KEY_FILE_KIND = "farthing-key/1"
_GROUP_AND_OTHERS = 0o077


class Signer(Protocol):
    """Whatever can sign for a payer: a `PayerKey`, a hardware key."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        ...

    def sign(self, data: bytes) -> bytes:
        """64 bytes: the Ed25519 signature over exactly these bytes."""
        ...


class PayerKey:
    """A key held in memory."""

    def __init__(self, secret: Ed25519PrivateKey) -> None:
        self._secret = secret
        self._public = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> "PayerKey":
        """A new random key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> "PayerKey":
        """The key of a 32-byte seed."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "PayerKey":
        """Reads a key file that `save` or `farthing wallet new` wrote; it must be private."""
        with open(path, encoding="utf-8") as file:
            # Asked of the open file, so the answer belongs to what is read.
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & _GROUP_AND_OTHERS:
                raise ValueError(f"{path} is open to others: chmod 600 closes it")
            seed = _read_seed(file.read())
        if seed is None:
            raise ValueError(f"{path} is not a key file of kind {_KEY_FILE_KIND}")
        return cls.from_seed(seed)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a key file with permissions 0600; FileExistsError if there is one already."""
        content = {"kind": _KEY_FILE_KIND, "seed": self._secret.private_bytes_raw().hex()}
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(content) + "\n")
            file.flush()
            os.fsync(file.fileno())

    @property
    def public_key(self) -> bytes:
        return self._public

    def sign(self, data: bytes) -> bytes:
        """64 bytes of signature."""
        return self._secret.sign(data)


def verify_signature(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Whether a signature is one of this key over exactly these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _read_seed(text: str) -> bytes | None:
    """None if it is no key file; no reason, because reasons may quote the seed."""
    try:
        content = json.loads(text)
        return hex_bytes(content["seed"], 32) if content["kind"] == _KEY_FILE_KIND else None
    except (ValueError, TypeError, KeyError):
        return None


def access_header(node: bytes, signer: Signer, now_ms: int | None = None) -> str:
    """The `Authorization` header with which a payer asks a node for its own data."""
    issued_at_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    statement = access_bytes(node, signer.public_key, issued_at_ms)
    token = base64.urlsafe_b64encode(statement + signer.sign(statement)).rstrip(b"=")
    return f"Farthing {token.decode('ascii')}"
