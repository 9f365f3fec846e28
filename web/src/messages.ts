/**
 * What a site's page and the wallet's pop-up say to each other, and the checks on it.
 *
 * Order: wallet `ready`, site `grant-request`, wallet `granted` or `declined`. Keeps: a message
 * counts only if its shape is checked here; who sent it (`event.origin`, `event.source`) is
 * checked by the page that listens, and the asking origin is never taken from a message's text.
 */

import type { Grant } from './keys.js';

const TITLE_CHARACTERS_MAX = 200;

export interface GrantRequest {
  type: 'farthing:grant-request';
  /** The site's public key, 64 hex digits. */
  key: string;
  /** What is bought now, in the site's words. */
  title: string;
  /** Its price in base units. */
  price_units: string;
  asset: string;
  scale: number;
  /** Who is paid, `acc_…`, if the site names one. */
  payee?: string;
  /** For what is sold by the unit: `price_units` is the deposit then, and this the price. */
  rate?: Rate;
}

/** A price by the unit: so many base units for `per` units. */
export interface Rate {
  price_units: string;
  per: number;
  unit: string;
}

export type Answer = ({ type: 'farthing:granted' } & Grant) | { type: 'farthing:declined' };

export const READY = { type: 'farthing:ready' } as const;
export const DECLINED = { type: 'farthing:declined' } as const;

export function isReady(data: unknown): boolean {
  return fields(data)['type'] === READY.type;
}

export function grantRequest(data: unknown): GrantRequest | undefined {
  const { type, key, title, price_units, asset, scale, payee, rate } = fields(data);
  if (type !== 'farthing:grant-request') return undefined;
  if (typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key)) return undefined;
  if (typeof title !== 'string') return undefined;
  if (!isUnits(price_units)) return undefined;
  if (typeof asset !== 'string' || !/^[A-Z][A-Z0-9]{0,7}$/.test(asset)) return undefined;
  if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > 30) {
    return undefined;
  }
  if (payee !== undefined && !isAccount(payee)) return undefined;
  const named = payee === undefined ? {} : { payee };
  const asked = { type, key, title: title.slice(0, TITLE_CHARACTERS_MAX), price_units, asset, scale, ...named };
  if (rate === undefined) return asked as GrantRequest;
  const checked = rateOf(rate);
  return checked === undefined ? undefined : ({ ...asked, rate: checked } as GrantRequest);
}

function rateOf(data: unknown): Rate | undefined {
  const { price_units, per, unit } = fields(data);
  if (!isUnits(price_units) || typeof unit !== 'string' || !/^[a-z][a-z ]{0,31}$/.test(unit)) {
    return undefined;
  }
  if (typeof per !== 'number' || !Number.isSafeInteger(per) || per < 1) return undefined;
  return { price_units, per, unit };
}

function isAccount(value: unknown): value is string {
  return typeof value === 'string' && /^acc_[0-9a-hjkmnp-tv-z]{26}$/.test(value);
}

function isUnits(value: unknown): value is string {
  return typeof value === 'string' && /^(0|[1-9]\d{0,37})$/.test(value);
}

export function answer(data: unknown): Answer | undefined {
  const { type, mandate, account, node, expires_at_ms, per_payment } = fields(data);
  if (type === DECLINED.type) return DECLINED;
  if (type !== 'farthing:granted') return undefined;
  if (typeof mandate !== 'string' || typeof account !== 'string' || typeof node !== 'string') {
    return undefined;
  }
  if (typeof expires_at_ms !== 'number') return undefined;
  const granted = { type, mandate, account, node, expires_at_ms } as const;
  if (per_payment === undefined) return granted;
  return isUnits(per_payment) ? { ...granted, per_payment } : undefined;
}

function fields(data: unknown): Record<string, unknown> {
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
}
