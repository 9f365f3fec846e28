"""Farthing for the MPP SDK `pympp`: pay and sell with the HTTP authentication scheme `Payment`."""

from .client import CHARGE, SESSION, charge, farthing, session
from .events import EVENT_CHARS_MAX, EventReader, ServerEvent
from .payloads import OrderPayload, SessionPayload, payment_payload
from .receipts import SessionReceipt, VoucherNeed, read_need, read_receipt, read_receipt_header
from .requests import METHOD, SessionTerms, read_charge, read_session
from .server import SELL_CHARGE, ChargeInput, sell_charge
from .sessions import ClosedSession, FarthingSessions

__all__ = [
    "CHARGE",
    "EVENT_CHARS_MAX",
    "METHOD",
    "SELL_CHARGE",
    "SESSION",
    "ChargeInput",
    "ClosedSession",
    "EventReader",
    "FarthingSessions",
    "OrderPayload",
    "ServerEvent",
    "SessionPayload",
    "SessionReceipt",
    "SessionTerms",
    "VoucherNeed",
    "charge",
    "farthing",
    "payment_payload",
    "read_charge",
    "read_need",
    "read_receipt",
    "read_receipt_header",
    "read_session",
    "sell_charge",
    "session",
]
