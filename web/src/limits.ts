/**
 * The limits of a budget, as the payer sets them in the wallet's pop-up.
 *
 * Keeps: what is typed and is no limit is refused, never rounded or passed over; what is left empty has
 * the default that the page shows. The node enforces the limits; this page only asks for them.
 */

import { decimal, units } from './amount.js';
import { idBytes, type Bytes } from './bytes.js';
import { byId, setText } from './dom.js';
import { MANDATE_DEPTH_MAX, UNLIMITED } from './mandate.js';
import type { GrantRequest } from './messages.js';
import { cent } from './money.js';
import type { Asset } from './order.js';
import { amount, rate, t, type Key } from './words.js';

const PAYMENTS_AT_ONCE = 10n;
const DAYS_MAX = 365n;

/** What the payer chose; `perDay` and `perMonth` are `UNLIMITED` where nothing was said. */
export interface ChosenLimits {
  perPayment: bigint;
  perDay: bigint;
  perMonth: bigint;
  total: bigint;
  unitPrice?: { price: bigint; per: bigint };
  payees: Bytes[];
  days: number;
  depth: number;
}

/** Names the fields for what is asked; `changed` is called when one of them changes. */
export function offerLimits(request: GrantRequest, asset: Asset, changed: () => void): void {
  for (const [id, key] of [
    ['per-payment', 'grant.per_payment'], ['per-day', 'grant.per_day'], ['per-month', 'grant.per_month'],
  ] as [string, Key][]) setText(byId(`${id}-name`), t(key, { asset: asset.code }));
  byId('unit-price-part').hidden = request.rate === undefined;
  if (request.rate !== undefined) {
    setText(byId('unit-price-name'), t('grant.unit_price', { price: priceOf(request.rate, asset) }));
  }
  byId('only-payee-part').hidden = request.payee === undefined;
  setText(byId('only-payee-name'), t('grant.payee', { payee: request.payee ?? '' }));
  byId('limits').addEventListener('input', changed);
}

/** The limits with this budget; the key of what is wrong if they are none. */
export function chosenLimits(request: GrantRequest, asset: Asset, total: bigint): ChosenLimits | Key {
  const usual = usualPayment(BigInt(request.price_units), asset, total);
  byId<HTMLInputElement>('per-payment').placeholder = decimal(usual, asset.scale);
  const perPayment = typed('per-payment', asset.scale, total, usual);
  const perDay = typed('per-day', asset.scale, total, UNLIMITED);
  const perMonth = typed('per-month', asset.scale, total, UNLIMITED);
  const days = typed('days', 0, DAYS_MAX);
  const depth = units(field('depth'), 0);
  if (perPayment === undefined || perDay === undefined || perMonth === undefined) return 'grant.wrong';
  if (days === undefined || depth === undefined || depth > BigInt(MANDATE_DEPTH_MAX)) return 'grant.wrong';
  // A channel makes do with less than its usual deposit; a single payment costs what it costs.
  const least = [perPayment, perDay, perMonth].reduce((a, b) => (a < b ? a : b));
  if (request.rate === undefined && least < BigInt(request.price_units)) return 'grant.below_price';
  const limits: ChosenLimits = {
    perPayment, perDay, perMonth, total, days: Number(days), depth: Number(depth), payees: [],
  };
  if (request.rate !== undefined && byId<HTMLInputElement>('unit-price').checked) {
    limits.unitPrice = { price: BigInt(request.rate.price_units), per: BigInt(request.rate.per) };
  }
  if (request.payee !== undefined && byId<HTMLInputElement>('only-payee').checked) {
    limits.payees = [idBytes('acc', request.payee)];
  }
  return limits;
}

/** The limits in sentences. */
export function termsOf(limits: ChosenLimits, request: GrantRequest, asset: Asset, untilMs: number): string {
  const said = (units: bigint): string => amount(units, asset);
  const { perPayment, perDay, perMonth, total, unitPrice, payees, depth } = limits;
  const sentences = [t('grant.terms', { payment: said(perPayment), total: said(total), until: untilMs })];
  if (perDay !== UNLIMITED) sentences.push(t('grant.terms_day', { amount: said(perDay) }));
  if (perMonth !== UNLIMITED) sentences.push(t('grant.terms_month', { amount: said(perMonth) }));
  if (unitPrice !== undefined && request.rate !== undefined) {
    sentences.push(t('grant.terms_unit', { price: priceOf(request.rate, asset) }));
  }
  if (payees.length > 0) sentences.push(t('grant.terms_payee', { payee: request.payee ?? '' }));
  if (depth > 0) sentences.push(t('grant.terms_depth', { count: depth }));
  return [...sentences, t('grant.back')].join(' ');
}

export function priceOf(asked: NonNullable<GrantRequest['rate']>, asset: Asset): string {
  return rate(asked.price_units, asked.per, asked.unit, asset);
}

/** Ten times the price now, at least a cent, never more than the budget. */
function usualPayment(price: bigint, asset: Asset, total: bigint): bigint {
  const wanted = [price * PAYMENTS_AT_ONCE, cent(asset)].reduce((a, b) => (a > b ? a : b));
  return wanted < total ? wanted : total;
}

/** What stands in a field, if it is above nothing and at most `most`. */
function typed(id: string, scale: number, most: bigint, ifEmpty?: bigint): bigint | undefined {
  const text = field(id);
  if (text === '') return ifEmpty;
  const value = units(text, scale);
  return value === undefined || value === 0n || value > most ? undefined : value;
}

function field(id: string): string {
  return byId<HTMLInputElement>(id).value.trim();
}
