/**
 * What a payer chooses on the page that asks for payment: an amount, a discount code.
 *
 * Both go to the gateway in cookies of this page's path, for the next request is the browser's. Keeps:
 * what is signed is what the button says. Must not decide what a code is worth: the gateway does.
 */

import { decimal, units } from './amount.js';
import { byId, make, setText } from './dom.js';
import type { Asset } from './order.js';
import { cookiePath } from './payment.js';
import { amount, t, wordsFor } from './words.js';

/** As long as a payment is carried along. */
const WISH_SECONDS = 600;

/** The payer says how much to give, in base units. */
export interface OwnAmount {
  min: string;
  suggested: string[];
}

/** Whether the code that was named counts, and if not, why. */
export interface CodeAnswer {
  counts: boolean;
  refused: string | null;
}

/** Lets the payer choose an amount; gives what is chosen, nothing while that is no amount. */
export function chooseAmount(
  own: OwnAmount,
  asked: bigint,
  asset: Asset,
  changed: () => void,
): () => bigint | undefined {
  const least = BigInt(own.min);
  const offered = [...new Set([...own.suggested.map(BigInt), asked, ...(least === 0n ? [0n] : [])])];
  offered.sort((one, other) => (one < other ? -1 : 1));
  byId('amounts').replaceChildren(...offered.map((one) => choice(one, asset, one === asked)));
  const other = byId<HTMLInputElement>('other');
  other.placeholder = decimal(asked, asset.scale);
  setText(byId('other-name'), t('paywall.other', { asset: asset.code }));
  setText(byId('least'), least === 0n ? t('paywall.any') : t('paywall.least', { min: amount(least, asset) }));
  byId('amounts').addEventListener('change', () => {
    other.value = '';
    changed();
  });
  other.addEventListener('input', () => {
    for (const radio of radios()) radio.checked = false;
    changed();
  });
  byId('amount').hidden = false;
  return () => {
    const checked = radios().find((radio) => radio.checked)?.value;
    const chosen = checked === undefined ? units(other.value, asset.scale) : BigInt(checked);
    const isEnough = chosen !== undefined && chosen >= least;
    other.setAttribute('aria-invalid', String(!isEnough));
    return isEnough ? chosen : undefined;
  };
}

function radios(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>('input[name="amount"]')];
}

function choice(one: bigint, asset: Asset, checked: boolean): HTMLLabelElement {
  const input = make('input', { type: 'radio', name: 'amount', value: one.toString() });
  input.checked = checked;
  const words = one === 0n ? t('paywall.nothing') : amount(one, asset);
  return make('label', { class: 'choice' }, input, make('span', {}, words));
}

/** Takes a discount code, and says whether the last one counts. */
export function takeCode(answer: CodeAnswer): void {
  const part = byId<HTMLDetailsElement>('code-part');
  const told = answer.refused === null ? '' : (wordsFor('problem', answer.refused) ?? answer.refused);
  setText(byId('code-told'), answer.counts ? t('paywall.code_counts') : told);
  part.open = answer.counts || told !== '';
  part.hidden = false;
  byId('code-form').addEventListener('submit', (event) => {
    event.preventDefault();
    wish('code', byId<HTMLInputElement>('code').value.replace(/[^A-Za-z0-9_-]/g, ''));
    location.reload();
  });
}

/** Lays a wish where the next request for this page carries it along. */
export function wish(name: 'amount' | 'code', value: string): void {
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  const seconds = value === '' ? 0 : WISH_SECONDS;
  const path = cookiePath(location.pathname);
  document.cookie =
    `farthing-${name}=${value}; Path=${path}; Max-Age=${seconds}; SameSite=Strict${secure}`;
}
