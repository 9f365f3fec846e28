import dataclasses
import unittest

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


def check_signed(case, row, data):
    case.assertEqual(data.hex(), row["bytes"])
    key = PayerKey.from_seed(bytes.fromhex(row["seed"]))
    case.assertEqual(key.sign(data).hex(), row["signature"])


BAD_CHANGES = [
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
]


class Formats(unittest.TestCase):
    def test_ids_have_one_text(self):
        for row in VECTORS["ids"]:
            data = bytes.fromhex(row["bytes"])
            if row["kind"] == "network":
                self.assertEqual(id_from_digits(row["text"].removeprefix("farthing:")), data)
                continue
            self.assertEqual(id_text(row["kind"], data), row["text"])
            self.assertEqual(id_from_text(row["kind"], row["text"]), data)
        for row in VECTORS["rejected_ids"]:
            with self.assertRaises(ValueError):
                id_from_text(row["kind"], row["text"])

    def test_derived_ids(self):
        for row in VECTORS["node_ids"]:
            self.assertEqual(node_id(bytes.fromhex(row["public_key"])).hex(), row["node"])
        for row in VECTORS["payer_accounts"]:
            asset = Asset(row["asset"], row["scale"])
            self.assertEqual(
                payer_account(bytes.fromhex(row["public_key"]), asset).hex(), row["account"]
            )
        for row in VECTORS["payment_ids"]:
            self.assertEqual(
                payment_id(**unhex(row, "node", "payer", "order")).hex(), row["payment"]
            )

    def test_purchases(self):
        for row in VECTORS["purchases"]:
            parts = {name: row[name] for name in ("method", "origin", "path", "query")}
            purchase = Purchase(**parts, body=bytes.fromhex(row["body"]))
            self.assertEqual(purchase.to_bytes().hex(), row["bytes"])
            self.assertEqual(purchase.digest().hex(), row["digest"])
            url = row["origin"] + row["path"] + row["query"]
            self.assertEqual(split_url(url), (row["origin"], row["path"], row["query"]))
        self.assertEqual(split_url("http://a.example?x=1#part"), ("http://a.example", "/", "?x=1"))
        with self.assertRaises(ValueError):
            split_url("/articles/1")

    def test_orders_mandates_and_revocations(self):
        for row in VECTORS["orders"]:
            check_signed(self, row, order_of(row).to_bytes())
        for row in VECTORS["mandates"]:
            check_signed(self, row, mandate_of(row).to_bytes())
        for row in VECTORS["revocations"]:
            check_signed(self, row, revocation_bytes(**unhex(row, "node", "mandate")))
        self.assertEqual(
            audience("http://127.0.0.1:4020").hex(), VECTORS["mandates"][0]["audience"]
        )

    def test_access_statements(self):
        for row in VECTORS["access"]:
            key = PayerKey.from_seed(bytes.fromhex(row["seed"]))
            header = access_header(bytes.fromhex(row["node"]), key, row["issued_at_ms"])
            self.assertEqual(header, row["authorization"])

    def test_no_half_valid_order_is_built(self):
        for change in BAD_CHANGES:
            with self.subTest(change=change):
                good = order_of(VECTORS["orders"][0])
                self.assertEqual(len(good.to_bytes()), 208)
                with self.assertRaises((ValueError, OverflowError)):
                    dataclasses.replace(good, **change).to_bytes()


if __name__ == "__main__":
    unittest.main()
