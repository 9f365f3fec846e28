/**
 * An offer while it is edited: every field as the text that was typed, and what the API takes of it.
 *
 * Keeps: an amount is parsed exactly or named as wrong; no field is changed behind the editor's back.
 */

import type { Asset } from '../order.js';
import { decimal, units } from './amount.js';
import type { Offer } from './data.js';

export interface Draft {
  title: string;
  description: string;
  path: string;
  method: string;
  price: string;
  payee: string;
  active: boolean;
  splits: { account: string; percent: string }[];
  prices: { kind: 'country' | 'class'; value: string; price: string }[];
  passes: { title: string; price: string; by: 'days' | 'uses'; much: string }[];
  freeCount: string;
  freeDays: string;
  tips: boolean;
  tipMin: string;
}

const DAY_SECONDS = 86_400;
const PPM_PER_PERCENT = 10_000;

export const NEW: Draft = {
  title: '', description: '', path: '/', method: 'GET', price: '', payee: '', active: true, splits: [],
  prices: [], passes: [], freeCount: '', freeDays: '30', tips: false, tipMin: '0',
};

export function draftOf(offer: Offer): Draft {
  const said = (some: string): string => decimal(BigInt(some), offer.scale);
  return {
    title: offer.title,
    description: offer.description,
    path: offer.path,
    method: offer.methods[0] ?? 'GET',
    price: said(offer.price),
    payee: offer.payee,
    active: offer.active,
    splits: offer.split.map(({ account, share_ppm }) => ({ account, percent: String(share_ppm / PPM_PER_PERCENT) })),
    prices: offer.prices.map(({ country, class: kind, price }) => (
      country === undefined || country === null
        ? { kind: 'class', value: kind ?? 'crawler', price: said(price) }
        : { kind: 'country', value: country, price: said(price) })),
    passes: offer.passes.map(({ title, price, seconds, uses }) => (
      seconds === null
        ? { title, price: said(price), by: 'uses', much: String(uses ?? 1) }
        : { title, price: said(price), by: 'days', much: String(seconds / DAY_SECONDS) })),
    freeCount: offer.free === null ? '' : String(offer.free.count),
    freeDays: String((offer.free?.seconds ?? 30 * DAY_SECONDS) / DAY_SECONDS),
    tips: offer.pay_what_you_want !== null,
    tipMin: said(offer.pay_what_you_want?.min ?? '0'),
  };
}

/** What stands in the way, by field; empty if the draft can be saved. */
export function faults(draft: Draft, asset: Asset): Set<string> {
  const found = new Set<string>();
  const check = (field: string, isFine: boolean): void => {
    if (!isFine) found.add(field);
  };
  const isAmount = (text: string): boolean => units(text, asset.scale) !== undefined;
  check('path', draft.path.startsWith('/'));
  check('price', isAmount(draft.price));
  check('tipMin', !draft.tips || isAmount(draft.tipMin));
  check('freeCount', draft.freeCount.trim() === '' || isCount(draft.freeCount));
  check('freeDays', draft.freeCount.trim() === '' || isCount(draft.freeDays));
  draft.splits.forEach(({ percent }, i) => check(`splits.${i}`, ppm(percent) !== undefined));
  const shared = draft.splits.reduce((sum, { percent }) => sum + (ppm(percent) ?? 0), 0);
  check('splits', shared <= 100 * PPM_PER_PERCENT);
  draft.prices.forEach(({ kind, value, price }, i) => {
    check(`prices.${i}`, isAmount(price) && (kind === 'class' || /^[A-Za-z]{2}$/.test(value)));
  });
  draft.passes.forEach(({ title, price, much }, i) => {
    check(`passes.${i}`, title.trim() !== '' && isAmount(price) && isCount(much));
  });
  return found;
}

/** The body of POST and PATCH; only for a draft without faults. */
export function bodyOf(draft: Draft, asset: Asset): Record<string, unknown> {
  const base = (text: string): string => String(units(text, asset.scale) ?? 0n);
  return {
    title: draft.title.trim(),
    description: draft.description.trim(),
    path: draft.path.trim(),
    methods: [draft.method],
    price: base(draft.price),
    asset: asset.code,
    payee: draft.payee,
    active: draft.active,
    split: draft.splits.map(({ account, percent }) => ({ account, share_ppm: ppm(percent) })),
    prices: draft.prices.map(({ kind, value, price }) => (
      kind === 'country' ? { country: value.toUpperCase(), price: base(price) } : { class: value, price: base(price) })),
    passes: draft.passes.map(({ title, price, by, much }, i) => ({
      pass: `pass${i + 1}`,
      title: title.trim(),
      price: base(price),
      seconds: by === 'days' ? Number(much) * DAY_SECONDS : null,
      uses: by === 'uses' ? Number(much) : null,
    })),
    free: draft.freeCount.trim() === '' ? null
      : { count: Number(draft.freeCount), seconds: Number(draft.freeDays) * DAY_SECONDS },
    pay_what_you_want: draft.tips ? { min: base(draft.tipMin), suggested: [] } : null,
  };
}

function isCount(text: string): boolean {
  return /^[1-9]\d{0,8}$/.test(text.trim());
}

/** Parts per million of a percentage with up to four decimals. */
function ppm(percent: string): number | undefined {
  const parts = units(percent, 4);
  return parts === undefined || parts === 0n || parts > 1_000_000n ? undefined : Number(parts);
}
