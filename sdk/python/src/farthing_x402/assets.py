"""Assets whose prices the SDK's own spend controls may read as US dollars.

A known code with another scale than the known one is refused: the SDK's dollar limit was computed
with the known scale, another one would bend it.
"""

from collections.abc import Collection
from typing import Any

from .formats import Asset
from .requirements import NETWORK_PREFIX

DOLLARS = (Asset("USD", 9),)
"""The dollar at a scale of nine decimals."""


def default_asset(assets: Collection[Asset], code: str, network: str) -> dict[str, Any] | None:
    """The decimals of an asset, for the SDK's spend controls."""
    known = _known(assets, code)
    if known is None or not network.startswith(NETWORK_PREFIX):
        return None
    return {"asset": code, "decimals": known.scale, "symbol": known.code}


def check_known(assets: Collection[Asset], asset: Asset) -> None:
    """ValueError if the asset's code is known with another scale."""
    known = _known(assets, asset.code)
    if known is not None and known.scale != asset.scale:
        raise ValueError(f"expected scale {known.scale} for {known.code}")


def _known(assets: Collection[Asset], code: str) -> Asset | None:
    return next((asset for asset in assets if asset.code == code), None)
