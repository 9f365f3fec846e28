#!/usr/bin/env python3
"""Writes openings.json: golden vectors of openings, the `extra` of receipts, and the entries they open.

Written from docs/reference/formats.md alone, apart from every implementation that it checks. Standard
library only; the output is the same on every run.
"""

import base64
import hashlib
import json
import pathlib

CREATED, TRANSFER, EXPIRED = 1, 2, 3
PENDING, POST, VOID = 2, 4, 8
ID_MAX = 2**128 - 1
NO_LEAF = 2**64 - 1
NO_SIDE = bytes(32)
FIELDS = [
    ("kind", 1, TRANSFER),
    ("scale", 1, 9),
    ("flags", 2, 0),
    ("code", 2, 2),
    ("timeout", 4, 0),
    ("user_data_32", 4, 3),
    ("asset", 8, b"USD"),
    ("timestamp", 8, 1_700_000_000_123_456_789),
    ("user_data_64", 8, 4),
    ("id", 16, 77),
    ("pending_id", 16, 0),
    ("amount", 16, 2_000_000),
    ("user_data", 16, 5),
]


def sha256(data):
    return hashlib.sha256(data).digest()


def facts(**fields):
    row = b""
    for name, width, usual in FIELDS:
        value = fields.pop(name, usual)
        row += value.ljust(width, b"\0") if isinstance(value, bytes) else value.to_bytes(width, "big")
    assert not fields and len(row) == 102
    return row


def side(account, prev=3, salt=9):
    return bytes([salt] * 16) + account.to_bytes(16, "big") + prev.to_bytes(8, "big")


def posting(part):
    return part if len(part) == 32 else sha256(b"farthing/side/1" + part)


def closed(account):
    return posting(side(account))


PAYER, PAYEE = side(45, 12), side(46, NO_LEAF)
FIRST = side(77, NO_LEAF)
ACCOUNT = {"kind": CREATED, "amount": 0}


def row(why, row_facts, debit=PAYER, credit=PAYEE, code=None, is_payment=True):
    mask = (len(debit) == 40) + 2 * (len(credit) == 40)
    opening = bytes([1, mask]) + row_facts + debit + credit
    commitment = sha256(b"farthing/leaf/1" + posting(debit) + posting(credit) + row_facts)
    return refused(why, opening, code) if code else {
        "why": why,
        "opening": base64.b64encode(opening).decode(),
        "entry": (b"\1" + commitment).hex(),
        "is_payment": is_payment,
    }


def refused(why, opening, code):
    return {"why": why, "opening": base64.b64encode(opening).decode(), "code": code}


def good():
    hold = {"flags": PENDING}
    post, void = {"flags": POST, "pending_id": 9}, {"flags": VOID, "pending_id": 9}
    return [
        row("both sides opened", facts()),
        row("the debit side closed", facts(), debit=closed(45)),
        row("the credit side closed", facts(), credit=closed(46)),
        row("both sides closed", facts(), closed(45), closed(46)),
        row("linked and balancing", facts(flags=0x31)),
        row("a hold", facts(**hold, timeout=60)),
        row("a hold without a timeout", facts(**hold)),
        row("a hold that closes", facts(flags=PENDING | 0xF1)),
        row("a post", facts(**post)),
        row("a linked post", facts(flags=POST | 1, pending_id=9)),
        row("a void", facts(**void)),
        row("an expired hold", facts(kind=EXPIRED, flags=PENDING, timeout=1)),
        row("an account", facts(**ACCOUNT), FIRST, NO_SIDE, is_payment=False),
        row("an account that is closed", facts(**ACCOUNT), posting(FIRST), NO_SIDE, is_payment=False),
        row("an account with all flags", facts(**ACCOUNT, flags=0x2F), FIRST, NO_SIDE, is_payment=False),
        row("another code is no payment", facts(code=1), is_payment=False),
        row("no payment is named", facts(user_data=0), is_payment=False),
        row("a reserved payment is named", facts(user_data=ID_MAX), is_payment=False),
        row("the largest numbers", facts(
            scale=30, user_data_32=2**32 - 1, asset=b"A2345678", timestamp=2**64 - 1,
            user_data_64=2**64 - 1, id=ID_MAX - 1, amount=2**128 - 1, user_data=ID_MAX - 1)),
        row("the largest index before", facts(), side(1, NO_LEAF - 1), side(ID_MAX - 1, 0)),
    ]


def bad():
    whole = bytes([1, 3]) + facts() + PAYER + PAYEE
    short = bytes([1, 0]) + facts() + closed(45) + closed(46)
    account = facts(**ACCOUNT)
    return [
        refused("nothing but a version", b"\1", "opening_length"),
        refused("version 0", b"\0" + whole[1:], "opening_version"),
        refused("version 2", b"\2" + whole[1:], "opening_version"),
        *[refused(f"bit {bit} of the mask", bytes([1, 3 | 1 << bit]) + whole[2:], "opening_mask") for bit in range(2, 8)],
        refused("a byte less", whole[:-1], "opening_length"),
        refused("a byte more", whole + b"\0", "opening_length"),
        refused("closed sides that should be opened", b"\1\3" + short[2:], "opening_length"),
        refused("opened sides that should be closed", b"\1\0" + whole[2:], "opening_length"),
        row("kind 0", facts(kind=0), code="facts_kind"),
        row("kind 4", facts(kind=4), code="facts_kind"),
        row("a scale beyond 30", facts(scale=31), code="facts_asset"),
        row("no asset", facts(asset=b""), code="facts_asset"),
        row("an asset in lower case", facts(asset=b"usd"), code="facts_asset"),
        row("an asset that begins with a digit", facts(asset=b"1USD"), code="facts_asset"),
        row("a zero inside the asset", facts(asset=b"US\0D"), code="facts_asset"),
        row("a reserved flag", facts(flags=0x100), code="facts_flags"),
        row("pending and post", facts(flags=PENDING | POST, pending_id=9), code="facts_flags"),
        row("post and void", facts(flags=POST | VOID, pending_id=9), code="facts_flags"),
        row("a transfer that closes and is not pending", facts(flags=0x40), code="facts_flags"),
        row("a post that balances", facts(flags=POST | 0x10, pending_id=9), code="facts_flags"),
        row("a void that closes", facts(flags=VOID | 0x80, pending_id=9), code="facts_flags"),
        row("an expiry of no hold", facts(kind=EXPIRED), code="facts_flags"),
        row("an expiry of a post", facts(kind=EXPIRED, flags=POST), code="facts_flags"),
        row("an account's reserved flag", facts(**ACCOUNT, flags=0x10), FIRST, NO_SIDE, "facts_flags"),
        row("the id zero", facts(id=0), code="facts_id"),
        row("the largest id", facts(id=ID_MAX), code="facts_id"),
        row("a transfer with the id of a hold", facts(pending_id=9), code="facts_pending_id"),
        row("a hold with the id of a hold", facts(flags=PENDING, pending_id=9), code="facts_pending_id"),
        row("a post without the id of a hold", facts(flags=POST), code="facts_pending_id"),
        row("a void of a reserved id", facts(flags=VOID, pending_id=ID_MAX), code="facts_pending_id"),
        row("a transfer with a timeout", facts(timeout=1), code="facts_timeout"),
        row("a post with a timeout", facts(flags=POST, pending_id=9, timeout=1), code="facts_timeout"),
        row("an account with an amount", facts(kind=CREATED), FIRST, NO_SIDE, "facts_amount"),
        row("a payer with the id zero", facts(), debit=side(0), code="opening_account"),
        row("a payee with the largest id", facts(), credit=side(ID_MAX), code="opening_account"),
        row("a transfer without a payer", facts(), debit=NO_SIDE, code="opening_sides"),
        row("a transfer without a payee", facts(), credit=NO_SIDE, code="opening_sides"),
        row("an account with two sides", account, FIRST, PAYEE, "opening_sides"),
        row("an account with a closed second side", account, FIRST, closed(46), "opening_sides"),
        row("an account of none", account, NO_SIDE, NO_SIDE, "opening_sides"),
        row("an account by another", account, side(78, NO_LEAF), NO_SIDE, "opening_sides"),
        row("an account that was there before", account, side(77, 5), NO_SIDE, "opening_sides"),
    ]


def main():
    vectors = {
        "about": "Openings (docs/reference/formats.md, The log) in base64, each with the hex entry of "
        "the log that it opens and whether it names a payment, or with the code of its refusal.",
        "openings": [*good(), *bad()],
    }
    target = pathlib.Path(__file__).with_name("openings.json")
    target.write_text(json.dumps(vectors, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
