"""Stock Python x402 server SDKs sell through the node as facilitator: FastAPI and Flask.

One set of cases for both; a seller counts how often its handlers really ran.
"""

import concurrent.futures
import contextlib
import socket
import threading
import time

import flask
import httpx
import uvicorn
import werkzeug.serving
from farthing_x402 import ExactFarthingServer, register_farthing
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from node import (
    ANSWER_SECONDS_MAX,
    NETWORK,
    NODE,
    available,
    decode,
    encode,
    new_payer,
    payee_account,
)
from x402 import x402ClientSync, x402ResourceServer, x402ResourceServerSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClient, HTTPFacilitatorClientSync
from x402.http.clients import x402_requests
from x402.http.middleware.fastapi import payment_middleware as fastapi_payment
from x402.http.middleware.flask import payment_middleware as flask_payment
from x402.schemas import PaymentRequired

PRICE = 2_000_000
HANDLER_SECONDS = 0.05


def routes():
    accepts = {
        "scheme": "exact",
        "network": NETWORK,
        "payTo": payee_account(),
        "price": "$0.002",
        "maxTimeoutSeconds": 60,
    }
    return {
        route: {"accepts": accepts} for route in ("GET /pages/*", "POST /orders", "GET /broken")
    }


@contextlib.contextmanager
def fastapi_seller(runs):
    server = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(url=NODE)))
    server.register("farthing:*", ExactFarthingServer())
    app = FastAPI()
    app.middleware("http")(fastapi_payment(routes(), server))

    @app.get("/pages/{page}")
    def pages(page: str):
        runs.append(page)
        time.sleep(HANDLER_SECONDS)
        return {"page": page}

    @app.post("/orders", status_code=201)
    def orders(order: dict):
        return order

    @app.get("/broken")
    def broken():
        return JSONResponse({"error": "broken"}, 500)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # From here on requests wait instead of being refused.
        config = uvicorn.Config(app, log_level="error", lifespan="off")
        web = uvicorn.Server(config)
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
    server.register("farthing:*", ExactFarthingServer())
    app = flask.Flask("seller")
    flask_payment(app, routes(), server)

    @app.get("/pages/<page>")
    def pages(page):
        runs.append(page)
        time.sleep(HANDLER_SECONDS)
        return {"page": page}

    @app.post("/orders")
    def orders():
        return flask.request.get_json(), 201

    @app.get("/broken")
    def broken():
        return {"error": "broken"}, 500

    quiet = type("Quiet", (werkzeug.serving.WSGIRequestHandler,), {"log": lambda *_: None})
    web = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True, request_handler=quiet)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}"
    finally:
        web.shutdown()
        thread.join()


class Sale:
    """A seller and a funded payer of its own."""

    def __init__(self, url, runs):
        self.url = url
        self.runs = runs
        self.key = new_payer()
        self.client = register_farthing(x402ClientSync(), self.key)
        self.before = available(self.key)

    def spent(self):
        return self.before - available(self.key)

    def payment_for(self, path):
        unpaid = httpx.get(self.url + path, timeout=ANSWER_SECONDS_MAX)
        assert unpaid.status_code == 402, unpaid.text
        required = PaymentRequired.model_validate(decode(unpaid.headers["payment-required"]))
        payment = self.client.create_payment_payload(required)
        return payment.model_dump(by_alias=True, exclude_none=True)

    def present(self, path, payment):
        headers = {"payment-signature": encode(payment)}
        return httpx.get(self.url + path, headers=headers, timeout=ANSWER_SECONDS_MAX)


def sells(sale):
    with x402_requests(sale.client) as http:
        response = http.get(sale.url + "/pages/a")
    assert response.status_code == 200, response.text
    assert response.json() == {"page": "a"}
    settled = decode(response.headers["payment-response"])
    assert settled["success"] is True and settled["transaction"].startswith("pay_")
    assert sale.spent() == PRICE
    assert sale.runs == ["a"]


def sells_with_body(sale):
    with x402_requests(sale.client) as http:
        response = http.post(sale.url + "/orders", json={"n": 1})
    assert (response.status_code, response.json()) == (201, {"n": 1})
    assert sale.spent() == PRICE


def refuses_other_route(sale):
    payment = sale.payment_for("/pages/a")
    for path in ("/pages/b", "/pages/a?x=1", "/pages/a%3Fx=1"):
        assert sale.present(path, payment).status_code == 402, path
    accepted = sale.payment_for("/pages/b")["accepted"]
    assert sale.present("/pages/b", payment | {"accepted": accepted}).status_code == 402
    assert sale.runs == []
    assert sale.spent() == 0


def refuses_replay(sale):
    payment = sale.payment_for("/pages/a")
    assert sale.present("/pages/a", payment).status_code == 200
    assert sale.present("/pages/a", payment).status_code == 402
    assert sale.runs == ["a"]
    assert sale.spent() == PRICE


def runs_copies_once(sale):
    payment = sale.payment_for("/pages/a")
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: sale.present("/pages/a", payment), range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 402, 402, 402, 402]
    assert sale.runs == ["a"]
    assert sale.spent() == PRICE


def failure_is_free(sale):
    payment = sale.payment_for("/broken")
    assert sale.present("/broken", payment).status_code == 500
    assert sale.present("/broken", payment).status_code == 500
    assert sale.spent() == 0


EACH = [
    ("sells through the node", sells),
    ("sells a request with a body", sells_with_body),
    ("refuses a payment for another route", refuses_other_route),
    ("refuses a replay before its handler runs", refuses_replay),
    ("runs five copies once", runs_copies_once),
    ("charges nothing for a failing handler", failure_is_free),
]


def _selling(seller, run):
    def case():
        runs = []
        with seller(runs) as url:
            run(Sale(url, runs))

    return case


CASES = [
    (f"x402 with {name} {about}", _selling(seller, run))
    for name, seller in (("FastAPI", fastapi_seller), ("Flask", flask_seller))
    for about, run in EACH
]
