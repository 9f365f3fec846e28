"""The client plug-in for channels: lets an unmodified x402 client pay by vouchers on a network
`farthing:<node>`.

Opens a channel with the first payment to a payee, keeps count by the answers, and goes on after a
corrective 402 once its own signature in it is checked. One request at a time is served from a
channel: requests sent together are answered one after another or refused as busy.
"""

import base64
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from x402.schemas import PaymentRequirements, RecoveredResponseResult

from .assets import DOLLARS, check_known, default_asset
from .channel_book import ChannelBook, ChannelPolicy
from .channel_messages import (
    channel_payload,
    payload_voucher,
    read_channel_claim,
    read_channel_offer,
)
from .channel_store import ChannelRecord
from .delegation import Delegation
from .encoding import base64_text
from .formats import Asset
from .key import Signer
from .spend_limits import SpendControl

_CHANNEL_IS_GONE = frozenset(
    ("channel_unknown", "channel_closed", "channel_closing", "channel_wrong_payee")
)
"""The seller does not take the channel any more: another one is needed."""


@dataclass(frozen=True)
class Refund:
    """What came of a refund. Amounts are base units."""

    success: bool
    refunded: int | None = None
    """What went back; None while the channel is still closing."""
    closes_at_ms: int | None = None
    """When the channel closes by itself, Unix milliseconds, if it is not closed yet."""
    error_reason: str | None = None
    """Why not, if it was refused."""


class BatchFarthingClient:
    """Scheme `batch-settlement` on networks `farthing:*`, for `register`."""

    scheme = "batch-settlement"

    def __init__(
        self,
        key: Signer,
        channels: ChannelPolicy | None = None,
        *,
        delegation: Delegation | None = None,
        spend_control: SpendControl | None = None,
        assets: Collection[Asset] = DOLLARS,
    ) -> None:
        self._assets = assets
        policy = channels or ChannelPolicy()
        self._book = ChannelBook(
            key, policy, delegation=delegation, spend_control=spend_control
        )

    @property
    def scheme_hooks(self) -> "BatchFarthingClient":
        """Where the SDK looks for `on_payment_response`."""
        return self

    def find_default_asset(self, asset: str, network: str) -> dict[str, Any] | None:
        """Tells the SDK's spend controls the decimals of an asset."""
        return default_asset(self._assets, asset, network)

    def create_payment_payload(self, requirements: Any) -> dict[str, Any]:
        """Signs a voucher for these requirements, opening or topping up the channel if need
        be."""
        offer = read_channel_offer(requirements)
        check_known(self._assets, offer.asset)
        return channel_payload(self._book.pay(offer))

    def channel(self, requirements: Any) -> ChannelRecord | None:
        """The open channel that pays for these requirements, if there is one."""
        return self._book.find(self._book.name(read_channel_offer(requirements)))

    def refund(self, url: str, session: Any, method: str = "GET") -> Refund | None:
        """Asks the seller of a URL to close the channel with it, so that what is unspent comes
        back at once. Nothing is bought. `session` is a `requests.Session` or `httpx.Client`
        without payment; None if there is no channel for the URL."""
        asked = session.request(method, url)
        required = _read_json(asked.headers.get("PAYMENT-REQUIRED")) or {}
        for accepted in required.get("accepts", []):
            if accepted.get("scheme") != self.scheme:
                continue
            offer = read_channel_offer(PaymentRequirements.model_validate(accepted))
            name = self._book.name(offer)
            record = self._book.find(name)
            if record is None:
                continue
            message = {
                "x402Version": 2,
                "resource": required.get("resource"),
                "accepted": accepted,
                "payload": {
                    "type": "refund",
                    "channelId": record.channel,
                    "cumulativeAmount": str(record.spent),
                    "signature": base64_text(self._book.close(record)),
                },
                "extensions": required.get("extensions", {}),
            }
            header = base64_text(json.dumps(message).encode())
            answer = session.request(method, url, headers={"PAYMENT-SIGNATURE": header})
            refund = _read_refund(answer)
            if refund.success:
                self._book.forget(name, record.channel)
            return refund
        return None

    def on_payment_response(self, answer: Any) -> RecoveredResponseResult | None:
        """Learns from a seller's answer; asks the client to try again if that can help."""
        voucher = payload_voucher(answer.payment_payload.payload)
        if voucher is None:
            return None
        channel, sequence = voucher
        name = self._book.name(read_channel_offer(answer.requirements))
        settled, required = answer.settle_response, answer.payment_required
        if settled is not None and settled.success:
            amount = settled.amount or ""
            if amount.isascii() and amount.isdigit():
                self._book.charged(name, channel, sequence, int(amount))
            return None
        code = settled.error_reason if settled is not None else required.error
        if code in _CHANNEL_IS_GONE:
            return _again(self._book.forget(name, channel))
        if settled is not None:
            extras = [(settled.extensions or {}).get(self.scheme)]
        else:
            extras = [a.extra for a in required.accepts if a.scheme == self.scheme]
        claims = (read_channel_claim(extra) for extra in extras)
        claim = next((claim for claim in claims if claim is not None), None)
        if claim is None or claim.channel != channel:
            return None
        return _again(self._book.correct(name, claim))


def _again(can_help: bool) -> RecoveredResponseResult | None:
    return RecoveredResponseResult() if can_help else None


def _read_refund(answer: Any) -> Refund:
    settled = _read_json(answer.headers.get("PAYMENT-RESPONSE")) or {}
    if settled.get("success") is not True:
        required = _read_json(answer.headers.get("PAYMENT-REQUIRED")) or {}
        reason = settled.get("errorReason") or required.get("error")
        return Refund(success=False, error_reason=reason or f"status {answer.status_code}")
    extra = settled.get("extra") or {}
    refunded = extra.get("refundedAmount")
    if isinstance(refunded, str):
        return Refund(success=True, refunded=int(refunded))
    return Refund(success=True, closes_at_ms=(extra.get("channelState") or {}).get("closesAtMs"))


def _read_json(header: str | None) -> dict[str, Any] | None:
    if header is None:
        return None
    try:
        return json.loads(base64.b64decode(header, validate=True))
    except ValueError:
        return None
