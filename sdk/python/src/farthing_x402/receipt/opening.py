"""Openings: what a leaf of the log commits to, the `extra` of a receipt.

Keeps: bytes are read only if a ledger could have written their row; the entry is recomputed from
the bytes alone. Format: `docs/reference/formats.md`. Must not know where in the log a leaf is.
"""

import hashlib
import re
from dataclasses import dataclass

from .strict import ReceiptRefused
from .wording import id_text

_FACTS_BYTES = 102
_CLOSED_BYTES = 32
_OPENED_BYTES = 40
_DEBIT_OPENED = 1
_CREDIT_OPENED = 2
_SCALE_MAX = 30
_PAYMENT_CODE = 2
"""The code of transfers that the node makes for payments."""
_NO_LEAF = 2**64 - 1
_RESERVED_IDS = (0, 2**128 - 1)
_ASSET = re.compile(rb"[A-Z][A-Z0-9]*\0*")

_PENDING, _POST, _VOID = 2, 4, 8
_PHASE = _PENDING | _POST | _VOID
_TRANSFER_FLAGS = 0xFF
_CLOSING_FLAGS = 0xC0
_BALANCING_FLAGS = 0x30
_ACCOUNT_FLAGS = 0x2F
_ACTIONS = {_PENDING: "hold", _POST: "post", _VOID: "void"}
_KINDS = {1: "account_created", 2: "transfer_created", 3: "hold_expired"}


@dataclass(frozen=True)
class Facts:
    """All of a row but its accounts."""

    kind: str
    """`account_created`, `transfer_created` or `hold_expired`."""
    action: str
    """What the row does to balances: `create`, `move`, `hold`, `post`, `void` or `expire`."""
    asset: str
    scale: int
    """Decimals of one base unit."""
    flags: int
    code: int
    timeout_seconds: int
    user_data_32: int
    timestamp_ns: int
    """Unix nanoseconds."""
    user_data_64: int
    id: int
    """Of the account, the transfer or the hold."""
    pending_id: int
    """The hold that a post or void resolves, else zero."""
    amount: int
    """Base units."""
    user_data: int
    payment: str | None
    """`pay_…` of the payment of which the transfer is a part."""


@dataclass(frozen=True)
class Posting:
    """One side of a leaf; the account is known if the side is opened."""

    hash: bytes
    account: int | None = None
    prev: int | None = None
    """Index of the leaf before this one in which the account takes part; None: there is none."""


@dataclass(frozen=True)
class Opening:
    """What a leaf commits to."""

    facts: Facts
    debit: Posting
    """The side that gives; of an account's creation, the account."""
    credit: Posting
    """The side that receives."""
    entry: bytes
    """The leaf's data."""


def read_opening(data: bytes) -> Opening:
    """Reads an opening and computes the entry that it opens."""
    if len(data) < 2:
        raise _wrong_length(data, 2 + _FACTS_BYTES + 2 * _CLOSED_BYTES)
    version, mask = data[:2]
    if version != 1:
        why = f"version {version} of openings is unknown here"
        raise ReceiptRefused("opening_version", why)
    if mask & ~(_DEBIT_OPENED | _CREDIT_OPENED):
        raise ReceiptRefused("opening_mask", "the mask of the opening has reserved bits")
    middle = 2 + _FACTS_BYTES + (_OPENED_BYTES if mask & _DEBIT_OPENED else _CLOSED_BYTES)
    end = middle + (_OPENED_BYTES if mask & _CREDIT_OPENED else _CLOSED_BYTES)
    if len(data) != end:
        raise _wrong_length(data, end)
    facts_bytes = data[2 : 2 + _FACTS_BYTES]
    facts = _read_facts(facts_bytes)
    debit = _read_posting(data[2 + _FACTS_BYTES : middle])
    credit = _read_posting(data[middle:])
    if not _sides_fit(facts, debit, credit):
        why = "the sides of the opening do not fit its kind of row"
        raise ReceiptRefused("opening_sides", why)
    message = b"farthing/leaf/1" + debit.hash + credit.hash + facts_bytes
    return Opening(facts, debit, credit, b"\1" + hashlib.sha256(message).digest())


def _wrong_length(data: bytes, expected: int) -> ReceiptRefused:
    why = f"the opening should have {expected} bytes and has {len(data)}"
    return ReceiptRefused("opening_length", why)


def _read_facts(data: bytes) -> Facts:
    def at(start: int, size: int) -> int:
        return int.from_bytes(data[start : start + size], "big")

    kind = _KINDS.get(data[0])
    if kind is None:
        raise ReceiptRefused("facts_kind", f"{data[0]} is no kind of row: there are 1, 2 and 3")
    if data[1] > _SCALE_MAX or not _ASSET.fullmatch(data[14:22]):
        raise ReceiptRefused("facts_asset", "the facts name no asset")
    flags = at(2, 2)
    action, code, user_data = _action_of(kind, flags), at(4, 2), at(86, 16)
    is_payment = action != "create" and code == _PAYMENT_CODE and user_data not in _RESERVED_IDS
    facts = Facts(
        kind=kind,
        action=action,
        asset=data[14:22].rstrip(b"\0").decode("ascii"),
        scale=data[1],
        flags=flags,
        code=code,
        timeout_seconds=at(6, 4),
        user_data_32=at(10, 4),
        timestamp_ns=at(22, 8),
        user_data_64=at(30, 8),
        id=at(38, 16),
        pending_id=at(54, 16),
        amount=at(70, 16),
        user_data=user_data,
        payment=id_text("pay", user_data) if is_payment else None,
    )
    _check_facts(facts)
    return facts


def _action_of(kind: str, flags: int) -> str:
    if kind == "account_created":
        return "create"
    if kind == "hold_expired":
        return "expire"
    return _ACTIONS.get(flags & _PHASE, "move")


def _check_facts(facts: Facts) -> None:
    """Whether they are those of a row, as far as they tell."""
    if not _flags_fit(facts.kind, facts.flags):
        raise ReceiptRefused("facts_flags", "the flags do not fit the kind of row")
    if facts.id in _RESERVED_IDS:
        raise ReceiptRefused("facts_id", "the id of the row is reserved")
    resolves = facts.action in ("post", "void")
    if facts.pending_id in _RESERVED_IDS if resolves else facts.pending_id:
        why = "posts and voids alone have the id of a hold"
        raise ReceiptRefused("facts_pending_id", why)
    if facts.action not in ("hold", "expire") and facts.timeout_seconds:
        raise ReceiptRefused("facts_timeout", "pending transfers alone have a timeout")
    if facts.action == "create" and facts.amount:
        raise ReceiptRefused("facts_amount", "the creation of an account moves no amount")


def _flags_fit(kind: str, flags: int) -> bool:
    phase = flags & _PHASE
    if kind == "account_created":
        allowed = _ACCOUNT_FLAGS
    elif phase == _PENDING:
        allowed = _TRANSFER_FLAGS
    elif kind == "hold_expired":
        return False
    elif phase == 0:
        allowed = _TRANSFER_FLAGS & ~_CLOSING_FLAGS
    elif phase in (_POST, _VOID):
        allowed = _TRANSFER_FLAGS & ~(_CLOSING_FLAGS | _BALANCING_FLAGS)
    else:
        return False
    return flags & ~allowed == 0


def _read_posting(data: bytes) -> Posting:
    """Reads a side, whose length says whether it is opened."""
    if len(data) == _CLOSED_BYTES:
        return Posting(data)
    account = int.from_bytes(data[16:32], "big")
    if account in _RESERVED_IDS:
        why = "the opening names an account with a reserved id"
        raise ReceiptRefused("opening_account", why)
    prev = int.from_bytes(data[32:], "big")
    digest = hashlib.sha256(b"farthing/side/1" + data).digest()
    return Posting(digest, account, None if prev == _NO_LEAF else prev)


def _sides_fit(facts: Facts, debit: Posting, credit: Posting) -> bool:
    if facts.kind != "account_created":
        return not _is_no_side(debit) and not _is_no_side(credit)
    if debit.account is None:
        is_first = not _is_no_side(debit)
    else:
        is_first = debit.account == facts.id and debit.prev is None
    return is_first and _is_no_side(credit)


def _is_no_side(side: Posting) -> bool:
    """The creation of an account has a debit side alone; in place of the other stand zeros."""
    return side.account is None and not any(side.hash)
