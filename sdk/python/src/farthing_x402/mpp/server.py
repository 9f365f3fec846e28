"""The server plug-in for `pympp`: sells single purchases through a node, which takes the payments.

Every challenge names the purchase of its own request, so a payment made for one request pays for no
other one. A payment that this process has served is refused when it comes again; the node's replay
guard decides about the money. Holds no money and no payer's key.
"""

from datetime import UTC, datetime
from typing import Any

import httpx
from mpp import Receipt
from mpp.errors import VerificationFailedError
from mpp.methods import Method
from mpp.server import ServerMethod
from mpp.server.method import RequestContext, VerifyContext
from pydantic import BaseModel, model_serializer, model_validator

from ..formats import Asset, Purchase, split_url
from ..in_flight import InFlight
from ..price import parse_price
from ..server import DOLLARS
from .payloads import OrderPayload
from .requests import METHOD

_ORDER_SECONDS = 300
_ANSWER_SECONDS_MAX = 30


class ChargeInput(BaseModel):
    """What a route asks, with what the seller adds: its wire form is the challenge's request."""

    amount: str
    """A price such as `0.002` or `$0.002`."""
    recipient: str
    network: str
    asset: str
    scale: int
    order_seconds: int
    purchase: str | None = None

    @model_validator(mode="after")
    def _check(self) -> "ChargeInput":
        self._units()
        return self

    @model_serializer
    def _wire(self) -> dict[str, Any]:
        details = {
            "network": self.network,
            "asset": self.asset,
            "scale": self.scale,
            "orderSeconds": self.order_seconds,
        }
        if self.purchase is not None:
            details["purchase"] = self.purchase
        return {
            "amount": self._units(),
            "currency": self.asset.lower(),
            "recipient": self.recipient,
            "methodDetails": details,
        }

    def _units(self) -> str:
        units, code = parse_price(self.amount, self.scale)
        if code is not None and code != self.asset:
            raise ValueError(f"the price is in {code}, the seller's asset is {self.asset}")
        return units


SELL_CHARGE: Method = Method(
    name=METHOD, intent="charge", request_model=ChargeInput, payload_model=OrderPayload
)
"""The method as a seller's `Mpp` knows it."""


def sell_charge(
    *,
    node: str,
    network: str,
    recipient: str,
    asset: Asset = DOLLARS,
    origin: str | None = None,
    order_seconds: int = _ORDER_SECONDS,
) -> ServerMethod:
    """Sells single purchases: `mpp.charge(amount="0.002")(request)`.

    `node` is the URL of the node's API, `network` its name `farthing:<node>`, `recipient` the
    payee's account, `origin` the origin as payers see it, if a proxy in front changes it.
    """
    used = InFlight()
    settle_url = node.rstrip("/") + "/settle"

    def resolve_request(context: RequestContext) -> dict[str, Any]:
        asked = {
            "recipient": recipient,
            "network": network,
            "asset": asset.code,
            "scale": asset.scale,
            "order_seconds": order_seconds,
            **context.request,
        }
        request = context.input
        if request is not None:
            seen, path, query = split_url(request.url)
            body = request.body or b""
            bought = Purchase(request.method, origin or seen, path, query, body)
            asked["purchase"] = bought.digest().hex()
        return asked

    async def verify(context: VerifyContext) -> Receipt:
        payload: Any = context.credential.payload
        terms = _terms(context.challenge.request)
        if not used.enter(payload.order, terms["maxTimeoutSeconds"]):
            raise VerificationFailedError("payment_used")
        # An answer that does not come is an unknown outcome: the order stays used.
        settled = await _settle(settle_url, terms, payload.model_dump())
        if settled.get("success") is not True:
            used.leave(payload.order)
            raise VerificationFailedError(str(settled.get("errorReason", settled.get("code"))))
        return Receipt(
            status="success",
            timestamp=datetime.now(UTC),
            reference=settled["transaction"],
            method=METHOD,
            extensions={
                "intent": "charge",
                "challengeId": context.challenge.id,
                "amount": settled["amount"],
            },
        )

    return ServerMethod(method=SELL_CHARGE, verify=verify, resolve_request=resolve_request)


def _terms(request: dict[str, Any]) -> dict[str, Any]:
    """The same terms as the node's facilitator reads them."""
    details = request["methodDetails"]
    extra = {"scale": details["scale"]}
    if "purchase" in details:
        extra["purchase"] = details["purchase"]
    return {
        "scheme": "exact",
        "network": details["network"],
        "amount": request["amount"],
        "asset": details["asset"],
        "payTo": request["recipient"],
        "maxTimeoutSeconds": details["orderSeconds"],
        "extra": extra,
    }


async def _settle(url: str, terms: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    body = {
        "x402Version": 2,
        "paymentPayload": {"x402Version": 2, "accepted": terms, "payload": payload},
        "paymentRequirements": terms,
    }
    async with httpx.AsyncClient(timeout=_ANSWER_SECONDS_MAX) as client:
        answer = await client.post(url, json=body)
    return answer.json()
