/** The page that verifies receipts: dropped, pasted, linked, tampered with, without a network. */
import assert from 'node:assert/strict';

import { NODE, OUT, Reader } from './reader.mjs';
import { refused, sound, tooEarly } from './samples.mjs';

const HOLDS = 'The receipt holds';
const PROVES_NOTHING = 'The receipt proves nothing here';

/** A person with a receipt and the key of a log that they trust. */
export class Auditor extends Reader {
  /** Opens the page and waits until it would do without a network. */
  async openPage(query = '') {
    await this.page.goto(`${NODE}/verify${query}`);
    await this.page.getByText('works without a network').waitFor();
  }

  trust(policy) {
    return this.page.locator('#policy').fill(policy);
  }

  drop(bytes, name = 'payment.tlog-proof') {
    return this.page.evaluate(([content, fileName]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(content)], fileName));
      const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
      document.getElementById('drop').dispatchEvent(new DragEvent('drop', event));
    }, [[...bytes], name]);
  }

  async choose(bytes) {
    const file = { name: 'payment.tlog-proof', mimeType: 'text/plain', buffer: Buffer.from(bytes) };
    await this.page.locator('#file').setInputFiles(file);
  }

  async paste(text) {
    await this.page.locator('#receipt').fill(text);
    await this.page.getByRole('button', { name: 'Check the receipt' }).click();
  }

  /** The heading of the verdict, once there is one. */
  async verdict() {
    await this.page.locator('#verdict').waitFor();
    return this.page.locator('#verdict-word').innerText();
  }

  code() {
    return this.page.locator('#reason code').innerText();
  }
}

export const receipts = {
  async 'a dropped receipt is verified by the browser alone, then without a network'({ browser }) {
    const auditor = await Auditor.arrive(browser);
    await auditor.openPage();
    let asked = 0;
    auditor.context.on('request', () => { asked += 1; });
    await auditor.trust(sound.policy);
    await auditor.drop(sound.bytes);
    assert.equal(await auditor.verdict(), HOLDS);
    for (const text of sound.proven) await auditor.page.locator('#proven').getByText(text).waitFor();
    for (const text of sound.notProven) {
      await auditor.page.locator('#not-proven').getByText(text).waitFor();
    }
    await auditor.page.screenshot({ path: `${OUT}verify-holds.png`, fullPage: true });
    await auditor.context.setOffline(true);
    await auditor.drop(sound.tampered);
    await auditor.page.getByText(PROVES_NOTHING).waitFor();
    assert.equal(await auditor.code(), sound.tamperedCode);
    await auditor.page.screenshot({ path: `${OUT}verify-refused.png`, fullPage: true });
    await auditor.choose(sound.bytes);
    await auditor.page.getByText(HOLDS).waitFor();
    assert.equal(asked, 0);
    await auditor.leave();
  },

  async 'the page opens again without a network'({ browser }) {
    const auditor = await Auditor.arrive(browser);
    await auditor.openPage();
    await auditor.context.setOffline(true);
    await auditor.page.reload();
    await auditor.page.getByRole('heading', { name: 'Check a receipt' }).waitFor();
    await auditor.trust(sound.policy);
    await auditor.paste(sound.text);
    assert.equal(await auditor.verdict(), HOLDS);
    await auditor.leave();
  },

  async 'the wallet leads to the receipt of a payment, which the node’s own log proves'({ browser, paths }) {
    const auditor = await Auditor.arrive(browser);
    await auditor.payFirst(paths[0]);
    const wallet = await auditor.wallet();
    await wallet.locator('a[href^="/pay/pay_"]').first().click();
    const link = wallet.getByRole('link', { name: 'Check it in this browser' });
    await link.waitFor();
    await untilLogged(new URL(await link.getAttribute('href'), NODE));
    await link.click();
    await wallet.getByText(HOLDS).waitFor();
    await wallet.locator('#proven').getByText('is entry').waitFor();
    await wallet.locator('#not-proven').getByText('no witness cosigned').waitFor();
    const policy = await wallet.locator('#policy').inputValue();
    assert.match(policy, /^log .*\nquorum none\n$/s);
    await wallet.screenshot({ path: `${OUT}verify-own.png`, fullPage: true });
    await wallet.getByText('works without a network').waitFor();
    await auditor.context.setOffline(true);
    await wallet.goto(`${NODE}/verify`);
    await wallet.waitForFunction((text) => document.getElementById('policy').value === text, policy);
    await auditor.leave();
  },

  async 'every receipt that is no good is refused with its reason'({ browser }) {
    const auditor = await Auditor.arrive(browser);
    await auditor.openPage();
    assert.ok(refused.length >= 60, `${refused.length} receipts`);
    for (const { name, bytes, policy, code } of refused.filter(({ bytes }) => bytes.length > 0)) {
      await auditor.drop(sound.bytes);
      await auditor.trust(policy);
      await auditor.drop(bytes);
      await auditor.page.locator('#reason code', { hasText: new RegExp(`^${code}$`) }).waitFor();
      assert.equal(await auditor.verdict(), PROVES_NOTHING, name);
      const reason = await auditor.page.locator('#reason').innerText();
      assert.ok(reason.length > 30 + code.length, reason);
    }
    await auditor.leave();
  },

  async 'a cosignature from the future is refused by the clock of the device'({ browser }) {
    const auditor = await Auditor.arrive(browser);
    await auditor.context.addInitScript((seconds) => {
      globalThis.shift = 0;
      Date.now = () => (seconds + globalThis.shift) * 1000;
    }, tooEarly);
    await auditor.openPage();
    await auditor.trust(sound.policy);
    await auditor.drop(sound.bytes);
    await auditor.page.getByText('Check the clock of this device.').waitFor();
    assert.equal(await auditor.code(), 'cosignature_from_future');
    await auditor.page.evaluate(() => { globalThis.shift = 1; });
    await auditor.drop(sound.bytes);
    await auditor.page.getByText(HOLDS).waitFor();
    await auditor.leave();
  },

  async 'a key or policy that cannot be read is named'({ browser }) {
    const auditor = await Auditor.arrive(browser);
    await auditor.openPage();
    for (const [policy, code] of [
      ['', 'policy_no_quorum'],
      ['ledger.example/log1', 'vkey_form'],
      [sound.policy.replace('quorum', 'quorom'), 'policy_keyword'],
    ]) {
      await auditor.trust(policy);
      await auditor.paste(sound.text);
      await auditor.page.locator('#reason code', { hasText: new RegExp(`^${code}$`) }).waitFor();
      await auditor.page.locator('#reason').getByText('Look at the key or policy').waitFor();
    }
    await auditor.leave();
  },

  async 'the address may name a receipt of this node, and of no other'({ browser }) {
    const auditor = await Auditor.arrive(browser);
    await auditor.context.route(({ pathname }) => pathname.endsWith('/proof'), (route) =>
      route.fulfill({ contentType: 'text/plain', body: Buffer.from(sound.bytes) }),
    );
    await auditor.context.route('**/log/policy', (route) =>
      route.fulfill({ contentType: 'text/plain', body: sound.policy }),
    );
    await auditor.page.goto(`${NODE}/verify?receipt=/v1/receipts/pay_1/proof`);
    assert.equal(await auditor.verdict(), HOLDS);
    assert.equal(await auditor.page.locator('#policy').inputValue(), sound.policy);
    const stranger = await Auditor.arrive(browser);
    let strayed = 0;
    await stranger.context.route('http://stranger.test/**', (route) => {
      strayed += 1;
      return route.abort();
    });
    await stranger.page.goto(`${NODE}/verify?receipt=http://stranger.test/receipt`);
    await stranger.page.getByText('from its own address only').waitFor();
    assert.equal(strayed, 0);
    await auditor.leave();
    await stranger.leave();
  },

  async 'a receipt is checked with the keyboard alone'({ browser }) {
    const auditor = await Auditor.arrive(browser);
    await auditor.openPage();
    const { page } = auditor;
    await page.getByLabel('Or paste it').focus();
    await page.keyboard.insertText(sound.text);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(sound.policy);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await auditor.verdict(), HOLDS);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'verdict-word');
    await auditor.leave();
  },
};

/** Waits until the log covers the payment whose receipt the page's address names. */
async function untilLogged(address) {
  const receipt = new URL(address.searchParams.get('receipt'), NODE);
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await fetch(receipt)).ok) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error(`the node gives no ${receipt.pathname}`);
}
