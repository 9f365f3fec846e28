"""The server plug-in for channels: lets an x402 server SDK sell by vouchers on a network
`farthing:<node>`, with the node as facilitator.

The node keeps count. This plug-in names the terms of channels, serves one request of a channel at
a time, answers refunds without running a handler, and hands on where a channel stands to a payer
that has lost count. It holds no money and no key.
"""

import threading
from typing import Any

from x402.schemas import PaymentRequirements, SkipHandlerDirective, SkipHandlerResult

from .server import ExactFarthingServer

_DEPOSIT_REQUESTS = 10
_STATES_MAX = 1024
"""Most refused channels whose state waits for its answer to be written."""


class BatchFarthingServer(ExactFarthingServer):
    """Scheme `batch-settlement` on networks `farthing:*`, for `x402ResourceServer.register`.

    `deposit_min` is the least deposit of a channel (the price if None), `deposit_suggested` one
    that suits usual use (ten times the price if None), in base units; `close_delay_seconds` the
    time to settle after a payer alone has asked to close. Further options are those of
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
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._deposit_min = deposit_min
        self._deposit_suggested = deposit_suggested
        self._close_delay_seconds = close_delay_seconds
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
        """Keeps where a refused channel stands; lets no handler run for a refund or a mere
        top-up."""
        super().after_verify(context)
        payload, result = context.payment_payload.payload, context.result
        if result.is_valid:
            buys_nothing = "voucher" not in payload
            return SkipHandlerResult(response=SkipHandlerDirective()) if buys_nothing else None
        state = (result.extensions or {}).get(self.scheme)
        if isinstance(state, dict) and "channelState" in state:
            with self._lock:
                if len(self._states) >= _STATES_MAX:
                    self._states.clear()
                self._states[self.payment_name(payload)] = state
        return None

    def payment_name(self, payload: dict[str, Any]) -> str:
        """The channel that a payload is about."""
        parts = (payload.get("voucher"), payload.get("topUp"), payload)
        named = (part.get("channelId") for part in parts if isinstance(part, dict))
        return str(next((name for name in named if name is not None), None))

    def more_extra(self, context: Any) -> dict[str, Any]:
        """Where the refused channel stands."""
        if context.payment_payload is None:
            return {}
        with self._lock:
            return self._states.pop(self.payment_name(context.payment_payload.payload), {})
