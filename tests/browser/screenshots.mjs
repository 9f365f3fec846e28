/**
 * Takes the pictures of `docs/screenshots`: the bundled pages with the stand-in's figures, on a desk in
 * English and in a hand in Arabic. `node screenshots.mjs`; look at them before they are committed.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { PLACES, standIn } from './stand.mjs';

const OUT = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const BROWSER = process.env.FARTHING_CHROMIUM ?? '/usr/bin/chromium';
const DESK = { locale: 'en-US', viewport: { width: 1180, height: 860 }, colorScheme: 'light' };
const HAND = { locale: 'ar', viewport: { width: 375, height: 780 }, colorScheme: 'dark', deviceScaleFactor: 1.5 };
const PICTURES = [
  ['income', PLACES.income, DESK],
  ['offer', PLACES.offer, DESK],
  ['payments', PLACES.payments, DESK],
  ['console', PLACES.console, DESK],
  ['wallet', PLACES.wallet, { ...DESK, colorScheme: 'dark' }],
  ['receipt', PLACES.receipt, { ...DESK, viewport: { width: 820, height: 620 } }],
  ['income-phone', PLACES.income, HAND],
  ['payouts-phone', PLACES.payouts, HAND],
];

mkdirSync(OUT, { recursive: true });
const origin = await standIn();
const browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox', '--disable-gpu'] });
for (const [name, path, options] of PICTURES) {
  const context = await browser.newContext(options);
  await context.addCookies([{ name: 'stand-in', value: '1', url: origin }]);
  const page = await context.newPage();
  await page.goto(origin + path);
  await page.locator('main h1').waitFor();
  await page.locator('.waiting').waitFor({ state: 'detached' });
  // The console's lines need a few answers to be lines.
  if (name === 'console') await page.waitForFunction(() => (document.querySelector('.spark path')?.getAttribute('d')?.length ?? 0) > 110, undefined, { timeout: 60_000 });
  await page.screenshot({ path: `${OUT}${name}.png` });
  await context.close();
}
await browser.close();
process.exit();
