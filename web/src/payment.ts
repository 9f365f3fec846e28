/**
 * One payment from a site's page: the order, signed by the site's key, on its way as a cookie.
 *
 * Keeps: an order names one purchase, one mandate and a fresh id, and expires soon; the cookie
 * reaches the one path that is bought. Must not decide whether to pay: the reader clicks, the
 * node enforces the budget.
 */

import { base64, fromHex, idBytes, utf8 } from './bytes.js';
import type { CodeAnswer, OwnAmount } from './chosen.js';
import { randomId, Unable, type Grant, type SigningKey } from './keys.js';
import { nodeOfNetwork, orderBytes } from './order.js';

const COOKIE = 'farthing-payment';
const COOKIE_SECONDS = 600;
/** Browsers drop a cookie whose name and value are longer. */
const COOKIE_BYTES_MAX = 4096;

/** x402 v2 PaymentRequirements, as far as this page reads them; echoed as a whole. */
export interface Requirements {
  network: string;
  amount: string;
  asset: string;
  payTo: string;
  maxTimeoutSeconds: number;
  extra: { scale: number; purchase: string };
}

/** The gateway's question, in the page as JSON. */
export interface Challenge {
  requirements: Requirements;
  resource: string;
  wallet: string;
  node_origin: string;
  error_code: string | null;
  title: string;
  price: string;
  /** The payer says how much to give. */
  own_amount?: OwnAmount;
  /** Discount codes are taken here. */
  code?: CodeAnswer;
  /** The gateway's clock when it made the page; without it the device's clock is used. */
  now_ms?: number;
}

/** The x402 v2 PaymentPayload for this challenge, in base64. */
export async function paymentFor(
  challenge: Challenge,
  key: SigningKey,
  grant: Grant,
  nowMs: number,
): Promise<string> {
  const accepted = challenge.requirements;
  const order = orderBytes({
    node: nodeOfNetwork(accepted.network),
    orderId: randomId(),
    payer: idBytes('acc', grant.account),
    signer: key.publicKey,
    payee: idBytes('acc', accepted.payTo),
    asset: { code: accepted.asset, scale: accepted.extra.scale },
    amount: BigInt(accepted.amount),
    purchase: fromHex(accepted.extra.purchase),
    expiresAtMs: nowMs + accepted.maxTimeoutSeconds * 1000,
    mandate: idBytes('man', grant.mandate),
  });
  const signature = await key.sign(order);
  const payload = {
    x402Version: 2,
    resource: { url: challenge.resource },
    accepted,
    payload: { order: base64(order), signature: base64(signature) },
  };
  return base64(utf8(JSON.stringify(payload)));
}

/** Lays the payment where the next request for this page carries it along. */
export function present(payment: string): void {
  if (COOKIE.length + payment.length > COOKIE_BYTES_MAX) {
    throw new Unable('payment_too_long');
  }
  writeCookie(cookiePath(location.pathname), payment, COOKIE_SECONDS);
  if (!document.cookie.includes(`${COOKIE}=`)) {
    throw new Unable('cookies_blocked');
  }
}

/**
 * Takes every payment away that reaches this page. A page that asks has no use for one, be it
 * refused here or left by a page above, and the gateway refuses two at once.
 */
export function withdraw(): void {
  for (const path of pathsAbove(location.pathname)) writeCookie(path, '', 0);
}

function writeCookie(path: string, value: string, seconds: number): void {
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie =
    `${COOKIE}=${value}; Path=${path}; Max-Age=${seconds}; SameSite=Strict${secure}`;
}

/** This path and all whose cookies reach it: `/a/b` gives `/a/b`, `/a/`, `/a`, `/`. */
export function pathsAbove(path: string): string[] {
  const whole = cookiePath(path);
  const paths = new Set([whole]);
  for (let end = whole.lastIndexOf('/'); end >= 0; end = whole.lastIndexOf('/', end - 1)) {
    paths.add(whole.slice(0, end + 1));
    if (end === 0) break;
    paths.add(whole.slice(0, end));
  }
  return [...paths];
}

/** A semicolon would end the attribute, so such a path is covered by its folder. */
export function cookiePath(path: string): string {
  const end = path.indexOf(';');
  return end < 0 ? path : path.slice(0, path.lastIndexOf('/', end) + 1);
}
