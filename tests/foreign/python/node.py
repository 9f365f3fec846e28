"""What the cases need of the node and the site under test: play money, balances, raw requests.

Only public HTTP interfaces; an answer that is not expected raises with its text.
"""

import base64
import json
import os
import pathlib
import sys
import urllib.parse

import httpx

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "sdk" / "python" / "src"))

from farthing_x402 import PayerKey, access_header, id_from_digits  # noqa: E402

OFFERS = json.loads((HERE.parent / "offers.json").read_text())
ANSWER_SECONDS_MAX = 20


def _origin(name):
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set: give the origin of a running demo")
    parts = urllib.parse.urlsplit(value)
    return f"{parts.scheme}://{parts.netloc}"


SITE = _origin("FARTHING_SITE_URL")
NODE = _origin("FARTHING_NODE_URL")


def _json(method, path, **options):
    response = httpx.request(method, NODE + path, timeout=ANSWER_SECONDS_MAX, **options)
    if not response.is_success:
        raise AssertionError(f"{path} answered {response.status_code}: {response.text}")
    return response.json()


NETWORK = _json("GET", "/v1/node")["network"]


def new_payer():
    """A new payer with play money."""
    key = PayerKey.generate()
    _json("POST", "/v1/faucet", json={"key": key.public_key.hex()})
    return key


def available(key):
    """What a payer can spend, in base units."""
    node = id_from_digits(NETWORK.removeprefix("farthing:"))
    account = _json("GET", "/v1/payer", headers={"authorization": access_header(node, key)})
    return int(account["available"])


def decode(header):
    """Base64 JSON of a payment header."""
    return json.loads(base64.b64decode(header, validate=True))


def encode(value):
    """Base64 JSON for a payment header."""
    return base64.b64encode(json.dumps(value).encode()).decode("ascii")


def payee_account():
    """A payee's account that money can go to: the one that the site's own article pays."""
    unpaid = httpx.get(SITE + OFFERS["article"]["path"], timeout=ANSWER_SECONDS_MAX)
    return decode(unpaid.headers["payment-required"])["accepts"][0]["payTo"]


def operator_headers():
    """Proves the operator, by the token in the data folder."""
    token = (pathlib.Path(os.environ["FARTHING_DEMO_DATA"]) / "operator.token").read_text().strip()
    return {"authorization": f"Bearer {token}"}


def operator_call(method, path, body=None):
    """A call of the operator."""
    return _json(method, path, json=body, headers=operator_headers())
