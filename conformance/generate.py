#!/usr/bin/env python3
"""Writes formats.json: golden vectors for docs/reference/formats.md.

Written from the format document alone, apart from every implementation that it checks, so that an
error in one of them cannot agree with itself. Run it with the `cryptography` package installed;
the output is the same on every run. It must not import the SDKs of this repository.
"""

import base64
import hashlib
import json
import pathlib

from channels import (
    channels,
    closes,
    rejected_channels,
    tick_chains,
    ticks,
    top_ups,
    voucher_keys,
    voucher_verdicts,
    vouchers,
)
from layout import (
    FIELD_PRIME,
    GROUP_ORDER,
    NO_MANDATE,
    NO_PURCHASE,
    access_bytes,
    base32,
    digest_id,
    mandate_bytes,
    order_bytes,
    payer_account,
    payment_id,
    purchase_bytes,
    receipt_bytes,
    revocation_bytes,
    sha256,
    tag,
    u128,
)
from mandates import pauses, rejected_mandates, tree_mandates
from rows import DELEGATE, NODE, NODE_KEY, PAYEE, PAYER, plain, replaced, signed


def ids():
    values = [1, 77, 31, 32, 12345, NODE, PAYEE, 2**127, 2**128 - 2]
    kinds = ["acc", "tr", "pay", "ord", "off", "man", "node", "ch"]
    good = [
        {
            "kind": kind,
            "bytes": u128(value).hex(),
            "text": f"{kind}_{base32(value)}",
        }
        for kind, value in [(k, 77) for k in kinds] + [("acc", v) for v in values]
    ]
    good.append({"kind": "network", "bytes": u128(NODE).hex(), "text": f"farthing:{base32(NODE)}"})
    return good


def rejected_ids():
    good = base32(PAYEE)
    cases = [
        (f"acc_{base32(0)}", "zero is reserved"),
        (f"acc_{base32(2**128 - 1)}", "the maximum is reserved"),
        (f"acc_{good.upper()}", "capital letters"),
        (f"acc_{good[:-1]}", "25 characters"),
        (f"acc_{good}0", "27 characters"),
        (f"acc_8{good[1:]}", "more than 128 bits"),
        (f"acc_{good[:-1]}u", "u is not in the alphabet"),
        (f"tr_{good}", "the prefix of another kind"),
        (good, "no prefix"),
        (f"acc-{good}", "no underscore"),
        (f" acc_{good}", "leading space"),
    ]
    return [{"kind": "acc", "text": text, "why": why} for text, why in cases]


def node_ids():
    return [
        {"public_key": key.public.hex(), "node": u128(node).hex(), "text": f"node_{base32(node)}"}
        for key in (NODE_KEY, PAYER)
        for node in [digest_id(sha256(tag("farthing/node/1") + key.public))]
    ]


def payer_accounts():
    rows = []
    for key in (PAYER, DELEGATE):
        for code, scale in [("USD", 9), ("USD", 2), ("X", 0), ("ABCDEFG8", 30)]:
            account = payer_account(key.public, code, scale)
            rows.append(
                {
                    "public_key": key.public.hex(),
                    "asset": code,
                    "scale": scale,
                    "account": u128(account).hex(),
                    "text": f"acc_{base32(account)}",
                }
            )
    return rows


def payment_ids():
    rows = []
    for order in (1, 2**100 + 7):
        payer = payer_account(PAYER.public)
        payment = payment_id(NODE, payer, order)
        rows.append(
            {
                "node": u128(NODE).hex(),
                "payer": u128(payer).hex(),
                "order": u128(order).hex(),
                "payment": u128(payment).hex(),
                "text": f"pay_{base32(payment)}",
            }
        )
    return rows


PURCHASES = [
    ("GET", "http://127.0.0.1:4020", "/articles/1", "", b""),
    ("HEAD", "http://127.0.0.1:4020", "/articles/1", "", b""),
    ("GET", "http://127.0.0.1:4020", "/articles/1", "?", b""),
    ("GET", "http://127.0.0.1:4020", "/articles/1", "?page=2&sort=a%20b", b""),
    ("GET", "https://example.org", "/", "", b""),
    ("GET", "https://example.org:8443", "/a%2Fb", "", b""),
    ("GET", "https://example.org:8443", "/a%2fb", "", b""),
    ("GET", "https://example.org:8443", "/a/b", "", b""),
    ("GET", "https://example.org", "/a/./b", "", b""),
    ("GET", "https://example.org", "/a//b", "", b""),
    ("GET", "https://example.org", "/caf%C3%A9", "?q=%E2%82%AC", b""),
    ("POST", "https://example.org", "/api/quote", "", b'{"n":1}'),
    ("POST", "https://example.org", "/api/quote", "", b'{"n": 1}'),
    ("POST", "https://example.org", "/api/quote", "?n=1", b""),
    ("PUT", "https://example.org", "/api/quote", "", bytes(range(256))),
    ("DELETE", "https://example.org", "/api/quote", "", b""),
]


def purchases():
    rows = []
    for method, origin, path, query, body in PURCHASES:
        data = purchase_bytes(method, origin, path, query, body)
        rows.append(
            {
                "method": method,
                "origin": origin,
                "path": path,
                "query": query,
                "body": body.hex(),
                "bytes": data.hex(),
                "digest": sha256(data).hex(),
            }
        )
    assert len({row["digest"] for row in rows}) == len(rows)
    return rows


def order_fields(**changes):
    fields = {
        "node": NODE,
        "order": 0x00112233445566778899AABBCCDDEEFF,
        "payer": payer_account(PAYER.public),
        "signer": PAYER.public,
        "payee": PAYEE,
        "asset": "USD",
        "scale": 9,
        "amount": 2_000_000,
        "purchase": sha256(purchase_bytes(*PURCHASES[0])),
        "expires_at_ms": 1_800_000_000_000,
        "mandate": NO_MANDATE,
    }
    return fields | changes


def mandate_fields(**changes):
    fields = {
        "node": NODE,
        "mandate": 0xFEDCBA98765432100123456789ABCDEF,
        "payer": payer_account(PAYER.public),
        "payer_key": PAYER.public,
        "delegate_key": DELEGATE.public,
        "asset": "USD",
        "scale": 9,
        "per_payment": 20_000_000,
        "total": 50_000_000,
        "expires_at_ms": 1_800_000_000_000,
        "audience": sha256(b"http://127.0.0.1:4020"),
    }
    return fields | changes


def orders():
    mandate = mandate_fields()["mandate"]
    cases = [
        ("the payer's own key, bound to a purchase", PAYER, order_fields()),
        ("no purchase: for the facilitator only", PAYER, order_fields(purchase=NO_PURCHASE)),
        (
            "another key with a mandate",
            DELEGATE,
            order_fields(signer=DELEGATE.public, mandate=mandate, order=7),
        ),
        ("amount zero", PAYER, order_fields(amount=0, order=8)),
        ("the greatest amount", PAYER, order_fields(amount=2**128 - 1, order=9)),
        (
            "a long code and the greatest scale",
            PAYER,
            order_fields(
                asset="ABCDEFG8",
                scale=30,
                payer=payer_account(PAYER.public, "ABCDEFG8", 30),
                order=2**128 - 2,
                expires_at_ms=2**53 - 1,
            ),
        ),
    ]
    rows = []
    for about, key, fields in cases:
        row = {"about": about} | signed(fields, key, order_bytes(fields))
        row["payment"] = u128(payment_id(fields["node"], fields["payer"], fields["order"])).hex()
        rows.append(row)
    return rows


def mandates():
    cases = [
        ("for one origin", mandate_fields()),
        ("for any origin", mandate_fields(audience=bytes(32), mandate=5)),
    ]
    return [{"about": a} | signed(f, PAYER, mandate_bytes(f)) for a, f in cases]


def revocations():
    fields = {"node": NODE, "mandate": mandate_fields()["mandate"]}
    return [signed(fields, PAYER, revocation_bytes(**fields)) | {"signer": PAYER.public.hex()}]


def access():
    issued_at_ms = 1_790_000_000_000
    data = access_bytes(NODE, PAYER.public, issued_at_ms)
    token = base64.urlsafe_b64encode(data + PAYER.sign(data)).rstrip(b"=").decode()
    fields = {"node": NODE, "public_key": PAYER.public, "issued_at_ms": issued_at_ms}
    return [signed(fields, PAYER, data) | {"authorization": f"Farthing {token}"}]


def receipts():
    order = order_fields()
    fields = {
        "node": NODE,
        "payment": payment_id(NODE, order["payer"], order["order"]),
        "order_digest": sha256(order_bytes(order)),
        "payee": order["payee"],
        "asset": order["asset"],
        "scale": order["scale"],
        "amount": order["amount"],
        "settled_at_ns": 1_790_000_000_123_456_789,
    }
    row = signed(fields, NODE_KEY, receipt_bytes(fields))
    return [row | {"signer": NODE_KEY.public.hex()}]


def in_x402():
    fields = order_fields()
    data = order_bytes(fields)
    return [
        {
            "requirements": {
                "scheme": "exact",
                "network": f"farthing:{base32(NODE)}",
                "amount": str(fields["amount"]),
                "asset": "USD",
                "payTo": f"acc_{base32(PAYEE)}",
                "maxTimeoutSeconds": 60,
                "extra": {"scale": 9, "purchase": fields["purchase"].hex()},
            },
            "seed": PAYER.seed.hex(),
            "order_id": u128(fields["order"]).hex(),
            "now_ms": fields["expires_at_ms"] - 60_000,
            "payload": {
                "order": base64.b64encode(data).decode(),
                "signature": base64.b64encode(PAYER.sign(data)).decode(),
            },
        }
    ]


def in_x402_channels():
    """The payloads of one channel under `batch-settlement`, from the statements above."""

    def base64_of(hex_text):
        return base64.b64encode(bytes.fromhex(hex_text)).decode()

    def text(row):
        return f"ch_{base32(int(row['channel'], 16))}"

    opened = channels()[0]
    of_channel = [row for row in vouchers() if row["channel"] == opened["channel"]]
    first, raised, close = of_channel[0], top_ups()[0], closes()[0]
    voucher = {
        "channelId": text(first),
        "sequence": int(first["sequence"]),
        "maxClaimableAmount": first["cumulative"],
        "signature": base64_of(first["signature"]),
    }
    opening = {"terms": base64_of(opened["bytes"]), "signature": base64_of(opened["signature"])}
    top_up = {
        "channelId": text(raised),
        "deposit": raised["deposit"],
        "signature": base64_of(raised["signature"]),
    }
    refund = {
        "channelId": text(close),
        "cumulativeAmount": close["cumulative"],
        "signature": base64_of(close["signature"]),
    }
    return {
        "requirements": {
            "scheme": "batch-settlement",
            "network": f"farthing:{base32(NODE)}",
            "amount": first["cumulative"],
            "asset": opened["asset"],
            "payTo": f"acc_{base32(PAYEE)}",
            "maxTimeoutSeconds": 60,
            "extra": {
                "scale": opened["scale"],
                "start": first["cumulative"],
                "depositMin": first["cumulative"],
                "depositSuggested": opened["deposit"],
                "closeDelaySeconds": opened["close_delay_seconds"],
            },
        },
        "payloads": [
            {"type": "deposit", **opening, "voucher": voucher},
            {"type": "deposit", "topUp": top_up},
            {"type": "deposit", "topUp": top_up, "voucher": voucher},
            {"type": "voucher", "voucher": voucher},
            {"type": "refund", **refund},
        ],
    }


def lenient_forgery(key):
    """An order and a signature that a lenient verifier takes from a key A of small order.

    With R = B and S = 1, S*B = R + k*A holds whenever k*A is the identity: always for the identity
    itself, and for every fourth message if A has order four. Nobody holds a secret for such keys.
    """
    base_point = bytes([0x58]) + bytes([0x66]) * 31
    for order in range(1, 1000):
        data = order_bytes(order_fields(signer=key, payer=payer_account(key), order=order))
        challenge = hashlib.sha512(base_point + key + data).digest()
        if int.from_bytes(challenge, "little") % GROUP_ORDER % 4 == 0:
            return data, base_point + (1).to_bytes(32, "little")
    raise AssertionError("no message found")


def rejected_orders():
    fields = order_fields()
    data = order_bytes(fields)
    changed = [
        (replaced(data, 0, tag("farthing/order/2")), "another version in the tag"),
        (replaced(data, 0, tag("farthing/mandate/1")), "the tag of another format"),
        (replaced(data, 23, b"\1"), "non-zero padding of the tag"),
        (replaced(data, 24, bytes(16)), "node id zero"),
        (replaced(data, 24, b"\xff" * 16), "node id at the maximum"),
        (replaced(data, 40, bytes(16)), "order id zero"),
        (replaced(data, 56, bytes(16)), "payer account zero"),
        (replaced(data, 56, u128(PAYEE)), "no mandate, payer not derived from the signer"),
        (replaced(data, 104, bytes(16)), "payee account zero"),
        (replaced(data, 120, b"usd"), "asset code in small letters"),
        (replaced(data, 120, b"1SD"), "asset code starts with a digit"),
        (replaced(data, 120, bytes(8)), "empty asset code"),
        (replaced(data, 120, b"US\0D"), "asset code with a gap"),
        (replaced(data, 128, bytes([31])), "scale above 30"),
        (replaced(data, 135, b"\1"), "non-zero padding"),
        (replaced(data, 192, b"\xff" * 16), "mandate id at the maximum"),
        (data[:-1], "too short"),
        (data + b"\0", "too long"),
        (b"", "empty"),
    ]
    rows = [("order", bad, PAYER.sign(bad), why, "decode") for bad, why in changed]
    good = PAYER.sign(data)
    scalar = int.from_bytes(good[32:], "little")
    identity = (1).to_bytes(32, "little")
    noncanonical = (FIELD_PRIME + 1).to_bytes(32, "little")
    rows += [
        ("order", data, DELEGATE.sign(data), "signed by another key", "signature"),
        ("order", data, bytes([good[0] ^ 1]) + good[1:], "a flipped bit", "signature"),
        ("order", data, good[:-1], "63 bytes of signature", "signature"),
        ("order", data, bytes(64), "signature of zeros", "signature"),
        (
            "order",
            data,
            good[:32] + (scalar + GROUP_ORDER).to_bytes(32, "little"),
            "non-canonical S: S + L",
            "signature",
        ),
    ]
    for key, why in [
        (identity, "small-order key: the identity"),
        (noncanonical, "non-canonical encoding of the identity as key"),
        (bytes(32), "small-order key: a point of order four"),
    ]:
        rows.append(("order", *lenient_forgery(key), why, "signature"))
    return rows


def rejected_others():
    mandate = mandate_bytes(mandate_fields())
    revocation = revocation_bytes(NODE, 5)
    statement = access_bytes(NODE, PAYER.public, 1_790_000_000_000)
    other_payer = replaced(mandate, 56, u128(PAYEE))
    rows = [
        ("mandate", replaced(mandate, 0, tag("farthing/order/1")), "the tag of another format"),
        ("mandate", replaced(mandate, 40, bytes(16)), "mandate id zero"),
        ("mandate", other_payer, "payer account not derived from the payer key"),
        ("mandate", replaced(mandate, 151, b"\1"), "non-zero padding"),
        ("mandate", replaced(mandate, 144, bytes([31])), "scale above 30"),
        ("mandate", mandate[:-1], "too short"),
        ("revocation", replaced(revocation, 0, tag("farthing/access/1")), "another tag"),
        ("revocation", replaced(revocation, 40, bytes(16)), "mandate id zero"),
        ("revocation", revocation + b"\0", "too long"),
        ("access", replaced(statement, 0, tag("farthing/access/2")), "another version"),
        ("access", replaced(statement, 24, bytes(16)), "node id zero"),
        ("access", statement[:-1], "too short"),
    ]
    signed_rows = [(kind, data, PAYER.sign(data), why, "decode") for kind, data, why in rows]
    by_another = [
        (kind, data, DELEGATE.sign(data), "signed by another key", "signature")
        for kind, data in [("mandate", mandate), ("access", statement)]
    ]
    return signed_rows + by_another


def rejected():
    return [
        {"kind": k, "bytes": b.hex(), "signature": s.hex(), "why": why, "wantErr": stage}
        for k, b, s, why, stage in rejected_orders() + rejected_others() + rejected_mandates() + rejected_channels()
    ]


def main():
    vectors = {
        "about": "Golden vectors of docs/reference/formats.md. Ids, keys, digests, bytes are hex; "
        "amounts are decimal strings; `seed` is the Ed25519 secret seed; all-zero `mandate` and "
        "`purchase` mean none. `wantErr` is `decode` if the bytes are refused as such (their "
        "signature is good) and `signature` if only the signature or its key is; of voucher keys and "
        "ticks it is the code of the error, absent if there is none.",
        "ids": ids(),
        "rejected_ids": rejected_ids(),
        "node_ids": node_ids(),
        "payer_accounts": payer_accounts(),
        "payment_ids": payment_ids(),
        "purchases": purchases(),
        "orders": orders(),
        "mandates": mandates(),
        "tree_mandates": tree_mandates(),
        "pauses": pauses(),
        "revocations": revocations(),
        "access": access(),
        "receipts": receipts(),
        "x402": in_x402(),
        "x402_channels": in_x402_channels(),
        "channels": channels(),
        "vouchers": vouchers(),
        "voucher_keys": voucher_keys(),
        "voucher_verdicts": voucher_verdicts(),
        "top_ups": top_ups(),
        "closes": closes(),
        "tick_chains": tick_chains(),
        "ticks": ticks(),
        "rejected": rejected(),
    }
    target = pathlib.Path(__file__).with_name("formats.json")
    target.write_text(json.dumps(vectors, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
