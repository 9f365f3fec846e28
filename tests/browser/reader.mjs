/**
 * A person with a browser of their own: what they press, type and see.
 *
 * Each reader has a fresh profile, so a fresh wallet. Keeps: acts on what is visible, by role and
 * name, as a person would; never calls the pages' code.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { PLAIN, words } from './words.mjs';

export const SITE = origin('FARTHING_SITE_URL');
export const NODE = origin('FARTHING_NODE_URL');
export const OUT = fileURLToPath(new URL('out/', import.meta.url));
const PATIENCE_MS = 10_000;

mkdirSync(OUT, { recursive: true });

/**
 * Presses a button that closes its own window. The window may be gone before the browser's driver has
 * finished its click, which is what was asked for.
 */
export async function pressAndClose(window, name) {
  const closed = window.waitForEvent('close');
  // If the click fails for another reason, that is what is told.
  closed.catch(() => {});
  try {
    await window.getByRole('button', { name }).click();
  } catch (error) {
    if (!window.isClosed()) throw error;
  }
  await closed;
}

export class Reader {
  /** `options` are Playwright's for a new context, for example a colour scheme. */
  static async arrive(browser, options = {}) {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const reader = new this(context, page, options.locale === 'ar' ? 'ar' : 'en');
    page.on('response', (response) => {
      if (response.request().isNavigationRequest()) reader.status = response.status();
    });
    return reader;
  }

  constructor(context, page, language) {
    this.context = context;
    this.page = page;
    this.status = 0;
    /** How the pages' texts begin in this reader's language. */
    this.t = words(language, PLAIN);
  }

  leave() {
    return this.context.close();
  }

  open(path) {
    return this.page.goto(new URL(path, SITE).href);
  }

  payButton() {
    return this.page.getByRole('button', { name: this.t('paywall.pay') });
  }

  error() {
    return this.page.locator('#error');
  }

  /** The gateway's stable code for the refusal that this page explains. */
  async errorCode() {
    if (this.status !== 402) throw new Error(`expected a refusal, got ${this.status}`);
    return JSON.parse(await this.page.locator('#challenge').textContent()).error_code;
  }

  said() {
    return this.page.getByRole('status');
  }

  /** Presses Pay and waits for the wallet's window. */
  async payAndMeetWallet() {
    const opening = this.page.waitForEvent('popup');
    await this.payButton().click();
    const wallet = await opening;
    wallet.setDefaultTimeout(PATIENCE_MS);
    await wallet.locator('#request').waitFor();
    return wallet;
  }

  /** Presses Pay and waits for the answer to the reload: content or the next question. */
  async payAtOnce() {
    const answered = this.page.waitForNavigation();
    await this.payButton().click();
    await answered;
  }

  /** The first purchase: play money, a budget, the content. */
  async payFirst(path) {
    await this.open(path);
    const wallet = await this.payAndMeetWallet();
    await wallet.getByRole('button', { name: this.t('grant.add') }).click();
    await this.allow(wallet);
    await this.content();
  }

  /** Allows and waits until the site has reloaded. */
  async allow(wallet) {
    const answered = this.page.waitForNavigation();
    const gone = wallet.waitForEvent('close');
    await pressAndClose(wallet, this.t('grant.allow'));
    await Promise.all([answered, gone]);
  }

  /** Waits for what was paid for and returns its heading. */
  async content() {
    if (this.status !== 200) throw new Error(`expected the content, got ${this.status}: ${await this.complaint()}`);
    await this.payButton().waitFor({ state: 'detached' });
    return this.page.locator('h1').first().innerText();
  }

  async complaint() {
    const error = await this.error().innerText().catch(() => '');
    return error || this.said().first().innerText().catch(() => 'nothing was said');
  }

  /** A second tab with the wallet. */
  async wallet(path = '/wallet') {
    const page = await this.context.newPage();
    await page.goto(new URL(path, NODE).href);
    return page;
  }

  /** What the wallet shows as the balance, in units of the asset. */
  async balance() {
    const page = await this.wallet();
    const figure = page.locator('#balance');
    await figure.filter({ hasNotText: '…' }).waitFor();
    const text = await figure.innerText();
    await page.close();
    return amount(text);
  }
}

/** "$1.25" or "0.2 ¢" in ten-billionths of a dollar, exactly. */
export function amount(text) {
  const western = text.replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660)).replace('٫', '.').replaceAll('٬', ',');
  const [, whole, part = ''] = /([\d,]+)(?:\.(\d+))?/.exec(western) ?? [];
  if (whole === undefined) throw new Error(`no amount in "${text}"`);
  const decimals = text.includes('¢') ? 8 : 10;
  return BigInt(whole.replaceAll(',', '') + part.padEnd(decimals, '0'));
}

/** The paths of the articles that the site's front page links to. */
export async function articles(reader) {
  await reader.open('/');
  const links = await reader.page.locator('a[href*="/articles/"]').all();
  const paths = new Set();
  for (const link of links) paths.add(new URL(await link.getAttribute('href'), SITE).pathname);
  if (paths.size < 2) throw new Error('the site’s front page links to fewer than two articles');
  return [...paths];
}

function origin(name) {
  const value = process.env[name];
  if (value === undefined) {
    console.error(`${name} is not set: for example http://127.0.0.1:4020`);
    process.exit(2);
  }
  return new URL(value).origin;
}
