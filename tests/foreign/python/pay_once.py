"""The purchase command of hostile-facilitator: one purchase by `farthing pay`.

A small seller and stand-in for a node on one port. It passes each payment that is presented on to
$FACILITATOR_URL, once for each time it is presented, names it by its payment id, and translates
failures as an honest gateway does: what it does not know, it calls unknown (504 or 502). A question
for the receipt of a payment goes to the facilitator's own record, and that answer, broken or not,
goes back as it came. Whether one purchase becomes two payments is thus up to `farthing pay`.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "sdk", "python", "src"))

from farthing_x402 import PayerKey, Purchase, id_text, node_id, payment_id  # noqa: E402

FACILITATOR = os.environ["FACILITATOR_URL"]
CLIENT_SECONDS = float(os.environ.get("HOSTILE_CLIENT_TIMEOUT", "2"))
NODE = id_text("node", node_id(PayerKey.generate().public_key))
NETWORK = "farthing:" + NODE.removeprefix("node_")
PAYEE = "acc_0000000000000000000000002d"
PATH = "/paid"
PAID = {"amount": "2000000", "asset": "USD", "scale": 9}
PAY_SECONDS_MAX = 25


def requirements(origin):
    return {
        "scheme": "exact",
        "network": NETWORK,
        "amount": PAID["amount"],
        "asset": PAID["asset"],
        "payTo": PAYEE,
        "maxTimeoutSeconds": 60,
        "extra": {"scale": PAID["scale"], "purchase": Purchase("GET", origin, PATH).digest().hex()},
    }


def b64(value):
    return base64.b64encode(json.dumps(value).encode()).decode("ascii")


def name_of(payment):
    """The payment id of the order that was presented."""
    order = base64.b64decode(payment["payload"]["order"])
    return id_text("pay", payment_id(order[24:40], order[56:72], order[40:56]))


class Seller(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        pass

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == PATH:
            self.sell()
        elif path == "/v1/node":
            assets = [{"asset": "USD", "scale": 9, "sandbox": True}]
            now_ms = time.time_ns() // 1_000_000
            self.answer(200, {"node": NODE, "network": NETWORK, "assets": assets, "now_ms": now_ms})
        elif path.startswith("/v1/receipts/"):
            self.reconcile(path.removeprefix("/v1/receipts/"))
        else:
            self.answer(404, {"code": "not_found", "status": 404})

    def sell(self):
        header = self.headers.get("payment-signature")
        if header is None:
            return self.challenge("Payment required")
        payment = json.loads(base64.b64decode(header))
        name = name_of(payment)
        body = {
            "x402Version": 2,
            "paymentPayload": payment,
            "paymentRequirements": requirements(self.origin()),
        }
        try:
            settled = httpx.post(
                FACILITATOR + "/settle",
                json=body,
                headers={"idempotency-key": name},
                timeout=CLIENT_SECONDS,
            )
        except httpx.HTTPError:
            return self.unknown(504, name)
        if settled.status_code == 402:
            return self.challenge("payment_required")
        if settled.status_code != 200 or settled.json().get("success") is not True:
            return self.unknown(502, name)
        answer = (
            settled.json() | {"transaction": name, "network": NETWORK} | {"amount": PAID["amount"]}
        )
        receipt = f"{self.origin()}/v1/receipts/{name}"
        answer["extra"] = {"asset": "USD", "scale": 9, "state": "settled", "receipt": receipt}
        return self.answer(200, {"content": "bought"}, {"PAYMENT-RESPONSE": b64(answer)})

    def challenge(self, error):
        required = {
            "x402Version": 2,
            "error": error,
            "resource": {"url": self.origin() + PATH},
            "accepts": [requirements(self.origin())],
        }
        headers = {"PAYMENT-REQUIRED": b64(required), "Cache-Control": "no-store"}
        self.answer(402, {"code": "payment_required", "status": 402}, headers)

    def unknown(self, status, name):
        problem = {"code": "outcome_unknown", "status": status, "retry": "same_key"}
        self.answer(status, problem | {"payment": name})

    def reconcile(self, name):
        """The facilitator's record as it comes; only a clear "no" becomes our 404."""
        url = f"{FACILITATOR}/reconcile?nonce={name}"
        try:
            record = httpx.get(url, timeout=CLIENT_SECONDS)
        except httpx.HTTPError:
            self.close_connection = True
            return
        try:
            found = record.json().get("found")
        except (ValueError, AttributeError):
            found = None
        if found is False:
            self.answer(404, {"code": "not_found", "status": 404})
        elif found is True:
            self.answer(200, {"payment": name, "state": "settled", **PAID})
        else:
            self.raw(record.status_code, record.content, record.headers["content-type"])

    def origin(self):
        return f"http://{self.headers['host']}"

    def answer(self, status, value, headers=None):
        self.raw(status, json.dumps(value).encode(), "application/json", headers)

    def raw(self, status, body, content_type, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True


def purchase(origin, folder):
    """One purchase by `farthing pay`, with a new wallet; its exit code."""
    program = os.environ["FARTHING_BIN"]
    wallet = ["--wallet", os.path.join(folder, "wallet.json")]
    subprocess.run([program, "wallet", "new", "--node", origin, *wallet], check=True)
    pay = [program, "pay", origin + PATH, *wallet, "--max", "0.01"]
    try:
        return subprocess.run(pay, timeout=PAY_SECONDS_MAX, check=False).returncode
    except subprocess.TimeoutExpired:
        return 1


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Seller)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        return purchase(f"http://127.0.0.1:{server.server_port}", folder)


if __name__ == "__main__":
    sys.exit(main())
