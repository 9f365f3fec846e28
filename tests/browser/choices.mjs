/**
 * What a reader chooses on the page that asks for payment: an amount, a discount code. The offers are
 * made at the running node, whose data folder is FARTHING_DEMO_DATA.
 */
import assert from 'node:assert/strict';

import { examine, narrow, PHONE } from './looks.mjs';
import { author, operator } from './node.mjs';
import { Reader } from './reader.mjs';

/** Sells a path for as long as a case runs. */
async function sold(path, more, work) {
  const offer = { path, price: '5000000', asset: 'USD', payee: await author(), description: 'A chosen article', ...more };
  const { offer: id } = await operator('POST', '/v1/offers', offer);
  try {
    await work(id);
  } finally {
    await operator('DELETE', `/v1/offers/${id}`);
  }
}

const own = { pay_what_you_want: { min: '0', suggested: ['10000000', '20000000'] } };

export const choices = {
  async 'a reader gives what it wants: a suggestion, an amount of its own, nothing'({ browser, paths }) {
    await sold(paths[0], own, async () => {
      const reader = await Reader.arrive(browser, PHONE);
      await reader.payFirst(paths[1]);
      const before = await reader.balance();
      await reader.open(paths[0]);
      assert.equal(reader.status, 402);
      await reader.page.getByRole('radio', { name: '2 ¢' }).waitFor();
      await examine(reader.page, 'amounts');
      await narrow(reader.page, 'amounts');
      await reader.page.getByRole('radio', { name: '2 ¢' }).check();
      await reader.page.getByRole('button', { name: 'Pay 2 ¢' }).waitFor();
      await reader.payAtOnce();
      await reader.content();
      assert.equal(before - (await reader.balance()), 200_000_000n);

      await reader.context.clearCookies();
      await reader.open(paths[0]);
      const field = reader.page.getByLabel('Another amount in USD');
      await field.fill('much');
      await reader.payButton().click();
      await reader.page.getByText('Choose an amount').waitFor();
      assert.equal(await field.evaluate((input) => input === document.activeElement), true);
      await field.fill('0.007');
      await reader.page.getByRole('button', { name: 'Pay 0.7 ¢' }).waitFor();
      await reader.payAtOnce();
      await reader.content();
      assert.equal(before - (await reader.balance()), 270_000_000n);

      await reader.context.clearCookies();
      await reader.open(paths[0]);
      await reader.page.getByRole('radio', { name: 'Nothing' }).check();
      const answered = reader.page.waitForNavigation();
      await reader.page.getByRole('button', { name: 'Open for free' }).click();
      await answered;
      await reader.content();
      assert.equal(before - (await reader.balance()), 270_000_000n);
      await reader.leave();
    });
  },

  async 'a discount code lowers the price, and one that does not count says so'({ browser, paths }) {
    await sold(paths[0], {}, async (offer) => {
      const code = `BROWSER-${Date.now()}`;
      const made = await operator('POST', '/v1/codes', { code, percent_ppm: 400_000, offers: [offer], max_uses: 1 });
      const reader = await Reader.arrive(browser, PHONE);
      await reader.payFirst(paths[1]);
      const before = await reader.balance();
      await reader.open(paths[0]);
      const use = async (text) => {
        const part = reader.page.locator('#code-part');
        if (await part.getAttribute('open') === null) await part.locator('summary').click();
        await reader.page.getByLabel('Code', { exact: true }).fill(text);
        const answered = reader.page.waitForNavigation();
        await reader.page.getByRole('button', { name: 'Use code' }).click();
        await answered;
      };
      await use('WRONG-CODE');
      await reader.page.getByText('There is no such code').waitFor();
      await reader.page.getByRole('button', { name: 'Pay 0.5 ¢' }).waitFor();
      await use(code.toLowerCase());
      await reader.page.getByText('The code counts').waitFor();
      await reader.page.getByRole('button', { name: 'Pay 0.3 ¢' }).waitFor();
      await examine(reader.page, 'code');
      await narrow(reader.page, 'code');
      await reader.payAtOnce();
      await reader.content();
      assert.equal(before - (await reader.balance()), 30_000_000n);
      await operator('DELETE', `/v1/codes/${made.code_id}`);
      await reader.leave();
    });
  },
};
