"""Keys and the JSON form of rows, for the generator of golden vectors alone."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from layout import digest_id, sha256, tag, u128

# Numbers that do not fit what JSON readers keep exactly.
TEXT_NUMBERS = (
    "amount",
    "per_payment",
    "total",
    "settled_at_ns",
    "deposit",
    "tick_units",
    "cumulative",
    "sequence",
)


class Key:
    def __init__(self, name):
        self.seed = sha256(b"farthing conformance key: " + name.encode())
        self.private = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message):
        return self.private.sign(message)


PAYER = Key("payer")
DELEGATE = Key("delegate")
NODE_KEY = Key("node")
NODE = digest_id(sha256(tag("farthing/node/1") + NODE_KEY.public))
PAYEE = 0x0123456789ABCDEF0123456789ABCDEF


def plain(fields):
    """JSON form: ids, keys and digests as hex, amounts as decimal strings."""
    out = {}
    for name, value in fields.items():
        if isinstance(value, bytes):
            out[name] = value.hex()
        elif name in ("node", "order", "payer", "payee", "mandate", "payment", "channel"):
            out[name] = u128(value).hex()
        elif name in TEXT_NUMBERS:
            out[name] = str(value)
        else:
            out[name] = value
    return out


def signed(fields, key, data):
    return plain(fields) | {
        "seed": key.seed.hex(),
        "bytes": data.hex(),
        "signature": key.sign(data).hex(),
    }


def replaced(data, offset, part):
    return data[:offset] + part + data[offset + len(part) :]
