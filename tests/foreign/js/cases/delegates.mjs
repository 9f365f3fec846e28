/**
 * A key that pays from another payer's account, within a mandate that the node enforces: the client
 * is told no limit and tries to exceed every one.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import {
  PayerKey,
  audience,
  idFromDigits,
  idText,
  mandateBytes,
  payerAccount,
  registerFarthing,
  revocationBytes,
  toBase64,
} from "@farthing/x402";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";

import {
  available,
  challenge,
  decode,
  network,
  newPayer,
  node,
  offers,
  plainFetch,
  request,
  site,
} from "../node.mjs";

const nodeId = idFromDigits(network.slice("farthing:".length));
const asset = { code: "USD", scale: 9 };
const MINUTE_MS = 60_000;

async function post(path, value) {
  const headers = { "content-type": "application/json" };
  const response = await plainFetch(`${node}${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(value),
  });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.text()}`);
}

/** A payer, its delegate's paying fetch, and a way to revoke. */
async function delegated({ perPayment, total, origin = site }) {
  const owner = await newPayer();
  const delegate = PayerKey.generate();
  const mandate = new Uint8Array(randomBytes(16));
  const payer = payerAccount(owner.publicKey, asset);
  const bytes = mandateBytes({
    node: nodeId,
    mandate,
    payer,
    payerKey: owner.publicKey,
    delegateKey: delegate.publicKey,
    asset,
    perPayment,
    total,
    expiresAtMs: BigInt(Date.now() + 10 * MINUTE_MS),
    audience: audience(origin),
  });
  await post("/v1/mandates", {
    mandate: toBase64(bytes),
    signature: toBase64(owner.sign(bytes)),
    label: "agent",
  });
  const client = registerFarthing(new x402Client(), {
    key: delegate,
    mandate: { mandate: idText("man", mandate), payer: idText("acc", payer) },
  });
  const revoke = () => {
    const revocation = revocationBytes(nodeId, mandate);
    const signature = toBase64(owner.sign(revocation));
    return post("/v1/mandates/revoke", { revocation: toBase64(revocation), signature });
  };
  return { owner, pay: wrapFetchWithPayment(plainFetch, client), revoke };
}

async function refused(pay) {
  const response = await pay(...request(offers.article));
  assert.equal(response.status, 402);
  return decode(response.headers.get("payment-required")).error;
}

const price = async () => BigInt((await challenge(offers.article)).accepts[0].amount);

async function paysWithinItsTotal() {
  const amount = await price();
  const { owner, pay } = await delegated({ perPayment: amount, total: 2n * amount });
  const before = await available(owner);
  assert.equal((await pay(...request(offers.article))).status, 200);
  assert.equal((await pay(...request(offers.article))).status, 200);
  assert.match(await refused(pay), /mandate/);
  assert.equal(before - (await available(owner)), 2n * amount);
}

async function paysNoMoreAtOnce() {
  const amount = await price();
  const { owner, pay } = await delegated({ perPayment: amount - 1n, total: 10n * amount });
  const before = await available(owner);
  assert.match(await refused(pay), /mandate/);
  assert.equal(await available(owner), before);
}

async function paysNowhereElse() {
  const amount = await price();
  const origin = "https://elsewhere.example";
  const { owner, pay } = await delegated({ perPayment: amount, total: amount, origin });
  const before = await available(owner);
  assert.match(await refused(pay), /mandate/);
  assert.equal(await available(owner), before);
}

async function paysNoLongerOnceRevoked() {
  const amount = await price();
  const { owner, pay, revoke } = await delegated({ perPayment: amount, total: 10n * amount });
  const before = await available(owner);
  assert.equal((await pay(...request(offers.article))).status, 200);
  await revoke();
  assert.match(await refused(pay), /mandate/);
  assert.equal(before - (await available(owner)), amount);
}

export const cases = [
  ["a delegate pays within its mandate's total", paysWithinItsTotal],
  ["a delegate cannot pay more at once than its mandate allows", paysNoMoreAtOnce],
  ["a delegate cannot pay at another origin", paysNowhereElse],
  ["a delegate cannot pay once its mandate is revoked", paysNoLongerOnceRevoked],
];
