import base64
import json
import pathlib
import unittest

from farthing_x402.receipt import (
    ReceiptRefused,
    log_policy,
    parse_policy,
    parse_receipt,
    read_opening,
    read_policy,
    verify_receipt,
)
from farthing_x402.receipt.note import parse_note
from farthing_x402.receipt.policy import judge
from farthing_x402.receipt.proof import check_inclusion, leaf_hash
from farthing_x402.receipt.vkey import parse_vkey
from farthing_x402.receipt.wording import id_text

_CONFORMANCE = pathlib.Path(__file__).parents[3] / "conformance"
RECEIPTS = json.loads((_CONFORMANCE / "receipts.json").read_text())
OPENINGS = json.loads((_CONFORMANCE / "openings.json").read_text())["openings"]
POLICIES = json.loads((_CONFORMANCE / "policies.json").read_text())

LOG_VKEY = "ledger.example/log1+654be5a4+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
WITNESS_VKEY = "witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"
# A log of the entries leaf-1 to leaf-5 that programs of others have accepted.
GOLDEN = """c2sp.org/tlog-proof@v1
index 3
92g2MlrsVpnY1x+OQunUfFwpsIBZuiljhPfKQK06QK4=
rvym7Pc9Tp0c4FIjxKgP2MqX57i/ZnTBvlHpFV2tDYk=
jxWTy5L0Kdk0C5u8HwuxIq34AmxCpKQhQuIWiTFycjY=

ledger.example/log1
5
GdFfT0r+DloVve6fvpvyYrFoGrmuHLeK50J+P01BO+8=

\u2014 ledger.example/log1 ZUvlpMeC5Ux2nzvZnaQcgPZoRxyWlcbdg6dZqGsC3qTYqNB0LDy9PTYMQdv1CFes8D2MITj+MQ8DT60lBkXaqWAl/wU=
\u2014 witness.example/w1 JLXZ/gAAAABlU/EA+QVALIB6Qp6CMOxe7CbO/HP/FEiI4k9r2eP/BNd++/vDJDLxeVfrJfodAy1r4Kfnwno0oA5bM4AbazXZnwEoAA==
"""


def code_of(work, *arguments):
    """The code of the refusal; None if there is none."""
    try:
        work(*arguments)
    except ReceiptRefused as refused:
        assert len(str(refused)) > 10, refused.code
        return refused.code
    return None


def now_of(row):
    return None if row["now"] is None else int(row["now"])


def facts_row(facts):
    return {
        "action": facts.action,
        "amount": str(facts.amount),
        "asset": facts.asset,
        "code": facts.code,
        "flags": facts.flags,
        "id": id_text("acc" if facts.action == "create" else "tr", facts.id),
        "payment": facts.payment,
        "pending_id": id_text("tr", facts.pending_id) if facts.pending_id else None,
        "scale": facts.scale,
        "timeout_seconds": facts.timeout_seconds,
        "timestamp_ns": str(facts.timestamp_ns),
        "user_data": str(facts.user_data),
        "user_data_32": facts.user_data_32,
        "user_data_64": str(facts.user_data_64),
    }


def verdict_row(verdict):
    vouched = verdict.vouched
    return {
        "facts": facts_row(verdict.facts),
        "index": str(verdict.index),
        "payer": verdict.payer,
        "payee": verdict.payee,
        "log": vouched.log,
        "size": str(vouched.size),
        "known_witnesses": vouched.known_witnesses,
        "needs_witnesses": vouched.needs_witnesses,
        "witnesses": [
            {"name": seen.name, "key": seen.key, "time": str(seen.time)}
            for seen in vouched.witnesses
        ],
        "proven": [sentence.code for sentence in verdict.proven],
        "not_proven": [sentence.code for sentence in verdict.not_proven],
        "texts": [sentence.text for sentence in verdict.proven + verdict.not_proven],
    }


def accept(data, entry=b"leaf-4"):
    policy = parse_policy(f"log {LOG_VKEY}\nwitness w {WITNESS_VKEY}\nquorum w\n")
    receipt = parse_receipt(data)
    checkpoint = judge(policy, receipt.note).checkpoint
    check_inclusion(leaf_hash(entry), receipt.index, checkpoint, receipt.proof)


class Vectors(unittest.TestCase):
    def test_receipts_that_hold_say_what_they_prove(self):
        self.assertGreaterEqual(len(RECEIPTS["receipts"]), 20)
        for row in RECEIPTS["receipts"]:
            with self.subTest(row["name"]):
                policy = parse_policy(row["policy"])
                verdict = verify_receipt(row["receipt"], policy, now_of(row))
                for name, value in verdict_row(verdict).items():
                    self.assertEqual(value, row[name], name)

    def test_receipts_that_do_not_hold_are_refused_with_their_reason(self):
        self.assertGreaterEqual(len(RECEIPTS["rejected"]), 60)
        for row in RECEIPTS["rejected"]:
            with self.subTest(row["name"]):
                policy = parse_policy(row["policy"])
                code = code_of(verify_receipt, row["receipt"], policy, now_of(row))
                self.assertEqual(code, row["wantErr"])

    def test_openings_open_what_others_say(self):
        self.assertGreaterEqual(len(OPENINGS), 60)
        for row in OPENINGS:
            with self.subTest(row["why"]):
                data = base64.b64decode(row["opening"])
                if "code" in row:
                    self.assertEqual(code_of(read_opening, data), row["code"])
                    continue
                opening = read_opening(data)
                self.assertEqual(opening.entry.hex(), row["entry"])
                self.assertEqual(opening.facts.payment is not None, row["is_payment"])

    def test_policies_that_are_none_are_refused_with_their_reason(self):
        rows = RECEIPTS["rejected_policies"]
        self.assertGreaterEqual(len(rows), 10)
        for row in rows:
            self.assertEqual(code_of(parse_policy, row["policy"]), row["wantErr"], row)
        rows = POLICIES["refused_policies"]
        self.assertGreaterEqual(len(rows), 40)
        for row in rows:
            policy = base64.b64decode(row["policy"])
            self.assertEqual(code_of(parse_policy, policy), row["code"], policy)
        large = b"\n" * (256 * 1024 + 1)
        self.assertEqual(code_of(parse_policy, large), "policy_too_large")
        self.assertEqual(code_of(parse_policy, large[1:]), "policy_no_quorum")

    def test_vkeys_are_read_strictly(self):
        self.assertGreaterEqual(len(POLICIES["vkeys"]), 40)
        for row in POLICIES["vkeys"]:
            self.assertEqual(code_of(parse_vkey, row["vkey"]), row.get("code"), row)

    def test_policies_judge_checkpoints_as_others_do(self):
        self.assertGreaterEqual(len(POLICIES["judged"]), 60)
        for row in POLICIES["judged"]:
            with self.subTest(row["why"]):
                policy = parse_policy(base64.b64decode(row["policy"]))
                found = []

                def work():
                    judged = judge(policy, parse_note(base64.b64decode(row["note"])))
                    for seen in judged.cosigned:
                        found.append({"name": seen.witness.name, "time": str(seen.time)})

                self.assertEqual(code_of(work), row.get("code"))
                self.assertEqual(found, row.get("cosigned", []))


class Receipts(unittest.TestCase):
    def test_no_bit_and_no_end_of_a_receipt_can_change(self):
        accept(GOLDEN)
        self.assertEqual(code_of(accept, GOLDEN, b"leaf-5"), "receipt_not_included")
        longer = GOLDEN.replace("\n\n", "\n" + "A" * 43 + "=\n\n", 1)
        self.assertEqual(code_of(accept, longer), "receipt_not_included")
        data = GOLDEN.encode()
        codes = set()
        for bit in range(8 * len(data)):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            code = code_of(accept, bytes(changed))
            self.assertIsNotNone(code, bit)
            codes.add(code)
        for length in range(len(data)):
            self.assertIsNotNone(code_of(accept, data[:length]), length)
        expected = {"unknown_log", "note_signature_mismatch", "receipt_not_included", "quorum_unmet"}
        self.assertLessEqual(expected, codes)
        self.assertEqual(code_of(accept, bytes(512 * 1024 + 1)), "receipt_too_large")

    def test_a_key_alone_is_a_policy_without_witnesses(self):
        policy = read_policy(f" {LOG_VKEY}\n")
        self.assertEqual(policy, log_policy(LOG_VKEY))
        self.assertIsNone(policy.quorum)
        self.assertEqual(code_of(read_policy, WITNESS_VKEY), "policy_key_type")
        self.assertEqual(code_of(read_policy, "ledger.example/log1"), "vkey_form")
        self.assertEqual(code_of(read_policy, ""), "policy_no_quorum")
        text = f"log {LOG_VKEY}\nwitness w {WITNESS_VKEY}\nquorum w\n"
        self.assertEqual(len(read_policy(text).witnesses), 1)


if __name__ == "__main__":
    unittest.main()
