/** What the policy `default-src 'none'` demands of the pages, and the checks on messages. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { answer, grantRequest, isReady } from '../dist/messages.js';

const dist = new URL('../dist/', import.meta.url);
const read = (name) => readFileSync(new URL(name, dist), 'utf8');
const pages = readdirSync(dist).filter((name) => name.endsWith('.html'));

for (const name of pages) {
  test(`${name} has nothing inline and asks no other host`, () => {
    const html = read(name);
    assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=|javascript:/i);
    assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/i);
    for (const [, url] of html.matchAll(/(?:src|href)="([^"]*)"/g)) {
      assert.match(url, /^\/(?!\/)/);
      const asset = /^\/\.well-known\/farthing\/(.*)$/.exec(url);
      if (asset) assert.ok(existsSync(new URL(asset[1], dist)), url);
      const bundled = /^\/app\/files\/(.*)$/.exec(url);
      if (bundled) assert.ok(existsSync(new URL(`app/${bundled[1]}`, dist)), url);
    }
  });
}

test('modules import their neighbours only, and those exist', () => {
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.js'))) {
    for (const [, path] of read(name).matchAll(/from ['"]([^'"]+)['"]/g)) {
      assert.match(path, /^\.\/[a-z]+\.js$/, name);
      assert.ok(existsSync(new URL(path, dist)), `${name} imports ${path}`);
    }
  }
});

test('every element that a script asks for is in its page', () => {
  for (const name of pages) {
    const ids = new Set([...read(name).matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
    const own = name.replace('.html', '.js');
    if (!existsSync(new URL(own, dist))) continue; // The bundled pages make their own elements.
    const script = read(own);
    const asked = [...script.matchAll(/byId\('([^']+)'\)/g)].map(([, id]) => id);
    assert.ok(asked.length > 0, name);
    for (const id of asked) assert.ok(ids.has(id), `${name} has no #${id}`);
  }
});

for (const page of ['paywall.html', 'player.html']) {
  test(`${page} has the placeholders that a gateway fills`, () => {
    const found = new Set([...read(page).matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name));
    assert.deepEqual([...found].sort(), ['challenge', 'error', 'payee', 'price', 'splits', 'title']);
  });
}

const request = {
  type: 'farthing:grant-request',
  key: 'ab'.repeat(32),
  title: 'An article',
  price_units: '2000000',
  asset: 'USD',
  scale: 9,
};

test('a whole request is taken, without fields that nobody asked for', () => {
  assert.deepEqual(grantRequest({ ...request, origin: 'https://other.example' }), request);
  const payee = `acc_${'0'.repeat(25)}1`;
  assert.deepEqual(grantRequest({ ...request, payee }), { ...request, payee });
  const rate = { price_units: '100000', per: 1, unit: 'second' };
  assert.deepEqual(grantRequest({ ...request, rate: { ...rate, more: 1 } }), { ...request, rate });
  assert.equal(grantRequest({ ...request, title: 'x'.repeat(500) }).title.length, 200);
});

for (const [why, change] of [
  ['another type', { type: 'farthing:granted' }],
  ['a short key', { key: 'ab' }],
  ['a key that is no hex', { key: 'zz'.repeat(32) }],
  ['no title', { title: undefined }],
  ['a negative price', { price_units: '-1' }],
  ['a price with an exponent', { price_units: '1e9' }],
  ['a price with a leading zero', { price_units: '01' }],
  ['a price that is a number', { price_units: 2000000 }],
  ['an asset in lower case', { asset: 'usd' }],
  ['a broken scale', { scale: 2.5 }],
  ['a scale beyond limits', { scale: 31 }],
  ['a payee that is none', { payee: 'acc_1' }],
  ['a payee with markup', { payee: `acc_${'0'.repeat(25)}<` }],
  ['a rate that is no object', { rate: 'cheap' }],
  ['a rate of nothing', { rate: { price_units: '1', per: 0, unit: 'second' } }],
  ['a rate with a price that is a number', { rate: { price_units: 1, per: 1, unit: 'second' } }],
  ['a rate with markup for a unit', { rate: { price_units: '1', per: 1, unit: '<b>' } }],
]) {
  test(`a request with ${why} is refused`, () => {
    assert.equal(grantRequest({ ...request, ...change }), undefined);
  });
}

test('answers are checked', () => {
  const granted = {
    type: 'farthing:granted', mandate: 'man_1', account: 'acc_1', node: 'node_1', expires_at_ms: 1,
  };
  assert.deepEqual(answer(granted), granted);
  assert.deepEqual(answer({ ...granted, per_payment: '5' }), { ...granted, per_payment: '5' });
  assert.equal(answer({ ...granted, per_payment: 5 }), undefined);
  assert.equal(answer({ ...granted, mandate: 7 }), undefined);
  assert.equal(answer({ ...granted, expires_at_ms: '1' }), undefined);
  assert.deepEqual(answer({ type: 'farthing:declined', more: 1 }), { type: 'farthing:declined' });
  for (const data of [null, undefined, 'farthing:granted', 7, []]) {
    assert.equal(answer(data), undefined);
    assert.equal(isReady(data), false);
  }
});
