/** Receipts of `conformance/receipts.json`, as files that a person holds. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const file = new URL('../../conformance/receipts.json', import.meta.url);
const { receipts, rejected } = JSON.parse(readFileSync(file, 'utf8'));
const [first] = receipts;

/** One that holds, what it proves, and the same with another amount in what it opens. */
export const sound = {
  text: first.receipt,
  bytes: Buffer.from(first.receipt),
  policy: first.policy,
  proven: first.texts.slice(0, first.proven.length),
  notProven: first.texts.slice(first.proven.length),
  tampered: Buffer.from(first.receipt.replace(/(?<=extra )\S+/, anotherAmount)),
  tamperedCode: 'receipt_not_included',
};

/** Those that do not hold, whatever the time is. */
export const refused = rejected
  .filter(({ wantErr }) => wantErr !== 'cosignature_from_future')
  .map(({ name, receipt, policy, wantErr }) => {
    return { name, bytes: Buffer.from(receipt), policy, code: wantErr };
  });

/** The moment, Unix seconds, at which the sound one's cosignature is a second too early. */
export const tooEarly = Number(first.witnesses[0].time) - 61;

function anotherAmount(base64) {
  const opening = Buffer.from(base64, 'base64');
  // Version, mask, and 70 bytes of facts stand before the amount's 16.
  opening[2 + 70 + 15] ^= 1;
  assert.equal(opening[0], 1);
  return opening.toString('base64');
}
