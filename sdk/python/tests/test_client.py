import base64
import stat

import pytest
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


def test_requirements_become_exactly_the_golden_payload():
    payload = sign_order(
        KEY,
        read_requirements(offer()),
        order_id=bytes.fromhex(EXAMPLE["order_id"]),
        now_ms=EXAMPLE["now_ms"],
    )
    assert payload == EXAMPLE["payload"]


def test_the_stock_client_pays_with_it_in_both_versions():
    client = register_farthing(x402ClientSync(), KEY)
    payment = client.create_payment_payload(challenge())
    assert payment.x402_version == 2
    assert payment.accepted == offer()
    order = base64.b64decode(payment.payload["order"])
    assert len(order) == 208
    assert order[152:184].hex() == EXAMPLE["requirements"]["extra"]["purchase"]

    version1 = EXAMPLE["requirements"] | {"resource": "http://x/", "description": ""}
    version1["maxAmountRequired"] = version1.pop("amount")
    required = PaymentRequiredV1.model_validate({"x402Version": 1, "accepts": [version1]})
    old = client.create_payment_payload(required)
    assert (old.x402_version, old.network) == (1, offer().network)
    assert old.payload["order"] != payment.payload["order"]


def test_the_sdk_spend_controls_know_the_asset():
    client = register_farthing(x402ClientSync(), KEY)
    client.create_payment_payload(challenge(amount="1000000000"))
    for change in ({"amount": "1000000001"}, {"asset": "ABC"}):
        with pytest.raises(NoMatchingRequirementsError, match="spend_controls"):
            client.create_payment_payload(challenge(**change))
    assert ExactFarthingClient(KEY).find_default_asset("USD", "eip155:8453") is None


@pytest.mark.parametrize(
    "change",
    [
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
    ],
)
def test_hostile_requirements_are_refused_before_anything_is_signed(change):
    class Unused:
        public_key = KEY.public_key

        def sign(self, data):
            pytest.fail("signed")

    with pytest.raises((ValueError, OverflowError)):
        ExactFarthingClient(Unused()).create_payment_payload(offer(**change))


def test_spend_limits_hold_before_the_signature():
    limits = SpendLimits(per_payment=3_000_000, total=5_000_000, payees=[offer().pay_to])
    client = register_farthing(x402ClientSync(), KEY, spend_control=limits)

    def refused(**changes):
        with pytest.raises(SpendRefused) as refusal:
            client.create_payment_payload(challenge(**changes))
        return refusal.value.code

    def signed():
        return limits.signed(offer().network, Asset("USD", 9))

    assert refused(amount="3000001") == "per_payment_exceeded"
    assert refused(payTo="acc_0000000000000000000000002d") == "payee_not_allowed"
    assert signed() == 0
    client.create_payment_payload(challenge(amount="2000000"))
    client.create_payment_payload(challenge(amount="2000000"))
    assert refused(amount="1000001") == "total_exceeded"
    client.create_payment_payload(challenge(amount="1000000"))
    assert signed() == 5_000_000


def test_a_delegate_pays_from_the_payers_account():
    row = VECTORS["orders"][2]
    delegate = PayerKey.from_seed(bytes.fromhex(row["seed"]))
    delegation = Delegation(
        mandate="man_0000000000000000000000002d", payer="acc_0000000000000000000000002e"
    )
    payload = sign_order(delegate, read_requirements(offer()), delegation=delegation)
    order = base64.b64decode(payload["order"])
    assert int.from_bytes(order[56:72], "big") == 78
    assert order[72:104] == delegate.public_key
    assert int.from_bytes(order[192:], "big") == 77


def test_a_key_file_keeps_the_key_tight_and_never_overwritten(tmp_path):
    path = tmp_path / "payer.key"
    key = PayerKey.generate()
    key.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PayerKey.load(path).public_key == key.public_key
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        PayerKey.generate().save(path)
    assert path.read_bytes() == before
    path.write_text('{"kind": "other", "seed": "00"}')
    with pytest.raises(ValueError, match="not a key file"):
        PayerKey.load(path)
