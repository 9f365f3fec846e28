"""Policies: which logs are believed, and which witnesses must have seen what they say.

Keeps: names are defined before they are used; no key stands twice, and each name is a member of
one group at most, so that no witness counts twice. Format: C2SP tlog-policy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from .note import Checkpoint, Note, Signed, parse_checkpoint, signed_by
from .strict import ReceiptRefused, bytes_of, decimal
from .vkey import LOG_KEY, WITNESS_KEY, VerifierKey, parse_vkey

_POLICY_BYTES_MAX = 256 * 1024
_ENTRIES_COUNT_MAX = 256
_CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]")
_BLANKS = re.compile(rb"[ \t]+")


@dataclass(frozen=True)
class Group:
    """So many of several."""

    threshold: int
    members: tuple["Quorum", ...]


Quorum = Union[int, Group]
"""A witness by its place, or so many of several."""


@dataclass(frozen=True)
class PolicyWitness:
    """A witness, under the name that it has in the policy alone."""

    name: str
    key: VerifierKey


@dataclass(frozen=True)
class Policy:
    """Made by `parse_policy` or `log_policy`."""

    logs: tuple[VerifierKey, ...]
    witnesses: tuple[PolicyWitness, ...] = ()
    quorum: Quorum | None = None
    """None: no witness is needed."""


@dataclass(frozen=True)
class Cosigned:
    """A witness that cosigned, with the latest time at which it did, Unix seconds."""

    witness: PolicyWitness
    time: int


@dataclass(frozen=True)
class Judged:
    """A checkpoint that a policy accepts, and on whose word."""

    checkpoint: Checkpoint
    log: VerifierKey
    cosigned: tuple[Cosigned, ...]
    """In the policy's order."""


def log_policy(vkey: str) -> Policy:
    """The policy that believes one log without any witness."""
    key = parse_vkey(vkey)
    if key.type != LOG_KEY:
        raise ReceiptRefused("policy_key_type", _WRONG_TYPE)
    return Policy((key,))


def read_policy(source: str | bytes) -> Policy:
    """Reads a policy file, or, if it is a single word, the vkey of a log."""
    words = bytes_of(source).split()
    if len(words) != 1:
        return parse_policy(source)
    return log_policy(words[0].decode("utf-8", "replace"))


def parse_policy(source: str | bytes) -> Policy:
    """Reads a policy file."""
    data = bytes_of(source)
    if len(data) > _POLICY_BYTES_MAX:
        raise _fault(1, "policy_too_large", f"a policy has at most {_POLICY_BYTES_MAX} bytes")
    *lines, rest = data.split(b"\n")
    reader = _Reader()
    for number, text in enumerate(lines, 1):
        reader.number = number
        reader.line(text)
    reader.number = len(lines) + 1
    if rest:
        why = "the line does not end with a newline; the file may have been cut"
        raise reader.fault("policy_unterminated", why)
    return reader.policy()


class _Reader:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.number = 1
        self._logs: list[VerifierKey] = []
        self._witnesses: list[PolicyWitness] = []
        self._names: dict[bytes, Quorum] = {}
        self._members: set[bytes] = set()
        self._keys: set[bytes] = set()
        self._groups = 0
        self._quorum: list[Quorum | None] = []

    def fault(self, code: str, why: str) -> ReceiptRefused:
        return _fault(self.number, code, why)

    def line(self, text: bytes) -> None:
        if _CONTROL.search(text):
            why = "there is a control character; lines end with a newline alone"
            raise self.fault("policy_control_character", why)
        words = [word for word in _BLANKS.split(text) if word]
        if not words or words[0].startswith(b"#"):
            return
        keyword, *rest = words
        kinds = {
            b"log": self._log,
            b"witness": self._witness,
            b"group": self._group,
            b"quorum": self._set_quorum,
        }
        if keyword not in kinds:
            begins = "lines begin with `log`, `witness`, `group` or `quorum`"
            raise self.fault("policy_keyword", f"`{_shown(keyword)}` is unknown; {begins}")
        kinds[keyword](rest)

    def policy(self) -> Policy:
        if not self._quorum:
            why = "there is no line `quorum`; if no witness is needed, write `quorum none`"
            raise self.fault("policy_no_quorum", why)
        return Policy(tuple(self._logs), tuple(self._witnesses), self._quorum[0])

    def _log(self, words: list[bytes]) -> None:
        if len(words) not in (1, 2):
            raise self._form("log <vkey> [<url>]")
        self._room(len(self._logs))
        self._logs.append(self._key(words[0], LOG_KEY))

    def _witness(self, words: list[bytes]) -> None:
        if len(words) not in (2, 3):
            raise self._form("witness <name> <vkey> [<url>]")
        self._room(len(self._witnesses))
        self._define(words[0], len(self._witnesses))
        self._witnesses.append(PolicyWitness(_shown(words[0]), self._key(words[1], WITNESS_KEY)))

    def _group(self, words: list[bytes]) -> None:
        if len(words) < 3:
            raise self._form("group <name> all|any|<k> <member>...")
        name, word, *names = words
        self._room(self._groups)
        threshold = self._threshold(word, len(names))
        members = []
        for member in names:
            meaning = self._defined(member)
            if member in self._members:
                why = f"`{_shown(member)}` is a member of a group already"
                raise self.fault("policy_member_twice", why)
            self._members.add(member)
            members.append(meaning)
        # Last, so that a group is no member of itself.
        self._define(name, Group(threshold, tuple(members)))
        self._groups += 1

    def _set_quorum(self, words: list[bytes]) -> None:
        if len(words) != 1:
            raise self._form("quorum <name>")
        if self._quorum:
            raise self.fault("policy_quorum_twice", "the quorum is defined twice")
        self._quorum.append(None if words[0] == b"none" else self._defined(words[0]))

    def _key(self, vkey: bytes, key_type: int) -> VerifierKey:
        try:
            key = parse_vkey(vkey.decode())
        except UnicodeDecodeError:
            raise self.fault("vkey_form", "a vkey has the form `name+id+key`") from None
        except ReceiptRefused as refused:
            raise self.fault(refused.code, str(refused)) from None
        if key.type != key_type:
            raise self.fault("policy_key_type", _WRONG_TYPE)
        if key.key in self._keys:
            raise self.fault("policy_duplicate_key", "the key stands in the policy twice")
        self._keys.add(key.key)
        return key

    def _room(self, count: int) -> None:
        if count >= _ENTRIES_COUNT_MAX:
            raise self.fault("policy_too_many", f"a policy has at most {_ENTRIES_COUNT_MAX} of each")

    def _define(self, name: bytes, meaning: Quorum) -> None:
        if name == b"none" or name in self._names:
            why = f"the name `{_shown(name)}` is taken; choose another"
            raise self.fault("policy_name_taken", why)
        self._names[name] = meaning

    def _defined(self, name: bytes) -> Quorum:
        if name not in self._names:
            raise self.fault("policy_undefined", f"`{_shown(name)}` is not defined above")
        return self._names[name]

    def _threshold(self, word: bytes, members: int) -> int:
        words = {b"all": members, b"any": 1}
        least = words[word] if word in words else decimal(word) or 0
        if not 1 <= least <= members:
            why = f"the threshold is `all`, `any` or a decimal from 1 to {members}"
            raise self.fault("policy_threshold", why)
        return least

    def _form(self, form: str) -> ReceiptRefused:
        return self.fault("policy_form", f"the line has the form `{form}`")


_WRONG_TYPE = "the key is of the wrong type: logs have 0x01, witnesses 0x04"


def _fault(line: int, code: str, why: str) -> ReceiptRefused:
    return ReceiptRefused(code, f"line {line} of the policy: {why}")


def _shown(word: bytes) -> str:
    return word.decode("utf-8", "replace")


def judge(policy: Policy, note: Note) -> Judged:
    """Whether a log of the policy signed this checkpoint and enough of its witnesses cosigned it."""
    checkpoint = parse_checkpoint(note.text)
    origin = checkpoint.origin
    logs = [log for log in policy.logs if log.name == origin]
    if not logs:
        why = f"the checkpoint is of `{origin}`, a log that the policy does not know"
        raise ReceiptRefused("unknown_log", why)
    signed = signed_by(note, [*policy.logs, *(witness.key for witness in policy.witnesses)])
    log = next((log for log in logs if any(one.key is log for one in signed)), None)
    if log is None:
        why = f"the log `{origin}` has not signed the checkpoint"
        raise ReceiptRefused("log_signature_missing", why)
    times = [_latest(witness.key, signed) for witness in policy.witnesses]
    cosigned = tuple(
        Cosigned(witness, time)
        for witness, time in zip(policy.witnesses, times)
        if time is not None
    )
    seen = [time is not None for time in times]
    if policy.quorum is not None and not _is_met(policy.quorum, seen):
        why = f"{len(cosigned)} of the policy's witnesses have cosigned: its quorum is not met"
        raise ReceiptRefused("quorum_unmet", why)
    return Judged(checkpoint, log, cosigned)


def _latest(witness: VerifierKey, signed: list[Signed]) -> int | None:
    return max((one.time for one in signed if one.key is witness and one.time is not None), default=None)


def _is_met(quorum: Quorum, seen: Sequence[bool]) -> bool:
    if isinstance(quorum, Group):
        return sum(_is_met(member, seen) for member in quorum.members) >= quorum.threshold
    return seen[quorum]
