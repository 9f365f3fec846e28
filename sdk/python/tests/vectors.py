"""The golden vectors that every implementation of the signed formats runs."""

import json
import pathlib

from farthing_x402 import Asset, Mandate, Order

_FILE = pathlib.Path(__file__).parents[3] / "conformance" / "formats.json"
VECTORS = json.loads(_FILE.read_text())


def unhex(row, *names):
    return {name: bytes.fromhex(row[name]) for name in names}


def order_of(row):
    mandate = bytes.fromhex(row["mandate"])
    return Order(
        **unhex(row, "node", "order", "payer", "signer", "payee", "purchase"),
        asset=Asset(row["asset"], row["scale"]),
        amount=int(row["amount"]),
        expires_at_ms=row["expires_at_ms"],
        mandate=mandate if any(mandate) else None,
    )


def mandate_of(row):
    return Mandate(
        **unhex(row, "node", "mandate", "payer", "payer_key", "delegate_key", "audience"),
        asset=Asset(row["asset"], row["scale"]),
        per_payment=int(row["per_payment"]),
        total=int(row["total"]),
        expires_at_ms=row["expires_at_ms"],
    )
