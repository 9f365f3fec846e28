"""The byte layouts of docs/reference/formats.md, for generate.py alone.

Written from the document, apart from every implementation. Checks nothing: the generator must be
able to build what implementations have to refuse.
"""

import hashlib

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD_PRIME = 2**255 - 19
NO_PURCHASE = bytes(32)
NO_MANDATE = 0


def tag(text):
    return text.encode("ascii").ljust(24, b"\0")


def u128(value):
    return value.to_bytes(16, "big")


def u64(value):
    return value.to_bytes(8, "big")


def counted(text):
    return len(text.encode()).to_bytes(4, "big") + text.encode()


def sha256(data):
    return hashlib.sha256(data).digest()


def base32(value):
    return "".join(CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def digest_id(digest):
    return min(max(int.from_bytes(digest[:16], "big"), 1), 2**128 - 2)


def asset_bytes(code, scale):
    return code.encode("ascii").ljust(8, b"\0") + bytes([scale])


def payer_account(public, code="USD", scale=9):
    return digest_id(sha256(tag("farthing/payer/1") + public + asset_bytes(code, scale)))


def payment_id(node, payer, order):
    return digest_id(sha256(tag("farthing/payment/1") + u128(node) + u128(payer) + u128(order)))


def purchase_bytes(method, origin, path, query, body):
    return (
        tag("farthing/purchase/1")
        + counted(method)
        + counted(origin)
        + counted(path)
        + counted(query)
        + sha256(body)
    )


def order_bytes(f):
    return (
        tag("farthing/order/1")
        + u128(f["node"])
        + u128(f["order"])
        + u128(f["payer"])
        + f["signer"]
        + u128(f["payee"])
        + asset_bytes(f["asset"], f["scale"])
        + bytes(7)
        + u128(f["amount"])
        + f["purchase"]
        + u64(f["expires_at_ms"])
        + u128(f["mandate"])
    )


def mandate_bytes(f):
    return (
        tag("farthing/mandate/1")
        + u128(f["node"])
        + u128(f["mandate"])
        + u128(f["payer"])
        + f["payer_key"]
        + f["delegate_key"]
        + asset_bytes(f["asset"], f["scale"])
        + bytes(7)
        + u128(f["per_payment"])
        + u128(f["total"])
        + u64(f["expires_at_ms"])
        + f["audience"]
    )


def revocation_bytes(node, mandate):
    return tag("farthing/revoke/1") + u128(node) + u128(mandate)


def receipt_bytes(f):
    return (
        tag("farthing/receipt/1")
        + u128(f["node"])
        + u128(f["payment"])
        + f["order_digest"]
        + u128(f["payee"])
        + asset_bytes(f["asset"], f["scale"])
        + bytes(7)
        + u128(f["amount"])
        + u64(f["settled_at_ns"])
    )


def access_bytes(node, public, issued_at_ms):
    return tag("farthing/access/1") + u128(node) + public + u64(issued_at_ms)


def u32(value):
    return value.to_bytes(4, "big")


def channel_bytes(f):
    return (
        tag("farthing/channel/1")
        + u128(f["node"])
        + f["salt"]
        + u128(f["payer"])
        + f["signer"]
        + f["voucher_key"]
        + u128(f["payee"])
        + asset_bytes(f["asset"], f["scale"])
        + bytes(7)
        + u128(f["deposit"])
        + f["tick_root"]
        + u128(f["tick_units"])
        + u32(f["tick_count"])
        + u32(f["close_delay_seconds"])
        + u64(f["expires_at_ms"])
        + u128(f["mandate"])
    )


def channel_id(terms):
    return digest_id(sha256(terms))


def voucher_bytes(f):
    return (
        tag("farthing/voucher/1") + u128(f["channel"]) + u64(f["sequence"]) + u128(f["cumulative"])
    )


def top_up_bytes(f):
    return tag("farthing/top-up/1") + u128(f["channel"]) + u128(f["deposit"])


def close_bytes(f):
    return tag("farthing/close/1") + u128(f["channel"]) + u128(f["cumulative"])


def tick_bytes(index, link):
    return b"\x82\x1a" + u32(index) + b"\x50" + link


def link_below(salt, index, link):
    return sha256(b"fthtick1" + salt + u32(index) + link)[:16]


def tick_links(seed, salt, count):
    """Links 0 to the last of a chain that is made from a seed."""
    length = 2
    while length < count:
        length *= 2
    links = [sha256(tag("farthing/tick-seed/1") + seed + salt + u32(length))[:16]]
    for index in range(length, 0, -1):
        links.append(link_below(salt, index, links[-1]))
    return links[::-1]
