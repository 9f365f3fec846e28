"""Webhooks of a running node, verified by the package `standardwebhooks` of PyPI, by the code of our
guide, and Ed25519 by `cryptography`. The demo's own payers make the events.
"""

import base64
import http.server
import queue
import re
import threading

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from node import HERE, operator_call

EVENTS_COUNT = 10
WAIT_SECONDS_MAX = 60
GUIDE = HERE.parents[2] / "docs" / "guides" / "receive-webhooks.md"


class _Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.put(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def _receive(signature, judge):
    """Registers an endpoint, and judges what it is sent."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.got = queue.Queue()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    wanted = {"url": url, "events": ["*"], "signature": signature}
    endpoint = operator_call("POST", "/v1/webhook-endpoints", wanted)
    try:
        operator_call("POST", f"/v1/webhook-endpoints/{endpoint['webhook_endpoint']}/ping", {})
        for _ in range(EVENTS_COUNT):
            headers, body = server.got.get(timeout=WAIT_SECONDS_MAX)
            judge(endpoint, headers, body)
    finally:
        operator_call("DELETE", f"/v1/webhook-endpoints/{endpoint['webhook_endpoint']}")
        server.shutdown()


def _refuses(verify, body):
    try:
        verify(body)
    except Exception:
        return
    raise AssertionError("a changed body was taken")


def by_standardwebhooks():
    def judge(endpoint, headers, body):
        webhook = Webhook(endpoint["secret"])
        event = webhook.verify(body, headers)
        assert event["id"] == headers["webhook-id"], event
        assert event["api_version"] == "2026-11-01", event
        _refuses(lambda changed: webhook.verify(changed, headers), body + b" ")

    _receive("hmac", judge)


def by_the_guide():
    text = GUIDE.read_text()
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1), names)

    def judge(endpoint, headers, body):
        secret = endpoint["secret"]
        assert names["verify"](secret, headers, body)["id"] == headers["webhook-id"]
        _refuses(lambda changed: names["verify"](secret, headers, changed), body + b" ")

    _receive("hmac", judge)


def by_a_public_key():
    def judge(endpoint, headers, body):
        public = base64.b64decode(endpoint["public_key"].removeprefix("whpk_"))
        key = Ed25519PublicKey.from_public_bytes(public)
        version, signature = headers["webhook-signature"].split(",")
        assert version == "v1a"
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
        verify = lambda content: key.verify(base64.b64decode(signature), signed + content)  # noqa: E731
        verify(body)
        _refuses(verify, body + b" ")

    _receive("ed25519", judge)


CASES = [
    ("webhooks: the package standardwebhooks verifies what a node posts", by_standardwebhooks),
    ("webhooks: the guide's Python verifies it", by_the_guide),
    ("webhooks: a public key verifies it", by_a_public_key),
]
