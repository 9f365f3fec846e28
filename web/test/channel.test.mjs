/** The golden vectors of channels, and what a page signs ahead. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as bytes from '../dist/bytes.js';
import * as channel from '../dist/channel.js';
import { firstAhead, half, standingOf } from '../dist/flow.js';

const vectors = JSON.parse(
  readFileSync(new URL('../../conformance/formats.json', import.meta.url), 'utf8'),
);
const raw = (text) => bytes.fromHex(text);

async function assertSigned({ signature, signer }, made) {
  const key = await crypto.subtle.importKey('raw', raw(signer), 'Ed25519', false, ['verify']);
  assert.ok(await crypto.subtle.verify('Ed25519', key, raw(signature), made));
}

test('terms and the ids of their channels', async () => {
  assert.ok(vectors.channels.length > 0);
  for (const vector of vectors.channels) {
    const made = channel.termsBytes({
      node: raw(vector.node),
      salt: raw(vector.salt),
      payer: raw(vector.payer),
      signer: raw(vector.signer),
      voucherKey: raw(vector.voucher_key),
      payee: raw(vector.payee),
      asset: { code: vector.asset, scale: vector.scale },
      deposit: BigInt(vector.deposit),
      ticks: {
        root: raw(vector.tick_root),
        units: BigInt(vector.tick_units),
        count: vector.tick_count,
      },
      closeDelaySeconds: vector.close_delay_seconds,
      expiresAtMs: vector.expires_at_ms,
      mandate: raw(vector.mandate),
    });
    assert.equal(bytes.hex(made), vector.bytes, vector.about);
    assert.equal(made.length, 248);
    const id = await channel.channelOf(made);
    assert.equal(bytes.hex(id), vector.channel);
    assert.equal(bytes.idText('ch', id), vector.text);
    await assertSigned(vector, made);
  }
});

test('terms without ticks have zeros in their place', () => {
  const vector = vectors.channels.find(({ tick_count }) => tick_count === 0);
  const made = channel.termsBytes({
    node: raw(vector.node),
    salt: raw(vector.salt),
    payer: raw(vector.payer),
    signer: raw(vector.signer),
    voucherKey: raw(vector.voucher_key),
    payee: raw(vector.payee),
    asset: { code: vector.asset, scale: vector.scale },
    deposit: BigInt(vector.deposit),
    closeDelaySeconds: vector.close_delay_seconds,
    expiresAtMs: vector.expires_at_ms,
    mandate: raw(vector.mandate),
  });
  assert.equal(bytes.hex(made), vector.bytes);
});

test('vouchers', async () => {
  assert.ok(vectors.vouchers.length > 0);
  for (const vector of vectors.vouchers) {
    const sequence = Number(vector.sequence);
    if (!Number.isSafeInteger(sequence)) continue;
    const made = channel.voucherBytes(raw(vector.channel), sequence, BigInt(vector.cumulative));
    assert.equal(bytes.hex(made), vector.bytes);
    await assertSigned(vector, made);
  }
});

test('top-ups and closes', async () => {
  assert.ok(vectors.top_ups.length > 0 && vectors.closes.length > 0);
  for (const vector of vectors.top_ups) {
    const made = channel.topUpBytes(raw(vector.channel), BigInt(vector.deposit));
    assert.equal(bytes.hex(made), vector.bytes);
    await assertSigned(vector, made);
  }
  for (const vector of vectors.closes) {
    const made = channel.closeBytes(raw(vector.channel), BigInt(vector.cumulative));
    assert.equal(bytes.hex(made), vector.bytes);
    await assertSigned(vector, made);
  }
});

test('numbers that do not fit are refused', () => {
  const id = raw(vectors.vouchers[0].channel);
  assert.throws(() => channel.voucherBytes(id, -1, 1n), RangeError);
  assert.throws(() => channel.voucherBytes(id, 1, 1n << 128n), RangeError);
  assert.throws(() => channel.topUpBytes(id, -1n), RangeError);
});

const extra = {
  scale: 9, unit: 'second', price: '100000', per: 1, start: '0', depositMin: '1',
  depositSuggested: '6000000', closeDelaySeconds: 600,
};
for (const [about, change, expected] of [
  ['four seconds', {}, 400_000n],
  ['a price for many is rounded up', { price: '10', per: 3 }, 16n],
  ['at least what a request needs to start', { start: '900000' }, 900_000n],
  ['a tenth of the deposit where time is no measure', { unit: 'event' }, 600_000n],
  ['never nothing', { unit: 'byte', depositSuggested: '5' }, 1n],
]) {
  test(`signed ahead: ${about}`, () => {
    assert.equal(firstAhead({ extra: { ...extra, ...change } }), expected);
  });
}

test('the standing of a channel is read exactly', () => {
  const view = { spent: '9007199254740993', accepted: '1', deposit: '2', state: 'open', more: 1 };
  const standing = { spent: 9007199254740993n, accepted: 1n, deposit: 2n, state: 'open' };
  assert.deepEqual(standingOf(view), standing);
});

test('a smaller deposit is one of whole units, and comes to its end at one', () => {
  const tried = [600n];
  while (tried.at(-1) > 10n) tried.push(half(tried.at(-1), 10n));
  assert.deepEqual(tried, [600n, 300n, 150n, 70n, 30n, 10n]);
  assert.equal(half(7n, 10n), 10n);
});
