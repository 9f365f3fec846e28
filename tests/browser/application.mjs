/**
 * Payees, operators and payers in the bundled pages, in two languages: the main task of every page.
 * The node is the stand-in of `web`, so that every state can be shown; what is sent to it is checked.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { examine, narrow, PHONE } from './looks.mjs';
import { PLACES, standIn } from './stand.mjs';
import { APPLICATION, LANGUAGES, words } from './words.mjs';

const PATIENCE_MS = 10_000;

/** Somebody at the application, with the words of their language. */
async function arrive(browser, language, options = {}) {
  const context = await browser.newContext({ locale: LANGUAGES[language], ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const origin = await standIn();
  const t = words(language, APPLICATION);
  const broken = [];
  page.on('pageerror', (error) => broken.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('401')) broken.push(message.text());
  });
  return {
    page,
    t,
    open: (path) => page.goto(origin + path),
    button: (key) => page.getByRole('button', { name: t(key) }),
    inDialog: (key) => page.getByRole('dialog').getByRole('button', { name: t(key) }),
    heading: (key) => page.getByRole('heading', { name: t(key) }).first().waitFor(),
    async signIn() {
      await page.goto(`${origin}/app/login`);
      await page.getByLabel(t('login.secret')).fill('any');
      await page.getByRole('button', { name: t('login.button') }).click();
      await page.getByRole('heading', { name: t('income.title'), level: 1 }).waitFor();
    },
    /** What a press sends: its request, with the body read. */
    async sends(method, path, press) {
      const sent = page.waitForRequest((request) => request.method() === method && path.test(new URL(request.url()).pathname));
      await press();
      const request = await sent;
      assert.notEqual(request.headers()['farthing-csrf'], undefined, 'the token against forged requests');
      return { body: JSON.parse(request.postData() ?? 'null'), headers: request.headers() };
    },
    async leave() {
      assert.deepEqual(broken, []);
      await context.close();
    },
  };
}

const TASKS = {
  async 'signs in, and out'(browser, language) {
    const payee = await arrive(browser, language);
    await payee.open('/app');
    const { t } = payee;
    await payee.page.locator(`html[dir=${language === 'ar' ? 'rtl' : 'ltr'}]`).waitFor();
    await payee.page.getByLabel(t('login.secret')).fill('wrong');
    await payee.button('login.button').click();
    await payee.page.getByRole('alert').filter({ hasText: t('problem.login_wrong') }).waitFor();
    await payee.signIn();
    await payee.button('sign_out').click();
    await payee.page.getByLabel(t('login.secret')).waitFor();
    await payee.leave();
  },

  async 'sees what came in, as a table and as a file'(browser, language) {
    const payee = await arrive(browser, language);
    await payee.signIn();
    await payee.page.getByRole('img').first().waitFor();
    await payee.button('period.week').click();
    await payee.page.waitForURL(/period=week/);
    await payee.button('figure.table').click();
    const rows = payee.page.getByRole('table').first().locator('tbody tr');
    // What was shown before may be there until the answer is.
    await rows.nth(7).waitFor({ state: 'detached' });
    assert.equal(await rows.count(), 7);
    const saving = payee.page.waitForEvent('download');
    await payee.page.getByRole('button', { name: 'CSV' }).first().click();
    const saved = await saving;
    assert.equal(saved.suggestedFilename(), 'income.csv');
    const lines = readFileSync(await saved.path(), 'utf8').trim().split('\r\n');
    assert.equal(lines[0], 'from,payments,income,asset');
    assert.equal(lines.length, 8);
    await payee.leave();
  },

  async 'gives a part of a payment back, once'(browser, language) {
    const payee = await arrive(browser, language);
    await payee.signIn();
    await payee.open('/app/payments');
    await payee.button('refund').first().click();
    const amount = payee.page.getByRole('dialog').getByRole('textbox').first();
    await amount.fill('7');
    assert.ok(await payee.page.getByRole('dialog').locator('button.main').isDisabled());
    await amount.fill('0.001');
    const { body, headers } = await payee.sends('POST', /refunds$/, () => payee.page.getByRole('dialog').locator('button.main').click());
    assert.equal(body.amount, '1000000');
    assert.match(body.payment, /^pay_/);
    assert.match(headers['idempotency-key'], /^[\x21-\x7e]{1,255}$/);
    await payee.page.getByRole('dialog').waitFor({ state: 'detached' });
    await payee.leave();
  },

  async 'changes a price, and makes an offer with everything'(browser, language) {
    const payee = await arrive(browser, language);
    const { page, t } = payee;
    await payee.signIn();
    await payee.open('/app/offers');
    await payee.button('offers.change_price').first().click();
    await page.getByRole('dialog').getByRole('textbox').fill('0,0035');
    const changed = await payee.sends('PATCH', /offers\/off_/, () => payee.inDialog('save').click());
    assert.deepEqual(changed.body, { price: '3500000' });
    await page.getByRole('link', { name: t('offers.new') }).click();
    await page.getByLabel(t('offer.description')).fill('A poem');
    await page.getByLabel(t('offer.path')).fill('/poems/{n}');
    await page.getByLabel(t('offer.price')).first().fill('0.004');
    await page.locator('.ticket').filter({ hasText: '0.004' }).waitFor();
    const add = page.locator('fieldset > button');
    for (let i = 0; i < 3; i += 1) await add.nth(i).click();
    await page.getByLabel(t('offer.percent')).fill('12.5');
    await page.getByLabel(t('offer.country')).fill('in');
    await page.locator('.entry').nth(1).getByRole('textbox').last().fill('0.001');
    const [name, price, seconds] = [0, 1, 2].map((at) => page.locator('.entry').nth(2).locator('input').nth(at));
    await name.fill('A day');
    await price.fill('0.02');
    await seconds.fill('86400');
    await page.getByLabel(t('offer.free_count')).fill('3');
    await page.getByLabel(t('offer.tips_on')).check();
    await page.getByLabel(t('offer.suggested')).fill('0.005 0.02');
    const made = await payee.sends('POST', /offers$/, () => payee.button('save').click());
    assert.equal(made.body.price, '4000000');
    assert.deepEqual(made.body.split.map(({ share_ppm }) => share_ppm), [875_000, 125_000]);
    assert.deepEqual(made.body.prices, [{ country: 'IN', class: null, price: '1000000' }]);
    assert.deepEqual(made.body.pay_what_you_want, { min: '0', suggested: ['5000000', '20000000'] });
    assert.deepEqual(made.body.passes, [{ pass: 'pass-1', title: 'A day', price: '20000000', seconds: 86_400, uses: null }]);
    assert.deepEqual(made.body.free, { count: 3, seconds: 2_592_000 });
    await payee.heading('offers.title');
    await payee.leave();
  },

  async 'makes a discount code'(browser, language) {
    const payee = await arrive(browser, language);
    await payee.signIn();
    await payee.open('/app/codes');
    await payee.button('codes.new').click();
    const dialog = payee.page.getByRole('dialog');
    await dialog.getByLabel(payee.t('codes.percent')).fill('12.5');
    await dialog.getByLabel(payee.t('codes.max')).first().fill('100');
    const { body } = await payee.sends('POST', /codes$/, () => payee.inDialog('create').click());
    assert.deepEqual([body.percent_ppm, body.max_uses, body.per_payer, body.code, body.offers], [125_000, 100, 1, undefined, undefined]);
    await payee.leave();
  },

  async 'asks for a payout, and lets one go'(browser, language) {
    const payee = await arrive(browser, language);
    await payee.signIn();
    await payee.open('/app/payouts');
    await payee.button('payouts.release').first().click();
    await payee.sends('POST', /release$/, () => payee.inDialog('payouts.release').click());
    await payee.button('payouts.new').click();
    await payee.page.getByLabel(payee.t('payouts.name')).fill('Ada Byron');
    await payee.page.getByLabel('IBAN').fill('de02 1203 0000 0000 2020 51');
    await payee.page.getByRole('dialog').getByRole('textbox').first().fill('12');
    const { body, headers } = await payee.sends('POST', /payouts$/, () => payee.inDialog('payouts.ask').click());
    assert.equal(body.amount, '12000000000');
    assert.deepEqual(body.creditor, { name: 'Ada Byron', iban: 'DE02120300000000202051' });
    assert.notEqual(headers['idempotency-key'], undefined);
    await payee.leave();
  },

  async 'sends an event again'(browser, language) {
    const payee = await arrive(browser, language);
    await payee.signIn();
    await payee.open('/app/webhooks');
    await payee.button('webhooks.deliveries').click();
    await payee.sends('POST', /redeliver$/, () => payee.button('webhooks.again').click());
    await payee.leave();
  },

  async 'makes a key that is shown once'(browser, language) {
    const payee = await arrive(browser, language);
    await payee.signIn();
    await payee.open('/app/keys');
    await payee.button('keys.new').click();
    await payee.page.getByRole('dialog').getByLabel(payee.t('keys.name')).fill('Bookkeeping');
    const { body } = await payee.sends('POST', /keys$/, () => payee.inDialog('create').click());
    assert.deepEqual(body.scopes, ['read']);
    await payee.page.getByText('fk_example').waitFor();
    await payee.page.reload();
    await payee.heading('keys.title');
    assert.equal(await payee.page.getByText('fk_example').count(), 0);
    await payee.leave();
  },

  async 'opens an account for a payee'(browser, language) {
    const operator = await arrive(browser, language);
    const { page, t } = operator;
    await operator.signIn();
    await operator.open('/app/accounts');
    await page.getByRole('row').nth(4).waitFor();
    await operator.button('accounts.new').click();
    await page.getByRole('dialog').getByLabel(t('keys.name')).fill('The translator');
    const { body, headers } = await operator.sends('POST', /accounts$/, () => operator.inDialog('create').click());
    assert.deepEqual(body, { asset: 'USD', label: 'The translator' });
    assert.match(headers['idempotency-key'], /^[\x21-\x7e]{1,255}$/);
    await page.getByRole('combobox', { name: t('accounts.role') }).selectOption('payer');
    await page.getByText(t('empty')).waitFor();
    await operator.leave();
  },

  async 'says who runs the node'(browser, language) {
    const operator = await arrive(browser, language);
    const { page, t } = operator;
    await operator.signIn();
    await operator.open('/app/settings');
    await page.getByLabel(t('settings.name')).fill('The Wren, a magazine');
    await page.getByLabel(t('settings.contact')).fill(' ');
    const { body } = await operator.sends('PATCH', /settings$/, () => operator.button('save').click());
    assert.deepEqual(body, { name: 'The Wren, a magazine', contact: null });
    await page.getByRole('status').filter({ hasText: t('settings.saved') }).waitFor();
    await operator.leave();
  },

  async 'hears an alarm'(browser, language) {
    const operator = await arrive(browser, language);
    await operator.signIn();
    await operator.open('/app/console');
    await operator.page.getByRole('alert').filter({ hasText: operator.t('alarm.disk_almost_full') }).waitFor();
    await operator.heading('console.liabilities');
    await operator.leave();
  },

  async 'pauses a budget, and lets another go on'(browser, language) {
    const payer = await arrive(browser, language);
    await payer.open('/wallet');
    await payer.button('budgets.pause').first().waitFor();
    for (const [key, path] of [['budgets.pause', /pause$/], ['budgets.resume', /resume$/]]) {
      const sent = payer.page.waitForRequest((request) => path.test(request.url()));
      await payer.button(key).first().click();
      const { pause, signature } = (await sent).postDataJSON();
      assert.equal(Buffer.from(pause, 'base64').length, 72);
      assert.equal(Buffer.from(signature, 'base64').length, 64);
    }
    await payer.leave();
  },

  async 'sees a payment as it happens, and still where nothing streams'(browser, language) {
    const payer = await arrive(browser, language);
    let asked = 0;
    await payer.page.route('**/v1/payer', (route) => {
      asked += 1;
      return route.fallback();
    });
    await payer.open('/wallet');
    await payer.page.locator('a[href^="/pay/"]').first().waitFor();
    assert.equal(asked, 0, 'the stream says it all');
    await payer.page.route('**/v1/payer/stream', (route) => route.fulfill({ status: 200, body: '' }));
    await payer.page.reload();
    await payer.page.locator('a[href^="/pay/"]').first().waitFor();
    assert.equal(asked, 1);
    await payer.leave();
  },

  async 'copies the key of the wallet, and recovers it elsewhere'(browser, language) {
    const payer = await arrive(browser, language);
    await payer.open('/wallet');
    const account = await payer.page.locator('#account').innerText();
    await payer.button('key.copy').click();
    await payer.page.getByLabel(payer.t('key.passphrase')).fill('three plain words');
    const saving = payer.page.waitForEvent('download');
    await payer.inDialog('key.save').click();
    const file = await (await saving).path();
    assert.doesNotMatch(readFileSync(file, 'utf8'), /"d"|PRIVATE/);
    const other = await arrive(browser, language);
    await other.open('/wallet');
    assert.notEqual(await other.page.locator('#account').innerText(), account);
    await other.button('key.recover').click();
    await other.page.getByLabel(other.t('key.file')).setInputFiles(file);
    const passphrase = other.page.getByLabel(other.t('key.passphrase'));
    await passphrase.fill('three other words');
    await other.inDialog('key.recover').click();
    await other.page.getByRole('alert').filter({ hasText: other.t('key.wrong_passphrase') }).waitFor();
    await passphrase.fill('three plain words');
    await other.inDialog('key.recover').click();
    await other.page.locator('#account').filter({ hasText: account }).waitFor();
    await other.leave();
    await payer.leave();
  },

  async 'finds the receipt of a payment'(browser, language) {
    const payer = await arrive(browser, language);
    await payer.open('/wallet');
    await payer.page.locator('a[href^="/pay/"]').first().click();
    await payer.heading('receipt.title');
    const check = payer.page.getByRole('link', { name: payer.t('receipt.check') });
    assert.match(await check.getAttribute('href'), /^\/verify\?receipt=\/v1\/receipts\/pay_\w+\/proof$/);
    await payer.leave();
  },
};

async function visitAll(browser, language, options, visit) {
  const somebody = await arrive(browser, language, options);
  await somebody.open('/app/login');
  await somebody.page.getByLabel(somebody.t('login.secret')).waitFor();
  await visit(somebody.page, `${language}-login`);
  await somebody.signIn();
  for (const [name, path] of Object.entries(PLACES)) {
    await somebody.open(path);
    await somebody.page.locator('main h1').waitFor();
    await somebody.page.locator('.waiting').waitFor({ state: 'detached' });
    await visit(somebody.page, `${language}-${name}`);
  }
  await somebody.open('/app/payments');
  await somebody.button('refund').first().click();
  await somebody.page.getByRole('dialog').waitFor();
  await visit(somebody.page, `${language}-refund`);
  await somebody.leave();
}

export const application = {};
for (const language of Object.keys(LANGUAGES)) {
  for (const [name, task] of Object.entries(TASKS)) {
    application[`${language}: somebody ${name}`] = ({ browser }) => task(browser, language);
  }
  for (const colorScheme of ['light', 'dark']) {
    application[`${language}: axe finds nothing in the application in the ${colorScheme}`] = ({ browser }) => (
      visitAll(browser, language, { colorScheme, viewport: { width: 1280, height: 860 } }, examine));
  }
  application[`${language}: nothing of the application is wider than a phone`] = ({ browser }) => (
    visitAll(browser, language, PHONE, narrow));
}
