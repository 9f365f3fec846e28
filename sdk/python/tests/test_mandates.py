"""Mandates that can be passed on: golden vectors, narrowing, offline chains."""

import base64
import dataclasses
import unittest

from vectors import VECTORS, unhex

from farthing_x402 import (
    UNLIMITED,
    Asset,
    MandateLimits,
    PayerKey,
    TreeMandate,
    id_text,
    pause_bytes,
    signed_link,
    verify_signature,
)


def limits_of(row):
    per = int(row["unit_per"])
    return MandateLimits(
        per_payment=int(row["per_payment"]),
        per_day=int(row["per_day"]),
        per_month=int(row["per_month"]),
        total=int(row["total"]),
        unit_price=(int(row["unit_price"]), per) if per else None,
        expires_at_ms=row["expires_at_ms"],
        depth=row["depth"],
        payees=tuple(bytes.fromhex(payee) for payee in reversed(row["payees"])),
        audience=bytes.fromhex(row["audience"]),
    )


def tree_of(row):
    parent = bytes.fromhex(row["parent"])
    return TreeMandate(
        **unhex(row, "node", "salt", "payer"),
        granter=bytes.fromhex(row["granter_key"]),
        delegate=bytes.fromhex(row["delegate_key"]),
        asset=Asset(row["asset"], row["scale"]),
        limits=limits_of(row),
        parent=parent if any(parent) else None,
    )


class Mandates(unittest.TestCase):
    def test_golden_vectors(self):
        for row in VECTORS["tree_mandates"]:
            made = tree_of(row)
            self.assertEqual(made.to_bytes().hex(), row["bytes"])
            self.assertEqual(id_text("man", made.id()), row["text"])
            link = signed_link(made, PayerKey.from_seed(bytes.fromhex(row["seed"])))
            self.assertEqual(base64.b64decode(link["mandate"]).hex(), row["bytes"])
            self.assertEqual(base64.b64decode(link["signature"]).hex(), row["signature"])
        for row in VECTORS["pauses"]:
            made = pause_bytes(
                **unhex(row, "node", "mandate"),
                sequence=int(row["sequence"]),
                paused=row["paused"],
            )
            self.assertEqual(made.hex(), row["bytes"])
            key = PayerKey.from_seed(bytes.fromhex(row["seed"]))
            signature = bytes.fromhex(row["signature"])
            self.assertTrue(verify_signature(key.public_key, made, signature))

    def test_a_holder_passes_on_a_narrower_mandate(self):
        root, child = VECTORS["tree_mandates"]
        made = tree_of(root).attenuated(
            delegate=bytes.fromhex(child["delegate_key"]),
            salt=bytes.fromhex(child["salt"]),
            limits=limits_of(child),
        )
        self.assertEqual(made.to_bytes().hex(), child["bytes"])
        with self.assertRaises(ValueError):
            signed_link(made, PayerKey.from_seed(bytes.fromhex(root["seed"])))
        with self.assertRaises(ValueError):
            made.attenuated(delegate=bytes(32), salt=bytes(16), limits=made.limits)

    def test_a_wider_limit_is_named(self):
        child = limits_of(VECTORS["tree_mandates"][1])
        above = dataclasses.replace(child, depth=1)
        self.assertIsNone(child.wider_than(above))
        price, per = child.unit_price
        for change in [
            {"per_payment": UNLIMITED},
            {"per_day": UNLIMITED},
            {"per_month": UNLIMITED},
            {"total": UNLIMITED},
            {"unit_price": None},
            {"unit_price": (price, per - 1)},
            {"expires_at_ms": child.expires_at_ms + 1},
            {"depth": 1},
            {"payees": ()},
            {"payees": (bytes(15) + b"\1",)},
            {"audience": bytes(32)},
        ]:
            wider = dataclasses.replace(child, **change)
            self.assertEqual(wider.wider_than(above), next(iter(change)))


if __name__ == "__main__":
    unittest.main()
