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
}

const WHOLE_PPM = 1_000_000;
const PPM_PER_PERCENT = 10_000;
const ACCESS_SECONDS_MAX = 2 ** 32 - 1;
const SUGGESTED_COUNT_MAX = 8;

export const NEW: Draft = {
  site: 'default', path: '/', tool: '', method: 'GET', payee: '', description: '', price: '', active: true,
  listed: true, accessSeconds: '86400', splits: [], prices: [], tips: false, tipMin: '0', suggested: '',
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
