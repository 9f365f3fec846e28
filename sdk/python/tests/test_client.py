import base64
import pathlib
import stat
import tempfile
import unittest

from vectors import VECTORS
from x402 import x402ClientSync
from x402.schemas import (
    NoMatchingRequirementsError,
    PaymentRequired,
    PaymentRequiredV1,
    PaymentRequirements,
)

from farthing_x402 import (
    Asset,
    Delegation,
    ExactFarthingClient,
    PayerKey,
    SpendLimits,
    SpendRefused,
    read_requirements,
    register_farthing,
    sign_order,
)

EXAMPLE = VECTORS["x402"][0]
KEY = PayerKey.from_seed(bytes.fromhex(EXAMPLE["seed"]))


def offer(**changes):
    return PaymentRequirements.model_validate(EXAMPLE["requirements"] | changes)


def challenge(**changes):
    resource = {"url": "http://127.0.0.1:4020/articles/1"}
    return PaymentRequired(resource=resource, accepts=[offer(**changes)])


BAD_CHANGES = [
    {"network": "eip155:8453"},
    {"network": "farthing:0"},
    {"network": "farthing:" + 26 * "0"},
    {"amount": "-1"},
    {"amount": "1e9"},
    {"amount": "01"},
    {"amount": ""},
    {"amount": "5\n"},
    {"amount": "\uff15"},
    {"amount": str(2**128)},
    {"asset": "usd"},
    {"payTo": "0xabc"},
    {"payTo": "tr_0000000000000000000000002d"},
    {"maxTimeoutSeconds": 0},
    {"maxTimeoutSeconds": 10**9},
    {"extra": {}},
    {"extra": {"scale": "9"}},
    {"extra": {"scale": True}},
    {"extra": {"scale": 2}},
    {"extra": {"scale": 9, "purchase": "AB"}},
    {"extra": {"scale": 9, "purchase": None}},
]


class Client(unittest.TestCase):
    def test_requirements_become_exactly_the_golden_payload(self):
        payload = sign_order(
            KEY,
            read_requirements(offer()),
            order_id=bytes.fromhex(EXAMPLE["order_id"]),
            now_ms=EXAMPLE["now_ms"],
        )
        self.assertEqual(payload, EXAMPLE["payload"])

    def test_the_stock_client_pays_with_it_in_both_versions(self):
        client = register_farthing(x402ClientSync(), KEY)
        payment = client.create_payment_payload(challenge())
        self.assertEqual(payment.x402_version, 2)
        self.assertEqual(payment.accepted, offer())
        order = base64.b64decode(payment.payload["order"])
        self.assertEqual(len(order), 208)
        self.assertEqual(order[152:184].hex(), EXAMPLE["requirements"]["extra"]["purchase"])

        version1 = EXAMPLE["requirements"] | {"resource": "http://x/", "description": ""}
        version1["maxAmountRequired"] = version1.pop("amount")
        required = PaymentRequiredV1.model_validate({"x402Version": 1, "accepts": [version1]})
        old = client.create_payment_payload(required)
        self.assertEqual((old.x402_version, old.network), (1, offer().network))
        self.assertNotEqual(old.payload["order"], payment.payload["order"])

    def test_the_sdk_spend_controls_know_the_asset(self):
        client = register_farthing(x402ClientSync(), KEY)
        client.create_payment_payload(challenge(amount="1000000000"))
        for change in ({"amount": "1000000001"}, {"asset": "ABC"}):
            with self.assertRaisesRegex(NoMatchingRequirementsError, "spend_controls"):
                client.create_payment_payload(challenge(**change))
        self.assertIs(ExactFarthingClient(KEY).find_default_asset("USD", "eip155:8453"), None)

    def test_hostile_requirements_are_refused_before_anything_is_signed(self):
        for change in BAD_CHANGES:
            with self.subTest(change=change):

                class Unused:
                    public_key = KEY.public_key

                    def sign(self, data):
                        raise AssertionError("signed")

                with self.assertRaises((ValueError, OverflowError)):
                    ExactFarthingClient(Unused()).create_payment_payload(offer(**change))

    def test_spend_limits_hold_before_the_signature(self):
        limits = SpendLimits(per_payment=3_000_000, total=5_000_000, payees=[offer().pay_to])
        client = register_farthing(x402ClientSync(), KEY, spend_control=limits)

        def refused(**changes):
            with self.assertRaises(SpendRefused) as refusal:
                client.create_payment_payload(challenge(**changes))
            return refusal.exception.code

        def signed():
            return limits.signed(offer().network, Asset("USD", 9))

        self.assertEqual(refused(amount="3000001"), "per_payment_exceeded")
        self.assertEqual(refused(payTo="acc_0000000000000000000000002d"), "payee_not_allowed")
        self.assertEqual(signed(), 0)
        client.create_payment_payload(challenge(amount="2000000"))
        client.create_payment_payload(challenge(amount="2000000"))
        self.assertEqual(refused(amount="1000001"), "total_exceeded")
        client.create_payment_payload(challenge(amount="1000000"))
        self.assertEqual(signed(), 5_000_000)

    def test_a_delegate_pays_from_the_payers_account(self):
        row = VECTORS["orders"][2]
        delegate = PayerKey.from_seed(bytes.fromhex(row["seed"]))
        delegation = Delegation(
            mandate="man_0000000000000000000000002d", payer="acc_0000000000000000000000002e"
        )
        payload = sign_order(delegate, read_requirements(offer()), delegation=delegation)
        order = base64.b64decode(payload["order"])
        self.assertEqual(int.from_bytes(order[56:72], "big"), 78)
        self.assertEqual(order[72:104], delegate.public_key)
        self.assertEqual(int.from_bytes(order[192:], "big"), 77)

    def test_a_key_file_keeps_the_key_tight_and_never_overwritten(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        tmp_path = pathlib.Path(folder.name)
        path = tmp_path / "payer.key"
        key = PayerKey.generate()
        key.save(path)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(PayerKey.load(path).public_key, key.public_key)
        before = path.read_bytes()
        with self.assertRaises(FileExistsError):
            PayerKey.generate().save(path)
        self.assertEqual(path.read_bytes(), before)
        for broken in ('{"kind": "other", "seed": "00"}', '{"seed": "' + 64 * "5", "null", "{}"):
            path.write_text(broken)
            with self.assertRaisesRegex(ValueError, "not a key file"):
                PayerKey.load(path)
        path.write_bytes(before)
        path.chmod(0o640)
        with self.assertRaisesRegex(ValueError, "open to others"):
            PayerKey.load(path)


if __name__ == "__main__":
    unittest.main()
