/**
 * The page that asks for payment, at the site's own address.
 *
 * First time: the wallet opens as a pop-up and grants this site's key a budget. From then on one
 * click signs an order and reloads; the gateway finds the payment and answers with the content
 * in place. Keeps: nothing is signed without a click, messages count only from the wallet's
 * origin and window. Must not trust its own count of the budget: the node decides.
 */

import { hex, idBytes, base32 } from './bytes.js';
import { byId, make, say } from './dom.js';
import { signingKey, storedGrant, storeGrant, Unable, type Grant, type SigningKey } from './keys.js';
import { answer, isReady, type GrantRequest } from './messages.js';
import { paymentFor, present, withdraw, type Challenge } from './payment.js';

const ATTEMPT = 'farthing-attempt';
const WALLET_FEATURES = 'popup,width=480,height=760';
const CLOSED_CHECK_MS = 300;
const WALLET_PATIENCE_MS = 10_000;
/** Refusals that a new grant can cure have codes that begin so. */
const ABOUT_GRANT = 'mandate_';

interface Prepared {
  key: SigningKey;
  grant: Grant | undefined;
}

const challenge = JSON.parse(byId('challenge').textContent ?? '') as Challenge;
const loadedAt = performance.now();
const button = byId<HTMLButtonElement>('pay');
const attempted = takeAttempt();
/** A refusal that follows no press here is about a payment that was left by another page. */
const refusal = attempted ? (challenge.error_code ?? '') : '';
let ready: Prepared | undefined;
let wallet: Window | null = null;
let paying = false;

start();

function start(): void {
  withdraw();
  explainLastAttempt();
  void settled(prepare()).then(() => {
    button.disabled = false;
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !paying) void settled(prepare());
  });
  button.addEventListener('click', () => void click());
}

/** Reads key and grant ahead, so that a click can open the wallet at once. */
async function prepare(): Promise<Prepared> {
  const key = await signingKey();
  const stored = await storedGrant(challenge.requirements.network);
  ready = { key, grant: usable(stored) ? stored : undefined };
  return ready;
}

/** A failure ahead of a click is told when the click needs what failed. */
function settled(preparing: Promise<Prepared>): Promise<unknown> {
  return preparing.catch(() => undefined);
}

function usable(grant: Grant | undefined): boolean {
  if (grant === undefined || refusal.startsWith(ABOUT_GRANT)) return false;
  return grant.expires_at_ms > nodeNow();
}

async function click(): Promise<void> {
  if (wallet !== null && !wallet.closed) {
    wallet.focus();
    return;
  }
  if (paying) return;
  paying = true;
  // Pop-up blockers want the window opened within the click, before anything is awaited.
  wallet = ready?.grant === undefined ? openWallet() : null;
  try {
    const { key, grant } = await prepare();
    if (grant !== undefined) wallet?.close();
    await payWith(key, grant ?? (await askWallet(key)));
  } catch (error) {
    paying = false;
    wallet?.close();
    say(sentence(error), 'problem');
  }
}

async function payWith(key: SigningKey, grant: Grant): Promise<void> {
  say(`Paying ${challenge.price} …`);
  if (!navigator.onLine) throw new Unable('You are offline. Nothing was charged.');
  present(await paymentFor(challenge, key, grant, nodeNow()));
  sessionStorage.setItem(ATTEMPT, location.href);
  location.reload();
}

function openWallet(): Window | null {
  return window.open(challenge.wallet, 'farthing-wallet', WALLET_FEATURES);
}

async function askWallet(key: SigningKey): Promise<Grant> {
  if (wallet === null) {
    throw new Unable(
      'The browser blocked the wallet’s window. Allow pop-ups for this site, then pay again.',
    );
  }
  say('Your wallet has opened in its own window. Choose a budget there.');
  const grant = await walletAnswer(wallet, key);
  const node = base32(idBytes('node', grant.node));
  if (challenge.requirements.network !== `farthing:${node}`) {
    throw new Unable('This wallet belongs to another node than the one this site is paid at.');
  }
  await storeGrant(challenge.requirements.network, grant);
  return grant;
}

function walletAnswer(popup: Window, key: SigningKey): Promise<Grant> {
  const listening = new AbortController();
  return new Promise<Grant>((resolve, reject) => {
    const refuse = (text: string) => reject(new Unable(text));
    window.addEventListener(
      'message',
      (event) => {
        if (event.origin !== challenge.node_origin || event.source !== popup) return;
        if (isReady(event.data)) {
          clearTimeout(patience);
          popup.postMessage(request(key), challenge.node_origin);
          return;
        }
        const reply = answer(event.data);
        if (reply?.type === 'farthing:declined') refuse('You declined. Nothing was charged.');
        if (reply?.type === 'farthing:granted') resolve(grantOf(reply));
      },
      { signal: listening.signal },
    );
    const patience = setTimeout(() => {
      say(`The wallet at ${challenge.node_origin} does not answer. Is it reachable?`, 'problem');
    }, WALLET_PATIENCE_MS);
    const watch = setInterval(() => {
      if (!popup.closed) return;
      clearInterval(watch);
      // The answer may still be under way when the window has gone.
      setTimeout(
        () => refuse('The wallet was closed without an answer. Nothing was charged.'),
        CLOSED_CHECK_MS,
      );
    }, CLOSED_CHECK_MS);
    listening.signal.addEventListener('abort', () => {
      clearTimeout(patience);
      clearInterval(watch);
    });
  }).finally(() => listening.abort());
}

function request(key: SigningKey): GrantRequest {
  const { amount, asset, extra } = challenge.requirements;
  return {
    type: 'farthing:grant-request',
    key: hex(key.publicKey),
    title: challenge.title,
    price_units: amount,
    asset,
    scale: extra.scale,
  };
}

function grantOf({ mandate, account, node, expires_at_ms }: Grant): Grant {
  return { mandate, account, node, expires_at_ms };
}

/** The gateway's clock now: a device may be hours off, and an order is good for minutes. */
function nodeNow(): number {
  if (challenge.now_ms === undefined) return Date.now();
  return challenge.now_ms + (performance.now() - loadedAt);
}

function explainLastAttempt(): void {
  const error = byId('error');
  if (!attempted) {
    error.replaceChildren();
  } else if (refusal !== '') {
    if (refusal === 'insufficient_funds') error.append(' ', walletLink());
    if (refusal.startsWith(ABOUT_GRANT)) error.append(' Pay again to choose a new budget.');
    error.focus();
  } else {
    say('The payment did not reach the site. Nothing was charged; please try again.', 'problem');
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
  return make('a', { href: page.href, target: '_blank', rel: 'noopener' }, 'Open your wallet');
}

function sentence(error: unknown): string {
  if (error instanceof Unable) return error.message;
  return 'Something went wrong in this page. Nothing was charged; please try again.';
}
