/** Buying, in the order in which a reader meets it: first time, again, refused, taken back. */
import assert from 'node:assert/strict';

import { amount, NODE, OUT, pressAndClose, Reader } from './reader.mjs';

const BUDGET_PAYMENTS_MAX = 200;

export const paying = {
  async 'the first purchase: price, wallet, play money, budget, content in place'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.open(paths[0]);
    assert.equal(reader.status, 402);
    const price = (await reader.payButton().innerText()).replace('Pay ', '');
    await reader.page.screenshot({ path: `${OUT}paywall.png` });
    const wallet = await reader.payAndMeetWallet();
    assert.equal(await wallet.locator('#origin').innerText(), new URL(reader.page.url()).host);
    assert.equal(await wallet.locator('#price').innerText(), price);
    await wallet.screenshot({ path: `${OUT}grant-empty.png` });
    await wallet.getByRole('button', { name: 'Add play money' }).click();
    await wallet.getByText('Play money added.').waitFor();
    const before = amount(await wallet.locator('#balance').innerText());
    await wallet.screenshot({ path: `${OUT}grant.png` });
    await reader.allow(wallet);
    assert.notEqual(await reader.content(), '');
    assert.equal(new URL(reader.page.url()).pathname, paths[0]);
    await reader.page.screenshot({ path: `${OUT}article.png` });
    assert.equal(before - (await reader.balance()), amount(price));
    await reader.leave();
  },

  async 'another article: one press, no window'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.payFirst(paths[0]);
    const first = await reader.page.locator('h1').first().innerText();
    let windows = 0;
    reader.context.on('page', () => { windows += 1; });
    await reader.open(paths[1]);
    assert.equal(reader.status, 402);
    await reader.payAtOnce();
    assert.notEqual(await reader.content(), first);
    assert.equal(windows, 0);
    await reader.leave();
  },

  async 'a paid article loaded again shows again and costs nothing'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.payFirst(paths[0]);
    const before = await reader.balance();
    await reader.page.reload();
    await reader.content();
    assert.equal(await reader.balance(), before);
    await reader.leave();
  },

  async 'a tune is paid once and plays in place, its end included'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.payFirst(paths[0]);
    const before = await reader.balance();
    await reader.open('/tune.wav');
    assert.equal(reader.status, 402);
    const price = amount(await reader.payButton().innerText());
    await reader.payAtOnce();
    const player = reader.page.locator('video, audio');
    await player.waitFor();
    const [at, length] = await player.evaluate(async (media) => {
      const happens = (name) => new Promise((done) => { media.addEventListener(name, done, { once: true }); });
      if (media.readyState < 1) await happens('loadedmetadata');
      media.muted = true;
      const sought = happens('seeked');
      media.currentTime = media.duration - 1;
      await sought;
      const ended = happens('ended');
      await media.play();
      await ended;
      return [media.currentTime, media.duration];
    });
    assert.ok(length > 5 && at === length, `${at} of ${length}`);
    assert.equal(before - (await reader.balance()), price);
    await reader.leave();
  },

  async 'a budget ends exactly at its total, the page says so, and the next press asks again'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.open(paths[0]);
    const price = amount(await reader.payButton().innerText());
    await reader.payFirst(paths[0]);
    let paid = 1;
    while (paid < BUDGET_PAYMENTS_MAX) {
      await reader.context.clearCookies();
      await reader.open(paths[0]);
      await reader.payAtOnce();
      if (reader.status === 402) break;
      paid += 1;
    }
    assert.equal(BigInt(paid), amount('5 ¢') / price);
    assert.equal(await reader.errorCode(), 'mandate_exceeded');
    assert.notEqual(await reader.error().innerText(), '');
    await reader.page.screenshot({ path: `${OUT}paywall-refused.png` });
    const wallet = await reader.payAndMeetWallet();
    await reader.allow(wallet);
    await reader.content();
    await reader.leave();
  },

  async 'a balance that is too low is explained, with the way to the wallet'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.context.route('**/v1/payer', (route) =>
      route.fulfill({ json: { available: '1000000000', held: '0', mandates: [], payments: [] } }),
    );
    await reader.open(paths[0]);
    await reader.allow(await reader.payAndMeetWallet());
    assert.equal(await reader.errorCode(), 'insufficient_funds');
    await reader.context.unroute('**/v1/payer');
    const link = reader.error().getByRole('link', { name: 'Open your wallet' });
    assert.equal(await link.getAttribute('href'), `${NODE}/wallet`);
    const wallet = await reader.wallet();
    await wallet.getByRole('button', { name: 'Add play money' }).click();
    await wallet.getByText('Play money added.').waitFor();
    await reader.payAtOnce();
    await reader.content();
    await reader.leave();
  },

  async 'declining, closing and blocking the wallet each say that nothing was charged'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.open(paths[0]);
    const declined = await reader.payAndMeetWallet();
    await pressAndClose(declined, 'Decline');
    await reader.page.getByText('You declined. Nothing was charged.').waitFor();
    const closed = await reader.payAndMeetWallet();
    await closed.close();
    await reader.page.getByText('closed without an answer. Nothing was charged.').waitFor();
    await reader.page.evaluate(() => { window.open = () => null; });
    await reader.payButton().click();
    await reader.page.getByText('Allow pop-ups for this site').waitFor();
    await reader.leave();
  },

  async 'without a network the page says so and does not lose itself'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.payFirst(paths[0]);
    await reader.open(paths[1]);
    await reader.context.setOffline(true);
    await reader.payButton().click();
    await reader.page.getByText('You are offline. Nothing was charged.').waitFor();
    await reader.context.setOffline(false);
    await reader.payAtOnce();
    await reader.content();
    await reader.leave();
  },

  async 'a budget taken back in the wallet asks again'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.payFirst(paths[0]);
    const wallet = await reader.wallet();
    await wallet.getByRole('button', { name: /^Revoke/ }).click();
    await wallet.getByText('can no longer spend your money').waitFor();
    await wallet.getByText('No site may spend from this wallet.').waitFor();
    await wallet.screenshot({ path: `${OUT}wallet-revoked.png`, fullPage: true });
    await reader.open(paths[1]);
    await reader.payAtOnce();
    assert.equal(await reader.errorCode(), 'mandate_revoked');
    assert.notEqual(await reader.error().innerText(), '');
    await reader.allow(await reader.payAndMeetWallet());
    await reader.content();
    await reader.leave();
  },

  async 'a payment left over from a page above is no trouble'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.payFirst(paths[0]);
    const cookies = await reader.context.cookies();
    const { name, value } = cookies.find((cookie) => cookie.name === 'farthing-payment');
    await reader.context.clearCookies();
    await reader.context.addCookies([{ name, value, url: new URL('/', reader.page.url()).href }]);
    await reader.open(paths[1]);
    assert.equal(reader.status, 402);
    assert.equal(await reader.error().innerText(), '');
    await reader.payAtOnce();
    await reader.content();
    await reader.leave();
  },

  async 'a reader who comes by a link from another site can pay'({ browser, paths }) {
    const reader = await Reader.arrive(browser);
    await reader.payFirst(paths[0]);
    const target = new URL(paths[1], reader.page.url()).href;
    await reader.context.route('http://elsewhere.test/', (route) =>
      route.fulfill({ contentType: 'text/html', body: `<a href="${target}">read</a>` }),
    );
    await reader.page.goto('http://elsewhere.test/');
    await reader.page.getByRole('link').click();
    await reader.payButton().waitFor();
    await reader.payAtOnce();
    await reader.content();
    await reader.leave();
  },

  async 'a device whose clock is a day off can pay'({ browser, paths }) {
    const day = 24 * 60 * 60 * 1000;
    for (const offset of [-day, day]) {
      const reader = await Reader.arrive(browser);
      await reader.context.addInitScript((by) => {
        const right = Date.now.bind(Date);
        Date.now = () => right() + by;
      }, offset);
      await reader.payFirst(paths[0]);
      await reader.leave();
    }
  },
};
