/** The verifier as the pages load it, on the golden vectors. Its own tests are those of the SDK. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { parsePolicy, verifyReceipt } from '../dist/receipt.js';

const file = new URL('../../conformance/receipts.json', import.meta.url);
const { receipts, rejected } = JSON.parse(readFileSync(file, 'utf8'));

async function verified({ receipt, policy, now }) {
  const options = now === null ? {} : { nowSeconds: BigInt(now) };
  return verifyReceipt(receipt, await parsePolicy(policy), options);
}

test('receipts that hold say what they prove', async () => {
  assert.ok(receipts.length >= 20);
  for (const row of receipts) {
    const { proven, notProven } = await verified(row);
    assert.deepEqual([...proven, ...notProven].map(({ text }) => text), row.texts, row.name);
  }
});

test('receipts that do not hold are refused with their reason', async () => {
  assert.ok(rejected.length >= 60);
  for (const row of rejected) {
    await assert.rejects(verified(row), { code: row.wantErr }, row.name);
  }
});
