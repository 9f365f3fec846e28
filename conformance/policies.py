#!/usr/bin/env python3
"""Writes policies.json: golden vectors of vkeys, policies, and what policies say of checkpoints.

Written from C2SP signed-note, tlog-checkpoint, tlog-cosignature and tlog-policy and RFC 8032, apart
from every implementation that it checks. Standard library only; the output is the same on every run.
"""

import base64
import hashlib
import json
import pathlib

from edwards import BASE, IDENTITY, encode, multiply, off_curve, torsion_point
from layout import FIELD_PRIME, GROUP_ORDER

LOG, WITNESS = 1, 4
ORIGIN = "ledger.example/log1"
TIME = 1_700_000_000
ROOT = base64.b64encode(bytes([0xAB] * 32)).decode()
TEXT = f"{ORIGIN}\n3\n{ROOT}\n"
DASH = "\u2014"


def b64(data):
    return base64.b64encode(data).decode()


def sha512(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


class Key:
    """A named secret key."""

    def __init__(self, name, kind, seed):
        digest = hashlib.sha512(bytes([seed] * 32)).digest()
        head = int.from_bytes(digest[:32], "little")
        self.scalar = head % 2**254 - head % 8 + 2**254
        self.prefix = digest[32:]
        self.name, self.kind = name, kind
        self.public = encode(multiply(self.scalar, BASE))

    def vkey(self):
        return vkey(self.name, self.kind, self.public)

    def sign(self, message, nonce=None):
        nonce = sha512(self.prefix, message) % GROUP_ORDER if nonce is None else nonce
        point = encode(multiply(nonce, BASE))
        scalar = (nonce + sha512(point, self.public, message) * self.scalar) % GROUP_ORDER
        return point + scalar.to_bytes(32, "little")

    def line(self, signature):
        data = key_id(self.name, self.kind, self.public) + signature
        return f"{DASH} {self.name} {b64(data)}\n"


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def vkey(name, kind, public):
    return f"{name}+{key_id(name, kind, public).hex()}+{b64(bytes([kind]) + public)}"


THE_LOG = Key(ORIGIN, LOG, 7)
RENAMED = Key("ledger.example/log2", LOG, 7)
NEXT_KEY = Key(ORIGIN, LOG, 8)
OTHER = Key("other.example", LOG, 9)
SAME = Key(ORIGIN, WITNESS, 7)
WITNESSES = [Key(f"witness.example/number{number}", WITNESS, 100 + number) for number in range(1, 7)]
SPARE = Key("witness.example/spare", WITNESS, 120)


def log_line(text=TEXT, key=THE_LOG):
    return key.line(key.sign(text.encode()))


def cosignature(key, time=TIME, text=TEXT):
    return time.to_bytes(8, "big") + key.sign(f"cosignature/v1\ntime {time}\n{text}".encode())


def cosigned(key, time=TIME, text=TEXT):
    return key.line(cosignature(key, time, text))


def vkeys():
    key = THE_LOG.public
    small = torsion_point()
    points = [
        ("identity", encode(IDENTITY)),
        ("order 2", encode((0, FIELD_PRIME - 1))),
        ("order 4", encode(multiply(2, small))),
        ("order 8", encode(small)),
        ("order 8, negative", encode((FIELD_PRIME - small[0], small[1]))),
        ("order 8, other half", encode(multiply(3, small))),
        ("identity with a sign", (1 | 1 << 255).to_bytes(32, "little")),
        ("identity beyond the field", (FIELD_PRIME + 1).to_bytes(32, "little")),
        ("order 4 beyond the field", FIELD_PRIME.to_bytes(32, "little")),
        ("no point", off_curve()),
    ]
    good = THE_LOG.vkey()
    head, key_text = good.rsplit("+", 1)
    rows = [(good, None), (WITNESSES[0].vkey(), None)]
    # Points that are written beyond the field are taken if they are not of small order.
    beyond = (FIELD_PRIME + 3).to_bytes(32, "little")
    rows += [(vkey("beyond.example", LOG, beyond), None)]
    rows += [(vkey("\u00e4\u2014", LOG, key), None), (vkey("a\u200b", LOG, key), None)]
    rows += [("", "vkey_form"), ("a", "vkey_form"), (head, "vkey_form")]
    names = ["", "a b", "a\x01", "a\u00a0b", "a\u0085", "\u3000", "a\u1680", "a\u2028"]
    rows += [(vkey(name, LOG, key), "key_name") for name in names]
    for key_id_text in ["", "654BE5A4", "654be5a", "654be5a40", "654be5ag"]:
        rows.append((f"{ORIGIN}+{key_id_text}+{key_text}", "vkey_id"))
    for text in ["", key_text[:-1], f"{key_text}=", f"-{key_text[1:]}", f"{key_text}\n"]:
        rows.append((f"{head}+{text}", "vkey_base64"))
    rows += [(vkey(ORIGIN, kind, key), "vkey_type") for kind in [0, 2, 3, 5, 6, 255]]
    rows += [(vkey(ORIGIN, LOG, key[:31]), "vkey_length"), (vkey(ORIGIN, LOG, b""), "vkey_length")]
    rows += [(vkey(ORIGIN, WITNESS, key + b"\0"), "vkey_length")]
    rows += [(vkey(ORIGIN, LOG, point), "vkey_point") for _, point in points]
    rows += [(good.replace("654be5a4", "654be5a5"), "vkey_id_mismatch")]
    rows += [(good.replace("log1", "log2"), "vkey_id_mismatch")]
    return [{"vkey": text, **({"code": code} if code else {})} for text, code in rows]


def definitions():
    lines = [f"witness w{at} {key.vkey()}\n" for at, key in enumerate(WITNESSES, 1)]
    return f"log {THE_LOG.vkey()}\n" + "".join(lines)


REFUSED = [
    ("quorum none", "policy_unterminated"),
    ("quorum w1\r\n", "policy_control_character"),
    ("quorum w1\n#\x7f\n", "policy_control_character"),
    ("quorum w1\0\n", "policy_control_character"),
    ("Quorum w1\n", "policy_keyword"),
    ("\nlogs\n", "policy_keyword"),
    ("log\n", "policy_form"),
    ("log a b c\n", "policy_form"),
    ("witness w\n", "policy_form"),
    ("witness w a b c\n", "policy_form"),
    ("group g\n", "policy_form"),
    ("group g any\n", "policy_form"),
    ("quorum\n", "policy_form"),
    ("quorum w1 w2\n", "policy_form"),
    ("quorum none # no witness\n", "policy_form"),
    ("witness w1 vkey\n", "policy_name_taken"),
    ("witness none vkey\n", "policy_name_taken"),
    ("group none any w2\n", "policy_name_taken"),
    ("group g any w1\ngroup g any w2\n", "policy_name_taken"),
    ("witness w vkey\n", "vkey_form"),
    ("log {key}\n", "vkey_id_mismatch"),
    ("witness w {log}\n", "policy_key_type"),
    ("log {witness}\n", "policy_key_type"),
    ("log {log}\n", "policy_duplicate_key"),
    ("log {renamed}\n", "policy_duplicate_key"),
    ("witness w {same}\n", "policy_duplicate_key"),
    ("witness w {spare}\nwitness v {spare}\n", "policy_duplicate_key"),
    ("group g 0 w1\n", "policy_threshold"),
    ("group g 3 w1 w2\n", "policy_threshold"),
    ("group g 01 w1 w2\n", "policy_threshold"),
    ("group g All w1 w2\n", "policy_threshold"),
    ("group g 18446744073709551617 w1\n", "policy_threshold"),
    ("group g any w7\n", "policy_undefined"),
    ("group g any w1 none\n", "policy_undefined"),
    ("group g any g\n", "policy_undefined"),
    ("quorum g\ngroup g any w1\n", "policy_undefined"),
    ("quorum W1\n", "policy_undefined"),
    ("group g any w1 w1\n", "policy_member_twice"),
    ("group g any w1\ngroup h any w2 w1\n", "policy_member_twice"),
    ("quorum w1\nquorum w1\n", "policy_quorum_twice"),
    ("", "policy_no_quorum"),
    ("# quorum w1\n", "policy_no_quorum"),
]


def refused_policies():
    words = {
        "log": THE_LOG.vkey(),
        "key": THE_LOG.vkey().replace("654be5a4", "654be5a5"),
        "renamed": RENAMED.vkey(),
        "same": SAME.vkey(),
        "spare": SPARE.vkey(),
        "witness": SPARE.vkey(),
    }
    rows = [(definitions() + text.format(**words), code) for text, code in REFUSED]
    rows = [(text.encode(), code) for text, code in rows]
    rows += [(b"", "policy_no_quorum"), (b"log \xff\nquorum none\n", "vkey_form")]
    rows += [(b"\xef\xbb\xbfquorum none\n", "policy_keyword")]
    return [{"policy": b64(text), "code": code} for text, code in rows]


QUORUMS = [
    ("quorum none", [], True),
    ("quorum none", [2], True),
    ("quorum w2", [], False),
    ("quorum w2", [1, 3, 4, 5, 6], False),
    ("quorum w2", [2], True),
    ("group g any w1 w2\nquorum g", [3, 4], False),
    ("group g any w1 w2\nquorum g", [2], True),
    ("group g all w1 w2\nquorum g", [2], False),
    ("group g all w1 w2\nquorum g", [2, 1], True),
    ("group g 2 w1 w2 w3\nquorum g", [3], False),
    ("group g 2 w1 w2 w3\nquorum g", [3, 1], True),
    ("group g 2 w1 w2 w3\nquorum w5", [1, 2, 3], False),
    ("group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup b all x y\nquorum b", [1, 4, 5], False),
    ("group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup b all x y\nquorum b", [1, 3, 5], True),
    ("group x all w1 w2\ngroup y 1 x w6\nquorum y", [1], False),
    ("group x all w1 w2\ngroup y 1 x w6\nquorum y", [6], True),
]


def judged_row(policy, note, outcome, why):
    policy, note = (data if isinstance(data, bytes) else data.encode() for data in (policy, note))
    row = {"why": why, "policy": b64(policy), "note": b64(note)}
    return {**row, **({"code": outcome} if isinstance(outcome, str) else {"cosigned": outcome})}


def quorum_rows():
    for lines, seen, met in QUORUMS:
        keys = [WITNESSES[number - 1] for number in seen]
        note = f"{TEXT}\n{log_line()}" + "".join(cosigned(key) for key in keys)
        found = [{"name": f"w{number}", "time": str(TIME)} for number in sorted(seen)]
        outcome = found if met else "quorum_unmet"
        yield judged_row(f"{definitions()}{lines}\n", note, outcome, f"{lines}: {seen}")


def signature_rows():
    policy = f"{definitions()}quorum w1\n"
    one = WITNESSES[0]
    good = [{"name": "w1", "time": str(TIME)}]

    def row(why, lines, outcome, text=TEXT, policy=policy):
        return judged_row(policy, f"{text}\n{lines}", outcome, why)

    signed = log_line()
    yield row("as it should be", signed + cosigned(one), good)
    yield row("the order of lines does not count", cosigned(one) + signed, good)
    unknown = Key("stranger.example", LOG, 50)
    pq = f"{DASH} {ORIGIN} {b64(bytes([1, 2, 3, 4]) + bytes(2420))}\n"
    yield row("unknown keys and types count for nothing", unknown.line(bytes(64)) + pq + signed + cosigned(one), good)
    yield row("only unknown types", pq, "note_unsigned")
    yield row("only unknown keys", unknown.line(unknown.sign(TEXT.encode())), "note_unsigned")
    yield row("the witness alone", cosigned(one), "log_signature_missing")
    yield row("the log alone", signed, "quorum_unmet")
    yield row("another text", signed + cosigned(one), "note_signature_mismatch", TEXT.replace("3", "4"))
    yield row("another log", signed, "unknown_log", TEXT.replace("log1", "log2"))
    yield row("another log by its own key", log_line(TEXT, OTHER), "note_unsigned")
    yield row("a known key fails beside good ones", signed + cosigned(one) + THE_LOG.line(bytes(64)), "note_signature_mismatch")
    yield row("a witness fails that is not needed", signed + cosigned(one) + WITNESSES[1].line(bytes(72)), "note_signature_mismatch")
    yield row("too short", THE_LOG.line(bytes(63)), "note_signature_length")
    yield row("a cosignature without its time", signed + one.line(cosignature(one)[8:]), "note_signature_length")
    yield row("a time beyond bounds", signed + one.line(b"\x80" + cosignature(one)[1:]), "note_signature_time")
    late = 2**63 - 1
    yield row("the latest time", signed + cosigned(one, late), [{"name": "w1", "time": str(late)}])
    yield row("another time than was signed", signed + one.line(bytes(8) + cosignature(one)[8:]), "note_signature_mismatch")
    twice = signed + cosigned(one, TIME + 9) + cosigned(one, TIME)
    yield row("one witness counts once", twice, "quorum_unmet", policy=f"{definitions()}group g 2 w1 w2\nquorum g\n")
    late_first, late_last = twice, signed + cosigned(one, TIME) + cosigned(one, TIME + 9)
    for lines in [late_first, late_last]:
        yield row("its latest time counts", lines, [{"name": "w1", "time": str(TIME + 9)}])
    yield row("a log may change its key", log_line(TEXT, NEXT_KEY), [], policy=f"log {THE_LOG.vkey()}\nlog {NEXT_KEY.vkey()}\nquorum none\n")
    yield row("another log of the policy does not stand in", log_line(TEXT, OTHER), "log_signature_missing", policy=f"log {THE_LOG.vkey()}\nlog {OTHER.vkey()}\nquorum none\n")


def point_rows():
    """Signatures that only strict checks refuse; openly forged by who has the key."""
    policy = f"log {THE_LOG.vkey()}\nquorum none\n"
    message = TEXT.encode()
    signature = THE_LOG.sign(message)
    yield judged_row(policy, f"{TEXT}\n{THE_LOG.line(signature)}", [], "strict and good")
    small = THE_LOG.sign(message, nonce=0)
    yield judged_row(policy, f"{TEXT}\n{THE_LOG.line(small)}", "note_signature_mismatch", "its point is of small order")
    scalar = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    large = signature[:32] + scalar.to_bytes(32, "little")
    yield judged_row(policy, f"{TEXT}\n{THE_LOG.line(large)}", "note_signature_mismatch", "its scalar is not reduced")


def note_rows():
    policy = f"log {THE_LOG.vkey()}\nquorum none\n"
    signed = log_line()
    whole = f"{TEXT}\n{signed}"
    long_text = f"{TEXT}more\n"
    rows = [
        (whole, [], "three lines"),
        (f"{long_text}\n{log_line(long_text)}", [], "further lines are signed and not read"),
        ("", "note_no_signature", "nothing"),
        (TEXT, "note_no_signature", "no signature"),
        (f"{TEXT}\n", "note_no_signature", "an empty line at the end"),
        (whole[:-1], "note_unterminated", "cut by a byte"),
        (f"{whole}\n", "note_no_signature", "an empty line more"),
        (f"{whole}x\n", "note_signature_form", "a line more"),
        (f"{TEXT}\n" + signed * 101, "note_too_many_signatures", "101 signatures"),
        (f"{TEXT}\n" + signed * 100, [], "100 signatures"),
        (whole.replace(DASH, "-"), "note_signature_form", "another dash"),
        (whole.replace(f"{DASH} {ORIGIN}", f"{DASH}  {ORIGIN}"), "note_signature_name", "two spaces"),
        (whole.replace("log1 ", "log1+ "), "note_signature_name", "a plus sign in the name"),
        (whole[:-2] + "\n", "note_signature_base64", "base64 without its padding"),
        (f"{TEXT}\n{DASH} {ORIGIN} {b64(bytes(4))}\n", "note_signature_short", "an id alone"),
        (whole.replace("\n", "\r\n"), "note_control_character", "lines end with two characters"),
        (whole.replace("log1\n", "log1\t\n"), "note_control_character", "a tab"),
        (whole.encode() + b"\xff\n", "note_not_utf8", "no UTF-8"),
        (b"\xed\xa0\x80" + whole.encode(), "note_not_utf8", "half of a surrogate pair"),
        (whole.replace("\n3\n", "\n03\n"), "checkpoint_size", "a leading zero"),
        (whole.replace("\n3\n", "\n+3\n"), "checkpoint_size", "a sign"),
        (whole.replace("\n3\n", "\n18446744073709551616\n"), "checkpoint_size", "2^64"),
        (whole.replace(ROOT, ROOT[:-1]), "checkpoint_root", "a root without its padding"),
        (whole.replace(ROOT, b64(bytes(31))), "checkpoint_root", "a short root"),
        (f"{ORIGIN}\n3\n\n{signed}", "checkpoint_lines", "two lines"),
        (f"{ORIGIN}\n\n{TEXT}\n{signed}", "checkpoint_empty_line", "an empty line"),
        (whole.replace(ORIGIN, f"\ufeff{ORIGIN}", 1), "unknown_log", "a byte order mark"),
    ]
    return [judged_row(policy, note, outcome, why) for note, outcome, why in rows]


def main():
    vectors = {
        "about": "vkeys and notes (C2SP signed-note), checkpoints (tlog-checkpoint), cosignatures "
        "(tlog-cosignature) and policies (tlog-policy). Policies and notes are base64. A row with "
        "`code` is refused with it; a row of `judged` without one names the policy's witnesses that "
        "cosigned, with their times in Unix seconds.",
        "vkeys": vkeys(),
        "refused_policies": refused_policies(),
        "judged": [*quorum_rows(), *signature_rows(), *point_rows(), *note_rows()],
    }
    target = pathlib.Path(__file__).with_name("policies.json")
    target.write_text(json.dumps(vectors, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
