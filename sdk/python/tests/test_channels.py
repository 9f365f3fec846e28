import base64
import json
import unittest

from vectors import VECTORS, unhex
from x402.schemas import PaymentRequired, PaymentRequirements, ResourceInfo, SettleResponse
from x402.schemas.hooks import PaymentResponseContext

from farthing_x402 import (
    Asset,
    BatchFarthingClient,
    ChannelPayment,
    ChannelPolicy,
    ChannelRefused,
    ChannelTerms,
    MemoryChannelStore,
    PayerKey,
    Refund,
    SignedVoucher,
    SpendLimits,
    SpendRefused,
    UptoFarthingClient,
    channel_payload,
    channels_first,
    close_bytes,
    id_from_text,
    id_text,
    previous_link,
    read_channel_offer,
    register_farthing,
    tick_bytes,
    tick_chain,
    top_up_bytes,
    verify_signature,
    voucher_bytes,
)

KEY = PayerKey.from_seed(bytes([7]) * 32)


def terms_of(row):
    mandate = bytes.fromhex(row["mandate"])
    return ChannelTerms(
        **unhex(row, "node", "salt", "payer", "signer", "voucher_key", "payee", "tick_root"),
        asset=Asset(row["asset"], row["scale"]),
        deposit=int(row["deposit"]),
        tick_units=int(row["tick_units"]),
        tick_count=row["tick_count"],
        close_delay_seconds=row["close_delay_seconds"],
        expires_at_ms=row["expires_at_ms"],
        mandate=mandate if any(mandate) else None,
    )


class ChannelFormats(unittest.TestCase):
    def check_signed(self, row, data):
        self.assertEqual(data.hex(), row["bytes"])
        key = PayerKey.from_seed(bytes.fromhex(row["seed"]))
        self.assertEqual(key.sign(data).hex(), row["signature"])

    def test_statements_are_the_vectors_bytes(self):
        for row in VECTORS["channels"]:
            terms = terms_of(row)
            self.check_signed(row, terms.to_bytes())
            self.assertEqual(terms.channel().hex(), row["channel"])
            self.assertEqual(id_text("ch", terms.channel()), row["text"])
        for row in VECTORS["vouchers"]:
            channel = bytes.fromhex(row["channel"])
            data = voucher_bytes(channel, int(row["sequence"]), int(row["cumulative"]))
            self.check_signed(row, data)
        for row in VECTORS["top_ups"]:
            data = top_up_bytes(bytes.fromhex(row["channel"]), int(row["deposit"]))
            self.check_signed(row, data)
        for row in VECTORS["closes"]:
            data = close_bytes(bytes.fromhex(row["channel"]), int(row["cumulative"]))
            self.check_signed(row, data)

    def test_ticks_are_the_vectors_bytes_and_lead_to_the_root(self):
        for row in VECTORS["ticks"]:
            if "index" in row:
                data = tick_bytes(row["index"], bytes.fromhex(row["link"]))
                self.assertEqual(data.hex(), row["bytes"])
        for row in VECTORS["tick_chains"]:
            salt, links = bytes.fromhex(row["salt"]), [bytes.fromhex(x) for x in row["links"]]
            chain = tick_chain(salt, links[-1], row["count"])
            self.assertEqual([x.hex() for x in chain], [row["root"], *row["links"]])
        with self.assertRaises(ValueError):
            previous_link(bytes(16), 0, bytes(16))


class ChannelMessages(unittest.TestCase):
    def test_payloads_are_the_vectors_members(self):
        opening, _, raising, paying, _ = VECTORS["x402_channels"]["payloads"]
        offered = PaymentRequirements.model_validate(VECTORS["x402_channels"]["requirements"])
        offer = read_channel_offer(offered)
        self.assertEqual((offer.amount, offer.close_delay_seconds), (1000000, 3600))
        message = paying["voucher"]
        voucher = SignedVoucher(
            message["channelId"],
            message["sequence"],
            int(message["maxClaimableAmount"]),
            base64.b64decode(message["signature"]),
        )
        terms = tuple(base64.b64decode(opening[name]) for name in ("terms", "signature"))
        raised = raising["topUp"]
        top_up = (int(raised["deposit"]), base64.b64decode(raised["signature"]))
        self.assertEqual(channel_payload(ChannelPayment(voucher, terms=terms)), opening)
        self.assertEqual(channel_payload(ChannelPayment(voucher, top_up=top_up)), raising)
        self.assertEqual(channel_payload(ChannelPayment(voucher)), paying)


def requirements(extra=None, **changes):
    own = {
        "scale": 9,
        "purchase": "ab" * 32,
        "start": "2000",
        "depositMin": "5000",
        "depositSuggested": "10000",
        "closeDelaySeconds": 60,
    }
    fields = {
        "scheme": "batch-settlement",
        "network": "farthing:00000000000000000000000c1s",
        "amount": "2000",
        "asset": "USD",
        "pay_to": "acc_0000000000000000000000002d",
        "max_timeout_seconds": 60,
    }
    return PaymentRequirements(**{**fields, **changes}, extra={**own, **(extra or {})})


def client_with(*, spend_control=None, **policy):
    return BatchFarthingClient(KEY, ChannelPolicy(**policy), spend_control=spend_control)


class Paid:
    """A payload as the SDK keeps it."""

    def __init__(self, payload):
        self.payload = payload


def answer(payload, settled=None, required=None):
    return PaymentResponseContext(
        payment_payload=Paid(payload),
        requirements=requirements(),
        settle_response=settled,
        payment_required=required,
    )


def charged(payload, amount):
    return answer(
        payload,
        SettleResponse(success=True, transaction="", network="farthing:x", amount=str(amount)),
    )


def corrective(payload, state, voucher):
    extra = {"channelState": state, "voucherState": voucher}
    accepts = [requirements(scheme="exact"), requirements(extra)]
    required = PaymentRequired(
        error="voucher_stale", resource=ResourceInfo(url="http://x/"), accepts=accepts
    )
    return answer(payload, required=required)


def state(channel, spent):
    return {"channelId": channel, "deposit": "10000", "spent": str(spent), "sequence": 40}


def proof(key, channel, sequence, cumulative):
    data = voucher_bytes(id_from_text("ch", channel), sequence, cumulative)
    return {
        "channelId": channel,
        "sequence": sequence,
        "maxClaimableAmount": str(cumulative),
        "signature": base64.b64encode(key.sign(data)).decode(),
    }


class Channels(unittest.TestCase):
    def check_voucher(self, payload, sequence, cumulative):
        voucher = payload["voucher"]
        self.assertEqual(
            (voucher["sequence"], voucher["maxClaimableAmount"]), (sequence, str(cumulative))
        )
        data = voucher_bytes(id_from_text("ch", voucher["channelId"]), sequence, cumulative)
        signature = base64.b64decode(voucher["signature"])
        self.assertTrue(verify_signature(KEY.public_key, data, signature))

    def refused(self, code, client, terms=None):
        with self.assertRaises(ChannelRefused) as refused:
            client.create_payment_payload(terms or requirements())
        self.assertEqual(refused.exception.code, code)

    def test_opens_then_signs_vouchers_then_tops_up(self):
        client = client_with()
        first = client.create_payment_payload(requirements())
        self.assertEqual(first["type"], "deposit")
        self.assertEqual(len(base64.b64decode(first["terms"])), 248)
        self.check_voucher(first, 1, 2000)
        for number in range(2, 6):
            paid = client.create_payment_payload(requirements())
            self.assertEqual(set(paid), {"type", "voucher"})
            self.check_voucher(paid, number, 2000 * number)
        raised = client.create_payment_payload(requirements())
        self.assertEqual(raised["topUp"]["deposit"], "20000")
        data = top_up_bytes(id_from_text("ch", first["voucher"]["channelId"]), 20000)
        signature = base64.b64decode(raised["topUp"]["signature"])
        self.assertTrue(verify_signature(KEY.public_key, data, signature))
        self.check_voucher(raised, 6, 12000)

    def test_counts_what_was_charged(self):
        client = client_with()
        first = client.create_payment_payload(requirements())
        self.assertIsNone(client.on_payment_response(charged(first, 500)))
        second = client.create_payment_payload(requirements())
        self.check_voucher(second, 2, 2500)
        client.on_payment_response(charged(second, 0))
        self.check_voucher(client.create_payment_payload(requirements()), 3, 2500)
        client.on_payment_response(charged(first, 0))
        self.check_voucher(client.create_payment_payload(requirements()), 4, 4500)

    def test_goes_on_after_its_own_voucher_was_shown(self):
        client = client_with()
        paid = client.create_payment_payload(requirements())
        channel = paid["voucher"]["channelId"]
        shown = proof(KEY, channel, 40, 8000)
        recovered = client.on_payment_response(corrective(paid, state(channel, 7000), shown))
        self.assertTrue(recovered.recovered)
        again = client.create_payment_payload(requirements())
        self.assertEqual(again["voucher"]["channelId"], channel)
        self.check_voucher(again, 41, 9000)

    def test_what_is_not_proven_is_not_believed(self):
        client = client_with()
        paid = client.create_payment_payload(requirements())
        channel = paid["voucher"]["channelId"]
        stranger = PayerKey.from_seed(bytes([8]) * 32)
        good = proof(KEY, channel, 40, 8000)
        for claim, shown in [
            (state(channel, 7000), proof(stranger, channel, 40, 8000)),
            (state(channel, 7000), {**good, "maxClaimableAmount": "9000"}),
            (state(channel, 7000), {**good, "sequence": 41}),
            (state(channel, 7000), {**good, "signature": "AAAA"}),
            (state(channel, 7000), {**good, "signature": None}),
            ({**state(channel, 7000), "spent": "-1"}, good),
            (state("ch_0000000000000000000000003b", 7000), good),
        ]:
            self.assertIsNone(client.on_payment_response(corrective(paid, claim, shown)))
        self.check_voucher(client.create_payment_payload(requirements()), 2, 4000)
        client.on_payment_response(corrective(paid, state(channel, 1_000_000), good))
        self.check_voucher(client.create_payment_payload(requirements()), 41, 10000)

    def test_a_channel_that_is_gone_is_opened_anew_but_not_without_end(self):
        client = client_with(opens_max=2)
        gone = SettleResponse(
            success=False, error_reason="channel_closed", transaction="", network="farthing:x"
        )
        seen = set()
        for can_help in [True, False]:
            paid = client.create_payment_payload(requirements())
            seen.add(paid["voucher"]["channelId"])
            recovered = client.on_payment_response(answer(paid, gone))
            self.assertEqual(recovered is not None, can_help)
        self.assertEqual(len(seen), 2)
        self.refused("opened_too_often", client)

    def test_nothing_is_signed_above_the_limits(self):
        self.refused("deposit_above_limit", client_with(deposit_max=4999))
        dear = requirements({"depositMin": "1000000001"})
        self.refused("deposit_above_limit", client_with(), dear)
        self.refused("close_delay_above_limit", client_with(close_delay_seconds_max=59))
        counted = client_with(spend_control=SpendLimits(total=5000))
        counted.create_payment_payload(requirements())
        counted.create_payment_payload(requirements())
        with self.assertRaises(SpendRefused):
            counted.create_payment_payload(requirements())
        greedy = requirements({"depositSuggested": "99999999999999999999"})
        careful = client_with()
        careful.create_payment_payload(greedy)
        self.assertEqual(careful.channel(greedy).deposit, 10**9)

    def test_terms_of_a_stranger_are_read_strictly(self):
        for extra in [
            {"depositMin": 5000},
            {"depositMin": "05000"},
            {"depositSuggested": None},
            {"closeDelaySeconds": 0},
            {"closeDelaySeconds": True},
            {"closeDelaySeconds": "60"},
            {"scale": 8},
        ]:
            with self.assertRaises(ValueError, msg=extra):
                client_with().create_payment_payload(requirements(extra))

    def test_channels_are_kept_in_the_store_that_is_given(self):
        store = MemoryChannelStore()
        before = client_with(store=store).create_payment_payload(requirements())
        after = client_with(store=store).create_payment_payload(requirements())
        self.assertEqual(after["voucher"]["channelId"], before["voucher"]["channelId"])
        self.check_voucher(after, 2, 4000)

    def test_a_refund_is_signed_over_what_was_spent(self):
        client = client_with()
        paid = client.create_payment_payload(requirements())
        client.on_payment_response(charged(paid, 1500))
        session = Session()
        refund = client.refund("http://x/", session)
        self.assertEqual(refund, Refund(success=True, refunded=8500))
        payload = session.sent[0]["payload"]
        self.assertEqual(payload["cumulativeAmount"], "1500")
        data = close_bytes(id_from_text("ch", payload["channelId"]), 1500)
        signature = base64.b64decode(payload["signature"])
        self.assertTrue(verify_signature(KEY.public_key, data, signature))
        self.assertIsNone(client.refund("http://x/", session))

    def test_registration_takes_channels_only_if_asked_to(self):
        self.assertEqual(Registry().of({}), (["exact", "v1 exact", "upto"], None))
        schemes, policy = Registry().of({"channels": ChannelPolicy()})
        self.assertEqual(schemes, ["exact", "v1 exact", "upto", "batch-settlement"])
        self.assertIs(policy, channels_first)
        offers = policy(2, [requirements(scheme="exact"), requirements()])
        self.assertEqual([o.scheme for o in offers], ["batch-settlement", "exact"])

    def test_upto_signs_an_order(self):
        payload = UptoFarthingClient(KEY).create_payment_payload(requirements(scheme="upto"))
        self.assertEqual(set(payload), {"order", "signature"})


class Registry:
    """The part of an x402 client that registration needs."""

    def __init__(self):
        self.schemes = []
        self.policy = None

    def of(self, options):
        register_farthing(self, KEY, **options)
        return self.schemes, self.policy

    def register(self, network, scheme):
        self.schemes.append(scheme.scheme)

    def register_v1(self, network, scheme):
        self.schemes.append(f"v1 {scheme.scheme}")

    def register_policy(self, policy):
        self.policy = policy


class Session:
    """A seller that closes a channel when it is asked to."""

    def __init__(self):
        self.sent = []

    def request(self, method, url, headers=None):
        if headers is None:
            accepts = [requirements(scheme="exact"), requirements()]
            accepts = [a.model_dump(by_alias=True) for a in accepts]
            return Answer(402, "PAYMENT-REQUIRED", {"x402Version": 2, "accepts": accepts})
        self.sent.append(json.loads(base64.b64decode(headers["PAYMENT-SIGNATURE"])))
        settled = {"success": True, "extra": {"refundedAmount": "8500"}}
        return Answer(200, "PAYMENT-RESPONSE", settled)


class Answer:
    def __init__(self, status_code, header, message):
        self.status_code = status_code
        self.headers = {header: base64.b64encode(json.dumps(message).encode()).decode()}


if __name__ == "__main__":
    unittest.main()
