/**
 * Readable money from base units, in English.
 *
 * Keeps: what is shown is exact. Digits are moved, never rounded, and no float takes part. Must
 * not be used to read amounts that people type.
 */

import type { Asset } from './order.js';

interface Sign {
  unit: string;
  cent: string;
}

const SIGNS: Record<string, Sign> = {
  USD: { unit: '$', cent: '¢' },
  EUR: { unit: '€', cent: 'ct' },
  GBP: { unit: '£', cent: 'p' },
};

/** "0.2 ¢", "$1.25", "3.5 WATT"; `units` is a decimal integer, possibly negative. */
export function readable(units: string | bigint, asset: Asset): string {
  const value = BigInt(units);
  const negative = value < 0n;
  return (negative ? '−' : '') + positive(negative ? -value : value, asset);
}

/** One hundredth of the asset's unit in base units; one base unit where nothing is smaller. */
export function cent(asset: Asset): bigint {
  return asset.scale < 2 ? 1n : 10n ** BigInt(asset.scale - 2);
}

function positive(value: bigint, asset: Asset): string {
  const sign = SIGNS[asset.code];
  const unit = 10n ** BigInt(asset.scale);
  if (sign === undefined) return `${decimal(value, asset.scale, 0)} ${asset.code}`;
  if (value === 0n || value >= unit || asset.scale < 2) {
    return sign.unit + decimal(value, asset.scale, 2);
  }
  return `${decimal(value, asset.scale - 2, 0)} ${sign.cent}`;
}

/** All digits that matter, at least `fewest` of them after the point. */
function decimal(value: bigint, scale: number, fewest: number): string {
  const digits = value.toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale).replace(/\B(?=(\d{3})+$)/g, ',');
  const part = digits.slice(digits.length - scale).replace(/0+$/, '').padEnd(fewest, '0');
  return part === '' ? whole : `${whole}.${part}`;
}
