"""Limits that hold before anything is signed: for one payment, in total, and to whom.

What is signed counts, whether or not it is charged in the end: a signed order can be charged until
it expires, so giving its amount back early would let the total be exceeded. The node's mandates
enforce the same limits against a client that is broken or stolen; these do not.
"""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from .formats import Asset


@dataclass(frozen=True)
class ProposedPayment:
    """A payment about to be signed. The amount is in base units of the asset."""

    network: str
    asset: Asset
    amount: int
    pay_to: str


class SpendControl(Protocol):
    """Asked before each signature. Must decide and count in one step."""

    def reserve(self, payment: ProposedPayment) -> None:
        """Raises `SpendRefused` to refuse."""
        ...


class SpendRefused(Exception):
    """A refusal; `code` is stable: `payee_not_allowed`, `per_payment_exceeded` or
    `total_exceeded`."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the payment was not signed: {code}")
        self.code = code


class SpendLimits:
    """Limits in base units, kept in memory for as long as the process lives; None is no limit.

    `total` counts for each network and asset on its own.
    """

    def __init__(
        self,
        *,
        per_payment: int | None = None,
        total: int | None = None,
        payees: Collection[str] | None = None,
    ) -> None:
        self._per_payment = per_payment
        self._total = total
        self._payees = payees
        self._lock = threading.Lock()
        self._signed: dict[tuple[str, Asset], int] = {}

    def reserve(self, payment: ProposedPayment) -> None:
        if self._payees is not None and payment.pay_to not in self._payees:
            raise SpendRefused("payee_not_allowed")
        if self._per_payment is not None and payment.amount > self._per_payment:
            raise SpendRefused("per_payment_exceeded")
        purse = (payment.network, payment.asset)
        with self._lock:
            after = self._signed.get(purse, 0) + payment.amount
            if self._total is not None and after > self._total:
                raise SpendRefused("total_exceeded")
            self._signed[purse] = after

    def signed(self, network: str, asset: Asset) -> int:
        """What has been signed so far in one asset of a network, in base units."""
        return self._signed.get((network, asset), 0)
