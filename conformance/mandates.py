"""Rows about mandates that are passed on, for the generator of golden vectors alone."""

from layout import NO_MANDATE, asset_bytes, base32, digest_id, payer_account, sha256, tag, u64, u128
from rows import DELEGATE, NODE, PAYEE, PAYER, Key, replaced, signed

UNLIMITED = 2**128 - 1
SUB_AGENT = Key("sub-agent")
OTHER_PAYEE = PAYEE + 1


def tree_mandate_bytes(f):
    payees = b"".join(u128(payee) for payee in f["payees"])
    return (
        tag("farthing/mandate/2")
        + u128(f["node"])
        + f["salt"]
        + u128(f["parent"])
        + u128(f["payer"])
        + f["granter_key"]
        + f["delegate_key"]
        + asset_bytes(f["asset"], f["scale"])
        + bytes(7)
        + u128(f["per_payment"])
        + u128(f["per_day"])
        + u128(f["per_month"])
        + u128(f["total"])
        + u128(f["unit_price"])
        + u64(f["unit_per"])
        + u64(f["expires_at_ms"])
        + payees.ljust(64, b"\0")
        + f["audience"]
        + bytes([f["depth"]])
        + bytes(15)
    )


def pause_bytes(node, mandate, sequence, paused):
    return (
        tag("farthing/pause/1")
        + u128(node)
        + u128(mandate)
        + u64(sequence)
        + bytes([paused])
        + bytes(7)
    )


def root_fields():
    return {
        "node": NODE,
        "salt": bytes(range(16)),
        "parent": NO_MANDATE,
        "payer": payer_account(PAYER.public),
        "granter_key": PAYER.public,
        "delegate_key": DELEGATE.public,
        "asset": "USD",
        "scale": 9,
        "per_payment": 50_000_000,
        "per_day": 1_000_000_000,
        "per_month": UNLIMITED,
        "total": 2**90 + 1,
        "unit_price": 0,
        "unit_per": 0,
        "expires_at_ms": 1_800_000_000_000,
        "payees": [],
        "audience": bytes(32),
        "depth": 7,
    }


def child_fields(parent):
    return root_fields() | {
        "salt": bytes(16),
        "parent": digest_id(sha256(tree_mandate_bytes(parent))),
        "granter_key": DELEGATE.public,
        "delegate_key": SUB_AGENT.public,
        "per_payment": 2_000_000,
        "per_month": 900_000_000,
        "unit_price": 3_000,
        "unit_per": 1_000,
        "expires_at_ms": 1_799_999_999_999,
        "payees": [PAYEE, OTHER_PAYEE],
        "audience": sha256(b"http://127.0.0.1:4020"),
        "depth": 0,
    }


def tree_mandates():
    root = root_fields()
    cases = [("a root", root, PAYER), ("a child", child_fields(root), DELEGATE)]
    return [row(about, fields, key) for about, fields, key in cases]


def row(about, fields, key):
    data = tree_mandate_bytes(fields)
    named = digest_id(sha256(data))
    texts = {name: str(fields[name]) for name in ("per_day", "per_month", "unit_price", "unit_per")}
    ids = {
        "parent": u128(fields["parent"]).hex(),
        "payees": [u128(payee).hex() for payee in fields["payees"]],
    }
    own = {"mandate": u128(named).hex(), "text": f"man_{base32(named)}"}
    return {"about": about} | signed(fields | texts | ids, key, data) | own


def pauses():
    fields = {"node": NODE, "mandate": digest_id(sha256(tree_mandate_bytes(root_fields())))}
    cases = [fields | {"sequence": 1, "paused": 1}, fields | {"sequence": 2**64 - 1, "paused": 0}]
    return [
        signed(case, PAYER, pause_bytes(**case)) | {"paused": bool(case["paused"])} for case in cases
    ]


def rejected_mandates():
    good = tree_mandate_bytes(child_fields(root_fields()))
    pause = pause_bytes(NODE, 5, 1, 1)
    cases = [
        ("tree_mandate", replaced(good, 0, tag("farthing/mandate/1")), "the tag of version 1"),
        ("tree_mandate", replaced(good, 56, b"\xff" * 16), "parent id at the maximum"),
        ("tree_mandate", replaced(good, 72, bytes(16)), "payer zero"),
        ("tree_mandate", replaced(good, 167, b"\1"), "non-zero padding of the asset"),
        ("tree_mandate", replaced(good, 248, bytes(8)), "a price for no units"),
        ("tree_mandate", replaced(good, 264, u128(OTHER_PAYEE)), "the same payee twice"),
        ("tree_mandate", replaced(good, 264, bytes(16)), "a gap before a payee"),
        ("tree_mandate", replaced(good, 264, u128(OTHER_PAYEE + 1)), "payees that descend"),
        ("tree_mandate", replaced(good, 360, bytes([8])), "depth above 7"),
        ("tree_mandate", replaced(good, 375, b"\1"), "non-zero padding at the end"),
        ("tree_mandate", good[:-1], "too short"),
        ("tree_mandate", good + b"\0", "too long"),
        ("pause", replaced(pause, 64, b"\2"), "neither on nor off"),
        ("pause", replaced(pause, 71, b"\1"), "non-zero padding"),
        ("pause", replaced(pause, 40, bytes(16)), "mandate id zero"),
        ("pause", pause[:-1], "too short"),
    ]
    return [(kind, data, DELEGATE.sign(data), why, "decode") for kind, data, why in cases]
