/**
 * How soon each page can be used on a slow connection: 1.6 Mbit/s, 150 ms there and back, a
 * processor four times slower (what Lighthouse calls slow 4G). Served by the stand-in of `web` with the
 * compression that a node uses. Prints milliseconds from the request to the first paint and until what
 * was asked for is on the page; judges nothing. `node timing.mjs [ROUNDS]`
 */
import { chromium } from 'playwright-core';

import { PLACES, standIn } from './stand.mjs';

const ROUNDS = Number(process.argv[2] ?? 5);
const BROWSER = process.env.FARTHING_CHROMIUM ?? '/usr/bin/chromium';
const SLOW = { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };
const SLOWDOWN = 4;

const origin = await standIn();
const browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox', '--disable-gpu'] });

/** Plain pages, with what is there once their script has done its part. */
const PLAIN = { index: ['/', '#node code'], verify: ['/verify', '#policy-source:not(:empty)'] };

async function once(path, ready) {
  const context = await browser.newContext({ locale: 'en-US' });
  await context.addCookies([{ name: 'stand-in', value: '1', url: origin }]);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', SLOW);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN });
  await page.goto(origin + path, { waitUntil: 'commit' });
  // In view, with the node's answers in it: from here on a press does what it says.
  await page.waitForFunction((selector) => document.querySelector(selector) && !document.querySelector('.waiting'), ready);
  const times = await page.evaluate(() => {
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    return { paint: paint?.startTime ?? 0, ready: performance.now() };
  });
  const bytes = await page.evaluate(() => performance.getEntriesByType('resource')
    .reduce((sum, { transferSize }) => sum + transferSize, 0));
  await context.close();
  return { ...times, bytes };
}

const middle = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];

console.log('page            paint   ready   kB');
const pages = { ...Object.fromEntries(Object.entries(PLACES).map(([name, path]) => [name, [path, 'main h1']])), ...PLAIN };
for (const [name, [path, ready]] of Object.entries(pages)) {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i += 1) rounds.push(await once(path, ready));
  const of = (field) => Math.round(middle(rounds.map((round) => round[field])));
  console.log(`${name.padEnd(14)} ${String(of('paint')).padStart(6)} ${String(of('ready')).padStart(7)} ${(of('bytes') / 1000).toFixed(0).padStart(4)}`);
}
await browser.close();
process.exit();
