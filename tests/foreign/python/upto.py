"""The stock Python x402 client pays the gateway by `upto`: the most that a story may cost is held,
and each word that came is charged.

Every case counts the words itself and compares with the payer's balance at the node.
"""

import asyncio
import time

import httpx
from farthing_x402 import SpendLimits, SpendRefused, register_farthing
from node import ANSWER_SECONDS_MAX, OFFERS, SITE, available, decode, encode, new_payer
from x402 import x402Client, x402ClientSync
from x402.http.clients import x402HttpxClient, x402_requests
from x402.schemas import PaymentRequired

STORY = OFFERS["story"]["path"]
STORY_SECONDS_MAX = 60
SETTLED_SECONDS_MAX = 10
# Words between the one that a payer that hangs up has read and the one that is charged last.
WORDS_ON_THE_WAY_MAX = 20


def required():
    unpaid = httpx.get(SITE + STORY, timeout=ANSWER_SECONDS_MAX)
    return decode(unpaid.headers["payment-required"])


def terms():
    """What the story costs a word, and at most."""
    accepts = {accept["scheme"]: accept for accept in required()["accepts"]}
    assert sorted(accepts) == ["batch-settlement", "upto"], accepts
    return int(accepts["batch-settlement"]["extra"]["price"]), int(accepts["upto"]["amount"])


def words(text):
    """The upstream's own events; the gateway's have a name."""
    return sum(event.startswith("data: ") for event in text.split("\n\n"))


def check_story(key, before, response):
    word, most = terms()
    assert response.status_code == 200, f"status {response.status_code}: {response.text}"
    cost = words(response.text) * word
    assert 0 < cost < most
    assert before - available(key) == cost
    assert response.text.count("event: payment-receipt\n") == 1


def httpx_pays_story():
    key = new_payer()
    before = available(key)
    client = register_farthing(x402Client(), key)

    async def run():
        async with x402HttpxClient(client, base_url=SITE, timeout=STORY_SECONDS_MAX) as http:
            return await http.get(STORY)

    check_story(key, before, asyncio.run(run()))


def requests_pays_story():
    key = new_payer()
    before = available(key)
    with x402_requests(register_farthing(x402ClientSync(), key)) as http:
        check_story(key, before, http.get(SITE + STORY, timeout=STORY_SECONDS_MAX))


def hanging_up_costs_what_came():
    word, most = terms()
    key = new_payer()
    before = available(key)
    client = register_farthing(x402Client(), key)

    async def read_eight():
        text = ""
        async with (
            x402HttpxClient(client, base_url=SITE, timeout=STORY_SECONDS_MAX) as http,
            http.stream("GET", STORY) as response,
        ):
            assert response.status_code == 200
            async for piece in response.aiter_text():
                text += piece
                if words(text) >= 8:
                    break
            assert before - available(key) == most, "the most is held meanwhile"
        return words(text)

    read = asyncio.run(read_eight())
    end = time.monotonic() + SETTLED_SECONDS_MAX
    spent = most
    while spent == most and time.monotonic() < end:
        time.sleep(0.05)
        spent = before - available(key)
    charged, rest = divmod(spent, word)
    assert rest == 0 and read - 1 <= charged <= read + WORDS_ON_THE_WAY_MAX, (read, charged)


def one_payment_is_charged_once():
    word, _ = terms()
    key = new_payer()
    before = available(key)
    client = register_farthing(x402ClientSync(), key)
    payment = client.create_payment_payload(PaymentRequired.model_validate(required()))
    payload = payment.model_dump(by_alias=True, exclude_none=True, mode="json")
    headers = {"payment-signature": encode(payload)}
    first, again = (
        httpx.get(SITE + STORY, headers=headers, timeout=STORY_SECONDS_MAX) for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (200, 200), again.text
    assert again.headers["idempotent-replayed"] == "true"
    assert words(first.text) == words(again.text)
    assert before - available(key) == words(first.text) * word


def spend_limit_counts_the_most():
    _, most = terms()
    key = new_payer()
    before = available(key)
    limits = SpendLimits(per_payment=most - 1)
    client = register_farthing(x402ClientSync(), key, spend_control=limits)
    try:
        with x402_requests(client) as http:
            http.get(SITE + STORY, timeout=STORY_SECONDS_MAX)
    except Exception as error:  # noqa: BLE001  the SDK wraps what a plug-in raises
        refused = error
        while refused is not None and not isinstance(refused, SpendRefused):
            refused = refused.__cause__ or refused.__context__
        assert refused is not None and refused.code == "per_payment_exceeded", error
    else:
        raise AssertionError("paid in spite of the limit")
    assert available(key) == before


CASES = [
    ("x402 with httpx pays a story by upto", httpx_pays_story),
    ("x402 with requests pays a story by upto", requests_pays_story),
    ("x402 with httpx hangs up on a story by upto", hanging_up_costs_what_came),
    ("one payment by upto is charged once", one_payment_is_charged_once),
    ("the plug-in's spend limit counts the most of upto", spend_limit_counts_the_most),
]
