"""The client plug-in: lets an unmodified x402 client pay on a network `farthing:<node>`.

Signs exactly what the requirements ask for, after the spend control agreed, and never twice the
same order id. It does not send anything and keeps no record beyond the spend control's.
"""

import secrets
import time
from collections.abc import Collection
from typing import Any

from .assets import DOLLARS, check_known, default_asset
from .delegation import Delegation
from .encoding import base64_text, id_from_text
from .formats import Asset, Order, payer_account
from .key import Signer
from .requirements import Terms, read_requirements
from .spend_limits import ProposedPayment, SpendControl


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
        return default_asset(self._assets, asset, network)

    def create_payment_payload(self, requirements: Any) -> dict[str, Any]:
        """Signs one order for these requirements; in x402 versions 1 and 2."""
        terms = read_requirements(requirements)
        check_known(self._assets, terms.asset)
        if self._spend_control is not None:
            self._spend_control.reserve(
                ProposedPayment(terms.network, terms.asset, terms.amount, terms.pay_to)
            )
        return sign_order(self._key, terms, delegation=self._delegation)


class UptoFarthingClient(ExactFarthingClient):
    """Scheme `upto` on networks `farthing:*`: the order's amount is the most that is charged."""

    scheme = "upto"


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
        "order": base64_text(data),
        "signature": base64_text(key.sign(data)),
    }
