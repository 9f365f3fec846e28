"""Reads the terms of MPP challenges of method `farthing` strictly, before anything is signed.

Challenges come from a stranger's server: a member that is missing, of the wrong type or not
canonical is a ValueError.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..channel_book import ChannelClaim, ChannelOffer, SignedVoucher
from ..encoding import base64_bytes, hex_bytes, id_from_digits, id_from_text
from ..formats import NONE_32, Asset
from ..requirements import NETWORK_PREFIX, Terms

METHOD = "farthing"
"""The payment method's name."""

_UNITS = re.compile(r"0|[1-9][0-9]{0,38}", re.ASCII)
_ORDER_SECONDS_MAX = 86_400
_DELAY_SECONDS_MAX = 2**32 - 1
_COUNT_MAX = 2**53 - 1
_SIGNATURE_BYTES = 64

Members = Mapping[str, Any]


@dataclass(frozen=True)
class SessionTerms:
    """Terms of a session: what a channel is opened for, and where the presented one stands."""

    offer: ChannelOffer
    price: int
    """Base units for `per` units."""
    per: int
    unit: str
    claim: ChannelClaim | None = None


def read_charge(request: Members) -> Terms:
    """Reads the request of a `charge` challenge."""
    details, network, asset, amount, pay_to = _price(request)
    return Terms(
        network=network,
        node=id_from_digits(network[len(NETWORK_PREFIX) :]),
        asset=asset,
        amount=amount,
        pay_to=pay_to,
        payee=id_from_text("acc", pay_to),
        purchase=hex_bytes(details["purchase"], 32) if "purchase" in details else NONE_32,
        max_timeout_seconds=_whole(details, "orderSeconds", _ORDER_SECONDS_MAX),
    )


def read_session(request: Members) -> SessionTerms:
    """Reads the request of a `session` challenge."""
    details, network, asset, price, pay_to = _price(request)
    splits, unit = details.get("splits"), request.get("unitType")
    offer = ChannelOffer(
        network=network,
        node=id_from_digits(network[len(NETWORK_PREFIX) :]),
        asset=asset,
        pay_to=pay_to,
        amount=base_units(details, "start"),
        deposit_min=base_units(details, "minDeposit"),
        deposit_suggested=base_units(request, "suggestedDeposit"),
        close_delay_seconds=_whole(details, "closeDelaySeconds", _DELAY_SECONDS_MAX),
        # A channel is for one way of sharing what it pays.
        group=splits if isinstance(splits, str) else "",
    )
    return SessionTerms(
        offer=offer,
        price=price,
        per=_whole(details, "per", _COUNT_MAX),
        unit=unit if isinstance(unit, str) else "request",
        claim=_claim(details.get("channel")),
    )


def base_units(members: Members, name: str) -> int:
    """Reads base units: digits without leading zero."""
    text = members.get(name)
    if not isinstance(text, str) or not _UNITS.fullmatch(text):
        raise ValueError(f"expected {name}, digits without leading zero")
    return int(text)


def _price(request: Members) -> tuple[Members, str, Asset, int, str]:
    details = request.get("methodDetails")
    if not isinstance(details, Mapping):
        raise ValueError("expected methodDetails, an object")
    network, code, scale = details.get("network"), details.get("asset"), details.get("scale")
    pay_to = request.get("recipient")
    if not isinstance(network, str) or not network.startswith(NETWORK_PREFIX):
        raise ValueError("expected methodDetails.network, farthing:<node>")
    if not isinstance(code, str) or not isinstance(scale, int) or isinstance(scale, bool):
        raise ValueError("expected methodDetails.asset and methodDetails.scale")
    if request.get("currency") != code.lower():
        raise ValueError("expected currency, the asset's code in lower case")
    if not isinstance(pay_to, str):
        raise ValueError("expected recipient, a text")
    return details, network, Asset(code, scale), base_units(request, "amount"), pay_to


def _claim(state: Any) -> ChannelClaim | None:
    """Where a channel is said to stand; None if that is not said, or not in due form."""
    if not isinstance(state, Mapping) or not isinstance(state.get("channelId"), str):
        return None
    channel, voucher = state["channelId"], state.get("voucher")
    try:
        return ChannelClaim(
            channel=channel,
            deposit=base_units(state, "deposit"),
            spent=base_units(state, "spent"),
            voucher=None if voucher is None else _voucher(channel, voucher),
        )
    except ValueError:
        return None


def _voucher(channel: str, voucher: Any) -> SignedVoucher:
    if not isinstance(voucher, Mapping) or not isinstance(voucher.get("signature"), str):
        raise ValueError("expected a voucher")
    return SignedVoucher(
        channel=channel,
        sequence=_whole(voucher, "sequence", _COUNT_MAX),
        cumulative=base_units(voucher, "cumulativeAmount"),
        signature=base64_bytes(voucher["signature"], _SIGNATURE_BYTES),
    )


def _whole(members: Members, name: str, most: int) -> int:
    value = members.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"expected {name}, a whole number from 1 to {most}")
    return value
