/**
 * Payees and the operator at the running node: what the stand-in of `web` shows is what a node answers.
 * The node's command and its data folder are FARTHING_BIN and FARTHING_DEMO_DATA.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { NODE, OUT, Reader, SITE } from './reader.mjs';

const PASSWORD = 'a password of this test';
const CREDITOR = { name: 'Ada Byron', iban: 'DE02120300000000202051' };

export async function operator(method, path, body) {
  const token = readFileSync(`${process.env.FARTHING_DEMO_DATA}/operator.token`, 'utf8').trim();
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(NODE + path, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

export async function author() {
  const { accounts } = await operator('GET', '/v1/accounts');
  return accounts.find(({ label }) => label === 'author').account;
}

/** One who signs in with a password or an API key, and works in the pages. */
class Worker extends Reader {
  static async signIn(browser, secret) {
    const worker = await this.arrive(browser);
    await worker.page.goto(`${NODE}/app/login`);
    await worker.page.getByLabel('Password or API key').fill(secret);
    await worker.button('Sign in').click();
    await worker.heading('Income');
    return worker;
  }

  static asOperator(browser) {
    const { FARTHING_BIN: binary, FARTHING_DEMO_DATA: data } = process.env;
    const set = spawnSync(binary, ['operator', 'password', '--data', data], { input: `${PASSWORD}\n`, encoding: 'utf8' });
    assert.equal(set.status, 0, set.stderr);
    return this.signIn(browser, PASSWORD);
  }

  async go(path, heading) {
    await this.page.goto(NODE + path);
    await this.heading(heading);
  }

  heading(name) {
    return this.page.getByRole('heading', { name, level: 1 }).waitFor();
  }

  button(name) {
    return this.page.getByRole('button', { name });
  }

  /** Presses a button and the one that makes sure. */
  async surely(name) {
    await this.button(name).first().click();
    await this.confirm();
  }

  async confirm() {
    const dialog = this.page.getByRole('dialog');
    await dialog.locator('button.main').click();
    await dialog.waitFor({ state: 'detached' });
  }

  picture(name) {
    return this.page.screenshot({ path: `${OUT}node-${name}.png`, fullPage: true });
  }
}

async function paid(browser, path) {
  const reader = await Reader.arrive(browser);
  await reader.payFirst(path);
  await reader.leave();
}

/** Units of the price that the site asks for a path. */
async function asked(path) {
  const answer = await fetch(SITE + path, { headers: { Accept: 'application/json' } });
  assert.equal(answer.status, 402);
  const terms = answer.headers.get('payment-required');
  return JSON.parse(Buffer.from(terms, 'base64')).accepts[0].amount;
}

export const node = {
  async 'the operator sells at another price, and is paid it'({ browser, paths }) {
    const [path] = paths;
    const before = await asked(path);
    const boss = await Worker.asOperator(browser);
    await boss.go('/app/offers', 'Offers');
    await boss.page.getByText('From the configuration').first().waitFor();
    await boss.page.getByRole('link', { name: 'New offer' }).click();
    await boss.page.getByLabel('What it is').fill('An article for collectors');
    await boss.page.getByLabel('Who is paid').selectOption({ label: 'author' });
    await boss.page.getByLabel('Address').fill(path);
    await boss.page.getByLabel('Price in USD').fill('0.05');
    await boss.button('Add Shares').click();
    await boss.page.getByLabel('Payee', { exact: true }).selectOption({ label: 'editor' });
    await boss.page.getByLabel('Percent').fill('20');
    await boss.picture('offer');
    await boss.button('Save').click();
    await boss.heading('Offers');
    assert.equal(await asked(path), '50000000');
    await boss.button('Change price An article for collectors').click();
    await boss.page.getByRole('dialog').getByRole('textbox').fill('0.06');
    await boss.confirm();
    assert.equal(await asked(path), '60000000');
    await paid(browser, path);
    await boss.page.getByRole('link', { name: 'An article for collectors' }).click();
    assert.equal(await boss.page.getByLabel('Percent').inputValue(), '20');
    await boss.surely('Delete');
    await boss.heading('Offers');
    assert.equal(await asked(path), before);
    await boss.leave();
  },

  async 'the operator sees what came in, and the node'({ browser, paths }) {
    await paid(browser, paths[0]);
    const boss = await Worker.asOperator(browser);
    await boss.page.getByRole('combobox', { name: 'Payee' }).selectOption({ label: 'author' });
    await boss.page.locator('.totals').filter({ hasText: /\$0\.0/ }).waitFor();
    await boss.picture('income');
    await boss.go('/app/payments', 'Payments');
    await boss.page.getByRole('row').nth(1).waitFor();
    await boss.picture('payments');
    await boss.go('/app/console', 'Node');
    await boss.page.getByRole('heading', { name: 'Liabilities' }).waitFor();
    await boss.page.getByText('No alarms.').waitFor();
    await boss.picture('console');
    await boss.leave();
  },

  async 'a payee signs in with a key and gives a payment back'({ browser, paths }) {
    await paid(browser, paths[0]);
    const accounts = [await author()];
    const { secret } = await operator('POST', '/v1/keys', { name: 'The author', scopes: ['read', 'refunds:write'], accounts });
    const payee = await Worker.signIn(browser, secret);
    await payee.go('/app/payments', 'Payments');
    await payee.surely(/^Refund/);
    await payee.page.getByText('Refunded').first().waitFor();
    await payee.leave();
  },

  async 'the operator pays out, makes a key and an endpoint, and takes them back'({ browser }) {
    const boss = await Worker.asOperator(browser);
    await boss.go('/app/payouts', 'Payouts');
    await boss.button('Ask for a payout').click();
    await boss.page.getByLabel('From').selectOption({ label: 'author' });
    await boss.page.getByLabel('Amount in USD').fill('0.01');
    await boss.page.getByLabel("Name of the account's holder").fill(CREDITOR.name);
    await boss.page.getByLabel('IBAN').fill(CREDITOR.iban);
    await boss.confirm();
    await boss.surely(`Let go ${CREDITOR.name}`);
    await boss.page.getByRole('cell', { name: 'Let go', exact: true }).first().waitFor();
    await boss.picture('payouts');
    await boss.surely(`Cancel ${CREDITOR.name}`);
    await boss.page.getByRole('cell', { name: 'Cancelled' }).first().waitFor();

    await boss.go('/app/keys', 'API keys');
    await boss.button('New key').click();
    await boss.page.getByRole('dialog').getByLabel('Name').fill('Of this test');
    await boss.confirm();
    await boss.page.getByText(/fk_/).first().waitFor();
    await boss.surely('Delete Of this test');
    await boss.page.getByRole('cell', { name: 'Of this test' }).waitFor({ state: 'detached' });

    await boss.go('/app/webhooks', 'Webhooks');
    await boss.button('New endpoint').click();
    await boss.page.getByLabel('URL').fill('https://hooks.example/farthing');
    await boss.confirm();
    await boss.page.getByText(/whsec_/).first().waitFor();
    await boss.picture('webhooks');
    await boss.surely('Delete https://hooks.example/farthing');
    await boss.page.getByRole('heading', { name: 'hooks.example' }).waitFor({ state: 'detached' });
    await boss.leave();
  },
};
