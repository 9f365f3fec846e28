"""Mandates that can be passed on: bytes, ids, narrowing, pauses, and what registers a chain.

Format: `docs/reference/formats.md`. A child is only signed if it is narrower than its parent in every
limit, so that the node has nothing to refuse. Signing needs nobody else: the holder of a mandate
passes it on offline.
"""

from dataclasses import dataclass, replace

from .encoding import base64_text, checked_id, digest_id, sized, tag, unsigned
from .formats import NONE_16, NONE_32, Asset
from .key import Signer

UNLIMITED = 2**128 - 1
"""No limit, for counts of base units."""
MANDATE_DEPTH_MAX = 7
MANDATE_PAYEES_COUNT_MAX = 4


@dataclass(frozen=True)
class MandateLimits:
    """What a mandate allows, base units. Days and months are UTC, by the node's clock."""

    expires_at_ms: int
    per_payment: int = UNLIMITED
    per_day: int = UNLIMITED
    per_month: int = UNLIMITED
    total: int = UNLIMITED
    unit_price: tuple[int, int] | None = None
    """Most for so many metered units: price and count; any price if absent."""
    depth: int = 0
    """How often it can be passed on."""
    payees: tuple[bytes, ...] = ()
    """Accounts that may be paid, in any order; anybody if empty."""
    audience: bytes = NONE_32
    """Digest of the origin where it may be used; anywhere if all zeros."""

    def wider_than(self, above: "MandateLimits") -> str | None:
        """The first limit that is wider than that above, if there is one."""
        for name in ("per_payment", "per_day", "per_month", "total"):
            if getattr(self, name) > getattr(above, name):
                return name
        if above.unit_price is not None:
            price, per = self.unit_price or (1, 0)
            if price * above.unit_price[1] > above.unit_price[0] * per:
                return "unit_price"
        if self.expires_at_ms > above.expires_at_ms:
            return "expires_at_ms"
        if self.depth >= above.depth:
            return "depth"
        if above.payees and not (self.payees and set(self.payees) <= set(above.payees)):
            return "payees"
        if above.audience not in (NONE_32, self.audience):
            return "audience"
        return None


@dataclass(frozen=True)
class TreeMandate:
    """A link of a tree of mandates. Ids and salt are 16 bytes, keys 32."""

    node: bytes
    salt: bytes
    payer: bytes
    granter: bytes
    """The key that signs: the payer's for a root, the parent's delegate for a child."""
    delegate: bytes
    asset: Asset
    limits: MandateLimits
    parent: bytes | None = None

    def to_bytes(self) -> bytes:
        """The 376 bytes that are signed."""
        limits = self.limits
        payees = sorted({checked_id(payee) for payee in limits.payees})
        if len(payees) > MANDATE_PAYEES_COUNT_MAX or limits.depth > MANDATE_DEPTH_MAX:
            raise ValueError("a mandate names 4 payees at most, and its depth is 7 at most")
        price, per = limits.unit_price or (0, 0)
        return (
            tag("farthing/mandate/2")
            + checked_id(self.node)
            + sized(self.salt, 16)
            + (NONE_16 if self.parent is None else checked_id(self.parent))
            + checked_id(self.payer)
            + sized(self.granter, 32)
            + sized(self.delegate, 32)
            + self.asset.to_bytes()
            + bytes(7)
            + unsigned(limits.per_payment, 16)
            + unsigned(limits.per_day, 16)
            + unsigned(limits.per_month, 16)
            + unsigned(limits.total, 16)
            + unsigned(price, 16)
            + unsigned(per, 8)
            + unsigned(limits.expires_at_ms, 8)
            + b"".join(payees).ljust(16 * MANDATE_PAYEES_COUNT_MAX, b"\0")
            + sized(limits.audience, 32)
            + unsigned(limits.depth, 1)
            + bytes(15)
        )

    def id(self) -> bytes:
        """Its id: follows from its bytes."""
        return digest_id(self.to_bytes())

    def attenuated(self, *, delegate: bytes, salt: bytes, limits: MandateLimits) -> "TreeMandate":
        """A narrower mandate below this one, for another key; this one's delegate signs it."""
        wider = limits.wider_than(self.limits)
        if wider is not None:
            raise ValueError(f"{wider} is wider than that of the mandate above")
        return replace(
            self,
            parent=self.id(),
            granter=self.delegate,
            delegate=delegate,
            salt=salt,
            limits=limits,
        )


def pause_bytes(node: bytes, mandate: bytes, sequence: int, paused: bool) -> bytes:
    """The 72 bytes that stop a mandate, or let it go on."""
    return (
        tag("farthing/pause/1")
        + checked_id(node)
        + checked_id(mandate)
        + unsigned(sequence, 8)
        + unsigned(int(paused), 1)
        + bytes(7)
    )


def signed_link(mandate: TreeMandate, key: Signer) -> dict[str, str]:
    """One link of a chain as `POST /v1/mandates` takes it, signed by its granter's key.

    The whole body is `{"chain": [root, ..., own], "label": ...}`. Send it before the first payment, or
    when a payment is refused with `mandate_unknown`: the same order can be presented again after it.
    """
    if key.public_key != mandate.granter:
        raise ValueError("only the granter signs a mandate")
    data = mandate.to_bytes()
    return {"mandate": base64_text(data), "signature": base64_text(key.sign(data))}
