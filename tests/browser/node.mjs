/**
 * Payees and the operator at the running node: what the stand-in of `web` shows is what a node answers.
 * The operator's token is read from the data folder, FARTHING_DATA.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { NODE, OUT, Reader } from './reader.mjs';

const PASSWORD = 'a password of this test';

async function operator(method, path, body) {
  const token = readFileSync(`${process.env.FARTHING_DATA}/operator.token`, 'utf8').trim();
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(NODE + path, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** Signs in with a password or an API key. */
async function signIn(browser, secret, options = {}) {
  const reader = await Reader.arrive(browser, options);
  await reader.page.goto(`${NODE}/app/login`);
  await reader.page.getByLabel('Password or API key').fill(secret);
  await reader.page.getByRole('button', { name: 'Sign in' }).click();
  await reader.page.getByRole('heading', { name: 'Income', level: 1 }).waitFor();
  return reader;
}

async function paid(browser, paths) {
  const reader = await Reader.arrive(browser);
  await reader.payFirst(paths[0]);
  await reader.leave();
}

export const node = {
  async 'the operator signs in and sees what came in, and the node'({ browser, paths }) {
    await paid(browser, paths);
    await operator('PUT', '/v1/session/password', { password: PASSWORD });
    const boss = await signIn(browser, PASSWORD);
    await boss.page.getByRole('combobox', { name: 'Payee' }).selectOption({ label: 'author' });
    await boss.page.locator('.totals').filter({ hasText: /\$0\.0/ }).waitFor();
    await boss.page.screenshot({ path: `${OUT}node-income.png`, fullPage: true });
    await boss.page.goto(`${NODE}/app/console`);
    await boss.page.getByRole('heading', { name: 'Liabilities' }).waitFor();
    await boss.page.screenshot({ path: `${OUT}node-console.png`, fullPage: true });
    await boss.leave();
  },

  async 'a payee signs in with a key and gives a payment back'({ browser, paths }) {
    await paid(browser, paths);
    const { accounts } = await operator('GET', '/v1/accounts');
    const author = accounts.find(({ label }) => label === 'author').account;
    const { secret } = await operator('POST', '/v1/keys', {
      name: 'The author', scopes: ['read', 'refunds:write'], accounts: [author],
    });
    const payee = await signIn(browser, secret);
    await payee.page.goto(`${NODE}/app/payments`);
    await payee.page.getByRole('button', { name: /^Refund/ }).first().click();
    await payee.page.getByRole('dialog').locator('button.main').click();
    await payee.page.getByText('Refunded').first().waitFor();
    await payee.leave();
  },
};
