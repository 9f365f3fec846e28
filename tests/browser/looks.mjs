/** What every page must stand in every state: axe in light and dark, the width of a phone. */
import assert from 'node:assert/strict';

import { AxeBuilder } from '@axe-core/playwright';

import { OUT } from './reader.mjs';

export const PHONE = {
  viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2,
};

export async function examine(page, name) {
  const dark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  await page.screenshot({ path: `${OUT}${dark ? 'dark' : 'light'}-${name}.png`, fullPage: true });
  const { violations, passes } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  assert.ok(passes.length > 10, `axe looked at ${name}`);
  const found = violations.map(({ id, nodes }) => `${id} at ${nodes[0].target}`);
  assert.deepEqual(found, [], name);
}

export async function narrow(page, name) {
  await page.setViewportSize(PHONE.viewport);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.screenshot({ path: `${OUT}phone-${name}.png`, fullPage: true });
  assert.ok(width <= PHONE.viewport.width, `${name} is ${width} pixels wide`);
}
