import dataclasses

import pytest
from vectors import VECTORS, mandate_of, order_of, unhex

from farthing_x402 import (
    Asset,
    PayerKey,
    Purchase,
    access_header,
    audience,
    id_from_digits,
    id_from_text,
    id_text,
    node_id,
    payer_account,
    payment_id,
    revocation_bytes,
    split_url,
)


def test_ids_have_one_text():
    for row in VECTORS["ids"]:
        data = bytes.fromhex(row["bytes"])
        if row["kind"] == "network":
            assert id_from_digits(row["text"].removeprefix("farthing:")) == data
            continue
        assert id_text(row["kind"], data) == row["text"]
        assert id_from_text(row["kind"], row["text"]) == data
    for row in VECTORS["rejected_ids"]:
        with pytest.raises(ValueError):
            id_from_text(row["kind"], row["text"])


def test_derived_ids():
    for row in VECTORS["node_ids"]:
        assert node_id(bytes.fromhex(row["public_key"])).hex() == row["node"]
    for row in VECTORS["payer_accounts"]:
        asset = Asset(row["asset"], row["scale"])
        assert payer_account(bytes.fromhex(row["public_key"]), asset).hex() == row["account"]
    for row in VECTORS["payment_ids"]:
        assert payment_id(**unhex(row, "node", "payer", "order")).hex() == row["payment"]


def test_purchases():
    for row in VECTORS["purchases"]:
        parts = {name: row[name] for name in ("method", "origin", "path", "query")}
        purchase = Purchase(**parts, body=bytes.fromhex(row["body"]))
        assert purchase.to_bytes().hex() == row["bytes"]
        assert purchase.digest().hex() == row["digest"]
        url = row["origin"] + row["path"] + row["query"]
        assert split_url(url) == (row["origin"], row["path"], row["query"])
    assert split_url("http://a.example?x=1#part") == ("http://a.example", "/", "?x=1")
    with pytest.raises(ValueError):
        split_url("/articles/1")


def check_signed(row, data):
    assert data.hex() == row["bytes"]
    key = PayerKey.from_seed(bytes.fromhex(row["seed"]))
    assert key.sign(data).hex() == row["signature"]


def test_orders_mandates_and_revocations():
    for row in VECTORS["orders"]:
        check_signed(row, order_of(row).to_bytes())
    for row in VECTORS["mandates"]:
        check_signed(row, mandate_of(row).to_bytes())
    for row in VECTORS["revocations"]:
        check_signed(row, revocation_bytes(**unhex(row, "node", "mandate")))
    assert audience("http://127.0.0.1:4020").hex() == VECTORS["mandates"][0]["audience"]


def test_access_statements():
    for row in VECTORS["access"]:
        key = PayerKey.from_seed(bytes.fromhex(row["seed"]))
        header = access_header(bytes.fromhex(row["node"]), key, row["issued_at_ms"])
        assert header == row["authorization"]


@pytest.mark.parametrize(
    "change",
    [
        {"node": bytes(16)},
        {"order": b"\xff" * 16},
        {"payer": bytes(15)},
        {"signer": bytes(31)},
        {"asset": Asset("usd", 9)},
        {"asset": Asset("ABCDEFGHI", 9)},
        {"asset": Asset("USD\n", 9)},
        {"asset": Asset("USD", 31)},
        {"asset": Asset("USD", 0.5)},
        {"amount": -1},
        {"amount": 2**128},
        {"purchase": b"short"},
        {"expires_at_ms": 2**64},
        {"mandate": bytes(16)},
    ],
)
def test_no_half_valid_order_is_built(change):
    good = order_of(VECTORS["orders"][0])
    assert len(good.to_bytes()) == 208
    with pytest.raises((ValueError, OverflowError)):
        dataclasses.replace(good, **change).to_bytes()
