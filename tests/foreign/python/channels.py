"""The stock Python x402 SDK pays from channels, at the gateway and at sellers of its own, and sells
by `upto` and from channels through the node.

Every case checks what the node says of the channel or the payer: what the client believes is not
enough.
"""

import asyncio
import contextlib
import socket
import threading
import time

import flask
import httpx
import requests
import uvicorn
import werkzeug.serving
from farthing_x402 import (
    BatchFarthingClient,
    BatchFarthingServer,
    ChannelPolicy,
    MemoryChannelStore,
    UptoFarthingClient,
    UptoFarthingServer,
    channels_first,
)
from fastapi import FastAPI, Response
from node import (
    ANSWER_SECONDS_MAX,
    NETWORK,
    NODE,
    OFFERS,
    SITE,
    available,
    decode,
    new_payer,
    payee_account,
)
from x402 import x402Client, x402ClientSync, x402ResourceServer, x402ResourceServerSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClient, HTTPFacilitatorClientSync
from x402.http.clients import x402HttpxClient, x402_requests
from x402.http.middleware.fastapi import payment_middleware as fastapi_payment
from x402.http.middleware.fastapi import set_settlement_overrides as fastapi_overrides
from x402.http.middleware.flask import payment_middleware as flask_payment
from x402.http.middleware.flask import set_settlement_overrides as flask_overrides
from x402.schemas import PaymentRequirements

PRICE = 2_000_000
DEPOSIT = 20_000_000
REFUND_SECONDS_MAX = 10


class RewindableStore(MemoryChannelStore):
    """A store whose record can be put back to an earlier one."""

    def save(self, name, record):
        self.name = name
        super().save(name, record)

    def rewind(self, record):
        super().save(self.name, record)


class Payer:
    """A funded payer with channels of its own, and a client of the stock SDK."""

    def __init__(self, make_client, deposit=DEPOSIT):
        self.key = new_payer()
        self.start = available(self.key)
        self.store = RewindableStore()
        policy = ChannelPolicy(store=self.store, deposit=deposit)
        self.scheme = BatchFarthingClient(self.key, policy)
        self.client = make_client()
        self.client.register("farthing:*", UptoFarthingClient(self.key))
        self.client.register("farthing:*", self.scheme)
        self.client.register_policy(channels_first)

    def spent(self):
        return self.start - available(self.key)

    def refund(self, url):
        return self.scheme.refund(url, requests.Session())


def terms(url):
    unpaid = httpx.get(url, timeout=ANSWER_SECONDS_MAX)
    accepts = decode(unpaid.headers["payment-required"])["accepts"]
    return next(
        PaymentRequirements.model_validate(accept)
        for accept in accepts
        if accept["scheme"] == "batch-settlement"
    )


def channel_at(channel):
    return httpx.get(f"{NODE}/v1/channels/{channel}", timeout=ANSWER_SECONDS_MAX).json()


def check_charged(response, charged):
    assert response.status_code == 200, f"status {response.status_code}: {response.text}"
    settled = decode(response.headers["payment-response"])
    assert settled["success"] is True, settled
    assert settled["amount"] == str(charged), settled
    return settled


def httpx_pays_from_one_channel():
    payer, url = Payer(x402Client), SITE + OFFERS["article"]["path"]
    price = int(terms(url).amount)

    async def run():
        async with x402HttpxClient(payer.client) as http:
            for count in (1, 2, 3):
                settled = check_charged(await http.get(url), price)
                assert settled["extra"]["channelState"]["spent"] == str(count * price)

    asyncio.run(run())
    record = payer.scheme.channel(terms(url))
    assert (record.sequence, record.spent) == (3, 3 * price), record
    refund = payer.refund(url)
    assert refund.success and refund.refunded == record.deposit - 3 * price, refund
    assert payer.spent() == 3 * price
    assert channel_at(record.channel)["state"] == "closed"


def requests_recovers_a_lost_count():
    payer, url = Payer(x402ClientSync), SITE + OFFERS["article"]["path"]
    price = int(terms(url).amount)
    with x402_requests(payer.client) as http:
        check_charged(http.get(url), price)
        old = payer.scheme.channel(terms(url))
        for _ in range(3):
            check_charged(http.get(url), price)
        payer.store.rewind(old)
        check_charged(http.get(url), price)
    view = channel_at(old.channel)
    assert (view["sequence"], view["spent"]) == (5, str(5 * price)), view


def requests_replaces_a_closed_channel():
    payer, url = Payer(x402ClientSync), SITE + OFFERS["article"]["path"]
    price = int(terms(url).amount)
    with x402_requests(payer.client) as http:
        check_charged(http.get(url), price)
        closed = payer.scheme.channel(terms(url))
        assert payer.refund(url).success
        payer.store.rewind(closed)
        check_charged(http.get(url), price)
    assert payer.scheme.channel(terms(url)).channel != closed.channel


def routes():
    def offer(scheme):
        return {
            "scheme": scheme,
            "network": NETWORK,
            "payTo": payee_account(),
            "price": "$0.002",
            "maxTimeoutSeconds": 60,
        }

    return {
        "GET /upto/*": {"accepts": offer("upto")},
        "GET /batch/*": {"accepts": offer("batch-settlement")},
    }


def schemes():
    return (UptoFarthingServer(), BatchFarthingServer(close_delay_seconds=1, node=NODE))


@contextlib.contextmanager
def fastapi_seller(runs):
    server = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(url=NODE)))
    for scheme in schemes():
        server.register("farthing:*", scheme)
    app = FastAPI()
    app.middleware("http")(fastapi_payment(routes(), server))

    @app.get("/{scheme}/{units}")
    def work(scheme: str, units: str, response: Response):
        runs.append(units)
        if units != "all":
            fastapi_overrides(response, {"amount": units})
        return {"units": units}

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # From here on requests wait instead of being refused.
        web = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            web.should_exit = True
            thread.join()


@contextlib.contextmanager
def flask_seller(runs):
    server = x402ResourceServerSync(HTTPFacilitatorClientSync(FacilitatorConfig(url=NODE)))
    for scheme in schemes():
        server.register("farthing:*", scheme)
    app = flask.Flask("seller")
    flask_payment(app, routes(), server)

    @app.get("/<scheme>/<units>")
    def work(scheme, units):
        runs.append(units)
        response = flask.jsonify(units=units)
        if units != "all":
            flask_overrides(response, {"amount": units})
        return response

    quiet = type("Quiet", (werkzeug.serving.WSGIRequestHandler,), {"log": lambda *_: None})
    web = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True, request_handler=quiet)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}"
    finally:
        web.shutdown()
        thread.join()


AMOUNTS = (("all", PRICE), ("700000", 700_000), ("0", 0), ("1", 1))


def charges_by_upto(url, runs):
    payer, total = Payer(x402ClientSync), 0
    with x402_requests(payer.client) as http:
        for units, charged in AMOUNTS:
            settled = check_charged(http.get(f"{url}/upto/{units}"), charged)
            assert settled["transaction"].startswith("pay_"), settled
            total += charged
            assert payer.spent() == total
        over = http.get(f"{url}/upto/{PRICE + 1}")
    assert over.status_code == 402
    assert payer.spent() == total
    assert runs == [units for units, _ in AMOUNTS] + [str(PRICE + 1)]


def charges_from_a_channel(url, runs):
    payer, total = Payer(x402ClientSync, deposit=2 * PRICE), 0
    with x402_requests(payer.client) as http:
        for units, charged in AMOUNTS:
            check_charged(http.get(f"{url}/batch/{units}"), charged)
            total += charged
    record = payer.scheme.channel(terms(f"{url}/batch/all"))
    assert channel_at(record.channel)["spent"] == str(total)
    assert record.spent == total, record
    refund = payer.refund(f"{url}/batch/all")
    assert refund.success, refund
    ends = time.monotonic() + REFUND_SECONDS_MAX
    while payer.spent() != total and time.monotonic() < ends:
        time.sleep(0.1)
    assert payer.spent() == total
    assert runs == [units for units, _ in AMOUNTS]


def helps_a_payer_that_has_lost_count(url, runs):
    payer = Payer(x402ClientSync)
    with x402_requests(payer.client) as http:
        check_charged(http.get(f"{url}/batch/all"), PRICE)
        old = payer.scheme.channel(terms(f"{url}/batch/all"))
        check_charged(http.get(f"{url}/batch/all"), PRICE)
        payer.store.rewind(old)
        check_charged(http.get(f"{url}/batch/all"), PRICE)
    assert channel_at(old.channel)["spent"] == str(3 * PRICE)
    assert len(runs) == 3, runs


def selling(make_seller, run):
    def case():
        runs = []
        with make_seller(runs) as url:
            run(url, runs)

    return case


CASES = [
    ("x402 with httpx pays from one channel", httpx_pays_from_one_channel),
    ("x402 with requests recovers a lost count of a channel", requests_recovers_a_lost_count),
    ("x402 with requests replaces a closed channel", requests_replaces_a_closed_channel),
] + [
    (f"{name} {about}", selling(seller, run))
    for name, seller in (("FastAPI", fastapi_seller), ("Flask", flask_seller))
    for about, run in (
        ("charges by upto what was used", charges_by_upto),
        ("charges from a channel what was used", charges_from_a_channel),
        ("helps a payer with a channel that has lost count", helps_a_payer_that_has_lost_count),
    )
]
