/**
 * The wallet's pop-up: a site asks for a budget, the payer allows or declines.
 *
 * Keeps: the asking origin is the browser's word (`event.origin` of the opener's message), never
 * a parameter; the mandate is bound to that origin and to the site's key; the answer goes to
 * that origin alone. A press counts only after the request has been in view for a moment, so
 * that a site cannot lure a double click onto "Allow".
 */

import { fromHex, idText } from './bytes.js';
import { byId, make, say, setText, time } from './dom.js';
import { randomId, signingKey, type SigningKey } from './keys.js';
import { DECLINED, grantRequest, READY, type Answer, type GrantRequest } from './messages.js';
import { cent, readable, readableRate } from './money.js';
import {
  nodeFacts,
  nodeNow,
  payerState,
  registerMandate,
  sentence,
  topUp,
  type NodeAsset,
  type NodeFacts,
} from './node.js';
import { audience, mandateBytes, payerAccount } from './order.js';

const BUDGET_CENTS = [5n, 25n, 100n];
const PAYMENTS_AT_ONCE = 10n;
const VALID_MS = 30 * 24 * 60 * 60 * 1000;
const ARM_MS = 600;
/** The site may not have listened yet when the pop-up called first. */
const CALL_MS = 500;

interface Asking {
  request: GrantRequest;
  origin: string;
  site: WindowProxy;
  key: SigningKey;
  facts: NodeFacts;
  asset: NodeAsset;
  price: bigint;
}

const allow = byId<HTMLButtonElement>('allow');
let balance = 0n;
let inViewAt = performance.now();
let done = false;

start().catch((error: unknown) => say(sentence(error), 'problem'));

async function start(): Promise<void> {
  const opener = window.opener as WindowProxy | null;
  if (opener === null) {
    say('This window is opened by a site that asks for a budget. There is nothing to allow here.');
    return;
  }
  const asked = firstRequest(opener);
  const key = await signingKey('wallet');
  const facts = await nodeFacts();
  // Says nothing but that a wallet listens, so any origin may hear it.
  const call = () => opener.postMessage(READY, '*');
  call();
  const calling = setInterval(call, CALL_MS);
  const { request, origin } = await asked;
  clearInterval(calling);
  const asset = facts.assets.find(
    ({ code, scale }) => code === request.asset && scale === request.scale,
  );
  if (asset === undefined) {
    say(`${origin} asks for ${request.asset}, which this node does not hold.`, 'problem');
    return;
  }
  const price = BigInt(request.price_units);
  await present({ request, origin, site: opener, key, facts, asset, price });
}

function firstRequest(opener: WindowProxy): Promise<{ request: GrantRequest; origin: string }> {
  return new Promise((resolve) => {
    window.addEventListener('message', (event) => {
      if (event.source !== opener || !/^https?:/.test(event.origin)) return;
      const request = grantRequest(event.data);
      if (request !== undefined) resolve({ request, origin: event.origin });
    });
  });
}

async function present(asking: Asking): Promise<void> {
  const { request, origin, asset, price } = asking;
  setText(byId('origin'), new URL(origin).host);
  setText(byId('scheme'), origin.startsWith('https:') ? '' : 'Not encrypted (http)');
  setText(byId('bought'), request.title);
  const { rate } = request;
  setText(
    byId('price'),
    rate === undefined
      ? readable(price, asset)
      : readableRate(rate.price_units, rate.per, rate.unit, asset),
  );
  byId('first').hidden = rate === undefined;
  setText(byId('deposit'), readable(price, asset));
  const choices = budgetChoices(asset, price);
  byId('choices').replaceChildren(...choices.map((units, i) => choice(units, asset, i === 0)));
  byId('choices').addEventListener('change', () => showTerms(asking));
  showTerms(asking);
  await showBalance(asking);
  byId('top-up').addEventListener('click', () => void addPlayMoney(asking));
  byId('decline').addEventListener('click', () => finish(asking, DECLINED));
  allow.addEventListener('click', () => void press(asking));
  byId('request').hidden = false;
  byId('waiting').hidden = true;
  rearm();
  window.addEventListener('focus', rearm);
  document.addEventListener('visibilitychange', rearm);
}

/** 5, 25 and 100 cents, or tens of them where the thing bought now costs more. */
function budgetChoices(asset: NodeAsset, price: bigint): bigint[] {
  let choices = BUDGET_CENTS.map((cents) => cents * cent(asset));
  while ((choices[0] ?? price) < price) choices = choices.map((units) => units * 10n);
  return choices;
}

function choice(units: bigint, asset: NodeAsset, checked: boolean): HTMLLabelElement {
  const input = make('input', { type: 'radio', name: 'budget', value: units.toString() });
  input.checked = checked;
  return make('label', { class: 'choice' }, input, make('span', {}, readable(units, asset)));
}

function chosenTotal(): bigint {
  const chosen = document.querySelector<HTMLInputElement>('input[name="budget"]:checked');
  return BigInt(chosen?.value ?? '0');
}

/** Ten times the price now, at least a cent, never more than the budget. */
function mostPerPayment({ price, asset }: Asking): bigint {
  const wanted = [price * PAYMENTS_AT_ONCE, cent(asset)].reduce((a, b) => (a > b ? a : b));
  return wanted < chosenTotal() ? wanted : chosenTotal();
}

function showTerms(asking: Asking): void {
  const { asset, facts } = asking;
  const expires = time(nodeNow(facts) + VALID_MS, 'date');
  byId('terms').replaceChildren(
    `At most ${readable(mostPerPayment(asking), asset)} for one payment, `,
    `${readable(chosenTotal(), asset)} in all, until `,
    expires,
    '. You can take it back in your wallet at any time.',
  );
}

async function showBalance({ facts, key, asset, price }: Asking): Promise<void> {
  balance = BigInt((await payerState(facts, key))?.available ?? '0');
  const low = balance < price;
  setText(byId('balance'), readable(balance, asset));
  byId('top-up').hidden = !(low && asset.sandbox);
  const advice = asset.sandbox ? 'Add play money to go on.' : 'Fund your account to go on.';
  setText(byId('low'), low ? `That is not enough for this purchase. ${advice}` : '');
}

async function addPlayMoney(asking: Asking): Promise<void> {
  try {
    await topUp(asking.key);
    await showBalance(asking);
    say('Play money added.');
    showArmed();
    allow.focus();
  } catch (error) {
    say(sentence(error), 'problem');
  }
}

function rearm(): void {
  inViewAt = performance.now();
  showArmed();
  setTimeout(showArmed, ARM_MS + 20);
}

function armed(asking?: Asking): boolean {
  const inView = performance.now() - inViewAt >= ARM_MS && !document.hidden;
  return inView && !done && (asking === undefined || balance >= asking.price);
}

/** Not `disabled`: the button stays reachable by keyboard and its state is announced. */
function showArmed(): void {
  const low = byId('low').textContent !== '';
  allow.setAttribute('aria-disabled', String(!armed() || low));
}

async function press(asking: Asking): Promise<void> {
  if (!armed(asking)) return;
  done = true;
  showArmed();
  say('Granting the budget …');
  try {
    finish(asking, await grant(asking));
  } catch (error) {
    done = false;
    showArmed();
    say(sentence(error), 'problem');
  }
}

async function grant(asking: Asking): Promise<Answer> {
  const { request, origin, key, facts, asset } = asking;
  const payer = await payerAccount(key.publicKey, asset);
  const mandateId = randomId();
  const expiresAtMs = Math.trunc(nodeNow(facts) + VALID_MS);
  const mandate = mandateBytes({
    node: facts.id,
    mandateId,
    payer,
    payerKey: key.publicKey,
    delegate: fromHex(request.key),
    asset,
    perPayment: mostPerPayment(asking),
    total: chosenTotal(),
    expiresAtMs,
    audience: await audience(origin),
  });
  await registerMandate(key, mandate, origin);
  return {
    type: 'farthing:granted',
    mandate: idText('man', mandateId),
    account: idText('acc', payer),
    node: facts.node,
    expires_at_ms: expiresAtMs,
    per_payment: mostPerPayment(asking).toString(),
  };
}

function finish(asking: Asking, answer: Answer): void {
  asking.site.postMessage(answer, asking.origin);
  window.close();
}
