"""Golden vectors of channels: terms, vouchers, top-ups, closes, ticks. For generate.py alone."""

import hashlib

import edwards
from layout import (
    FIELD_PRIME,
    GROUP_ORDER,
    NO_MANDATE,
    base32,
    channel_bytes,
    channel_id,
    close_bytes,
    payer_account,
    sha256,
    tag,
    tick_bytes,
    tick_links,
    top_up_bytes,
    u128,
    voucher_bytes,
)
from rows import DELEGATE, NODE, PAYEE, PAYER, Key, replaced, signed

VOUCHER_KEY = Key("voucher")
TICK_SEED = sha256(b"farthing conformance ticks")
SALT = sha256(b"farthing conformance salt")[:16]
TICK_COUNT = 5
LINKS = tick_links(TICK_SEED, SALT, TICK_COUNT)


def channel_fields(**changes):
    fields = {
        "node": NODE,
        "salt": SALT,
        "payer": payer_account(PAYER.public),
        "signer": PAYER.public,
        "voucher_key": VOUCHER_KEY.public,
        "payee": PAYEE,
        "asset": "USD",
        "scale": 9,
        "deposit": 10_000_000,
        "tick_root": LINKS[0],
        "tick_units": 100_000,
        "tick_count": TICK_COUNT,
        "close_delay_seconds": 3600,
        "expires_at_ms": 1_800_000_000_000,
        "mandate": NO_MANDATE,
    }
    return fields | changes


NO_TICKS = {"tick_root": bytes(16), "tick_units": 0, "tick_count": 0}
CHANNEL = channel_id(channel_bytes(channel_fields()))


def channels():
    cases = [
        ("the payer's own key, another key for vouchers, five ticks", PAYER, channel_fields()),
        (
            "a delegate with a mandate, its own key for vouchers, no ticks",
            DELEGATE,
            channel_fields(
                signer=DELEGATE.public,
                voucher_key=DELEGATE.public,
                mandate=0xFEDCBA98765432100123456789ABCDEF,
                salt=bytes(range(16)),
                **NO_TICKS,
            ),
        ),
        (
            "the greatest numbers",
            PAYER,
            channel_fields(
                asset="ABCDEFG8",
                scale=30,
                payer=payer_account(PAYER.public, "ABCDEFG8", 30),
                deposit=2**128 - 1,
                tick_units=2**128 - 1,
                tick_count=2**32 - 1,
                close_delay_seconds=2**32 - 1,
                expires_at_ms=2**53 - 1,
            ),
        ),
    ]
    rows = []
    for about, key, fields in cases:
        data = channel_bytes(fields)
        channel = channel_id(data)
        row = {"about": about} | signed(fields, key, data)
        rows.append(row | {"channel": u128(channel).hex(), "text": f"ch_{base32(channel)}"})
    return rows


def voucher_fields(**changes):
    return {"channel": CHANNEL, "sequence": 1, "cumulative": 1_000_000} | changes


def vouchers():
    cases = [
        voucher_fields(),
        voucher_fields(sequence=2),
        voucher_fields(sequence=3, cumulative=10_000_000),
        voucher_fields(sequence=0, cumulative=0),
        voucher_fields(sequence=2**64 - 1, cumulative=2**128 - 1),
    ]
    signer = {"signer": VOUCHER_KEY.public.hex()}
    return [signed(fields, VOUCHER_KEY, voucher_bytes(fields)) | signer for fields in cases]


def top_ups():
    cases = [{"channel": CHANNEL, "deposit": value} for value in (20_000_000, 2**128 - 1)]
    signer = {"signer": PAYER.public.hex()}
    return [signed(fields, PAYER, top_up_bytes(fields)) | signer for fields in cases]


def closes():
    fields = {"channel": CHANNEL, "cumulative": 900_000}
    return [
        signed(fields, key, close_bytes(fields)) | {"signer": key.public.hex()}
        for key in (VOUCHER_KEY, PAYER)
    ]


def voucher_keys():
    good = edwards.decode(VOUCHER_KEY.public)
    small = edwards.torsion_point()
    cases = [
        (VOUCHER_KEY.public, "a key", None),
        (edwards.off_curve(), "no point of the curve", "voucher_key_off_curve"),
        (
            (FIELD_PRIME + 1).to_bytes(32, "little"),
            "the identity with y above the prime",
            "voucher_key_non_canonical",
        ),
        (
            (1 | 1 << 255).to_bytes(32, "little"),
            "the identity with the sign of its zero set",
            "voucher_key_non_canonical",
        ),
        ((1).to_bytes(32, "little"), "the identity", "voucher_key_small_order"),
        (edwards.encode(small), "a point of order eight", "voucher_key_small_order"),
        (
            edwards.encode(edwards.add(good, small)),
            "a key plus a point of order eight",
            "voucher_key_torsion",
        ),
    ]
    return [
        {"public_key": data.hex(), "why": why} | ({"wantErr": code} if code else {})
        for data, why, code in cases
    ]


def crafted(fields, torsion):
    """A voucher signed as RFC 8032 says, but with a point of small order added to R."""
    data = voucher_bytes(fields)
    expanded = bytearray(hashlib.sha512(VOUCHER_KEY.seed).digest()[:32])
    expanded[0] &= 248
    expanded[31] = expanded[31] & 63 | 64
    secret = int.from_bytes(expanded, "little")
    nonce = int.from_bytes(sha256(b"farthing conformance nonce" + data), "little")
    r = edwards.encode(edwards.add(edwards.multiply(nonce, edwards.BASE), torsion))
    digest = hashlib.sha512(r + VOUCHER_KEY.public + data).digest()
    s = (nonce + int.from_bytes(digest, "little") * secret) % GROUP_ORDER
    return data, r + s.to_bytes(32, "little")


def voucher_verdicts():
    data = voucher_bytes(voucher_fields())
    good = VOUCHER_KEY.sign(data)
    scalar = int.from_bytes(good[32:], "little")
    cases = [
        (data, good, "an honest signature", True),
        (*crafted(voucher_fields(), edwards.IDENTITY), "another nonce", True),
        (*crafted(voucher_fields(), edwards.torsion_point()), "R of mixed order", True),
        (data, PAYER.sign(data), "signed by another key", False),
        (voucher_bytes(voucher_fields(sequence=2)), good, "another sequence", False),
        (voucher_bytes(voucher_fields(cumulative=1_000_001)), good, "another total", False),
        (voucher_bytes(voucher_fields(channel=5)), good, "another channel", False),
        (data, bytes(64), "signature of zeros", False),
        (data, edwards.off_curve() + good[32:], "R is no point of the curve", False),
        (
            data,
            good[:32] + (scalar + GROUP_ORDER).to_bytes(32, "little"),
            "non-canonical S: S + L",
            False,
        ),
    ]
    return [
        {
            "public_key": VOUCHER_KEY.public.hex(),
            "bytes": data.hex(),
            "signature": signature.hex(),
            "why": why,
            "good": is_good,
        }
        for data, signature, why, is_good in cases
    ]


def tick_chains():
    rows = []
    for count in (TICK_COUNT, 1, 8):
        links = tick_links(TICK_SEED, SALT, count)
        rows.append(
            {
                "seed": TICK_SEED.hex(),
                "salt": SALT.hex(),
                "count": count,
                "root": links[0].hex(),
                "links": [link.hex() for link in links[1 : count + 1]],
            }
        )
    return rows


def ticks():
    """Ticks as they arrive at a payee that knows the tick `newest` of the chain of five."""
    other = tick_links(TICK_SEED, bytes(16), TICK_COUNT)
    cases = [
        (0, 1, LINKS[1], "the first", None),
        (1, 2, LINKS[2], "the next", None),
        (1, 5, LINKS[5], "a jump to the end", None),
        (3, 3, LINKS[3], "the newest again", None),
        (3, 2, LINKS[2], "an older one", "tick_stale"),
        (3, 3, LINKS[2], "the newest index, another link", "tick_stale"),
        (0, 0, LINKS[1], "index zero", "tick_stale"),
        (1, 6, LINKS[6], "beyond the end", "tick_beyond_end"),
        (1, 2, LINKS[3], "the link of another index", "tick_invalid"),
        (1, 2, other[2], "the link of a chain with another salt", "tick_invalid"),
        (1, 2, bytes(16), "zeros", "tick_invalid"),
    ]
    good = tick_bytes(1, LINKS[1])
    malformed = [
        (b"\x82\x01\x50" + LINKS[1], "the index in the shortest CBOR form"),
        (replaced(good, 0, b"\x83"), "an array of three"),
        (replaced(good, 1, b"\x3a"), "a negative index"),
        (replaced(good, 6, b"\x70"), "the link as text"),
        (good[:-1], "too short"),
        (good + b"\0", "too long"),
        (b"", "empty"),
    ]
    known = {"salt": SALT.hex(), "count": TICK_COUNT}
    rows = []
    for newest, index, link, why, code in cases:
        row = {"newest": newest, "newest_link": LINKS[newest].hex(), "index": index}
        row |= {"link": link.hex(), "bytes": tick_bytes(index, link).hex(), "why": why}
        rows.append(known | row | ({"wantErr": code} if code else {}))
    for data, why in malformed:
        row = {"newest": 0, "newest_link": LINKS[0].hex(), "bytes": data.hex(), "why": why}
        rows.append(known | row | {"wantErr": "decode"})
    return rows


def rejected_channels():
    """Rows of the table `rejected`."""
    terms = channel_bytes(channel_fields())
    voucher = voucher_bytes(voucher_fields())
    top_up = top_up_bytes({"channel": CHANNEL, "deposit": 20_000_000})
    close = close_bytes({"channel": CHANNEL, "cumulative": 900_000})
    changed = [
        ("channel", replaced(terms, 0, tag("farthing/channel/2")), "another version in the tag"),
        ("channel", replaced(terms, 24, bytes(16)), "node id zero"),
        ("channel", replaced(terms, 56, b"\xff" * 16), "payer account at the maximum"),
        ("channel", replaced(terms, 56, u128(PAYEE)), "payer not derived from the signer"),
        ("channel", replaced(terms, 136, bytes(16)), "payee account zero"),
        ("channel", replaced(terms, 152, b"usd"), "asset code in small letters"),
        ("channel", replaced(terms, 160, bytes([31])), "scale above 30"),
        ("channel", replaced(terms, 167, b"\1"), "non-zero padding"),
        ("channel", replaced(terms, 232, b"\xff" * 16), "mandate id at the maximum"),
        ("channel", terms[:-1], "too short"),
        ("channel", terms + b"\0", "too long"),
        ("voucher", replaced(voucher, 0, tag("farthing/close/1")), "the tag of another format"),
        ("voucher", replaced(voucher, 23, b"\1"), "non-zero padding of the tag"),
        ("voucher", replaced(voucher, 24, bytes(16)), "channel id zero"),
        ("voucher", voucher[:-1], "too short"),
        ("voucher", voucher + b"\0", "too long"),
        ("top_up", replaced(top_up, 0, tag("farthing/close/1")), "the tag of another format"),
        ("top_up", replaced(top_up, 24, b"\xff" * 16), "channel id at the maximum"),
        ("top_up", top_up[:-1], "too short"),
        ("close", replaced(close, 0, tag("farthing/top-up/1")), "the tag of another format"),
        ("close", replaced(close, 24, bytes(16)), "channel id zero"),
        ("close", close + b"\0", "too long"),
    ]
    signers = {"channel": PAYER, "voucher": VOUCHER_KEY, "top_up": PAYER, "close": VOUCHER_KEY}
    rows = [(kind, data, signers[kind].sign(data), why, "decode") for kind, data, why in changed]
    whole = {"channel": terms, "voucher": voucher, "top_up": top_up, "close": close}
    rows += [
        (kind, data, DELEGATE.sign(data), "signed by another key", "signature")
        for kind, data in whole.items()
    ]
    rows += [
        ("top_up", top_up, VOUCHER_KEY.sign(top_up), "signed by the voucher key", "signature"),
        ("voucher", voucher, PAYER.sign(voucher), "signed by the payer's key", "signature"),
        ("close", close, VOUCHER_KEY.sign(close)[:-1], "63 bytes of signature", "signature"),
    ]
    return rows
