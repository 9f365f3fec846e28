/** Paying as it comes: listen, see the price run, stop, run out, come back. */
import assert from 'node:assert/strict';

import { examine, narrow, PHONE } from './looks.mjs';
import { amount, NODE, OUT, pressAndClose, Reader } from './reader.mjs';

const TUNE = '/listen.wav';
const STORY = '/api/story';
const TICK_MS = 100;

/** A reader at a page that is paid by the unit. */
export class Listener extends Reader {
  button(name) {
    return this.page.getByRole('button', { name });
  }

  /** Presses Play for the first time: play money and a budget in the wallet's window. */
  async playFirst(path = TUNE, word = this.t('player.play')) {
    await this.open(path);
    const wallet = await this.playAndMeetWallet(word);
    await wallet.getByRole('button', { name: this.t('grant.add') }).click();
    await wallet.getByText(this.t('grant.added')).waitFor();
    const gone = wallet.waitForEvent('close');
    await pressAndClose(wallet, this.t('grant.allow'));
    await gone;
    await this.button(this.t('player.stop')).waitFor();
  }

  async playAndMeetWallet(word = this.t('player.play')) {
    const opening = this.page.waitForEvent('popup');
    await this.button(word).click();
    const wallet = await opening;
    await wallet.locator('#request').waitFor();
    return wallet;
  }

  async stop() {
    await this.button(this.t('player.stop')).click();
    await this.page.getByText(this.t('player.stopped')).waitFor();
  }

  /** Waits until the page shows that so many base units of a dollar were spent. */
  async spends(units) {
    await until(async () => (await this.spent()) >= units, `${units} spent`);
  }

  async spent() {
    const text = await this.page.locator('#spent').innerText();
    return /\d/.test(text) ? amount(text) / 10n : 0n;
  }

  /** The channels that this page opens, as the node is asked for them. */
  watchChannels() {
    const seen = new Set();
    this.context.on('request', (request) => {
      const found = /\/v1\/channels\/(ch_[0-9a-z]{26})/.exec(request.url());
      if (found) seen.add(found[1]);
    });
    return seen;
  }
}

async function channelAt(id) {
  const answer = await fetch(`${NODE}/v1/channels/${id}`);
  assert.equal(answer.status, 200, id);
  return answer.json();
}

async function until(holds, what) {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds()) return;
    await new Promise((resolve) => { setTimeout(resolve, TICK_MS); });
  }
  throw new Error(`waited in vain: ${what}`);
}

export const metered = {
  async 'a tune by the second: the price runs, Stop gives the rest back to the unit'({ browser }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.open(TUNE);
    assert.equal(listener.status, 402);
    assert.equal(await listener.page.locator('#price').innerText(), '0.01 ¢ a second');
    await listener.page.screenshot({ path: `${OUT}player.png`, fullPage: true });
    const wallet = await listener.playAndMeetWallet();
    assert.equal(await wallet.locator('#price').innerText(), '0.01 ¢ a second');
    await wallet.getByRole('button', { name: 'Add play money' }).click();
    await wallet.getByText('Play money added.').waitFor();
    await wallet.screenshot({ path: `${OUT}player-grant.png`, fullPage: true });
    const before = amount(await wallet.locator('#balance').innerText());
    await pressAndClose(wallet, 'Allow');
    await listener.spends(200_000n);
    const first = await listener.spent();
    await listener.spends(first + 200_000n);
    await listener.page.screenshot({ path: `${OUT}player-playing.png`, fullPage: true });
    assert.match(await listener.page.locator('#progress').innerText(), /^0:0[2-9]$/);
    await listener.stop();
    await listener.page.screenshot({ path: `${OUT}player-stopped.png`, fullPage: true });
    assert.equal(channels.size, 1);
    const view = await channelAt([...channels][0]);
    assert.equal(view.state, 'closed');
    assert.equal(view.settled, view.spent);
    assert.equal(await listener.spent(), BigInt(view.spent));
    assert.ok(BigInt(view.spent) >= 400_000n && BigInt(view.spent) % 100_000n === 0n, view.spent);
    assert.equal(before - (await listener.balance()), BigInt(view.spent) * 10n);
    await listener.leave();
  },

  async 'playing again asks nothing and opens a channel of its own'({ browser }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.playFirst();
    await listener.spends(100_000n);
    await listener.stop();
    let windows = 0;
    listener.context.on('page', () => { windows += 1; });
    await listener.button('Play').click();
    await listener.button('Stop').waitFor();
    await until(async () => channels.size === 2, 'a second channel');
    await listener.spends(100_000n);
    await listener.stop();
    assert.equal(windows, 0);
    for (const id of channels) assert.equal((await channelAt(id)).state, 'closed');
    await listener.leave();
  },

  async 'a page that is reloaded in mid-play leaves nothing open'({ browser }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.playFirst();
    await listener.spends(100_000n);
    await listener.page.reload();
    const [id] = channels;
    await until(async () => (await channelAt(id)).state === 'closed', 'closed after the reload');
    const { spent } = await channelAt(id);
    await listener.button('Play').click();
    await listener.button('Stop').waitFor();
    await listener.stop();
    assert.equal((await channelAt(id)).spent, spent);
    await listener.leave();
  },

  async 'leaving for another site gives the rest back without a further page'({ browser }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.playFirst();
    await listener.spends(100_000n);
    await listener.page.goto('about:blank');
    const [id] = channels;
    await until(async () => (await channelAt(id)).state === 'closed', 'closed by leaving');
    await listener.leave();
  },

  async 'a tab that was lost is found by the next page of the site'({ browser, paths }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.playFirst();
    await listener.spends(100_000n);
    const crashed = listener.page.waitForEvent('crash');
    listener.page.goto('chrome://crash').catch(() => undefined);
    await crashed;
    const [id] = channels;
    assert.equal((await channelAt(id)).state, 'open');
    listener.page = await listener.context.newPage();
    await listener.open(paths[0]);
    await until(async () => (await channelAt(id)).state === 'closed', 'closed by the next page');
    await listener.leave();
  },

  async 'a page beside it leaves a channel in use alone'({ browser, paths }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.playFirst();
    await listener.spends(100_000n);
    const other = await listener.context.newPage();
    let asked = 0;
    other.on('request', (request) => { if (request.url().endsWith(TUNE)) asked += 1; });
    await other.goto(new URL(paths[0], listener.page.url()).href);
    await other.locator('#pay:enabled').waitFor();
    const before = await listener.spent();
    await listener.spends(before + 200_000n);
    assert.equal(asked, 0);
    assert.equal((await channelAt([...channels][0])).state, 'open');
    await listener.stop();
    await listener.leave();
  },

  async 'a budget that ends stops the tune cleanly and says so'({ browser, paths }) {
    const listener = await Listener.arrive(browser);
    await listener.payFirst(paths[0]);
    // 24 articles and a tune of the twelve seconds leave a tenth of a cent of five.
    for (let bought = 1; bought < 24; bought += 1) {
      await listener.context.clearCookies();
      await listener.open(paths[0]);
      await listener.payAtOnce();
      await listener.content();
    }
    await listener.open('/tune.wav');
    await listener.payAtOnce();
    const before = await listener.balance();
    const channels = listener.watchChannels();
    await listener.open(TUNE);
    await listener.button('Play').click();
    await listener.button('Stop').waitFor();
    const end = listener.page.getByText('Your budget for this site is used up.');
    await end.waitFor({ timeout: 60_000 });
    await listener.button('Play').waitFor();
    await listener.page.screenshot({ path: `${OUT}player-used-up.png`, fullPage: true });
    const opened = await Promise.all([...channels].map(channelAt));
    const spent = opened.reduce((sum, view) => sum + BigInt(view.spent), 0n);
    assert.ok(opened.every((view) => view.state === 'closed'));
    assert.equal(spent, 1_000_000n);
    assert.equal(before - (await listener.balance()), spent * 10n);
    await listener.leave();
  },

  async 'a story by the word shows as it comes and is closed at its end'({ browser }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.playFirst(STORY, 'Start');
    const output = listener.page.locator('#output');
    await until(async () => (await output.innerText()).split(' ').length > 10, 'ten words');
    await listener.page.screenshot({ path: `${OUT}player-story.png`, fullPage: true });
    await listener.page.getByText(/^That was all\./).waitFor({ timeout: 60_000 });
    const words = Number.parseInt(await listener.page.locator('#progress').innerText(), 10);
    const [id] = channels;
    const view = await channelAt(id);
    assert.equal(view.state, 'closed');
    assert.equal(BigInt(view.spent), BigInt(words) * 1000n);
    assert.doesNotMatch(await output.innerText(), /payment-|channelId/);
    await listener.leave();
  },

  async 'the wallet shows what runs and can close it; the live page ticks'({ browser }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.playFirst();
    await listener.spends(100_000n);
    const live = await listener.wallet('/live');
    const row = live.locator('#channels tr', { hasText: 'The tune without an end' }).first();
    await row.waitFor();
    const before = await row.locator('.spent').innerText();
    await until(async () => (await row.locator('.spent').innerText()) !== before, 'the row ticks');
    await live.screenshot({ path: `${OUT}live-channels.png`, fullPage: true });
    const wallet = await listener.wallet();
    const close = wallet.getByRole('button', { name: /^Close/ });
    await close.waitFor();
    await wallet.screenshot({ path: `${OUT}wallet-channel.png`, fullPage: true });
    await close.focus();
    await wallet.keyboard.press('Enter');
    await wallet.getByText('The channel closes.').waitFor();
    const [id] = channels;
    await until(async () => (await channelAt(id)).state !== 'open', 'closing at the node');
    await listener.button('Play').waitFor();
    await until(async () => (await channelAt(id)).state === 'closed', 'the page agrees to close');
    await listener.leave();
  },

  async 'a revoked budget is explained and the next press asks again'({ browser }) {
    const listener = await Listener.arrive(browser);
    await listener.playFirst();
    await listener.spends(100_000n);
    await listener.stop();
    const wallet = await listener.wallet();
    await wallet.getByRole('button', { name: /^Revoke/ }).click();
    await wallet.getByText('No site may spend from this wallet.').waitFor();
    await wallet.close();
    await listener.page.bringToFront();
    await listener.button('Play').click();
    await listener.error().filter({ hasText: 'Press Play again' }).waitFor();
    await listener.page.screenshot({ path: `${OUT}player-refused.png`, fullPage: true });
    const popup = await listener.playAndMeetWallet();
    const gone = popup.waitForEvent('close');
    await pressAndClose(popup, 'Allow');
    await gone;
    await listener.button('Stop').waitFor();
    await listener.stop();
    await listener.leave();
  },

  async 'declining charges nothing and opens nothing'({ browser }) {
    const listener = await Listener.arrive(browser);
    const channels = listener.watchChannels();
    await listener.open(TUNE);
    const wallet = await listener.playAndMeetWallet();
    await pressAndClose(wallet, 'Decline');
    await listener.page.getByText('You declined. Nothing was charged.').waitFor();
    await listener.button('Play').waitFor();
    assert.equal(channels.size, 0);
    await listener.leave();
  },

  async 'the keyboard alone plays and stops'({ browser }) {
    const listener = await Listener.arrive(browser);
    await listener.playFirst();
    await listener.spends(100_000n);
    await listener.button('Stop').focus();
    await listener.page.keyboard.press('Enter');
    await listener.page.getByText(/^Stopped\./).waitFor();
    await listener.page.keyboard.press('Space');
    await listener.button('Stop').waitFor();
    await listener.page.keyboard.press('Space');
    await listener.page.getByText(/^Stopped\./).waitFor();
    await listener.leave();
  },

  async 'axe finds nothing in the light, playing or not'({ browser }) {
    await visitStates(browser, { colorScheme: 'light' }, examine);
  },

  async 'axe finds nothing in the dark, playing or not'({ browser }) {
    await visitStates(browser, { colorScheme: 'dark' }, examine);
  },

  async 'nothing is wider than a phone, playing or not'({ browser }) {
    await visitStates(browser, PHONE, narrow);
  },
};

/** Shows what is metered in each of its states to `visit(page, name)`. */
async function visitStates(browser, options, visit) {
  const listener = await Listener.arrive(browser, options);
  await listener.open(TUNE);
  await listener.button('Play').waitFor();
  await visit(listener.page, 'player');
  const popup = await listener.playAndMeetWallet();
  await popup.getByRole('button', { name: 'Add play money' }).click();
  await popup.getByText('Play money added.').waitFor();
  await popup.locator('#allow[aria-disabled="false"]').waitFor();
  await visit(popup, 'player-grant');
  await pressAndClose(popup, 'Allow');
  await listener.spends(100_000n);
  await visit(listener.page, 'player-playing');
  const wallet = await listener.wallet();
  await wallet.getByRole('button', { name: /^Close/ }).waitFor();
  await visit(wallet, 'wallet-channel');
  const live = await listener.wallet('/live');
  await live.locator('#channels tr').first().waitFor();
  await visit(live, 'live-channels');
  await listener.page.bringToFront();
  await listener.stop();
  await visit(listener.page, 'player-stopped');
  await listener.open(STORY);
  await listener.button('Start').click();
  await listener.page.getByText(/^That was all\./).waitFor({ timeout: 60_000 });
  await visit(listener.page, 'player-story');
  await listener.leave();
}
