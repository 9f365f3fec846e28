"""The stock Python MPP client buys at the gateway: it knows Farthing only through the plug-in.

Every case checks the answer and the payer's balance at the node: what the client believes is not
enough.
"""

import asyncio
import base64
import json
import re

import httpx
from farthing_x402 import ChannelPolicy, SpendLimits
from farthing_x402.mpp import FarthingSessions, charge, session
from mpp.client import Mpp, PaymentTransport
from node import ANSWER_SECONDS_MAX, NODE, OFFERS, SITE, available, new_payer

ARTICLE = SITE + OFFERS["article"]["path"]
STORY = SITE + OFFERS["story"]["path"]


def _receipt(response):
    assert response.status_code == 200, f"{response.status_code}: {response.text}"
    header = response.headers["payment-receipt"]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))


class _Payer:
    """A payer with a session, and what it has paid so far."""

    def __init__(self, **options):
        self.key = new_payer()
        self.before = available(self.key)
        self.sessions = FarthingSessions(self.key, **options)

    def client(self):
        transport = PaymentTransport(
            methods=[session(self.sessions)], inner=self.sessions.transport()
        )
        return httpx.AsyncClient(transport=transport, timeout=ANSWER_SECONDS_MAX)

    async def close(self, url):
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX) as plain:
            return await self.sessions.close(url, plain)

    def gone(self):
        return self.before - available(self.key)


def charge_pays():
    key = new_payer()
    before = available(key)

    async def run():
        async with Mpp(methods=[charge(key)]) as mpp:
            return await mpp.fetch(ARTICLE)

    receipt = _receipt(asyncio.run(run()))
    spent = before - available(key)
    assert spent > 0, "nothing was charged"
    assert (receipt["intent"], receipt["amount"]) == ("charge", str(spent))
    assert httpx.get(f"{NODE}/v1/receipts/{receipt['reference']}").status_code == 200


def charge_pays_for_post():
    key = new_payer()
    before = available(key)

    async def run():
        async with Mpp(methods=[charge(key)]) as mpp:
            offer = OFFERS["call"]
            return await mpp.fetch(SITE + offer["path"], method="POST", json=offer["body"])

    receipt = _receipt(asyncio.run(run()))
    assert receipt["amount"] == str(before - available(key))


def limits_hold():
    key = new_payer()
    before = available(key)
    limits = SpendLimits(per_payment=1)

    async def run():
        async with Mpp(methods=[charge(key, spend_control=limits)]) as mpp:
            await mpp.fetch(ARTICLE)

    try:
        asyncio.run(run())
    except Exception as error:
        assert "per_payment_exceeded" in str(error), error
    else:
        raise AssertionError("paid above the limit")
    assert available(key) == before


def session_pays_many_requests():
    payer = _Payer()

    async def run():
        async with payer.client() as client:
            receipts = [_receipt(await client.get(ARTICLE)) for _ in range(3)]
        return receipts, await payer.close(ARTICLE), await payer.close(ARTICLE)

    receipts, closed, again = asyncio.run(run())
    price = int(receipts[0]["amount"])
    assert [receipt["sequence"] for receipt in receipts] == [1, 2, 3]
    assert len({receipt["channelId"] for receipt in receipts}) == 1
    assert receipts[2]["spent"] == str(3 * price)
    assert closed.spent == 3 * price == payer.gone()
    assert again is None


def session_tops_up():
    payer = _Payer(policy=ChannelPolicy(deposit=1))

    async def run():
        async with payer.client() as client:
            receipts = [_receipt(await client.get(ARTICLE)) for _ in range(3)]
        return receipts, await payer.close(ARTICLE)

    receipts, closed = asyncio.run(run())
    assert int(receipts[2]["deposit"]) > int(receipts[0]["deposit"])
    assert closed.spent == payer.gone()


def concurrent_requests_share_a_channel():
    payer = _Payer()

    async def run():
        async with payer.client() as client:
            first = _receipt(await client.get(ARTICLE))
            answers = await asyncio.gather(*(client.get(ARTICLE) for _ in range(3)))
        return first, [_receipt(answer) for answer in answers], await payer.close(ARTICLE)

    first, others, closed = asyncio.run(run())
    assert {other["channelId"] for other in others} == {first["channelId"]}
    assert closed.spent == 4 * int(first["amount"]) == payer.gone()


def stream_is_paid_as_it_runs():
    payer = _Payer()

    async def run():
        async with payer.client() as client, client.stream("GET", STORY) as response:
            assert response.status_code == 200
            text = "".join([part async for part in response.aiter_text()])
        return text, await payer.close(STORY)

    text, closed = asyncio.run(run())
    words = len(re.findall(r'^data: \{"token"', text, re.MULTILINE))
    assert "event: payment-need-voucher" in text, "the stream never asked for a voucher"
    last = json.loads(re.search(r"^event: payment-receipt\r?\ndata: (.*)$", text, re.M)[1])
    assert last["units"] == words
    assert str(closed.spent) == last["spent"]
    assert closed.spent == payer.gone()


CASES = [
    ("pympp pays an article by charge", charge_pays),
    ("pympp pays a POST by charge", charge_pays_for_post),
    ("pympp signs nothing above its limit", limits_hold),
    ("pympp pays many requests from one session", session_pays_many_requests),
    ("a session of pympp raises its deposit", session_tops_up),
    ("a session of pympp serves requests sent together", concurrent_requests_share_a_channel),
    ("pympp pays a stream while it runs", stream_is_paid_as_it_runs),
]
