"""The stock Python x402 client buys at the gateway: with httpx and with requests.

Every case checks the answer and the payer's balance at the node.
"""

import asyncio

from farthing_x402 import SpendLimits, SpendRefused, register_farthing
from node import NETWORK, OFFERS, SITE, available, decode, new_payer
from x402 import x402Client, x402ClientSync
from x402.http.clients import x402HttpxClient, x402_requests


def check_paid(key, before, response):
    assert response.status_code < 300, f"status {response.status_code}: {response.text}"
    settled = decode(response.headers["payment-response"])
    spent = before - available(key)
    assert settled["success"] is True
    assert settled["transaction"].startswith("pay_")
    assert settled["network"] == NETWORK
    assert settled["extra"]["state"] == "settled"
    assert spent > 0, "nothing was charged"
    assert settled["amount"] == str(spent)


async def get(client, offer):
    async with x402HttpxClient(client, base_url=SITE) as http:
        return await http.request(offer["method"], offer["path"], json=offer.get("body"))


def httpx_pays_article():
    key = new_payer()
    before = available(key)
    client = register_farthing(x402Client(), key)
    check_paid(key, before, asyncio.run(get(client, OFFERS["article"])))


def httpx_pays_call():
    key = new_payer()
    before = available(key)
    client = register_farthing(x402Client(), key)
    check_paid(key, before, asyncio.run(get(client, OFFERS["call"])))


def requests_pays_article():
    key = new_payer()
    before = available(key)
    with x402_requests(register_farthing(x402ClientSync(), key)) as http:
        check_paid(key, before, http.get(SITE + OFFERS["article"]["path"]))


def sdk_spend_control_refuses():
    key = new_payer()
    before = available(key)
    client = register_farthing(x402Client(), key)
    client.set_spend_controls({"max_amount_per_payment": "$0.000001"})
    refused = _refusal(client)
    assert "spend_controls" in str(refused), refused
    assert available(key) == before


def own_spend_limit_refuses():
    key = new_payer()
    before = available(key)
    client = register_farthing(x402Client(), key, spend_control=SpendLimits(per_payment=1))
    refused = _refusal(client)
    while refused is not None and not isinstance(refused, SpendRefused):
        refused = refused.__cause__ or refused.__context__
    assert refused is not None and refused.code == "per_payment_exceeded"
    assert available(key) == before


def _refusal(client):
    try:
        response = asyncio.run(get(client, OFFERS["article"]))
    except Exception as error:  # noqa: BLE001  the SDK wraps what a plug-in raises
        return error
    raise AssertionError(f"paid in spite of the limit: {response.status_code}")


CASES = [
    ("x402 with httpx pays for an article", httpx_pays_article),
    ("x402 with httpx pays for an API call with a body", httpx_pays_call),
    ("x402 with requests pays for an article", requests_pays_article),
    ("the SDK's spend control refuses before paying", sdk_spend_control_refuses),
    ("the plug-in's spend limit refuses before paying", own_spend_limit_refuses),
]
