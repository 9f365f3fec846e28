/** A wallet's backup opens with its passphrase alone, and gives the same key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NotOpened, seal, unseal } from '../dist/backup.js';

const ITERATIONS = 1000;
const message = new TextEncoder().encode('pay');
const pair = () => crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
const whyNot = (why) => (error) => error instanceof NotOpened && error.why === why;

test('the key comes back and signs as before', async () => {
  const made = await pair();
  const text = JSON.stringify(await seal(made, 'corréct horse', ITERATIONS));
  // The same words, typed on a keyboard that composes accents otherwise.
  const opened = await unseal(text, 'corre\u0301ct horse');
  const signature = await crypto.subtle.sign('Ed25519', opened.privateKey, message);
  assert.ok(await crypto.subtle.verify('Ed25519', made.publicKey, signature, message));
  assert.ok(await crypto.subtle.verify('Ed25519', opened.publicKey, signature, message));
});

test('another passphrase or a changed file opens nothing', async () => {
  const backup = await seal(await pair(), 'right', ITERATIONS);
  const other = await seal(await pair(), 'right', ITERATIONS);
  await assert.rejects(unseal(JSON.stringify(backup), 'wrong'), whyNot('wrong_passphrase'));
  for (const change of [{ public_key: other.public_key }, { sealed: other.sealed }, { iterations: 999 }]) {
    await assert.rejects(unseal(JSON.stringify({ ...backup, ...change }), 'right'), whyNot('wrong_passphrase'));
  }
});

test('what is no backup is said to be none', async () => {
  const backup = await seal(await pair(), 'right', ITERATIONS);
  const strange = [
    '', 'null', '[]', '{}', 'not json',
    ...[{ farthing_wallet: 2 }, { iterations: 1e9 }, { iterations: '1000' }, { salt: 7 }, { iv: '*' }]
      .map((change) => JSON.stringify({ ...backup, ...change })),
  ];
  for (const text of strange) await assert.rejects(unseal(text, 'right'), whyNot('not_a_backup'), text);
});
