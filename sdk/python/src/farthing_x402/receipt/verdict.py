"""What a receipt that holds proves, what it does not, and on whose word: in fields and in sentences.

Keeps: nothing is called proven that was not checked; what people may take for proven and is not
stands beside it. The codes of sentences are stable, their texts may change.
"""

from dataclasses import dataclass

from .opening import Facts, Opening
from .policy import Judged, Policy
from .strict import ReceiptRefused
from .wording import amount_text, id_text, time_text

_COSIGNATURE_AHEAD_SECONDS_MAX = 60
"""A witness's clock may be so far ahead of ours."""


@dataclass(frozen=True)
class Sentence:
    """A sentence for people and its code for programs."""

    code: str
    text: str


@dataclass(frozen=True)
class Witnessed:
    """A witness of the policy that cosigned."""

    name: str
    """In the policy."""
    key: str
    """The name of its key."""
    time: int
    """Unix seconds, as it says."""


@dataclass(frozen=True)
class Vouched:
    """Who vouches for a checkpoint."""

    log: str
    """The name of the log's key, which is its origin."""
    size: int
    """Entries of the log in this state."""
    root: bytes
    witnesses: tuple[Witnessed, ...]
    """In the policy's order."""
    known_witnesses: int
    """How many witnesses the policy knows."""
    needs_witnesses: bool
    """Whether the policy asks for cosignatures; if so, its quorum is met."""


@dataclass(frozen=True)
class ReceiptVerdict:
    """What a receipt proves."""

    index: int
    """Of the entry in the log; the first is 0."""
    facts: Facts
    payer: str | None
    """`acc_…` if the receipt names it; of the creation of an account, that account."""
    payee: str | None
    """`acc_…` if the receipt names it."""
    vouched: Vouched
    proven: tuple[Sentence, ...]
    not_proven: tuple[Sentence, ...]


def vouched_by(judged: Judged, policy: Policy, now: int | None) -> Vouched:
    """On whose word a judged checkpoint stands; times are judged against `now`, if it is given."""
    witnesses = tuple(
        Witnessed(seen.witness.name, seen.witness.key.name, seen.time) for seen in judged.cosigned
    )
    for seen in witnesses:
        if now is None or seen.time <= now + _COSIGNATURE_AHEAD_SECONDS_MAX:
            continue
        when = time_text(seen.time)
        why = f"the cosignature of `{seen.key}` is of {when}, which has not come yet"
        raise ReceiptRefused("cosignature_from_future", why)
    return Vouched(
        log=judged.log.name,
        size=judged.checkpoint.size,
        root=judged.checkpoint.root,
        witnesses=witnesses,
        known_witnesses=len(policy.witnesses),
        needs_witnesses=policy.quorum is not None,
    )


def verdict(index: int, opening: Opening, vouched: Vouched) -> ReceiptVerdict:
    """What is proven and what is not, in plain words."""
    facts = opening.facts
    payer, payee = (
        None if side.account is None else id_text("acc", side.account)
        for side in (opening.debit, opening.credit)
    )
    row = _row_text(facts, payer, payee)
    entries = "one entry" if vouched.size == 1 else f"{vouched.size} entries"
    place = f"entry {index} of its log of {entries}"
    proven = [Sentence("logged", f"The operator of {vouched.log} signed that {row} is {place}.")]
    not_proven = []
    if vouched.witnesses:
        proven.append(Sentence("witnessed", _witnessed(vouched)))
    else:
        text = "That no other version of the log was shown to others: no witness cosigned."
        not_proven.append(Sentence("not_witnessed", text))
    not_proven += _beyond(facts, payer, payee)
    return ReceiptVerdict(
        index, facts, payer, payee, vouched, tuple(proven), tuple(not_proven)
    )


def _witnessed(vouched: Vouched) -> str:
    judged = (
        "as many as the policy asks for"
        if vouched.needs_witnesses
        else "though the policy asks for none"
    )
    found, known = len(vouched.witnesses), vouched.known_witnesses
    seen = ", ".join(f"{one.key} at {time_text(one.time)}" for one in vouched.witnesses)
    return (
        f"{found} of {known} witnesses that the policy knows, {judged}, saw this state of the "
        f"log and saw it only ever grow: {seen}."
    )


def _beyond(facts: Facts, payer: str | None, payee: str | None) -> list[Sentence]:
    """What no receipt proves, and what this one keeps closed."""
    sentences = []
    if facts.action != "create" and payer is None:
        sentences.append(Sentence("payer_closed", "Who paid: the receipt keeps it closed."))
    if facts.action != "create" and payee is None:
        sentences.append(Sentence("payee_closed", "Who was paid: the receipt keeps it closed."))
    named = " or ".join(account for account in (payer, payee) if account is not None)
    if named:
        sentences.append(Sentence("owner", f"That {named} belongs to a certain person."))
    if facts.action in ("move", "hold", "post"):
        sentences.append(Sentence("delivery", "That the goods were delivered."))
        text = "That nothing was given back or released later."
        sentences.append(Sentence("later", text))
    text = "That it happened at that time: the operator's clock says so."
    sentences.append(Sentence("time", text))
    return sentences


def _row_text(facts: Facts, debit: str | None, credit: str | None) -> str:
    """What the row says, with the accounts that are opened."""
    time = time_text(facts.timestamp_ns // 1_000_000_000)
    if facts.action == "create":
        return f"the creation of {id_text('acc', facts.id)} for {facts.asset} at {time}"
    transfer, pending = id_text("tr", facts.id), id_text("tr", facts.pending_id)
    amount = amount_text(facts.amount, facts.asset, facts.scale)
    what = {
        "move": f"transfer {transfer} of {amount}",
        "hold": f"the hold {transfer} of {amount}",
        "post": f"transfer {transfer} of {amount}, out of the hold {pending},",
        "void": f"{transfer}, the release of the hold {pending},",
        "expire": f"the expiry of the hold {transfer} of {amount}",
    }[facts.action]
    source = "" if debit is None else f" from {debit}"
    target = "" if credit is None else f" to {credit}"
    payment = "" if facts.payment is None else f" for {facts.payment}"
    return f"{what}{source}{target}{payment} at {time}"
