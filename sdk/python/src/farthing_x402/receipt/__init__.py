"""Receipts of payments, verified offline.

Keeps the order: the leaf is recomputed from what the receipt opens, then the log's signature, the
witnesses' against the policy's quorum, and the proof that the leaf is in the tree. The first that
fails is the verdict. Asks nobody: what is believed, the policy says.
"""

from .opening import Facts, Opening, Posting, read_opening
from .policy import Policy, PolicyWitness, judge, log_policy, parse_policy, read_policy
from .proof import Receipt, check_inclusion, leaf_hash, parse_receipt
from .strict import ReceiptRefused
from .verdict import ReceiptVerdict, Sentence, Vouched, Witnessed, verdict, vouched_by
from .vkey import VerifierKey

__all__ = [
    "Facts",
    "Opening",
    "Policy",
    "PolicyWitness",
    "Posting",
    "Receipt",
    "ReceiptRefused",
    "ReceiptVerdict",
    "Sentence",
    "VerifierKey",
    "Vouched",
    "Witnessed",
    "log_policy",
    "parse_policy",
    "parse_receipt",
    "read_opening",
    "read_policy",
    "verify_receipt",
]


def verify_receipt(
    source: str | bytes, policy: Policy, now_seconds: int | None = None
) -> ReceiptVerdict:
    """Verifies a receipt: the content of a `.tlog-proof` file. Whatever is wrong is raised as
    `ReceiptRefused`. With `now_seconds`, the present in Unix seconds, cosignatures from later are
    refused; without it times are not judged."""
    receipt = parse_receipt(source)
    if receipt.extra is None:
        why = "the receipt has no line `extra`, so nothing says what its leaf is about"
        raise ReceiptRefused("receipt_no_opening", why)
    opening = read_opening(receipt.extra)
    judged = judge(policy, receipt.note)
    check_inclusion(leaf_hash(opening.entry), receipt.index, judged.checkpoint, receipt.proof)
    return verdict(receipt.index, opening, vouched_by(judged, policy, now_seconds))
