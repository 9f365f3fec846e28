/** The payment that a site's page makes: the x402 vector, byte for byte, and its cookie. */
import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as bytes from '../dist/bytes.js';
import { cookiePath, pathsAbove, paymentFor } from '../dist/payment.js';

const vectors = JSON.parse(
  readFileSync(new URL('../../conformance/formats.json', import.meta.url), 'utf8'),
);

/** A signing key from its 32-byte seed, in the shape of `keys.ts`. */
function keyFrom(seed, publicKey) {
  const wrapped = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from(seed, 'hex'),
  ]);
  const key = createPrivateKey({ key: wrapped, format: 'der', type: 'pkcs8' });
  return {
    publicKey: bytes.fromHex(publicKey),
    sign: async (message) => new Uint8Array(sign(null, message, key)),
  };
}

const [{ requirements, seed, now_ms }] = vectors.x402;
const { public_key, text: account } = vectors.payer_accounts[0];
const mandate = bytes.idText('man', bytes.fromHex(vectors.mandates[0].mandate));
const grant = { mandate, account, node: vectors.node_ids[0].text, expires_at_ms: now_ms + 1 };
const challenge = { requirements, resource: 'http://127.0.0.1:4020/articles/1' };

async function decoded() {
  const payment = await paymentFor(challenge, keyFrom(seed, public_key), grant, now_ms);
  return JSON.parse(Buffer.from(payment, 'base64').toString('utf8'));
}

test('the order differs from the vector in its id, its mandate and nothing else', async () => {
  const made = Buffer.from((await decoded()).payload.order, 'base64');
  const expected = Buffer.from(vectors.x402[0].payload.order, 'base64');
  assert.equal(made.length, 208);
  assert.equal(bytes.base32(new Uint8Array(made.subarray(192))), mandate.slice(4));
  for (const [from, to] of [[0, 40], [56, 192]]) {
    assert.deepEqual(made.subarray(from, to), expected.subarray(from, to));
  }
});

test('each payment has an id of its own', async () => {
  const [one, other] = [await decoded(), await decoded()];
  assert.notEqual(one.payload.order, other.payload.order);
});

test('the envelope is x402 v2 and echoes the requirements', async () => {
  const { x402Version, accepted, resource, payload } = await decoded();
  assert.equal(x402Version, 2);
  assert.deepEqual(accepted, requirements);
  assert.deepEqual(resource, { url: challenge.resource });
  assert.deepEqual(Object.keys(payload), ['order', 'signature']);
});

test('the cookie path survives a semicolon', () => {
  assert.equal(cookiePath('/articles/1'), '/articles/1');
  assert.equal(cookiePath('/a/b;c/d'), '/a/');
  assert.equal(cookiePath('/;x'), '/');
});

test('the paths whose cookies reach a page', () => {
  assert.deepEqual(pathsAbove('/a/b'), ['/a/b', '/a/', '/a', '/']);
  assert.deepEqual(pathsAbove('/a/'), ['/a/', '/a', '/']);
  assert.deepEqual(pathsAbove('/'), ['/']);
});
