"""What a server tells while and after a session pays: receipts, and the need for a voucher.

These are claims: they move the payer's count of what was spent, never what it has signed.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .requests import base_units


@dataclass(frozen=True)
class SessionReceipt:
    """Where a channel stands, base units."""

    channel: str
    deposit: int
    accepted: int
    spent: int
    closes_at_ms: int | None = None
    """Set if the channel is about to close, for what is left then goes back."""


@dataclass(frozen=True)
class VoucherNeed:
    """What a stream needs to go on, base units."""

    channel: str
    required: int
    accepted: int
    deposit: int


def read_receipt_header(header: str | None) -> SessionReceipt | None:
    """Reads `Payment-Receipt`; None if it tells nothing of a channel."""
    if header is None:
        return None
    try:
        return read_receipt(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)).decode())
    except (ValueError, binascii.Error):
        return None


def read_receipt(text: str) -> SessionReceipt | None:
    """Reads the data of a `payment-receipt` event."""
    members = _members(text)
    if members is None:
        return None
    try:
        closes = members.get("closesAtMs")
        return SessionReceipt(
            channel=members["channelId"],
            deposit=base_units(members, "deposit"),
            accepted=base_units(members, "acceptedCumulative"),
            spent=base_units(members, "spent"),
            closes_at_ms=closes if isinstance(closes, int) else None,
        )
    except ValueError:
        return None


def read_need(text: str) -> VoucherNeed | None:
    """Reads the data of a `payment-need-voucher` event."""
    members = _members(text)
    if members is None:
        return None
    try:
        return VoucherNeed(
            channel=members["channelId"],
            required=base_units(members, "requiredCumulative"),
            accepted=base_units(members, "acceptedCumulative"),
            deposit=base_units(members, "deposit"),
        )
    except ValueError:
        return None


def _members(text: str) -> Mapping[str, Any] | None:
    try:
        members = json.loads(text)
    except ValueError:
        return None
    is_about_channel = isinstance(members, dict) and isinstance(members.get("channelId"), str)
    return members if is_about_channel else None
