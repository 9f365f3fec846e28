"""The payment method `farthing` as `pympp` knows methods: names, and the shape of what a payer
presents. Payloads are shaped here and checked by the node; nothing is signed here.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ..channel_book import ChannelPayment
from ..encoding import base64_text

_STRICT = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class OrderPayload(BaseModel):
    """One order pays one purchase."""

    model_config = _STRICT

    order: str
    signature: str


class _Voucher(BaseModel):
    model_config = _STRICT

    sequence: int
    cumulative_amount: str = Field(alias="cumulativeAmount")


class OpenPayload(_Voucher):
    """Opens a channel and pays with its first voucher."""

    action: Literal["open"]
    terms: str
    signature: str
    voucher_signature: str = Field(alias="voucherSignature")


class VoucherPayload(_Voucher):
    """Pays from a channel."""

    action: Literal["voucher"]
    channel_id: str = Field(alias="channelId")
    signature: str


class TopUpPayload(BaseModel):
    """Raises the deposit, and pays if there is a voucher."""

    model_config = _STRICT

    action: Literal["topUp"]
    channel_id: str = Field(alias="channelId")
    deposit: str
    signature: str
    sequence: int | None = None
    cumulative_amount: str | None = Field(default=None, alias="cumulativeAmount")
    voucher_signature: str | None = Field(default=None, alias="voucherSignature")


class ClosePayload(BaseModel):
    """Closes a channel."""

    model_config = _STRICT

    action: Literal["close"]
    channel_id: str = Field(alias="channelId")
    cumulative_amount: str = Field(alias="cumulativeAmount")
    signature: str


class SessionPayload(RootModel[OpenPayload | VoucherPayload | TopUpPayload | ClosePayload]):
    """What a session's credential holds."""


class AnyRequest(BaseModel):
    """Terms that are passed on as they are."""

    model_config = ConfigDict(extra="allow")


def payment_payload(payment: ChannelPayment) -> dict[str, Any]:
    """The payload that pays from a channel."""
    voucher = payment.voucher
    total = {"sequence": voucher.sequence, "cumulativeAmount": str(voucher.cumulative)}
    signature = base64_text(voucher.signature)
    if payment.terms is not None:
        terms, signed = (base64_text(part) for part in payment.terms)
        opening = {"action": "open", "terms": terms, "signature": signed}
        return {**opening, **total, "voucherSignature": signature}
    if payment.top_up is not None:
        deposit, signed_deposit = payment.top_up
        return {
            "action": "topUp",
            "channelId": voucher.channel,
            "deposit": str(deposit),
            "signature": base64_text(signed_deposit),
            **total,
            "voucherSignature": signature,
        }
    return {"action": "voucher", "channelId": voucher.channel, **total, "signature": signature}
