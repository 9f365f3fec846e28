"""What the parties of a channel sign, byte by byte, as `docs/reference/formats.md` defines it.

Builds bytes from fields and derives the channel's id; every field is checked, so that nothing
half-valid is ever signed. Signs nothing, reads no clock and no randomness.
"""

import hashlib
from dataclasses import dataclass

from .encoding import checked_id, digest_id, sized, tag, unsigned
from .formats import NONE_16, Asset

TICK_LINK_BYTES = 16
"""Bytes of a link of a tick chain."""


@dataclass(frozen=True)
class ChannelTerms:
    """What a payer agrees to when it opens a channel. Ids are 16 bytes, keys 32, amounts base
    units; `salt` is 16 random bytes, never used twice."""

    node: bytes
    salt: bytes
    payer: bytes
    signer: bytes
    """Signs terms and top-ups."""
    voucher_key: bytes
    """Signs vouchers and the closing; may be the signer's."""
    payee: bytes
    asset: Asset
    deposit: int
    close_delay_seconds: int
    expires_at_ms: int
    tick_root: bytes = NONE_16
    tick_units: int = 0
    tick_count: int = 0
    mandate: bytes | None = None

    def to_bytes(self) -> bytes:
        """The 248 bytes that are signed."""
        return (
            tag("farthing/channel/1")
            + checked_id(self.node)
            + sized(self.salt, 16)
            + checked_id(self.payer)
            + sized(self.signer, 32)
            + sized(self.voucher_key, 32)
            + checked_id(self.payee)
            + self.asset.to_bytes()
            + bytes(7)
            + unsigned(self.deposit, 16)
            + sized(self.tick_root, TICK_LINK_BYTES)
            + unsigned(self.tick_units, 16)
            + unsigned(self.tick_count, 4)
            + unsigned(self.close_delay_seconds, 4)
            + unsigned(self.expires_at_ms, 8)
            + (NONE_16 if self.mandate is None else checked_id(self.mandate))
        )

    def channel(self) -> bytes:
        """The id of the channel that these terms open: it binds every field."""
        return digest_id(self.to_bytes())


def voucher_bytes(channel: bytes, sequence: int, cumulative: int) -> bytes:
    """The 64 bytes of a voucher: `cumulative` base units in all, since the channel opened."""
    numbers = unsigned(sequence, 8) + unsigned(cumulative, 16)
    return tag("farthing/voucher/1") + checked_id(channel) + numbers


def top_up_bytes(channel: bytes, deposit: int) -> bytes:
    """The 56 bytes that raise a channel's deposit to `deposit` base units in all."""
    return tag("farthing/top-up/1") + checked_id(channel) + unsigned(deposit, 16)


def close_bytes(channel: bytes, cumulative: int) -> bytes:
    """The 56 bytes that close a channel; `cumulative` is what was spent as the payer sees it."""
    return tag("farthing/close/1") + checked_id(channel) + unsigned(cumulative, 16)


def tick_bytes(index: int, link: bytes) -> bytes:
    """The 23 bytes of a tick on the wire: it pays for every tick up to its index."""
    return b"\x82\x1a" + unsigned(index, 4) + b"\x50" + sized(link, TICK_LINK_BYTES)


def previous_link(salt: bytes, index: int, link: bytes) -> bytes:
    """The link before link `index` of the chain with this salt; link 0 is the root in the
    terms."""
    if index < 1:
        raise ValueError("link 0 has none before it")
    block = b"fthtick1" + sized(salt, 16) + unsigned(index, 4) + sized(link, TICK_LINK_BYTES)
    return hashlib.sha256(block).digest()[:TICK_LINK_BYTES]


def tick_chain(salt: bytes, last: bytes, count: int) -> list[bytes]:
    """The whole chain below a random last link: element `i` is link `i`."""
    links = [sized(last, TICK_LINK_BYTES)]
    for index in range(count, 0, -1):
        links.append(previous_link(salt, index, links[-1]))
    return links[::-1]
