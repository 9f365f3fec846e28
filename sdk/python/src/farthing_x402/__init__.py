"""Farthing for the x402 SDK: the plug-ins, keys and signed formats."""

from .channel_book import (
    ChannelBook,
    ChannelClaim,
    ChannelOffer,
    ChannelPayment,
    ChannelPolicy,
    ChannelRefused,
    SignedVoucher,
)
from .channel_client import BatchFarthingClient, Refund
from .channel_formats import (
    ChannelTerms,
    close_bytes,
    previous_link,
    tick_bytes,
    tick_chain,
    top_up_bytes,
    voucher_bytes,
)
from .channel_messages import channel_payload, read_channel_claim, read_channel_offer
from .channel_server import BatchFarthingServer
from .channel_store import ChannelRecord, ChannelStore, MemoryChannelStore
from .client import ExactFarthingClient, UptoFarthingClient, sign_order
from .delegation import Delegation
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
from .key import PayerKey, Signer, access_header, verify_signature
from .mandates import (
    MANDATE_DEPTH_MAX,
    MANDATE_PAYEES_COUNT_MAX,
    UNLIMITED,
    MandateLimits,
    TreeMandate,
    pause_bytes,
    signed_link,
)
from .price import parse_price
from .register import channels_first, register_farthing
from .requirements import Terms, read_requirements
from .server import ExactFarthingServer, UptoFarthingServer
from .spend_limits import ProposedPayment, SpendControl, SpendLimits, SpendRefused

__all__ = [
    "Asset",
    "BatchFarthingClient",
    "BatchFarthingServer",
    "ChannelBook",
    "ChannelClaim",
    "ChannelOffer",
    "ChannelPayment",
    "ChannelPolicy",
    "ChannelRecord",
    "ChannelRefused",
    "ChannelStore",
    "ChannelTerms",
    "Delegation",
    "ExactFarthingClient",
    "ExactFarthingServer",
    "MANDATE_DEPTH_MAX",
    "MANDATE_PAYEES_COUNT_MAX",
    "Mandate",
    "MandateLimits",
    "MemoryChannelStore",
    "Order",
    "PayerKey",
    "ProposedPayment",
    "Purchase",
    "Refund",
    "SignedVoucher",
    "Signer",
    "SpendControl",
    "SpendLimits",
    "SpendRefused",
    "Terms",
    "TreeMandate",
    "UNLIMITED",
    "UptoFarthingClient",
    "UptoFarthingServer",
    "access_bytes",
    "access_header",
    "audience",
    "channel_payload",
    "channels_first",
    "close_bytes",
    "id_from_digits",
    "id_from_text",
    "id_text",
    "node_id",
    "parse_price",
    "pause_bytes",
    "payer_account",
    "payment_id",
    "previous_link",
    "read_channel_claim",
    "read_channel_offer",
    "read_requirements",
    "register_farthing",
    "revocation_bytes",
    "sign_order",
    "signed_link",
    "split_url",
    "tick_bytes",
    "tick_chain",
    "top_up_bytes",
    "verify_signature",
    "voucher_bytes",
]
