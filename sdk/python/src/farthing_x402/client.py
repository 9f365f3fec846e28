"""The client plug-in: lets an unmodified x402 client pay on a network `farthing:<node>`.

Signs exactly what the requirements ask for, after the spend control agreed, and never twice the
same order id. It does not send anything and keeps no record beyond the spend control's.
"""

import base64
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from .encoding import id_from_text
from .formats import Asset, Order, payer_account
from .key import Signer
from .requirements import NETWORK_PREFIX, Terms, read_requirements
from .spend_limits import ProposedPayment, SpendControl

DOLLARS = (Asset("USD", 9),)
"""Assets whose prices the SDK's own spend controls may read as US dollars."""


@dataclass(frozen=True)
class Delegation:
    """Pay from another payer's account, within its mandate: both ids as texts."""

    mandate: str
    payer: str


class ExactFarthingClient:
    """Scheme `exact` on networks `farthing:*`, for `register` and `register_v1`.

    `key` is the payer's key, or the key that the mandate of `delegation` names.
    """

    scheme = "exact"

    def __init__(
        self,
        key: Signer,
        *,
        delegation: Delegation | None = None,
        spend_control: SpendControl | None = None,
        assets: Collection[Asset] = DOLLARS,
    ) -> None:
        self._key = key
        self._delegation = delegation
        self._spend_control = spend_control
        self._assets = assets

    def find_default_asset(self, asset: str, network: str) -> dict[str, Any] | None:
        """Tells the SDK's spend controls the decimals of an asset."""
        known = self._known(asset)
        if known is None or not network.startswith(NETWORK_PREFIX):
            return None
        return {"asset": asset, "decimals": known.scale, "symbol": known.code}

    def create_payment_payload(self, requirements: Any) -> dict[str, Any]:
        """Signs one order for these requirements; in x402 versions 1 and 2."""
        terms = read_requirements(requirements)
        known = self._known(terms.asset.code)
        # The SDK's dollar limit was computed with the known scale: another one would bend it.
        if known is not None and known.scale != terms.asset.scale:
            raise ValueError(f"expected scale {known.scale} for {known.code}")
        if self._spend_control is not None:
            self._spend_control.reserve(
                ProposedPayment(terms.network, terms.asset, terms.amount, terms.pay_to)
            )
        return sign_order(self._key, terms, delegation=self._delegation)

    def _known(self, code: str) -> Asset | None:
        return next((asset for asset in self._assets if asset.code == code), None)


def sign_order(
    key: Signer,
    terms: Terms,
    *,
    delegation: Delegation | None = None,
    order_id: bytes | None = None,
    now_ms: int | None = None,
) -> dict[str, Any]:
    """Builds and signs an order; `order` and `signature` as base64."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    own = delegation is None
    order = Order(
        node=terms.node,
        order=secrets.token_bytes(16) if order_id is None else order_id,
        payer=(
            payer_account(key.public_key, terms.asset)
            if own
            else id_from_text("acc", delegation.payer)
        ),
        signer=key.public_key,
        payee=terms.payee,
        asset=terms.asset,
        amount=terms.amount,
        purchase=terms.purchase,
        expires_at_ms=now_ms + 1000 * terms.max_timeout_seconds,
        mandate=None if own else id_from_text("man", delegation.mandate),
    )
    data = order.to_bytes()
    return {
        "order": base64.b64encode(data).decode("ascii"),
        "signature": base64.b64encode(key.sign(data)).decode("ascii"),
    }


Client = TypeVar("Client")


def register_farthing(client: Client, key: Signer, **options: Any) -> Client:
    """Registers the plug-in for every Farthing node, in x402 versions 2 and 1; returns the
    client. Options are those of `ExactFarthingClient`."""
    scheme = ExactFarthingClient(key, **options)
    client.register("farthing:*", scheme)  # type: ignore[attr-defined]
    client.register_v1("farthing:*", scheme)  # type: ignore[attr-defined]
    return client
