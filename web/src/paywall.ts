/**
 * The page that asks for payment, at the site's own address.
 *
 * First time: the wallet opens as a pop-up and grants this site's key a budget. From then on one
 * click signs an order and reloads; the gateway finds the payment and answers with the content
 * in place. Keeps: nothing is signed without a click. Must not trust its own count of the budget:
 * the node decides.
 */

import { Budget } from './budget.js';
import { chooseAmount, takeCode, wish } from './chosen.js';
import { closeLeft } from './flow.js';
import { byId, make, say, setText } from './dom.js';
import { Unable } from './keys.js';
import type { Asset } from './order.js';
import { paymentFor, present, withdraw, type Challenge } from './payment.js';
import { amount, sentence, speak, t, wordsFor } from './words.js';

const ATTEMPT = 'farthing-attempt';
/** Refusals that a new grant can cure have codes that begin so. */
const ABOUT_GRANT = 'mandate_';

const challenge = JSON.parse(byId('challenge').textContent ?? '') as Challenge;
const loadedAt = performance.now();
const button = byId<HTMLButtonElement>('pay');
const attempted = takeAttempt();
/** A refusal that follows no press here is about a payment that was left by another page. */
const refusal = attempted ? (challenge.error_code ?? '') : '';
/** What the wallet is asked for. */
const asking = {
  title: challenge.title,
  payee: challenge.requirements.payTo,
  price_units: challenge.requirements.amount,
  asset: challenge.requirements.asset,
  scale: challenge.requirements.extra.scale,
};
const budget = new Budget({
  network: challenge.requirements.network,
  wallet: challenge.wallet,
  nodeOrigin: challenge.node_origin,
  request: asking,
  nowMs: nodeNow,
});
let price = challenge.price;
/** What the payer chose to give; nothing while that is no amount. */
let chosen: () => bigint | undefined = () => BigInt(challenge.requirements.amount);
let paying = false;

withdraw();
void speak().then(start);

function start(): void {
  offerChoices();
  showPrice();
  explainLastAttempt();
  if (refusal.startsWith(ABOUT_GRANT)) budget.refuse();
  void settled(budget.look()).then(() => {
    button.disabled = false;
    // What another page of this site left open goes back to the payer.
    return settled(closeLeft(challenge.node_origin));
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !paying) void settled(budget.look());
  });
  button.addEventListener('click', () => void click());
}

/** A failure ahead of a click is told when the click needs what failed. */
function settled(preparing: Promise<unknown>): Promise<unknown> {
  return preparing.catch(() => undefined);
}

async function click(): Promise<void> {
  if (budget.isAsking() || paying) return;
  const units = chosen();
  if (units === undefined) {
    byId('other').focus();
    say(t('paywall.amount_wrong', { min: amount(challenge.own_amount?.min ?? '0', asset()) }), 'problem');
    return;
  }
  paying = true;
  if (challenge.own_amount !== undefined) wish('amount', units.toString());
  if (units === 0n) {
    say(t('paywall.opening'));
    location.reload();
    return;
  }
  try {
    const { key, grant } = await budget.take();
    say(t('paywall.paying', { price }));
    if (!navigator.onLine) throw new Unable('offline');
    present(await paymentFor(challenge, key, grant, nodeNow()));
    sessionStorage.setItem(ATTEMPT, location.href);
    location.reload();
  } catch (error) {
    paying = false;
    say(sentence(error, 'paywall.broken'), 'problem');
  }
}

/** The gateway's clock now: a device may be hours off, and an order is good for minutes. */
function nodeNow(): number {
  if (challenge.now_ms === undefined) return Date.now();
  return challenge.now_ms + (performance.now() - loadedAt);
}

function asset(): Asset {
  const { asset: code, extra } = challenge.requirements;
  return { code, scale: extra.scale };
}

function offerChoices(): void {
  const { own_amount: own, code, requirements } = challenge;
  if (own !== undefined) {
    chosen = chooseAmount(own, BigInt(requirements.amount), asset(), showPrice);
  }
  if (code !== undefined) takeCode(code);
}

function showPrice(): void {
  const units = chosen();
  if (units === undefined) return;
  challenge.requirements.amount = units.toString();
  asking.price_units = units.toString();
  price = amount(units, asset());
  setText(byId('price'), price);
  setText(button, units === 0n ? t('paywall.open_free') : t('paywall.pay', { price }));
}

function explainLastAttempt(): void {
  const error = byId('error');
  if (!attempted) {
    error.replaceChildren();
  } else if (refusal !== '') {
    // The gateway's own words, in English, where the reader's language has none for the code.
    setText(error, wordsFor('problem', refusal) ?? error.textContent ?? '');
    if (refusal === 'insufficient_funds') error.append(' ', walletLink());
    if (refusal.startsWith(ABOUT_GRANT)) error.append(` ${t('paywall.again')}`);
    error.focus();
  } else {
    say(t('paywall.lost'), 'problem');
  }
}

/** Whether this load follows a press on Pay; true once. */
function takeAttempt(): boolean {
  try {
    const before = sessionStorage.getItem(ATTEMPT) === location.href;
    sessionStorage.removeItem(ATTEMPT);
    return before;
  } catch {
    // A browser that blocks storage cannot have paid.
    return false;
  }
}

function walletLink(): HTMLAnchorElement {
  const page = new URL('/wallet', challenge.node_origin);
  return make('a', { href: page.href, target: '_blank', rel: 'noopener' }, t('paywall.wallet'));
}
