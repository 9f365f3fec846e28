"""The MPP plug-in without a node: what it signs, what it believes, what it refuses."""

import asyncio
import base64
import copy
import datetime
import json
import pathlib
import unittest

import httpx
from mpp import Challenge, Credential
from mpp.client import PaymentTransport
from mpp.runtime import CredentialParams
from vectors import VECTORS

from farthing_x402 import (
    ChannelPolicy,
    MemoryChannelStore,
    PayerKey,
    SpendLimits,
    SpendRefused,
    id_from_text,
    verify_signature,
    voucher_bytes,
)
from farthing_x402.mpp import (
    EVENT_CHARS_MAX,
    EventReader,
    FarthingSessions,
    ServerEvent,
    charge,
    read_charge,
    read_session,
    session,
)

EXAMPLE = VECTORS["x402"][0]
TERMS = EXAMPLE["requirements"]
KEY = PayerKey.from_seed(bytes.fromhex(EXAMPLE["seed"]))


def _terms(more, changes):
    details = {"network": TERMS["network"], "asset": "USD", "scale": 9, **more}
    request = {
        "amount": "2000000",
        "currency": "usd",
        "recipient": TERMS["payTo"],
        "methodDetails": details,
    }
    return {**request, **changes}


def charge_terms(more=None, **changes):
    purchase = TERMS["extra"]["purchase"]
    return _terms({"orderSeconds": 60, "purchase": purchase, **(more or {})}, changes)


def session_terms(more=None, **changes):
    own = {"per": 1, "start": "2000000", "minDeposit": "4000000", "closeDelaySeconds": 600}
    deposit = {"suggestedDeposit": "20000000", "unitType": "request"}
    return _terms({**own, **(more or {})}, {**deposit, **changes})


def challenge(intent, request):
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30)
    return Challenge.create(
        secret_key="s" * 40,
        realm="127.0.0.1",
        method="farthing",
        intent=intent,
        request=request,
        expires=expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def pay(method, asked):
    credential = asyncio.run(method.create_credential(CredentialParams(challenge=asked)))
    return Credential.from_authorization(credential)


class Vectors(unittest.TestCase):
    def test_the_sdk_finds_the_nodes_digests_and_echoes_what_it_read(self):
        file = pathlib.Path(__file__).parents[3] / "conformance" / "mpp.json"
        vectors = json.loads(file.read_text())
        secret, realm = vectors["secret"], vectors["realm"]
        self.assertEqual(len(vectors["challenges"]), 3)
        for line in vectors["challenges"]:
            read = Challenge.from_www_authenticate(line)
            self.assertTrue(read.verify(secret, realm), line)
            self.assertEqual(read.description, "The price of a farthing \u2014 an article")
            (read_charge if read.intent == "charge" else read_session)(read.request)
            credential = Credential(challenge=read.to_echo(), payload={}).to_authorization()
            echo = Credential.from_authorization(credential).challenge
            self.assertEqual((echo.id, echo.request), (read.id, read.request_b64))
        self.assertEqual(read.credential_header, "Payment-Authorization")


class Charge(unittest.TestCase):
    def test_an_order_fits_its_challenge_and_does_not_outlive_it(self):
        asked = challenge("charge", charge_terms())
        credential = pay(charge(KEY), asked)
        self.assertEqual(credential.challenge, asked.to_echo())
        order = base64.b64decode(credential.payload["order"])
        golden = base64.b64decode(EXAMPLE["payload"]["order"])
        self.assertEqual(order[:40], golden[:40])
        # Everything between the order's own id and its end is what the golden order says.
        self.assertEqual(order[56:184], golden[56:184])
        end = datetime.datetime.fromisoformat(asked.expires.replace("Z", "+00:00"))
        self.assertLessEqual(int.from_bytes(order[184:192], "big"), end.timestamp() * 1000)
        signature = base64.b64decode(credential.payload["signature"])
        self.assertTrue(verify_signature(KEY.public_key, order, signature))

    def test_a_charge_above_the_limit_is_not_signed(self):
        method = charge(KEY, spend_control=SpendLimits(per_payment=1_999_999))
        with self.assertRaises(SpendRefused):
            pay(method, challenge("charge", charge_terms()))

    def test_terms_that_are_not_in_due_form_are_refused(self):
        self.assertEqual(read_charge(charge_terms()).amount, 2_000_000)
        self.assertEqual(read_session(session_terms()).offer.deposit_min, 4_000_000)
        for broken in (
            charge_terms(amount="02"),
            charge_terms(amount=2),
            charge_terms(currency="USD"),
            charge_terms(recipient="bob"),
            charge_terms(methodDetails=None),
            charge_terms({"network": "eip155:1"}),
            charge_terms({"scale": "9"}),
            charge_terms({"scale": True}),
            charge_terms({"orderSeconds": 0}),
            charge_terms({"orderSeconds": 86_401}),
            charge_terms({"purchase": "ab"}),
        ):
            with self.subTest(broken), self.assertRaises(ValueError):
                read_charge(broken)
        for broken in (
            session_terms({"start": "-1"}),
            session_terms({"minDeposit": None}),
            session_terms({"per": 0}),
            session_terms({"closeDelaySeconds": 2**32}),
            session_terms(suggestedDeposit=None),
        ):
            with self.subTest(broken), self.assertRaises(ValueError):
                read_session(broken)


class Session(unittest.TestCase):
    def check_voucher(self, channel, payload, sequence, cumulative):
        self.assertEqual(payload["sequence"], sequence)
        self.assertEqual(payload["cumulativeAmount"], str(cumulative))
        signed = voucher_bytes(id_from_text("ch", channel), sequence, cumulative)
        signature = base64.b64decode(payload.get("voucherSignature", payload["signature"]))
        self.assertTrue(verify_signature(KEY.public_key, signed, signature))

    def test_a_session_opens_once_and_then_signs_rising_vouchers(self):
        policy = ChannelPolicy(store=MemoryChannelStore())
        method = session(FarthingSessions(KEY, policy=policy))
        opened = pay(method, challenge("session", session_terms())).payload
        second = pay(method, challenge("session", session_terms())).payload
        self.assertEqual((opened["action"], second["action"]), ("open", "voucher"))
        self.check_voucher(second["channelId"], opened, 1, 2_000_000)
        self.check_voucher(second["channelId"], second, 2, 4_000_000)
        again = session(FarthingSessions(KEY, policy=policy))
        third = pay(again, challenge("session", session_terms())).payload
        self.check_voucher(second["channelId"], third, 3, 6_000_000)

    def test_a_channels_state_counts_only_with_the_payers_own_signature(self):
        method = session(FarthingSessions(KEY))
        pay(method, challenge("session", session_terms()))
        channel = pay(method, challenge("session", session_terms())).payload["channelId"]

        def told(signer):
            signature = signer.sign(voucher_bytes(id_from_text("ch", channel), 90, 12_000_000))
            voucher = {
                "sequence": 90,
                "cumulativeAmount": "12000000",
                "signature": base64.b64encode(signature).decode(),
            }
            state = {
                "channelId": channel,
                "deposit": "20000000",
                "accepted": "12000000",
                "spent": "12000000",
                "sequence": 90,
                "tickIndex": 0,
                "voucher": voucher,
            }
            return challenge("session", session_terms({"channel": state}))

        forged = pay(method, told(PayerKey.generate())).payload
        self.check_voucher(channel, forged, 3, 6_000_000)
        proven = pay(method, told(KEY)).payload
        self.check_voucher(channel, proven, 91, 14_000_000)

    def test_a_stream_gets_the_voucher_it_asks_for_and_passes_unchanged(self):
        server = _Streaming()
        sessions = FarthingSessions(KEY)
        pay(session(sessions), challenge("session", session_terms()))
        text = asyncio.run(_get(sessions, server))
        self.assertEqual(text, "".join(server.sent))
        self.assertEqual(len(server.heads), 1)
        self.check_voucher(server.heads[0]["channelId"], server.heads[0], 3, 11_000_000)

    def test_a_dead_channel_is_forgotten_and_another_one_is_opened(self):
        actions = []

        def serve(request):
            header = request.headers.get("authorization")
            if header is None:
                return _unpaid()
            action = Credential.from_authorization(header).payload["action"]
            actions.append(action)
            if action == "open":
                return httpx.Response(200, text="paid")
            return httpx.Response(410, json={"code": "channel_closed"})

        sessions = FarthingSessions(KEY)
        transport = httpx.MockTransport(serve)
        for _ in range(2):
            self.assertEqual(asyncio.run(_get(sessions, transport)), "paid")
        self.assertEqual(actions, ["open", "voucher", "open"])


class Events(unittest.TestCase):
    def test_events_are_read_across_chunks(self):
        data = b"event: a\r\ndata: 1\r\ndata: 2\r\n\r\n: comment\n\ndata:x\n\n"
        for size in (1, 2, 3, 7, 100):
            reader = EventReader()
            found = []
            for at in range(0, len(data), size):
                found += reader.push(data[at : at + size])
            self.assertEqual(found, [ServerEvent("a", "1\n2"), ServerEvent("message", "x")])

    def test_what_is_too_long_for_a_payment_is_skipped(self):
        long = b"data: " + b"x" * (EVENT_CHARS_MAX + 1) + b"\n\ndata: short\n\n"
        self.assertEqual(EventReader().push(long), [ServerEvent("message", "short")])


def _unpaid():
    line = challenge("session", session_terms()).to_www_authenticate("127.0.0.1")
    return httpx.Response(402, headers={"www-authenticate": line})


async def _get(sessions, server):
    methods = [session(sessions)]
    transport = PaymentTransport(methods=methods, inner=sessions.transport(server))
    async with httpx.AsyncClient(transport=transport) as client:
        response = await client.get("http://127.0.0.1/stream")
        assert response.status_code == 200, response.text
        return response.text


class _Streaming(httpx.AsyncBaseTransport):
    """A server of events that needs one voucher in mid-stream."""

    def __init__(self):
        self.heads = []
        self.sent = []
        self._resume = asyncio.Event()

    async def handle_async_request(self, request):
        header = request.headers.get("authorization")
        if header is None:
            return _unpaid()
        payload = copy.deepcopy(Credential.from_authorization(header).payload)
        if request.method == "HEAD":
            self.heads.append(payload)
            self._resume.set()
            return httpx.Response(200)
        stream = self._events(payload)
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=_Stream(stream))

    async def _events(self, payload):
        need = json.dumps(
            {
                "channelId": payload["channelId"],
                "requiredCumulative": "9000000",
                "acceptedCumulative": payload["cumulativeAmount"],
                "deposit": "20000000",
            }
        )
        for text in ("data: one\n\nevent: payment-need-", f"voucher\ndata: {need}\n\n"):
            self.sent.append(text)
            yield text.encode()
        await asyncio.wait_for(self._resume.wait(), 5)
        self.sent.append("data: two\n\n")
        yield b"data: two\n\n"


class _Stream(httpx.AsyncByteStream):
    def __init__(self, parts):
        self._parts = parts

    async def __aiter__(self):
        async for part in self._parts:
            yield part


if __name__ == "__main__":
    unittest.main()
