/**
 * What the cases need of the node and the site under test: play money, balances, receipts, raw
 * requests.
 *
 * Only public HTTP interfaces; an answer that is not expected throws with its text.
 */
import { readFileSync } from "node:fs";

import { PayerKey, accessHeader, idFromDigits, toHex } from "@farthing/x402";

const ANSWER_MS_MAX = 20_000;

export const offers = JSON.parse(readFileSync(new URL("../offers.json", import.meta.url), "utf8"));

/** An origin from the environment, without a slash at its end. */
function origin(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: give the origin of a running demo`);
  return new URL(value).origin;
}

export const site = origin("FARTHING_SITE_URL");
export const node = origin("FARTHING_NODE_URL");

/** Plain fetch with a time limit. */
export const plainFetch = (input, init) =>
  fetch(input, { signal: AbortSignal.timeout(ANSWER_MS_MAX), ...init });

async function json(path, init) {
  const response = await plainFetch(`${node}${path}`, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** The network name `farthing:<node>`. */
export const network = (await json("/v1/node")).network;

/** A new payer with play money, unless `funded` is false. */
export async function newPayer({ funded = true } = {}) {
  const key = PayerKey.generate();
  if (funded) {
    await json("/v1/faucet", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ key: toHex(key.publicKey) }),
    });
  }
  return key;
}

/** What a payer can spend, in base units. */
export async function available(key) {
  const id = idFromDigits(network.slice("farthing:".length));
  const account = await json("/v1/payer", {
    headers: { authorization: await accessHeader(id, key) },
  });
  return BigInt(account.available);
}

/** The account of a payee that money can go to: the one that the site's own article pays. */
export async function payeeAccount() {
  const unpaid = await plainFetch(`${site}${offers.article.path}`);
  return decode(unpaid.headers.get("payment-required")).accepts[0].payTo;
}

/** Base64 JSON of a payment header. */
export function decode(header) {
  if (!header) throw new Error("the payment header is missing");
  return JSON.parse(Buffer.from(header, "base64").toString("utf8"));
}

/** Base64 JSON for a payment header. */
export const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64");

/** URL and fetch options of an offer. */
export function request(offer, headers = {}) {
  const body = offer.body && JSON.stringify(offer.body);
  const type = body ? { "content-type": "application/json" } : {};
  return [`${site}${offer.path}`, { method: offer.method, headers: { ...type, ...headers }, body }];
}

/** Asks for an offer without paying; returns the challenge. */
export async function challenge(offer) {
  const response = await plainFetch(...request(offer));
  if (response.status !== 402) throw new Error(`expected 402, got ${response.status}`);
  return decode(response.headers.get("payment-required"));
}

/** Presents one payment for an offer. */
export async function present(offer, payment, headers = {}) {
  const response = await plainFetch(
    ...request(offer, { "payment-signature": encode(payment), ...headers }),
  );
  return { status: response.status, headers: response.headers, body: await response.text() };
}
