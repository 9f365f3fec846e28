/** How the pages treat their readers and strangers: keyboard, phone, axe, forged messages. */
import assert from 'node:assert/strict';

import { examine, narrow, PHONE } from './looks.mjs';
import { NODE, OUT, Reader } from './reader.mjs';
import { sound } from './samples.mjs';

const TABS_MAX = 20;

export const pages = {
  async 'axe finds nothing in the light'({ browser, paths }) {
    await visitAll(browser, paths, { colorScheme: 'light' }, examine);
  },

  async 'axe finds nothing in the dark'({ browser, paths }) {
    await visitAll(browser, paths, { colorScheme: 'dark' }, examine);
  },

  async 'nothing is wider than a phone'({ browser, paths }) {
    await visitAll(browser, paths, PHONE, narrow);
  },

  async 'the keyboard alone is enough'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.open(paths[0]);
    await tabTo(reader.page, /^Pay /);
    const opening = reader.page.waitForEvent('popup');
    await reader.page.keyboard.press('Enter');
    const wallet = await opening;
    await wallet.locator('#request').waitFor();
    await tabTo(wallet, /^Add play money$/);
    await wallet.keyboard.press('Enter');
    await wallet.getByText('Play money added.').waitFor();
    await wallet.locator('input:checked').focus();
    await wallet.keyboard.press('ArrowRight');
    await wallet.getByText('25 ¢ in all').waitFor();
    await tabTo(wallet, /^Allow$/);
    await wallet.locator('#allow[aria-disabled="false"]').waitFor();
    const answered = reader.page.waitForNavigation();
    await wallet.keyboard.press('Space');
    await answered;
    await reader.content();
    await reader.leave();
  },

  async 'the wallet names the asking origin, whatever the message claims'({ browser }) {
    const reader = await Reader.arrive(browser);
    await reader.context.route('http://stranger.test/', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<button>go</button>' }),
    );
    await reader.page.goto('http://stranger.test/');
    await reader.page.evaluate((node) => {
      document.querySelector('button').onclick = () => {
        const popup = window.open(`${node}/wallet/grant?origin=https://trusted.example`);
        window.addEventListener('message', () => popup.postMessage({
          type: 'farthing:grant-request', key: 'ab'.repeat(32), title: '<b>Bait</b>',
          price_units: '2000000', asset: 'USD', scale: 9, origin: 'https://trusted.example',
        }, node));
      };
    }, NODE);
    const opening = reader.page.waitForEvent('popup');
    await reader.page.getByRole('button').click();
    const wallet = await opening;
    await wallet.locator('#request').waitFor();
    assert.equal(await wallet.locator('#origin').innerText(), 'stranger.test');
    assert.equal(await wallet.locator('#bought').innerText(), '<b>Bait</b>');
    await reader.leave();
  },

  async 'an answer from anyone but the wallet is not heard'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.open(paths[0]);
    const wallet = await reader.payAndMeetWallet();
    await reader.page.evaluate(() => window.postMessage({ type: 'farthing:declined' }, '*'));
    await wallet.getByRole('button', { name: 'Add play money' }).click();
    await reader.allow(wallet);
    await reader.content();
    await reader.leave();
  },

  async 'a press on Allow in the first moment does not count'({ browser, paths }) {
    const hurry = await Reader.arrive(browser);
    await hurry.context.addInitScript(() => {
      new MutationObserver(() => {
        const request = document.getElementById('request');
        if (request !== null && !request.hidden) document.getElementById('allow').click();
      }).observe(document, { subtree: true, childList: true, attributes: true });
    });
    await hurry.context.route('**/v1/payer', (route) =>
      route.fulfill({ json: { available: '1000000000', held: '0', mandates: [], payments: [] } }),
    );
    let granted = 0;
    hurry.context.on('request', (request) => {
      if (request.url().endsWith('/v1/mandates')) granted += 1;
    });
    await hurry.open(paths[0]);
    const wallet = await hurry.payAndMeetWallet();
    await wallet.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 200); }));
    assert.equal(granted, 0);
    assert.equal(wallet.isClosed(), false);
    await hurry.leave();
  },

  async 'the live page shows the payment, pauses, and the books balance'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.payFirst(paths[0]);
    const live = await reader.wallet('/live');
    await live.getByText('Books balanced').waitFor();
    const rows = live.locator('#payments tr');
    await rows.first().waitFor();
    const newest = await rows.first().innerText();
    await live.getByRole('button', { name: 'Pause' }).click();
    await reader.open(paths[1]);
    await reader.payAtOnce();
    await reader.content();
    assert.equal(await rows.first().innerText(), newest);
    await live.getByRole('button', { name: 'Resume' }).click();
    await live.waitForFunction(
      (text) => document.querySelector('#payments tr').innerText !== text, newest,
    );
    await live.screenshot({ path: `${OUT}live.png`, fullPage: true });
    await reader.leave();
  },
};

/** Shows every page in its full state to `visit(page, name)`. */
async function visitAll(browser, paths, options, visit) {
  const reader = await Reader.arrive(browser, options);
  await reader.open(paths[0]);
  await visit(reader.page, 'paywall');
  const wallet = await reader.payAndMeetWallet();
  await visit(wallet, 'grant-empty');
  await wallet.getByRole('button', { name: 'Add play money' }).click();
  await wallet.getByText('Play money added.').waitFor();
  await wallet.locator('#allow[aria-disabled="false"]').waitFor();
  await visit(wallet, 'grant');
  await reader.allow(wallet);
  await reader.content();
  for (const [name, path, ready] of [
    ['wallet', '/wallet', 'Revoke'],
    ['live', '/live', 'Books balanced'],
    ['index', '/', 'node_'],
  ]) {
    const page = await reader.wallet(path);
    await page.getByText(ready).first().waitFor();
    await visit(page, name);
    await page.close();
  }
  await verdicts(reader, visit);
  await revokedPaywall(reader, paths, visit);
  await reader.leave();
}

async function verdicts(reader, visit) {
  const page = await reader.wallet('/verify');
  await visit(page, 'verify');
  await page.locator('#policy').fill(sound.policy);
  for (const [name, text, word] of [
    ['verify-holds', sound.text, 'The receipt holds'],
    ['verify-refused', sound.text.replace('index ', 'index 0'), 'proves nothing'],
  ]) {
    await page.locator('#receipt').fill(text);
    await page.getByRole('button', { name: 'Check the receipt' }).click();
    await page.getByText(word).waitFor();
    await visit(page, name);
  }
  await page.close();
}

async function revokedPaywall(reader, paths, visit) {
  const wallet = await reader.wallet();
  await wallet.getByRole('button', { name: /^Revoke/ }).click();
  await wallet.getByText('No site may spend from this wallet.').waitFor();
  await wallet.locator('#ended-title').click();
  await visit(wallet, 'wallet-ended');
  await wallet.close();
  await reader.open(paths[1]);
  await reader.payAtOnce();
  await reader.error().waitFor();
  await visit(reader.page, 'paywall-refused');
}

/** Presses Tab until the named button has the focus. */
async function tabTo(page, name) {
  for (let i = 0; i < TABS_MAX; i += 1) {
    await page.keyboard.press('Tab');
    const text = await page.evaluate(() => document.activeElement?.textContent ?? '');
    if (name.test(text.trim())) return;
  }
  throw new Error(`Tab does not reach ${name}`);
}
