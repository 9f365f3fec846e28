import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cent, readable, readableRate } from '../dist/money.js';

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

for (const [units, per, unit, expected] of [
  ['100000', 1, 'second', '0.01 ¢ a second'],
  ['1000', 1, 'event', '0.0001 ¢ an event'],
  ['50000000', 1000000, 'byte', '5 ¢ for 1000000 bytes'],
]) {
  test(`a price by the unit reads ${expected}`, () => {
    assert.equal(readableRate(units, per, unit, USD), expected);
  });
}
