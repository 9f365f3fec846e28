/** The catalogues agree in keys and arguments, and messages say what their language wants. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { buildSync } from 'esbuild';

const app = fileURLToPath(new URL('../src/app/', import.meta.url));
const { format, names, parse } = await module('../message.ts');
const amount = await module('../amount.ts');
const { csv } = await module('file.ts');
const draft = await module('draft.ts');
/** Of the application, and of the plain pages. */
const catalogues = read('i18n');
const plain = read('../words');

function read(folder) {
  return Object.fromEntries(readdirSync(app + folder).map((name) => (
    [name.replace('.json', ''), JSON.parse(readFileSync(`${app}${folder}/${name}`, 'utf8'))])));
}

async function module(name) {
  const outfile = join(mkdtempSync(join(tmpdir(), 'farthing-test-')), 'module.mjs');
  buildSync({ entryPoints: [app + name], bundle: true, format: 'esm', outfile });
  return import(outfile);
}

function sources(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => /\.tsx?$/.test(name)).map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
}

test('every language has every key, with the same arguments', () => {
  for (const { en, ...others } of [catalogues, plain]) {
    assert.deepEqual(Object.keys(others).sort(), ['ar', 'de', 'es', 'ko']);
    for (const [language, words] of Object.entries(others)) {
      assert.deepEqual(Object.keys(words), Object.keys(en), language);
      for (const key of Object.keys(en)) {
        assert.deepEqual(names(words[key]), names(en[key]), `${language} ${key}`);
        if (!/^(console\.(per_second|ms))$/.test(key)) assert.notEqual(words[key], '', `${language} ${key}`);
      }
    }
  }
});

test('every plural has the forms of its language', () => {
  for (const [language, words] of [...Object.entries(catalogues), ...Object.entries(plain)]) {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const [key, message] of Object.entries(words)) {
      for (const { options } of plurals(parse(message))) {
        for (const form of forms) {
          assert.ok(options.has(form) || form === 'many' && language !== 'ar', `${language} ${key} ${form}`);
        }
      }
    }
  }
});

/** Those of a message, at any depth. */
function plurals(parts) {
  return parts.filter((part) => typeof part !== 'string').flatMap((part) => (
    [...part.kind === 'plural' ? [part] : [], ...[...part.options.values()].flatMap(plurals)]));
}

test('every key is used, and every key that is used is there', () => {
  const text = sources(app);
  const groups = ['state', 'class', 'problem', 'alarm', 'receipt', 'key', 'income', 'payouts', 'accounts'];
  for (const key of Object.keys(catalogues.en)) {
    const isComputed = groups.some((group) => key.startsWith(`${group}.`));
    assert.ok(isComputed || text.includes(`'${key}'`), `${key} is not used`);
  }
});

test('every key of the plain pages is used', () => {
  const scripts = readdirSync(join(app, '..')).filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(app, '..', name), 'utf8')).join('\n');
  const pages = join(app, '../../pages');
  const html = readdirSync(pages).map((name) => readFileSync(join(pages, name), 'utf8')).join('\n');
  for (const key of Object.keys(plain.en)) {
    const isComputed = /^(problem|state|role|proof)\./.test(key);
    assert.ok(isComputed || scripts.includes(`'${key}'`) || html.includes(`"${key}"`), `${key} is not used`);
  }
});

for (const [message, values, locale, expected] of [
  ['plain, with a comma', {}, 'en', 'plain, with a comma'],
  ['{a} and {b}', { a: 'x', b: '{a}' }, 'en', 'x and {a}'],
  ['{n, plural, =0 {none} one {# payment} other {# payments}}', { n: 0 }, 'en', 'none'],
  ['{n, plural, one {# payment} other {# payments}}', { n: 1 }, 'en', '1 payment'],
  ['{n, plural, one {# payment} other {# payments}}', { n: 1234 }, 'de', '1.234 payments'],
  ['{n, plural, two {دفعتان} other {#}}', { n: 2 }, 'ar', 'دفعتان'],
  ['{n, plural, one {# of {all}} other {# of {all}}}', { n: 2, all: 'ten' }, 'en', '2 of ten'],
  ['{who, select, a {A} other {somebody}}', { who: 'z' }, 'en', 'somebody'],
  ['{n, number}', { n: 1234.5 }, 'es', '1234,5'],
  ['{missing}', {}, 'en', '{missing}'],
]) {
  test(`"${message}" in ${locale}`, () => assert.equal(format(message, values, locale), expected));
}

for (const message of ['{', '}', '{a', '{a, plural, one {x}', '{a, plural, one x}', 'a}b', '{}']) {
  test(`"${message}" is no message`, () => assert.throws(() => parse(message), RangeError));
}

const USD = { code: 'USD', scale: 9 };

test('amounts are exact in both directions', () => {
  for (const [units, text] of [['2000000', '$0.002'], ['1', '$0.000000001'], ['5000000000', '$5.00'], ['0', '$0.00'],
    ['123456789012345678901234567890', '$123,456,789,012,345,678,901.23456789']]) {
    assert.equal(amount.money(units, USD, 'en'), text);
  }
  assert.match(amount.money('2000000', USD, 'ar'), /US\$\u200e/);
  assert.equal(amount.money('3500', { code: 'WATT', scale: 3 }, 'en'), '3.5 WATT');
  for (const [typed, units] of [['0.002', 2_000_000n], ['0,002', 2_000_000n], ['.5', 500_000_000n], ['7', 7_000_000_000n],
    ['٠٫٠٠٢', 2_000_000n], ['0.0000000010', 1n]]) {
    assert.equal(amount.units(typed, 9), units, typed);
    assert.equal(amount.units(amount.decimal(units, 9), 9), units);
  }
  for (const typed of ['', '.', '-1', '1e3', '1.2.3', '0.0000000001', 'x', '1 000', '1,000.5']) {
    assert.equal(amount.units(typed, 9), undefined, typed);
  }
});

test('a file for spreadsheets runs nothing and quotes what needs it', () => {
  assert.equal(csv([['a', 'b,c', '"d"'], ['=1+1', '-5.5', -3]]), 'a,"b,c","""d"""\r\n\'=1+1,-5.5,-3\r\n');
});

test('an offer survives the editor', () => {
  const offer = {
    site: 'default', path: '/a', tool: null, methods: ['GET'], price: '2000000', asset: 'USD', scale: 9, payee: 'acc_1',
    description: 'A', active: true, listed: false, access_seconds: 90,
    split: [{ account: 'acc_1', share_ppm: 875_000 }, { account: 'acc_2', share_ppm: 125_000 }],
    prices: [{ country: 'IN', class: 'agent', price: '400000' }, { country: null, class: 'crawler', price: '5000000' }],
    pay_what_you_want: { min: '0', suggested: ['5000000', '20000000'] },
    free: { count: 3, seconds: 2_592_000 },
    passes: [{ pass: 'day', title: 'A day', price: '20000000', seconds: 86_400, uses: null }],
  };
  const made = draft.draftOf(offer);
  assert.deepEqual([...draft.faults(made, USD)], []);
  const { scale: _, tool: __, ...expected } = offer;
  assert.deepEqual(draft.bodyOf(made, USD), expected);
  const { site, path, methods, asset, payee, ...changeable } = expected;
  assert.deepEqual(draft.changeOf(made, USD), changeable);
  const tool = draft.bodyOf({ ...made, tool: 'ask' }, USD);
  assert.deepEqual([tool.tool, tool.methods], ['ask', undefined]);
  const nameless = { ...made, splits: [{ account: 'acc_1', percent: '10' }], prices: [{ country: '', class: '', price: '1' }], suggested: '1 x' };
  assert.deepEqual([...draft.faults(nameless, USD)].sort(), ['prices.0', 'splits', 'suggested']);
  const wrong = draft.faults({ ...made, price: 'x', path: 'a', splits: [{ account: 'a', percent: '60' }, { account: 'b', percent: '60' }] }, USD);
  assert.deepEqual([...wrong].sort(), ['path', 'price', 'splits']);
});
