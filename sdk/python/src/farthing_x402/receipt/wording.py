"""Ids, amounts and times as people read them. Exact: digits are moved, never rounded."""

from datetime import datetime, timedelta, timezone

from ..encoding import id_text as _id_text

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST_SECOND = 253_402_300_799
"""The last second with a year of four digits."""


def id_text(kind: str, value: int) -> str:
    """For example `acc_0000000000000000000000002d`."""
    return _id_text(kind, value.to_bytes(16, "big"))


def amount_text(units: int, asset: str, scale: int) -> str:
    """For example `0.002 USD`."""
    digits = str(units).rjust(scale + 1, "0")
    split = len(digits) - scale
    whole, part = digits[:split], digits[split:].rstrip("0")
    return f"{whole}.{part} {asset}" if part else f"{whole} {asset}"


def time_text(unix_seconds: int) -> str:
    """For example `2023-11-14T22:13:20Z`."""
    if unix_seconds > _LAST_SECOND:
        return f"second {unix_seconds} after 1970"
    return (_EPOCH + timedelta(seconds=unix_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
