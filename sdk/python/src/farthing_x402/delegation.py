"""Paying from another payer's account.

Only names the permission; the node decides whether it is good.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Delegation:
    """Pay from another payer's account, within its mandate: both ids as texts."""

    mandate: str
    payer: str
