import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { format } from '../dist/message.js';
import { cent, readable } from '../dist/money.js';

const USD = { code: 'USD', scale: 9 };

for (const [units, asset, expected] of [
  ['2000000', USD, '0.2 ¢'],
  ['10000', USD, '0.001 ¢'],
  ['1', USD, '0.0000001 ¢'],
  ['500000', USD, '0.05 ¢'],
  ['10000000', USD, '1 ¢'],
  ['999999999', USD, '99.9999999 ¢'],
  ['1000000000', USD, '$1.00'],
  ['1250000000', USD, '$1.25'],
  ['1250000001', USD, '$1.250000001'],
  ['1234567000000000', USD, '$1,234,567.00'],
  ['0', USD, '$0.00'],
  ['-2000000', USD, '−0.2 ¢'],
  ['340282366920938463463374607431768211455', USD, '$340,282,366,920,938,463,463,374,607,431.768211455'],
  ['5', { code: 'USD', scale: 2 }, '5 ¢'],
  ['5', { code: 'USD', scale: 0 }, '$5.00'],
  ['25000000', { code: 'EUR', scale: 9 }, '2.5 ct'],
  ['25', { code: 'WATT', scale: 1 }, '2.5 WATT'],
  ['1500', { code: 'JPY', scale: 0 }, '1,500 JPY'],
]) {
  test(`${units} ${asset.code}/${asset.scale} reads ${expected}`, () => {
    assert.equal(readable(units, asset), expected);
  });
}

test('a cent in base units', () => {
  assert.equal(cent(USD), 10_000_000n);
  assert.equal(cent({ code: 'USD', scale: 2 }), 1n);
  assert.equal(cent({ code: 'JPY', scale: 0 }), 1n);
});

const words = (language) => JSON.parse(readFileSync(new URL(`../src/words/${language}.json`, import.meta.url), 'utf8'));

for (const [language, key, values, expected] of [
  ['en', 'rate', { price: '0.01 ¢', unit: 'second' }, '0.01 ¢ a second'],
  ['en', 'rate', { price: '0.0001 ¢', unit: 'event' }, '0.0001 ¢ an event'],
  ['en', 'rate', { price: '1 ¢', unit: 'kilowatt hour' }, '1 ¢ per kilowatt hour'],
  ['en', 'rate.many', { price: '5 ¢', unit: 'byte', count: 1000000 }, '5 ¢ for 1,000,000 bytes'],
  ['de', 'rate.many', { price: '0,05 $', unit: 'byte', count: 1000000 }, '0,05 $ für 1.000.000 Bytes'],
  ['ko', 'rate', { price: '$0.0001', unit: 'second' }, '초당 $0.0001'],
  ['en', 'player.free', { unit: 'second', count: 1 }, 'The first second is free.'],
  ['en', 'player.free', { unit: 'event', count: 3 }, 'The first 3 events are free.'],
  ['ar', 'player.free', { unit: 'second', count: 2 }, 'أول ثانيتين مجانًا.'],
  ['es', 'player.free', { unit: 'frame', count: 2 }, 'Gratis al principio: 2 × frame.'],
]) {
  test(`by the unit in ${language}: ${expected}`, () => {
    assert.equal(format(words(language)[key], values, language), expected);
  });
}
