"""The signed formats of Farthing, byte by byte, as `docs/reference/formats.md` defines them.

Builds bytes from fields and derives ids; every field is checked, so that no half-valid order is
ever signed. Signs nothing, reads no clock and no randomness.
"""

import hashlib
import re
from dataclasses import dataclass

from .encoding import checked_id, counted, digest_id, sized, tag, unsigned

NONE_16 = bytes(16)
NONE_32 = bytes(32)
_CODE = re.compile(r"[A-Z][A-Z0-9]{0,7}")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/?#]+)([^?#]*)(\?[^#]*)?", re.DOTALL)
_SCALE_MAX = 30


@dataclass(frozen=True)
class Asset:
    """An asset: its code (`A-Z0-9`, 1 to 8 characters) and the decimals of one base unit."""

    code: str
    scale: int

    def to_bytes(self) -> bytes:
        """Eight padded bytes of code and one of scale."""
        if not _CODE.fullmatch(self.code):
            raise ValueError("an asset code has 1 to 8 characters A-Z0-9, first a letter")
        if not isinstance(self.scale, int) or not 0 <= self.scale <= _SCALE_MAX:
            raise ValueError(f"an asset scale is a whole number from 0 to {_SCALE_MAX}")
        return self.code.encode("ascii").ljust(8, b"\0") + bytes([self.scale])


@dataclass(frozen=True)
class Purchase:
    """What is bought: the parts of one HTTP request as the payer sees them."""

    method: str
    origin: str
    path: str
    query: str = ""
    """With its leading `?`; empty if the URL has none."""
    body: bytes = b""

    def to_bytes(self) -> bytes:
        return (
            tag("farthing/purchase/1")
            + counted(self.method.upper())
            + counted(self.origin)
            + counted(self.path)
            + counted(self.query)
            + hashlib.sha256(self.body).digest()
        )

    def digest(self) -> bytes:
        """The 32 bytes that an order carries."""
        return hashlib.sha256(self.to_bytes()).digest()


@dataclass(frozen=True)
class Order:
    """One payment. Ids are 16 bytes, keys and digests 32, amounts base units."""

    node: bytes
    order: bytes
    payer: bytes
    signer: bytes
    payee: bytes
    asset: Asset
    amount: int
    expires_at_ms: int
    purchase: bytes = NONE_32
    mandate: bytes | None = None

    def to_bytes(self) -> bytes:
        """The 208 bytes that are signed."""
        return (
            tag("farthing/order/1")
            + checked_id(self.node)
            + checked_id(self.order)
            + checked_id(self.payer)
            + sized(self.signer, 32)
            + checked_id(self.payee)
            + self.asset.to_bytes()
            + bytes(7)
            + unsigned(self.amount, 16)
            + sized(self.purchase, 32)
            + unsigned(self.expires_at_ms, 8)
            + (NONE_16 if self.mandate is None else checked_id(self.mandate))
        )


@dataclass(frozen=True)
class Mandate:
    """A payer's permission for another key. Without audience: at any origin."""

    node: bytes
    mandate: bytes
    payer: bytes
    payer_key: bytes
    delegate_key: bytes
    asset: Asset
    per_payment: int
    total: int
    expires_at_ms: int
    audience: bytes = NONE_32

    def to_bytes(self) -> bytes:
        """The 224 bytes that are signed."""
        return (
            tag("farthing/mandate/1")
            + checked_id(self.node)
            + checked_id(self.mandate)
            + checked_id(self.payer)
            + sized(self.payer_key, 32)
            + sized(self.delegate_key, 32)
            + self.asset.to_bytes()
            + bytes(7)
            + unsigned(self.per_payment, 16)
            + unsigned(self.total, 16)
            + unsigned(self.expires_at_ms, 8)
            + sized(self.audience, 32)
        )


def audience(origin: str) -> bytes:
    """The audience of a mandate that may pay at one origin only."""
    return hashlib.sha256(origin.encode()).digest()


def revocation_bytes(node: bytes, mandate: bytes) -> bytes:
    """The 56 bytes that revoke a mandate."""
    return tag("farthing/revoke/1") + checked_id(node) + checked_id(mandate)


def access_bytes(node: bytes, public_key: bytes, issued_at_ms: int) -> bytes:
    """The 80 bytes that prove who asks for private data."""
    return (
        tag("farthing/access/1")
        + checked_id(node)
        + sized(public_key, 32)
        + unsigned(issued_at_ms, 8)
    )


def node_id(public_key: bytes) -> bytes:
    """The node id that belongs to a node's public key."""
    return digest_id(tag("farthing/node/1") + sized(public_key, 32))


def payer_account(public_key: bytes, asset: Asset) -> bytes:
    """The payer account that belongs to a public key and an asset."""
    return digest_id(tag("farthing/payer/1") + sized(public_key, 32) + asset.to_bytes())


def payment_id(node: bytes, payer: bytes, order: bytes) -> bytes:
    """The payment id of an order at a node."""
    parts = checked_id(node) + checked_id(payer) + checked_id(order)
    return digest_id(tag("farthing/payment/1") + parts)


def split_url(url: str) -> tuple[str, str, str]:
    """Origin, path and query of a URL, without normalising anything: an encoded slash and a
    decoded one are different purchases."""
    match = _URL.match(url)
    if not match:
        raise ValueError("expected an absolute URL")
    return match[1], match[2] or "/", match[3] or ""
