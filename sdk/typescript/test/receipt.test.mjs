import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  logPolicy,
  parsePolicy,
  parseReceipt,
  readOpening,
  readPolicy,
  verifyReceipt,
} from "../dist/receipt/receipt.js";
import { parseNote } from "../dist/receipt/note.js";
import { judge } from "../dist/receipt/policy.js";
import { checkInclusion, leafHash } from "../dist/receipt/proof.js";
import { parseVkey } from "../dist/receipt/vkey.js";
import { idText } from "../dist/receipt/wording.js";
import { closed, facts, noteKey, opening, posting, receipt } from "./receipts.mjs";

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../../conformance/${name}`, import.meta.url), "utf8"));
const { receipts, rejected, rejected_policies } = read("receipts.json");
const { openings } = read("openings.json");
const { vkeys, refused_policies, judged } = read("policies.json");
const unbase64 = (text) => new Uint8Array(Buffer.from(text, "base64"));

/** The code of the refusal; undefined if there is none. */
async function codeOf(work) {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error.name !== "ReceiptRefused") throw error;
    assert.ok(error.message.length > 10, error.code);
    return error.code;
  }
}

const optionsOf = ({ now }) => (now === null ? {} : { nowSeconds: BigInt(now) });

test("receipts that hold say what they prove", async () => {
  assert.ok(receipts.length >= 20);
  for (const row of receipts) {
    const verdict = await verifyReceipt(row.receipt, await parsePolicy(row.policy), optionsOf(row));
    const { vouched, proven, notProven } = verdict;
    assert.deepEqual(factsRow(verdict.facts), row.facts, row.name);
    const found = {
      index: `${verdict.index}`,
      payer: verdict.payer ?? null,
      payee: verdict.payee ?? null,
      log: vouched.log,
      size: `${vouched.size}`,
      known_witnesses: vouched.knownWitnesses,
      needs_witnesses: vouched.needsWitnesses,
      witnesses: vouched.witnesses.map((seen) => ({ ...seen, time: `${seen.time}` })),
      proven: proven.map(({ code }) => code),
      not_proven: notProven.map(({ code }) => code),
      texts: [...proven, ...notProven].map(({ text }) => text),
    };
    for (const [name, value] of Object.entries(found)) {
      assert.deepEqual(value, row[name], `${row.name}: ${name}`);
    }
  }
});

function factsRow(found) {
  return {
    action: found.action,
    amount: `${found.amount}`,
    asset: found.asset,
    code: found.code,
    flags: found.flags,
    id: idText(found.action === "create" ? "acc" : "tr", found.id),
    payment: found.payment ?? null,
    pending_id: found.pendingId === 0n ? null : idText("tr", found.pendingId),
    scale: found.scale,
    timeout_seconds: found.timeoutSeconds,
    timestamp_ns: `${found.timestampNs}`,
    user_data: `${found.userData}`,
    user_data_32: found.userData32,
    user_data_64: `${found.userData64}`,
  };
}

test("receipts that do not hold are refused with their reason", async () => {
  assert.ok(rejected.length >= 60);
  for (const row of rejected) {
    const policy = await parsePolicy(row.policy);
    const code = await codeOf(() => verifyReceipt(row.receipt, policy, optionsOf(row)));
    assert.equal(code, row.wantErr, row.name);
  }
});

test("openings open what others say", async () => {
  assert.ok(openings.length >= 60);
  for (const row of openings) {
    let found;
    const code = await codeOf(async () => {
      found = await readOpening(unbase64(row.opening));
    });
    assert.equal(code, row.code, row.why);
    assert.equal(found && Buffer.from(found.entry).toString("hex"), row.entry, row.why);
    assert.equal(found && found.facts.payment !== undefined, row.is_payment, row.why);
  }
});

test("policies that are none are refused with their reason", async () => {
  assert.ok(rejected_policies.length >= 10 && refused_policies.length >= 40);
  for (const { policy, wantErr } of rejected_policies) {
    assert.equal(await codeOf(() => parsePolicy(policy)), wantErr, policy);
  }
  for (const { policy, code } of refused_policies) {
    assert.equal(await codeOf(() => parsePolicy(unbase64(policy))), code, policy);
  }
  const large = new Uint8Array(256 * 1024 + 1).fill(10);
  assert.equal(await codeOf(() => parsePolicy(large)), "policy_too_large");
  assert.equal(await codeOf(() => parsePolicy(large.slice(1))), "policy_no_quorum");
});

test("vkeys are read strictly", async () => {
  assert.ok(vkeys.length >= 40);
  for (const { vkey, code } of vkeys) {
    assert.equal(await codeOf(() => parseVkey(vkey)), code, vkey);
  }
});

test("policies judge checkpoints as others do", async () => {
  assert.ok(judged.length >= 60);
  for (const row of judged) {
    const policy = await parsePolicy(unbase64(row.policy));
    let cosigned;
    const code = await codeOf(async () => {
      ({ cosigned } = await judge(policy, parseNote(unbase64(row.note))));
    });
    assert.equal(code, row.code, row.why);
    const found = cosigned?.map(({ witness, time }) => ({ name: witness.name, time: `${time}` }));
    assert.deepEqual(found, row.cosigned, row.why);
  }
});

const LOG_VKEY = "ledger.example/log1+654be5a4+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const WITNESS_VKEY = "witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
// A log of the entries leaf-1 to leaf-5 that programs of others have accepted.
const GOLDEN = `c2sp.org/tlog-proof@v1
index 3
92g2MlrsVpnY1x+OQunUfFwpsIBZuiljhPfKQK06QK4=
rvym7Pc9Tp0c4FIjxKgP2MqX57i/ZnTBvlHpFV2tDYk=
jxWTy5L0Kdk0C5u8HwuxIq34AmxCpKQhQuIWiTFycjY=

ledger.example/log1
5
GdFfT0r+DloVve6fvpvyYrFoGrmuHLeK50J+P01BO+8=

\u2014 ledger.example/log1 ZUvlpMeC5Ux2nzvZnaQcgPZoRxyWlcbdg6dZqGsC3qTYqNB0LDy9PTYMQdv1CFes8D2MITj+MQ8DT60lBkXaqWAl/wU=
\u2014 witness.example/w1 JLXZ/gAAAABlU/EA+QVALIB6Qp6CMOxe7CbO/HP/FEiI4k9r2eP/BNd++/vDJDLxeVfrJfodAy1r4Kfnwno0oA5bM4AbazXZnwEoAA==
`;

async function accept(bytes, entry = "leaf-4") {
  const policy = await parsePolicy(`log ${LOG_VKEY}\nwitness w ${WITNESS_VKEY}\nquorum w\n`);
  const { index, proof, note } = parseReceipt(bytes);
  const { checkpoint } = await judge(policy, note);
  await checkInclusion(await leafHash(new TextEncoder().encode(entry)), index, checkpoint, proof);
}

test("no bit and no end of a receipt can change", async () => {
  await accept(GOLDEN);
  assert.equal(await codeOf(() => accept(GOLDEN, "leaf-5")), "receipt_not_included");
  const bytes = new TextEncoder().encode(GOLDEN);
  const codes = new Set();
  for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
    const changed = bytes.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    const code = await codeOf(() => accept(changed));
    assert.ok(code !== undefined, `bit ${bit}`);
    codes.add(code);
  }
  for (let length = 0; length < bytes.length; length += 1) {
    assert.ok(await codeOf(() => accept(bytes.subarray(0, length))), `${length} bytes`);
  }
  for (const code of ["unknown_log", "note_signature_mismatch", "receipt_not_included", "quorum_unmet"]) {
    assert.ok(codes.has(code), code);
  }
  assert.equal(await codeOf(() => accept(new Uint8Array(512 * 1024 + 1))), "receipt_too_large");
});

test("a receipt that was built apart holds, in trees of all shapes", async () => {
  const log = noteKey("pay.example/log", 1, 7);
  const opened = opening(facts(), closed(posting(45n)), posting(46n));
  for (let size = 1; size <= 17; size += 1) {
    for (let index = 0; index < size; index += 1) {
      const lines = (text) => log.signLine(text);
      const text = receipt({ opened, index, size, origin: "pay.example/log", lines });
      const policy = await logPolicy(log.vkey);
      const { facts: found, payee } = await verifyReceipt(text, policy);
      assert.equal(found.amount, 2_000_000n);
      assert.equal(payee, idText("acc", 46n));
      const longer = text.replace("\n\n", `\n${"A".repeat(43)}=\n\n`);
      assert.equal(await codeOf(() => verifyReceipt(longer, policy)), "receipt_not_included");
    }
  }
});

test("a key alone is a policy without witnesses", async () => {
  const policy = await readPolicy(` ${LOG_VKEY}\n`);
  assert.deepEqual(policy, await logPolicy(LOG_VKEY));
  assert.equal(policy.quorum, undefined);
  assert.equal(await codeOf(() => readPolicy(WITNESS_VKEY)), "policy_key_type");
  assert.equal(await codeOf(() => readPolicy("ledger.example/log1")), "vkey_form");
  assert.equal(await codeOf(() => readPolicy("")), "policy_no_quorum");
  const { witnesses } = await readPolicy(`log ${LOG_VKEY}\nwitness w ${WITNESS_VKEY}\nquorum w\n`);
  assert.equal(witnesses.length, 1);
});

test("the folder needs nothing but what browsers have", () => {
  for (const name of ["receipt", "note", "opening", "point", "policy", "proof", "strict", "verdict", "vkey", "wording"]) {
    const source = readFileSync(new URL(`../dist/receipt/${name}.js`, import.meta.url), "utf8");
    for (const [, path] of source.matchAll(/from "([^"]+)"/g)) assert.match(path, /^\.\/[a-z]+\.js$/);
    assert.doesNotMatch(source, /\bBuffer\b|\bprocess\b|\brequire\(/, name);
  }
});
