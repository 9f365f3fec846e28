"""Sessions of a payer: channels that pay many requests, and streams while they run.

`FarthingSessions.transport` goes below `pympp`: it reads receipts, sends the vouchers that a stream
asks for, waits while the channel is busy and lets a lost channel be replaced. It never changes an
answer; what may be signed is decided by `ChannelBook`.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
from mpp import Challenge, Credential

from ..channel_book import (
    ChannelBook,
    ChannelClaim,
    ChannelPayment,
    ChannelPolicy,
    ChannelRefused,
)
from ..delegation import Delegation
from ..encoding import base64_text
from ..key import Signer
from ..spend_limits import SpendControl, SpendRefused
from .events import EventReader, ServerEvent
from .payloads import payment_payload
from .receipts import SessionReceipt, read_need, read_receipt, read_receipt_header
from .requests import METHOD, SessionTerms, read_session

_LOG = logging.getLogger(__name__)
_CHANNEL_IS_GONE = {"channel_unknown", "channel_closed", "channel_closing", "channel_expired"}
_CHANNEL_IS_BUSY = "channel_busy"
_BUSY_TRIES_MAX = 20
_BUSY_WAIT_SECONDS = 0.25
_SENT_MAX = 256
"""Credentials whose answers are still awaited; older ones lose their receipts only."""
_CREDENTIAL_HEADERS = ("authorization", "payment-authorization")


@dataclass(frozen=True)
class ClosedSession:
    """What came of a closing. Base units."""

    channel: str
    spent: int
    refunded: int
    """What goes back to the payer: at once, or at `closes_at_ms` if that is set."""
    closes_at_ms: int | None = None


@dataclass(frozen=True)
class _Sent:
    challenge: Challenge
    terms: SessionTerms
    name: str
    channel: str


class FarthingSessions:
    """The sessions of one payer.

    `ahead`: base units that a voucher in mid-stream allows beyond what is asked; the start if None.
    """

    def __init__(
        self,
        key: Signer,
        *,
        delegation: Delegation | None = None,
        spend_control: SpendControl | None = None,
        policy: ChannelPolicy | None = None,
        ahead: int | None = None,
    ) -> None:
        policy = ChannelPolicy() if policy is None else policy
        self._book = ChannelBook(key, policy, delegation=delegation, spend_control=spend_control)
        self._ahead = ahead
        self._sent: dict[str, _Sent] = {}

    def pay(self, challenge: Challenge) -> dict[str, Any]:
        """Answers a challenge; what the server tells of the channel is taken up first."""
        terms = read_session(challenge.request)
        name = self._book.name(terms.offer)
        if terms.claim is not None:
            self._book.correct(name, terms.claim)
        payment = self._book.pay(terms.offer)
        if len(self._sent) >= _SENT_MAX:
            del self._sent[next(iter(self._sent))]
        mark = base64_text(payment.voucher.signature)
        self._sent[mark] = _Sent(challenge, terms, name, payment.voucher.channel)
        return payment_payload(payment)

    def transport(self, inner: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncBaseTransport:
        """The transport for `PaymentTransport(inner=...)` that keeps sessions going."""
        return _SessionTransport(self, inner or httpx.AsyncHTTPTransport())

    async def close(self, url: str, client: httpx.AsyncClient) -> ClosedSession | None:
        """Closes the channel that pays for a resource; None if there is none. What was not spent
        goes back, at once if the payee's side agrees. `client` must not pay by itself."""
        unpaid = await client.head(url)
        challenge = _session_challenge(unpaid)
        if challenge is None:
            raise ValueError(f"no session is offered here: status {unpaid.status_code}")
        name = self._book.name(read_session(challenge.request).offer)
        record = self._book.find(name)
        if record is None:
            return None
        payload = {
            "action": "close",
            "channelId": record.channel,
            "cumulativeAmount": str(record.spent),
            "signature": base64_text(self._book.close(record)),
        }
        answer = await client.head(url, headers=_headers(challenge, payload))
        receipt = read_receipt_header(answer.headers.get("payment-receipt"))
        if not answer.is_success or receipt is None or receipt.channel != record.channel:
            raise ValueError(f"the channel was not closed: status {answer.status_code}")
        self._book.forget(name, record.channel)
        refunded = receipt.deposit - receipt.spent
        return ClosedSession(record.channel, receipt.spent, refunded, receipt.closes_at_ms)

    def _take(self, request: httpx.Request) -> _Sent | None:
        for name in _CREDENTIAL_HEADERS:
            header = request.headers.get(name, "")
            if header.startswith("Payment "):
                payload = Credential.from_authorization(header).payload
                mark = payload.get("voucherSignature", payload.get("signature"))
                return self._sent.pop(mark, None)
        return None

    def _note(self, sent: _Sent, receipt: SessionReceipt | None) -> None:
        if receipt is not None and receipt.channel == sent.channel:
            claim = ChannelClaim(receipt.channel, receipt.deposit, receipt.spent)
            self._book.correct(sent.name, claim)

    def _pay_on(self, sent: _Sent, lacking: int) -> ChannelPayment | None:
        """Pays for what a stream needs, and ahead if the payer's limits allow it; None if they
        allow nothing: then the stream ends at the last paid unit."""
        offer = sent.terms.offer
        ahead = offer.amount if self._ahead is None else self._ahead
        try:
            try:
                return self._book.pay(replace(offer, amount=lacking + ahead))
            except (ChannelRefused, SpendRefused):
                return self._book.pay(replace(offer, amount=lacking))
        except (ChannelRefused, SpendRefused) as refusal:
            _LOG.info("a stream is not paid on: %s", refusal)
            return None

    async def _answer(
        self, inner: httpx.AsyncBaseTransport, url: httpx.URL, sent: _Sent, event: ServerEvent
    ) -> None:
        if event.name == "payment-receipt":
            self._note(sent, read_receipt(event.data))
        need = read_need(event.data) if event.name == "payment-need-voucher" else None
        if need is None or need.channel != sent.channel:
            return
        self._book.correct(sent.name, ChannelClaim(need.channel, need.deposit, need.accepted))
        record = self._book.find(sent.name)
        lacking = need.required - (record.spent if record else 0)
        if lacking <= 0:
            return
        payment = self._pay_on(sent, lacking)
        if payment is None:
            return
        headers = _headers(sent.challenge, payment_payload(payment))
        request = httpx.Request("HEAD", url, headers=headers)
        answer = await inner.handle_async_request(request)
        await answer.aclose()
        if answer.status_code != 200:
            _LOG.warning("a voucher was not taken: status %s", answer.status_code)


class _SessionTransport(httpx.AsyncBaseTransport):
    def __init__(self, sessions: FarthingSessions, inner: httpx.AsyncBaseTransport) -> None:
        self._sessions = sessions
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent = self._sessions._take(request)
        response = await self._inner.handle_async_request(request)
        if sent is None:
            return response
        for _ in range(_BUSY_TRIES_MAX):
            if response.is_success:
                break
            code = await _problem_code(response)
            if code in _CHANNEL_IS_GONE:
                return await self._replace(request, sent, response)
            if code != _CHANNEL_IS_BUSY:
                return response
            await asyncio.sleep(_BUSY_WAIT_SECONDS)
            response = await self._inner.handle_async_request(request)
        header = response.headers.get("payment-receipt")
        self._sessions._note(sent, read_receipt_header(header))
        kind = response.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            response.stream = _PaidStream(self, request.url, sent, response.stream)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _replace(
        self, request: httpx.Request, sent: _Sent, response: httpx.Response
    ) -> httpx.Response:
        """Forgets a channel that is gone and asks anew, so that the next credential opens
        another."""
        if not self._sessions._book.forget(sent.name, sent.channel):
            return response
        headers = httpx.Headers(request.headers)
        headers.pop(sent.challenge.credential_header, None)
        unpaid = httpx.Request(
            request.method,
            request.url,
            headers=headers,
            content=request.content,
            extensions=request.extensions,
        )
        return await self._inner.handle_async_request(unpaid)


class _PaidStream(httpx.AsyncByteStream):
    """Passes a stream of events on as it is, and pays for it while it runs."""

    def __init__(
        self, transport: _SessionTransport, url: httpx.URL, sent: _Sent, stream: Any
    ) -> None:
        self._transport = transport
        self._url = url
        self._sent = sent
        self._stream = stream
        self._tasks: set[asyncio.Task] = set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reader = EventReader()
        sessions, inner = self._transport._sessions, self._transport._inner
        async for chunk in self._stream:
            for event in reader.push(chunk):
                # Not awaited: the stream pauses at the server until the voucher is there.
                answer = sessions._answer(inner, self._url, self._sent, event)
                task = asyncio.create_task(answer)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            yield chunk
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def aclose(self) -> None:
        await self._stream.aclose()


def _headers(challenge: Challenge, payload: dict[str, Any]) -> dict[str, str]:
    credential = Credential(challenge=challenge.to_echo(), payload=payload)
    return {challenge.credential_header: credential.to_authorization()}


def _session_challenge(response: httpx.Response) -> Challenge | None:
    if response.status_code != 402:
        return None
    for line in response.headers.get_list("www-authenticate"):
        if line.startswith("Payment ") and f'method="{METHOD}"' in line:
            challenge = Challenge.from_www_authenticate(line)
            if challenge.intent == "session":
                return challenge
    return None


async def _problem_code(response: httpx.Response) -> str:
    try:
        code = json.loads(await response.aread()).get("code")
    except (ValueError, AttributeError):
        return ""
    return code if isinstance(code, str) else ""
