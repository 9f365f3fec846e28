"""The client plug-in for `pympp`: pays challenges of method `farthing`.

Signs exactly what a challenge asks for, after the spend control agreed; an order never outlives its
challenge. What a channel's payer may sign is decided by `ChannelBook`.
"""

import time
from datetime import datetime

from mpp import Challenge, Credential
from mpp.methods import Method
from mpp.runtime import ClientMethod, CredentialParams

from ..channel_book import ChannelPolicy
from ..client import sign_order
from ..delegation import Delegation
from ..key import Signer
from ..spend_limits import ProposedPayment, SpendControl
from .payloads import AnyRequest, OrderPayload, SessionPayload
from .requests import METHOD, read_charge
from .sessions import FarthingSessions

CHARGE: Method = Method(
    name=METHOD, intent="charge", request_model=AnyRequest, payload_model=OrderPayload
)
"""One order pays one purchase."""

SESSION: Method = Method(
    name=METHOD, intent="session", request_model=AnyRequest, payload_model=SessionPayload
)
"""A channel pays many requests."""


def charge(
    key: Signer,
    *,
    delegation: Delegation | None = None,
    spend_control: SpendControl | None = None,
) -> ClientMethod:
    """Pays one purchase by one order, for `Mpp(methods=[...])`."""

    async def create_credential(params: CredentialParams) -> str:
        challenge = params.challenge
        terms = read_charge(challenge.request)
        if spend_control is not None:
            spend_control.reserve(
                ProposedPayment(terms.network, terms.asset, terms.amount, terms.pay_to)
            )
        now_ms = time.time_ns() // 1_000_000
        if challenge.expires:
            life_ms = 1000 * terms.max_timeout_seconds
            now_ms = min(now_ms, _milliseconds(challenge.expires) - life_ms)
        payload = sign_order(key, terms, delegation=delegation, now_ms=now_ms)
        return _authorization(challenge, payload)

    return ClientMethod(method=CHARGE, create_credential=create_credential)


def session(sessions: FarthingSessions) -> ClientMethod:
    """Pays from channels, for `Mpp(methods=[...])`."""

    async def create_credential(params: CredentialParams) -> str:
        return _authorization(params.challenge, sessions.pay(params.challenge))

    return ClientMethod(method=SESSION, create_credential=create_credential)


def farthing(
    key: Signer,
    *,
    delegation: Delegation | None = None,
    spend_control: SpendControl | None = None,
    policy: ChannelPolicy | None = None,
) -> list[ClientMethod]:
    """Both intents; of two offers the server's first is paid. Use `FarthingSessions` to pay for
    streams."""
    sessions = FarthingSessions(
        key, delegation=delegation, spend_control=spend_control, policy=policy
    )
    return [charge(key, delegation=delegation, spend_control=spend_control), session(sessions)]


def _authorization(challenge: Challenge, payload: dict) -> str:
    return Credential(challenge=challenge.to_echo(), payload=payload).to_authorization()


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) * 1000
