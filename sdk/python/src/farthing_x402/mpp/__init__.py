"""Farthing for the MPP SDK `pympp`: pay and sell with the HTTP authentication scheme `Payment`."""

from .client import CHARGE, SESSION, charge, farthing, session
from .events import EVENT_CHARS_MAX, EventReader, ServerEvent
from .payloads import OrderPayload, SessionPayload, payment_payload
from .receipts import SessionReceipt, VoucherNeed, read_need, read_receipt, read_receipt_header
from .requests import METHOD, SessionTerms, read_charge, read_session
from .sessions import ClosedSession, FarthingSessions

__all__ = [
    "CHARGE",
    "EVENT_CHARS_MAX",
    "METHOD",
    "SESSION",
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
    "session",
]
