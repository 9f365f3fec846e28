"""Reads x402 payment requirements of our network strictly, whatever their version.

Requirements come from a stranger's server: a field that is missing, of the wrong type or not
canonical is an error before anything is signed.
"""

import re
from dataclasses import dataclass
from typing import Any

from .encoding import hex_bytes, id_from_digits, id_from_text
from .formats import NONE_32, Asset

NETWORK_PREFIX = "farthing:"
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,38}", re.ASCII)
_EXPIRY_SECONDS_MAX = 86_400


@dataclass(frozen=True)
class Terms:
    """What a payment must be, read from requirements."""

    network: str
    node: bytes
    asset: Asset
    amount: int
    """Base units."""
    pay_to: str
    payee: bytes
    purchase: bytes
    """All zeros if the requirements name no purchase."""
    max_timeout_seconds: int


def read_requirements(requirements: Any) -> Terms:
    """Checks and reads requirements of x402 version 1 or 2; ValueError if they are not ours."""
    network, amount = requirements.network, requirements.get_amount()
    if not network.startswith(NETWORK_PREFIX):
        raise ValueError("expected a network farthing:<node>")
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
        raise ValueError("expected an amount of base units, digits without leading zero")
    seconds = requirements.max_timeout_seconds
    if not 1 <= seconds <= _EXPIRY_SECONDS_MAX:
        raise ValueError(f"expected maxTimeoutSeconds from 1 to {_EXPIRY_SECONDS_MAX}")
    extra = requirements.extra or {}
    scale = extra.get("scale")
    if not isinstance(scale, int) or isinstance(scale, bool):
        raise ValueError("expected extra.scale, a whole number")
    return Terms(
        network=network,
        node=id_from_digits(network[len(NETWORK_PREFIX) :]),
        asset=Asset(requirements.asset, scale),
        amount=int(amount),
        pay_to=requirements.pay_to,
        payee=id_from_text("acc", requirements.pay_to),
        purchase=hex_bytes(extra["purchase"], 32) if "purchase" in extra else NONE_32,
        max_timeout_seconds=seconds,
    )
