/** How the pages treat their readers and strangers: keyboard, phone, axe, forged messages. */
import assert from 'node:assert/strict';

import { examine, narrow, PHONE } from './looks.mjs';
import { Listener } from './metered.mjs';
import { NODE, OUT, pressAndClose, Reader } from './reader.mjs';
import { sound } from './samples.mjs';
import { LANGUAGES } from './words.mjs';

const TABS_MAX = 20;

export const pages = {
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

for (const [language, locale] of Object.entries(LANGUAGES)) {
  for (const colorScheme of ['light', 'dark']) {
    pages[`${language}: axe finds nothing in the ${colorScheme}`] = ({ browser, paths }) => (
      visitAll(browser, paths, { locale, colorScheme }, examine));
  }
  pages[`${language}: nothing is wider than a phone`] = ({ browser, paths }) => (
    visitAll(browser, paths, { locale, ...PHONE }, narrow));
}

Object.assign(pages, {
  async 'somebody who reads Arabic pays, listens, and takes the budget back'({ browser, paths }) {
    const reader = await Listener.arrive(browser, { locale: 'ar' });
    const { page, t } = reader;
    await reader.open(paths[0]);
    await page.locator('html[dir=rtl]').waitFor();
    await page.getByText(t('paywall.first')).waitFor();
    await reader.payFirst(paths[0]);
    await reader.open('/listen.wav');
    await page.locator('#free').filter({ hasText: 'أول ثانيتين مجانًا' }).waitFor();
    await reader.button(t('player.play')).click();
    await page.getByText(t('player.playing')).waitFor();
    await reader.spends(200_000n);
    await reader.button(t('player.stop')).click();
    await page.getByText(t('player.stopped')).waitFor();
    const wallet = await reader.wallet();
    await wallet.locator('.budgets button').last().click();
    await wallet.locator('#ended-title').waitFor();
    await reader.open(paths[1]);
    await reader.payAtOnce();
    await reader.error().filter({ hasText: t('problem.mandate_revoked') }).waitFor();
    const popup = await reader.payAndMeetWallet();
    await pressAndClose(popup, t('grant.decline'));
    await page.getByText(t('problem.declined')).waitFor();
    await reader.leave();
  },

  async 'the language is that of the choice, then of the address, then of the browser'({ browser }) {
    const reader = await Reader.arrive(browser, { locale: 'ko-KR' });
    const { page } = reader;
    const speaks = (tag) => page.locator(`html[lang=${tag}]`).waitFor();
    await page.goto(`${NODE}/verify`);
    await speaks('ko');
    await page.goto(`${NODE}/verify?lang=es`);
    await page.getByRole('heading', { name: 'Comprobar un recibo' }).waitFor();
    await page.locator('#language').selectOption('de');
    await page.getByRole('heading', { name: 'Einen Beleg prüfen' }).waitFor();
    await page.goto(`${NODE}/wallet?lang=xx`);
    await speaks('de');
    await reader.leave();
  },

  async 'a budget with every limit is what the wallet shows'({ browser }) {
    const reader = await Listener.arrive(browser);
    await reader.open('/listen.wav');
    const popup = await reader.playAndMeetWallet();
    await popup.getByRole('button', { name: 'Add play money' }).click();
    await popup.getByText('Play money added.').waitFor();
    await popup.getByText('More limits').click();
    await popup.getByLabel('At most a day').fill('9');
    await popup.locator('#wrong').filter({ hasText: 'Look at the limits' }).waitFor();
    await popup.locator('#allow[aria-disabled="true"]').waitFor();
    for (const [field, value] of [
      ['At most for one payment', '0.02'], ['At most a day', '0.03'], ['At most a month', '0.04'],
      ['Ends after so many days', '7'], ['How often it may be passed on', '1'],
    ]) await popup.getByLabel(field).fill(value);
    await popup.getByLabel('No unit may cost more').check();
    await popup.getByLabel(/^Only acc_/).check();
    const terms = popup.locator('#terms');
    await terms.filter({ hasText: '2 ¢ for one payment, 5 ¢ in all' }).waitFor();
    for (const sentence of ['3 ¢ a day', '4 ¢ a month', '0.01 ¢ a second', 'Only acc_', 'pass it on once']) {
      await terms.filter({ hasText: sentence }).waitFor();
    }
    await examine(popup, 'grant-limits');
    const sent = popup.waitForRequest((request) => request.url().endsWith('/v1/mandates'));
    await pressAndClose(popup, 'Allow');
    const { chain } = (await sent).postDataJSON();
    assert.equal(Buffer.from(chain[0].mandate, 'base64').length, 376);
    await reader.spends(100_000n);
    await reader.stop();
    const wallet = await reader.wallet();
    await wallet.getByText('$0.03 a day').waitFor();
    await wallet.getByText('$0.04 a month').waitFor();
    await reader.leave();
  },
});

/** Shows every page in its full state to `visit(page, name)`. */
async function visitAll(browser, paths, options, visit) {
  const reader = await Reader.arrive(browser, options);
  const { t } = reader;
  const shown = (page, name) => visit(page, `${options.locale}-${name}`);
  await reader.open(paths[0]);
  await reader.page.getByText(t('paywall.first')).waitFor();
  await shown(reader.page, 'paywall');
  const wallet = await reader.payAndMeetWallet();
  await shown(wallet, 'grant-empty');
  await wallet.getByRole('button', { name: t('grant.add') }).click();
  await wallet.getByText(t('grant.added')).waitFor();
  await wallet.locator('summary').click();
  await wallet.locator('#allow[aria-disabled="false"]').waitFor();
  await shown(wallet, 'grant');
  await reader.allow(wallet);
  await reader.content();
  for (const [name, path, ready] of [
    ['wallet', '/wallet', '.budgets button'],
    ['live', '/live', '#books[data-balanced="true"]'],
    ['index', '/', '#node code'],
  ]) {
    const page = await reader.wallet(path);
    await page.locator(ready).first().waitFor();
    await shown(page, name);
    await page.close();
  }
  await verdicts(reader, shown);
  await revokedPaywall(reader, paths, shown);
  await reader.open('/listen.wav');
  await reader.page.locator('#free:not(:empty)').waitFor();
  await shown(reader.page, 'player');
  await reader.leave();
}

async function verdicts(reader, visit) {
  const { t } = reader;
  const page = await reader.wallet('/verify');
  await page.getByText(t('verify.offline')).waitFor();
  await visit(page, 'verify');
  await page.locator('#policy').fill(sound.policy);
  for (const [name, text, word] of [
    ['verify-holds', sound.text, 'verify.holds'],
    ['verify-refused', sound.text.replace('index ', 'index 0'), 'verify.refused'],
  ]) {
    await page.locator('#receipt').fill(text);
    await page.getByRole('button', { name: t('verify.check') }).click();
    await page.getByText(t(word)).waitFor();
    await visit(page, name);
  }
  await page.close();
}

async function revokedPaywall(reader, paths, visit) {
  const wallet = await reader.wallet();
  await wallet.locator('.budgets button').last().click();
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
