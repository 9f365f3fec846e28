"""A stock Python MPP server sells through the node: it knows Farthing only through the plug-in.

The seller counts how often its handlers really ran.
"""

import asyncio

import httpx
from farthing_x402.mpp import charge, sell_charge
from mpp import Challenge
from mpp.client import PaymentTransport
from mpp.runtime import CredentialParams
from mpp.server import Mpp, PaymentRequired, Request, Response
from node import NETWORK, NODE, available, new_payer, payee_account

from farthing_x402 import PayerKey

PRICE = 2_000_000
ORIGIN = "http://seller.example"
HANDLER_SECONDS = 0.05


class _Seller(httpx.AsyncBaseTransport):
    """A shop as an httpx transport: its requests go through the stock server engine."""

    def __init__(self):
        method = sell_charge(node=NODE, network=NETWORK, recipient=payee_account())
        mpp = Mpp(methods=method, realm="seller.example", secret_key="s" * 40)
        self._sell = mpp.charge(amount="$0.002")
        self.runs = []

    async def handle_async_request(self, request):
        body = await request.aread()
        asked = Request(request.method, str(request.url), list(request.headers.items()), body)
        paid = await self._sell(asked)
        if isinstance(paid, PaymentRequired):
            answer = paid.challenge
        else:
            self.runs.append((request.url.path, body))
            await asyncio.sleep(HANDLER_SECONDS)
            answer = paid.with_receipt(Response.json({"path": request.url.path}))
        headers = answer.headers.multi_items()
        return httpx.Response(answer.status, headers=headers, content=answer.body or b"")


def _buy(seller, key, path="/pages/1", **options):
    async def run():
        transport = PaymentTransport(methods=[charge(key)], inner=seller)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(options.pop("method", "GET"), ORIGIN + path, **options)

    return asyncio.run(run())


def sells_by_charge():
    seller, key = _Seller(), new_payer()
    before = available(key)
    response = _buy(seller, key)
    assert response.status_code == 200, response.text
    assert response.json() == {"path": "/pages/1"}
    assert "payment-receipt" in response.headers
    assert before - available(key) == PRICE
    posted = _buy(seller, key, "/orders", method="POST", json={"a": 1})
    assert posted.status_code == 200, posted.text
    assert [path for path, _ in seller.runs] == ["/pages/1", "/orders"]


def serves_once_per_payment():
    seller, key = _Seller(), new_payer()
    before = available(key)

    async def run():
        async with httpx.AsyncClient(transport=seller) as client:
            unpaid = await client.get(ORIGIN + "/pages/1")
            challenge = Challenge.from_www_authenticate(unpaid.headers["www-authenticate"])
            params = CredentialParams(challenge=challenge)
            headers = {"authorization": await charge(key).create_credential(params)}
            elsewhere = await client.get(ORIGIN + "/pages/2", headers=headers)
            copies = (client.get(ORIGIN + "/pages/1", headers=headers) for _ in range(3))
            answers = await asyncio.gather(*copies)
            return elsewhere, [*answers, await client.get(ORIGIN + "/pages/1", headers=headers)]

    elsewhere, answers = asyncio.run(run())
    assert elsewhere.status_code == 402, "a payment for another page was taken"
    assert sorted(answer.status_code for answer in answers) == [200, 402, 402, 402]
    assert len(seller.runs) == 1
    assert before - available(key) == PRICE


def refuses_the_poor():
    seller = _Seller()
    response = _buy(seller, PayerKey.generate())
    assert response.status_code == 402
    assert "insufficient_funds" in response.text, response.text
    assert seller.runs == []


CASES = [
    ("a seller with pympp sells by charge", sells_by_charge),
    ("a seller with pympp serves once for each payment", serves_once_per_payment),
    ("a seller with pympp refuses who cannot pay", refuses_the_poor),
]
