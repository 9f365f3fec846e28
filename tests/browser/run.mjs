/**
 * Runs every case in Debian's Chromium against FARTHING_SITE_URL (a site behind the gateway, as
 * `farthing demo` makes it) and FARTHING_NODE_URL. Prints one line a case, `N passed, N failed` at
 * the end; exit code 1 if one failed. Pictures of the pages are left in `out`.
 *
 * `node run.mjs WORDS` runs the cases whose name contains WORDS.
 */
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

import { chromium } from 'playwright-core';

import { application } from './application.mjs';
import { choices } from './choices.mjs';
import { metered } from './metered.mjs';
import { node } from './node.mjs';
import { pages } from './pages.mjs';
import { paying } from './paying.mjs';
import { articles, Reader } from './reader.mjs';
import { receipts } from './receipts.mjs';

const CASE_MS = 120_000;
const BROWSER = process.env.FARTHING_CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

async function within(milliseconds, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Playwright's messages without their colours, indented below the name of the case. */
function plain(message) {
  return stripVTControlCharacters(String(message)).trim().replaceAll('\n', '\n      ');
}

/** What a failed case saw last, in `out`. */
async function pictureOf(name, browser) {
  const file = fileURLToPath(new URL(`out/failed-${name.replaceAll(/[^a-z]+/gi, '-')}`, import.meta.url));
  const pages = browser.contexts().flatMap((context) => context.pages());
  const taken = pages.map((page, place) => page.screenshot({ path: `${file}-${place}.png`, fullPage: true, timeout: 5_000 }));
  await Promise.allSettled(taken);
}

async function explore(browser) {
  const reader = await Reader.arrive(browser);
  const paths = await articles(reader);
  await reader.leave();
  return paths;
}

async function run() {
  const wanted = process.argv[2] ?? '';
  const cases = Object.entries({ ...application, ...paying, ...metered, ...pages, ...receipts, ...node, ...choices }).filter(([name]) => name.includes(wanted));
  const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
  const paths = await explore(browser);
  let failed = 0;
  for (const [name, test] of cases) {
    const from = Date.now();
    try {
      await within(CASE_MS, test({ browser, paths }));
      console.log(`ok    ${name} (${Date.now() - from} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n      ${plain(error.message)}`);
      await pictureOf(name, browser);
      await Promise.all(browser.contexts().map((context) => context.close()));
    }
  }
  await browser.close();
  console.log(`${cases.length - failed} passed, ${failed} failed`);
  return failed === 0 && cases.length > 0;
}

process.exitCode = (await run()) ? 0 : 1;
