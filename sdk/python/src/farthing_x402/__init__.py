"""Farthing for the x402 SDK: the plug-ins, keys and signed formats."""

from .client import Delegation, ExactFarthingClient, register_farthing, sign_order
from .encoding import id_from_digits, id_from_text, id_text
from .formats import (
    Asset,
    Mandate,
    Order,
    Purchase,
    access_bytes,
    audience,
    node_id,
    payer_account,
    payment_id,
    revocation_bytes,
    split_url,
)
from .key import PayerKey, Signer, access_header
from .price import parse_price
from .requirements import Terms, read_requirements
from .server import ExactFarthingServer
from .spend_limits import ProposedPayment, SpendControl, SpendLimits, SpendRefused

__all__ = [
    "Asset",
    "Delegation",
    "ExactFarthingClient",
    "ExactFarthingServer",
    "Mandate",
    "Order",
    "PayerKey",
    "ProposedPayment",
    "Purchase",
    "Signer",
    "SpendControl",
    "SpendLimits",
    "SpendRefused",
    "Terms",
    "access_bytes",
    "access_header",
    "audience",
    "id_from_digits",
    "id_from_text",
    "id_text",
    "node_id",
    "parse_price",
    "payer_account",
    "payment_id",
    "read_requirements",
    "register_farthing",
    "revocation_bytes",
    "sign_order",
    "split_url",
]
