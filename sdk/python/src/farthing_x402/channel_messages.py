"""Channels as x402 words them: offers, payloads and states under `batch-settlement`.

Reads strangers' members strictly, before anything is signed; writes exactly one form.
"""

import re
from typing import Any

from .channel_book import ChannelClaim, ChannelOffer, ChannelPayment, SignedVoucher
from .encoding import base64_bytes, base64_text
from .requirements import read_requirements

_BASE_UNITS = re.compile(r"0|[1-9][0-9]{0,38}", re.ASCII)
_SIGNATURE_BYTES = 64
_DELAY_SECONDS_MAX = 2**32 - 1


def read_channel_offer(requirements: Any) -> ChannelOffer:
    """Reads the terms of `batch-settlement`; ValueError if they are not in due form."""
    terms = read_requirements(requirements)
    extra = requirements.extra or {}
    delay = extra.get("closeDelaySeconds")
    if type(delay) is not int or not 1 <= delay <= _DELAY_SECONDS_MAX:
        raise ValueError("expected extra.closeDelaySeconds, a whole number above zero")
    splits = extra.get("splits")
    return ChannelOffer(
        network=terms.network,
        node=terms.node,
        asset=terms.asset,
        pay_to=terms.pay_to,
        amount=terms.amount,
        deposit_min=_base_units(extra, "depositMin"),
        deposit_suggested=_base_units(extra, "depositSuggested"),
        close_delay_seconds=delay,
        # A channel is for one way of sharing what it pays.
        group=splits if isinstance(splits, str) else "",
    )


def channel_payload(payment: ChannelPayment) -> dict[str, Any]:
    """The payload of a payment."""
    message = voucher_message(payment.voucher)
    if payment.terms is not None:
        terms, signature = map(base64_text, payment.terms)
        return {"type": "deposit", "terms": terms, "signature": signature, "voucher": message}
    if payment.top_up is not None:
        deposit, signature = payment.top_up
        raised = {
            "channelId": payment.voucher.channel,
            "deposit": str(deposit),
            "signature": base64_text(signature),
        }
        return {"type": "deposit", "topUp": raised, "voucher": message}
    return {"type": "voucher", "voucher": message}


def voucher_message(voucher: SignedVoucher) -> dict[str, Any]:
    """A voucher as payloads carry it."""
    return {
        "channelId": voucher.channel,
        "sequence": voucher.sequence,
        "maxClaimableAmount": str(voucher.cumulative),
        "signature": base64_text(voucher.signature),
    }


def payload_voucher(payload: Any) -> tuple[str, int] | None:
    """Channel and sequence of the voucher in a payload; None if it carries none."""
    voucher = payload.get("voucher") if isinstance(payload, dict) else None
    if not isinstance(voucher, dict):
        return None
    channel, sequence = voucher.get("channelId"), voucher.get("sequence")
    is_one = isinstance(channel, str) and type(sequence) is int
    return (channel, sequence) if is_one else None


def read_channel_claim(extra: Any) -> ChannelClaim | None:
    """Where a channel is said to stand; None if `extra` does not say, or not in due form."""
    state = extra.get("channelState") if isinstance(extra, dict) else None
    if not isinstance(state, dict) or not isinstance(state.get("channelId"), str):
        return None
    voucher = extra.get("voucherState")
    try:
        return ChannelClaim(
            channel=state["channelId"],
            deposit=_base_units(state, "deposit"),
            spent=_base_units(state, "spent"),
            voucher=None if voucher is None else _read_voucher(voucher),
        )
    except ValueError:
        return None


def channel_state(view: dict[str, Any]) -> dict[str, Any]:
    """The members of `extra` that tell where a channel stands, from the node's own view of it."""
    state = {"channelId": view["channel"], "tickIndex": view["tick_index"]}
    state |= {name: view[name] for name in ("deposit", "accepted", "spent", "sequence")}
    if view.get("closes_at_ms") is not None:
        state["closesAtMs"] = view["closes_at_ms"]
    voucher = view.get("voucher")
    if voucher is None:
        return {"channelState": state}
    proof = {
        "channelId": view["channel"],
        "sequence": voucher["sequence"],
        "maxClaimableAmount": voucher["cumulative"],
        "signature": base64_text(bytes.fromhex(voucher["signature"])),
    }
    return {"channelState": state, "voucherState": proof}


def _read_voucher(message: Any) -> SignedVoucher:
    if not isinstance(message, dict) or not isinstance(message.get("channelId"), str):
        raise ValueError("expected a voucher")
    if type(message.get("sequence")) is not int:
        raise ValueError("expected sequence, a whole number")
    return SignedVoucher(
        channel=message["channelId"],
        sequence=message["sequence"],
        cumulative=_base_units(message, "maxClaimableAmount"),
        signature=base64_bytes(message.get("signature"), _SIGNATURE_BYTES),
    )


def _base_units(members: dict[str, Any], name: str) -> int:
    text = members.get(name)
    if not isinstance(text, str) or not _BASE_UNITS.fullmatch(text):
        raise ValueError(f"expected {name}, digits without leading zero")
    return int(text)
