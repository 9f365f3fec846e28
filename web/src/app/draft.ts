/**
 * An offer while it is edited: every field as the text that was typed, and what the API takes of it.
 *
 * Keeps: an amount is parsed exactly or named as wrong; no field is changed behind the editor's back.
 */

import type { Asset } from '../order.js';
import { decimal, units } from '../amount.js';
import type { Offer } from './data.js';

export interface Draft {
  site: string;
  path: string;
  tool: string;
  method: string;
  payee: string;
  description: string;
  price: string;
  active: boolean;
  listed: boolean;
  accessSeconds: string;
  /** Those who share with the payee, who gets the rest. */
  splits: { account: string; percent: string }[];
  /** An empty country or class is any. */
  prices: { country: string; class: string; price: string }[];
  tips: boolean;
  tipMin: string;
  /** Amounts with spaces between them. */
  suggested: string;
  /** Empty: none is free. */
  freeCount: string;
  freeSeconds: string;
  /** Empty seconds are a year, empty uses any number. */
  passes: { pass: string; title: string; price: string; seconds: string; uses: string }[];
}

const WHOLE_PPM = 1_000_000;
const PPM_PER_PERCENT = 10_000;
const ACCESS_SECONDS_MAX = 2 ** 32 - 1;
const SUGGESTED_COUNT_MAX = 8;
/** Of free uses, and of those of a pass. */
const COUNT_MAX = 1_000_000;
/** 366 days. */
const PERIOD_SECONDS_MAX = 31_622_400;

export const NEW: Draft = {
  site: 'default', path: '/', tool: '', method: 'GET', payee: '', description: '', price: '', active: true,
  listed: true, accessSeconds: '86400', splits: [], prices: [], tips: false, tipMin: '0', suggested: '', freeCount: '',
  freeSeconds: '2592000', passes: [],
};

export function draftOf(offer: Offer): Draft {
  const said = (some: string): string => decimal(BigInt(some), offer.scale);
  const others = offer.split.filter(({ account }) => account !== offer.payee);
  return {
    site: offer.site,
    path: offer.path,
    tool: offer.tool ?? '',
    method: offer.methods[0] ?? 'GET',
    payee: offer.payee,
    description: offer.description,
    price: said(offer.price),
    active: offer.active,
    listed: offer.listed,
    accessSeconds: String(offer.access_seconds),
    splits: others.map(({ account, share_ppm }) => ({ account, percent: String(share_ppm / PPM_PER_PERCENT) })),
    prices: offer.prices.map((rule) => ({ country: rule.country ?? '', class: rule.class ?? '', price: said(rule.price) })),
    tips: offer.pay_what_you_want !== null,
    tipMin: said(offer.pay_what_you_want?.min ?? '0'),
    suggested: (offer.pay_what_you_want?.suggested ?? []).map(said).join(' '),
    freeCount: String(offer.free?.count ?? ''),
    freeSeconds: String(offer.free?.seconds ?? NEW.freeSeconds),
    passes: (offer.passes ?? []).map((one) => ({
      ...one, price: said(one.price), seconds: String(one.seconds ?? ''), uses: String(one.uses ?? ''),
    })),
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
  check('access', /^\d{1,10}$/.test(draft.accessSeconds) && Number(draft.accessSeconds) <= ACCESS_SECONDS_MAX);
  check('tipMin', !draft.tips || isAmount(draft.tipMin));
  const isFree = isCount(draft.freeCount, COUNT_MAX) && isCount(draft.freeSeconds, PERIOD_SECONDS_MAX);
  check('free', draft.freeCount.trim() === '' || isFree);
  draft.passes.forEach(({ title, price, seconds, uses }, i) => {
    const isLimited = isCountOrNone(seconds, PERIOD_SECONDS_MAX) && isCountOrNone(uses, COUNT_MAX);
    check(`passes.${i}`, title.trim() !== '' && isAmount(price) && isLimited);
  });
  const suggested = words(draft.suggested);
  check('suggested', !draft.tips || (suggested.length <= SUGGESTED_COUNT_MAX && suggested.every(isAmount)));
  draft.splits.forEach(({ percent }, i) => check(`splits.${i}`, ppm(percent) !== undefined));
  const accounts = draft.splits.map(({ account }) => account);
  check('splits', shared(draft) <= WHOLE_PPM && new Set([draft.payee, ...accounts]).size === accounts.length + 1);
  draft.prices.forEach(({ country, class: kind, price }, i) => {
    check(`prices.${i}`, isAmount(price) && (country === '' ? kind !== '' : /^[A-Za-z]{2}$/.test(country)));
  });
  return found;
}

/** The body of PATCH: what can change once an offer is made. Only for a draft without faults. */
export function changeOf(draft: Draft, asset: Asset): Record<string, unknown> {
  const base = (text: string): string => String(units(text, asset.scale) ?? 0n);
  const split = draft.splits.map(({ account, percent }) => ({ account, share_ppm: ppm(percent) }));
  const rest = WHOLE_PPM - shared(draft);
  if (split.length > 0 && rest > 0) split.unshift({ account: draft.payee, share_ppm: rest });
  return {
    description: draft.description.trim(),
    price: base(draft.price),
    active: draft.active,
    listed: draft.listed,
    access_seconds: Number(draft.accessSeconds),
    split,
    prices: draft.prices.map(({ country, class: kind, price }) => ({
      country: country === '' ? null : country.toUpperCase(), class: kind === '' ? null : kind, price: base(price),
    })),
    pay_what_you_want: draft.tips ? { min: base(draft.tipMin), suggested: words(draft.suggested).map(base) } : null,
    free: draft.freeCount.trim() === '' ? null : { count: Number(draft.freeCount), seconds: Number(draft.freeSeconds) },
    passes: draft.passes.map(({ pass, title, price, seconds, uses }) => ({
      pass, title: title.trim(), price: base(price), seconds: countOrNone(seconds), uses: countOrNone(uses),
    })),
  };
}

/** The body of POST; only for a draft without faults. */
export function bodyOf(draft: Draft, asset: Asset): Record<string, unknown> {
  const tool = draft.tool.trim();
  return {
    site: draft.site.trim(),
    path: draft.path.trim(),
    ...(tool === '' ? { methods: [draft.method] } : { tool }),
    asset: asset.code,
    payee: draft.payee,
    ...changeOf(draft, asset),
  };
}

/** A name for one more pass, which none of those has. */
export function nextPass(passes: Draft['passes']): string {
  const names = new Set(passes.map(({ pass }) => pass));
  let number = passes.length + 1;
  while (names.has(`pass-${number}`)) number += 1;
  return `pass-${number}`;
}

function isCount(text: string, most: number): boolean {
  return /^\d{1,8}$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= most;
}

function isCountOrNone(text: string, most: number): boolean {
  return text.trim() === '' || isCount(text, most);
}

function countOrNone(text: string): number | null {
  return text.trim() === '' ? null : Number(text);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** What all others get together. */
function shared({ splits }: Draft): number {
  return splits.reduce((sum, { percent }) => sum + (ppm(percent) ?? 0), 0);
}

/** Parts per million of a percentage with up to four decimals. */
function ppm(percent: string): number | undefined {
  const parts = units(percent, 4);
  return parts === undefined || parts === 0n || parts > BigInt(WHOLE_PPM) ? undefined : Number(parts);
}
