"""The server plug-in for channels: lets an x402 server SDK sell by vouchers on a network
`farthing:<node>`, with the node as facilitator.

The node keeps count. This plug-in names the terms of channels, serves one request of a channel at
a time, answers refunds without running a handler, and hands on where a channel stands to a payer
that has lost count. It holds no money and no key.
"""

import asyncio
import base64
import json
import threading
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from x402.schemas import PaymentRequirements, SkipHandlerDirective, SkipHandlerResult

from .channel_messages import channel_state
from .server import ExactFarthingServer, request_adapter

_DEPOSIT_REQUESTS = 10
_ANSWER_SECONDS_MAX = 5
_STATES_MAX = 1024
"""Most refused channels whose state waits for its answer to be written."""


class BatchFarthingServer(ExactFarthingServer):
    """Scheme `batch-settlement` on networks `farthing:*`, for `x402ResourceServer.register`.

    `deposit_min` is the least deposit of a channel (the price if None), `deposit_suggested` one
    that suits usual use (ten times the price if None), in base units; `close_delay_seconds` the
    time to settle after a payer alone has asked to close; `node` the node's URL, with which a
    payer that has lost count is told where its channel stands. Further options are those of
    `ExactFarthingServer`.
    """

    scheme = "batch-settlement"
    busy_reason = "channel_busy"
    payment_flows = {"default": {"supported": ("authorization",), "default": "authorization"}}
    dynamic_extra_fields = ["channelState", "voucherState"]
    """Members that change between asking and paying; the SDK does not compare them."""

    def __init__(
        self,
        *,
        deposit_min: int | None = None,
        deposit_suggested: int | None = None,
        close_delay_seconds: int = 3600,
        node: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._deposit_min = deposit_min
        self._deposit_suggested = deposit_suggested
        self._close_delay_seconds = close_delay_seconds
        self._node = node.rstrip("/") if node is not None else None
        self._states: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def enhance_payment_requirements(
        self, requirements: PaymentRequirements, supported_kind: Any, extensions: list[str]
    ) -> PaymentRequirements:
        """Adds the terms of channels."""
        price = int(requirements.amount)
        least, suggested = self._deposit_min, self._deposit_suggested
        terms = {
            "start": requirements.amount,
            "depositMin": str(price if least is None else least),
            "depositSuggested": str(_DEPOSIT_REQUESTS * price if suggested is None else suggested),
            "closeDelaySeconds": self._close_delay_seconds,
        }
        extra = {**terms, **(requirements.extra or {})}
        return requirements.model_copy(update={"extra": extra})

    def after_verify(self, context: Any) -> Any:
        """Lets no handler run for a refund or a mere top-up."""
        super().after_verify(context)
        if not context.result.is_valid or "voucher" in context.payment_payload.payload:
            return None
        return SkipHandlerResult(response=SkipHandlerDirective())

    def on_verify_failure(self, context: Any) -> Any:
        """Asks the node where the refused channel stands. The SDK keeps the facilitator's own
        words about it to itself."""
        self._leave(context)
        if self._node is None:
            return None
        channel = self.payment_name(context.payment_payload.payload)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._ask(channel)
        return asyncio.to_thread(self._ask, channel)

    def _ask(self, channel: str) -> None:
        try:
            url = f"{self._node}/v1/channels/{quote(channel, safe='')}"
            with urlopen(url, timeout=_ANSWER_SECONDS_MAX) as answer:
                state = channel_state(json.load(answer))
        except (OSError, ValueError, KeyError, TypeError):
            # Without the state the payer learns the reason alone.
            return
        with self._lock:
            if len(self._states) >= _STATES_MAX:
                self._states.clear()
            self._states[channel] = state

    def payment_name(self, payload: dict[str, Any]) -> str:
        """The channel that a payload is about."""
        parts = (payload.get("voucher"), payload.get("topUp"), payload)
        named = (part.get("channelId") for part in parts if isinstance(part, dict))
        return str(next((name for name in named if name is not None), None))

    def more_extra(self, context: Any) -> dict[str, Any]:
        """Where the refused channel stands."""
        payload = _presented(context)
        if payload is None:
            return {}
        with self._lock:
            return self._states.pop(self.payment_name(payload), {})


def _presented(context: Any) -> dict[str, Any] | None:
    """The payload that was refused. The SDK leaves it out of what it tells of a refusal by the
    facilitator, so it is read from the request again."""
    if context.payment_payload is not None:
        return context.payment_payload.payload
    adapter = request_adapter(context.transport_context)
    names = ("PAYMENT-SIGNATURE", "payment-signature")
    headers = [adapter.get_header(name) for name in names] if adapter is not None else []
    header = next((header for header in headers if header), "")
    try:
        payload = json.loads(base64.b64decode(header, validate=True)).get("payload")
    except (ValueError, AttributeError):
        return None
    return payload if isinstance(payload, dict) else None
