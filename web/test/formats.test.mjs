/** The golden vectors that every implementation runs, against the built modules. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as bytes from '../dist/bytes.js';
import * as mandate from '../dist/mandate.js';
import * as order from '../dist/order.js';

const vectors = JSON.parse(
  readFileSync(new URL('../../conformance/formats.json', import.meta.url), 'utf8'),
);
const raw = (text) => bytes.fromHex(text);
const asset = ({ asset: code, scale }) => ({ code, scale });

async function signed({ signature, signer, public_key, payer_key }, message) {
  const key = await crypto.subtle.importKey(
    'raw', raw(signer ?? public_key ?? payer_key), 'Ed25519', false, ['verify'],
  );
  return crypto.subtle.verify('Ed25519', key, raw(signature), message);
}

test('ids', () => {
  assert.ok(vectors.ids.length > 0);
  for (const { kind, bytes: id, text } of vectors.ids) {
    if (kind === 'network') {
      assert.equal(bytes.hex(order.nodeOfNetwork(text)), id);
      continue;
    }
    assert.equal(bytes.idText(kind, raw(id)), text);
    assert.equal(bytes.hex(bytes.idBytes(kind, text)), id);
  }
});

test('texts that are no ids are refused', () => {
  assert.ok(vectors.rejected_ids.length > 0);
  for (const { kind, text, why } of vectors.rejected_ids) {
    const read = kind === 'network' ? order.nodeOfNetwork : (id) => bytes.idBytes(kind, id);
    assert.throws(() => read(text), RangeError, why);
  }
});

test('payer accounts', async () => {
  assert.ok(vectors.payer_accounts.length > 0);
  for (const vector of vectors.payer_accounts) {
    const account = await order.payerAccount(raw(vector.public_key), asset(vector));
    assert.equal(bytes.idText('acc', account), vector.text);
  }
});

test('orders', async () => {
  assert.ok(vectors.orders.length > 0);
  for (const vector of vectors.orders) {
    const made = order.orderBytes({
      node: raw(vector.node),
      orderId: raw(vector.order),
      payer: raw(vector.payer),
      signer: raw(vector.signer),
      payee: raw(vector.payee),
      asset: asset(vector),
      amount: BigInt(vector.amount),
      purchase: raw(vector.purchase),
      expiresAtMs: vector.expires_at_ms,
      mandate: raw(vector.mandate),
    });
    assert.equal(bytes.hex(made), vector.bytes, vector.about);
    assert.ok(await signed(vector, made), vector.about);
  }
});

test('mandates that can be passed on, and pauses', async () => {
  assert.ok(vectors.tree_mandates.length > 1);
  const none = (text) => /^0*$/.test(text);
  const fields = vectors.tree_mandates.map((vector) => ({
    node: raw(vector.node),
    salt: raw(vector.salt),
    ...(!none(vector.parent) && { parent: raw(vector.parent) }),
    payer: raw(vector.payer),
    granter: raw(vector.granter_key),
    delegate: raw(vector.delegate_key),
    asset: asset(vector),
    limits: {
      perPayment: BigInt(vector.per_payment),
      perDay: BigInt(vector.per_day),
      perMonth: BigInt(vector.per_month),
      total: BigInt(vector.total),
      ...(vector.unit_per !== '0' && {
        unitPrice: { price: BigInt(vector.unit_price), per: BigInt(vector.unit_per) },
      }),
      expiresAtMs: vector.expires_at_ms,
      depth: vector.depth,
      payees: vector.payees.map(raw).reverse(),
      ...(!none(vector.audience) && { audience: raw(vector.audience) }),
    },
  }));
  for (const [at, vector] of vectors.tree_mandates.entries()) {
    const made = mandate.treeMandateBytes(fields[at]);
    assert.equal(bytes.hex(made), vector.bytes, vector.about);
    assert.equal(bytes.idText('man', await mandate.mandateId(made)), vector.text);
    assert.ok(await signed({ ...vector, signer: vector.granter_key }, made), vector.about);
  }
  const [root, child] = fields.map(({ limits }) => limits);
  assert.equal(mandate.widerLimit(child, root), undefined);
  assert.equal(mandate.widerLimit(root, child), 'perPayment');
  for (const limit of ['unitPrice', 'audience']) {
    const { [limit]: _, ...open } = child;
    assert.equal(mandate.widerLimit(open, { ...child, depth: 1 }), limit);
  }
  for (const vector of vectors.pauses) {
    const made = mandate.pauseBytes(
      raw(vector.node), raw(vector.mandate), BigInt(vector.sequence), vector.paused,
    );
    assert.equal(bytes.hex(made), vector.bytes);
  }
});

test('revocations', async () => {
  assert.ok(vectors.revocations.length > 0);
  for (const vector of vectors.revocations) {
    const made = order.revocationBytes(raw(vector.node), raw(vector.mandate));
    assert.equal(bytes.hex(made), vector.bytes);
    assert.ok(await signed(vector, made));
  }
});

test('access statements', () => {
  assert.ok(vectors.access.length > 0);
  for (const vector of vectors.access) {
    const made = order.accessBytes(raw(vector.node), raw(vector.public_key), vector.issued_at_ms);
    assert.equal(bytes.hex(made), vector.bytes);
    const header = bytes.base64url(bytes.concat(made, raw(vector.signature)));
    assert.equal(`Farthing ${header}`, vector.authorization);
  }
});

test('an audience is the digest of the origin', async () => {
  const origin = 'http://127.0.0.1:4020';
  const expected = vectors.mandates.find(({ about }) => about === 'for one origin').audience;
  assert.equal(bytes.hex(await order.audience(origin)), expected);
});
