"""The server plug-in: lets an x402 server SDK sell on a network `farthing:<node>`, with the node
as facilitator.

Every 402 names the purchase of its own request, so a payment made for one request matches no other
one: the SDK compares it, and the node compares it with what was signed. Copies of one payment in
flight are refused. It holds no money and no key.
"""

from collections.abc import Awaitable
from typing import Any

from x402.schemas import AbortResult, AssetAmount, PaymentRequirements

from .formats import Asset, Purchase
from .in_flight import InFlight
from .price import parse_price
from .purchase import RequestBody, read_purchase
from .requirements import NETWORK_PREFIX

Accepts = list[PaymentRequirements]
DOLLARS = Asset("USD", 9)


class ExactFarthingServer:
    """Scheme `exact` on networks `farthing:*`, for `x402ResourceServer.register`.

    `asset` is that of prices such as `"$0.002"`; `origin` is the origin as payers see it, if a
    proxy in front changes it; `request_body` gives the body as sent, for frameworks whose request
    the SDK's adapter does not hold.
    """

    scheme = "exact"
    busy_reason = "payment_in_flight"
    default_asset_transfer_method = "default"
    payment_flows = {
        # Verify, run the handler, settle: what fails is not charged. `upfront` settles first.
        "default": {"supported": ("authorization", "upfront"), "default": "authorization"}
    }

    def __init__(
        self,
        *,
        asset: Asset = DOLLARS,
        origin: str | None = None,
        request_body: RequestBody | None = None,
    ) -> None:
        self._asset = asset
        self._origin = origin
        self._request_body = request_body
        self._in_flight = InFlight()

    def parse_price(self, price: Any, network: str) -> AssetAmount:
        """A price in the seller's asset, or an amount of base units as it is."""
        own = {"scale": self._asset.scale}
        if isinstance(price, AssetAmount | dict):
            given = AssetAmount.model_validate(price)
            scale = own if given.asset == self._asset.code else {}
            return given.model_copy(update={"extra": {**scale, **(given.extra or {})}})
        amount, code = parse_price(price, self._asset.scale)
        if code is not None and code != self._asset.code:
            raise ValueError(f"the price is in {code}, the seller's asset is {self._asset.code}")
        return AssetAmount(amount=amount, asset=self._asset.code, extra=own)

    def get_asset_decimals(self, asset: str, network: str) -> int | None:
        """Decimals of the seller's asset."""
        return self._asset.scale if asset == self._asset.code else None

    def enhance_payment_requirements(
        self, requirements: PaymentRequirements, supported_kind: Any, extensions: list[str]
    ) -> PaymentRequirements:
        return requirements

    def enrich_payment_required_response(self, context: Any) -> Accepts | None | Awaitable[Accepts]:
        """Names this request's purchase in `extra.purchase`."""
        adapter = request_adapter(context.transport_context)
        if adapter is None:
            return None
        purchase = read_purchase(adapter, self._origin, self._request_body)
        if isinstance(purchase, Purchase):
            return self._bind(context, purchase)

        async def later() -> Accepts:
            return self._bind(context, await purchase)

        return later()

    def before_verify(self, context: Any) -> AbortResult | None:
        """Refuses a request whose purchase could not be named, and copies in flight."""
        extra = context.requirements.extra or {}
        # The SDK goes on without the purchase if naming it failed: that must not sell anything.
        if request_adapter(context.transport_context) is not None and "purchase" not in extra:
            return AbortResult(reason="purchase_not_named")
        name = self.payment_name(context.payment_payload.payload)
        if not self._in_flight.enter(name, context.requirements.max_timeout_seconds):
            return AbortResult(reason=self.busy_reason)
        return None

    def after_verify(self, context: Any) -> Any:
        if not context.result.is_valid:
            self._leave(context)
        return None

    def payment_name(self, payload: dict[str, Any]) -> str:
        """Under which name a payment is in flight: payments of one name are served in turn."""
        return str(payload.get("order"))

    def more_extra(self, context: Any) -> dict[str, Any]:
        """Further members of `extra` for one 402."""
        return {}

    def _bind(self, context: Any, purchase: Purchase) -> Accepts:
        more = {"purchase": purchase.digest().hex(), **self.more_extra(context)}
        return [
            accept.model_copy(update={"extra": {**accept.extra, **more}})
            if accept.scheme == self.scheme and accept.network.startswith(NETWORK_PREFIX)
            else accept
            for accept in context.requirements
        ]

    def _leave(self, context: Any) -> None:
        self._in_flight.leave(self.payment_name(context.payment_payload.payload))

    on_verify_failure = _leave
    after_settle = _leave
    on_settle_failure = _leave
    on_verified_payment_canceled = _leave


class UptoFarthingServer(ExactFarthingServer):
    """Scheme `upto` on networks `farthing:*`: the price is the most that is charged. What a
    handler sets with the SDK's settlement overrides is charged, else the whole price."""

    scheme = "upto"
    payment_flows = {"default": {"supported": ("authorization",), "default": "authorization"}}


def request_adapter(transport_context: Any) -> Any:
    """The SDK's view of the request; None outside of one."""
    return getattr(getattr(transport_context, "request", None), "adapter", None)
