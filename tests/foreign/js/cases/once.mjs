/**
 * One payment, one delivery: what the gateway does with payments that come again, at the same
 * moment, or for something else. Payments are made by the stock client core.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { registerFarthing } from "@farthing/x402";
import { x402Client } from "@x402/core/client";
import {
  appendPaymentIdentifierToExtensions,
  generatePaymentId,
} from "@x402/extensions/payment-identifier";

import { available, challenge, decode, newPayer, offers, present } from "../node.mjs";

const clientOf = (key) => registerFarthing(new x402Client(), { key });

const transaction = ({ headers }) => decode(headers.get("payment-response")).transaction;

async function sameAnswerTwice(offer) {
  const key = await newPayer();
  const before = await available(key);
  const required = await challenge(offer);
  const payment = await clientOf(key).createPaymentPayload(required);
  const first = await present(offer, payment);
  const again = await present(offer, payment);
  assert.ok(first.status >= 200 && first.status < 300, `status ${first.status}: ${first.body}`);
  assert.equal(again.status, first.status);
  assert.equal(again.body, first.body);
  assert.equal(transaction(again), transaction(first));
  assert.equal(before - (await available(key)), BigInt(required.accepts[0].amount));
}

async function copiesAtOnce() {
  const key = await newPayer();
  const before = await available(key);
  const required = await challenge(offers.call);
  const payment = await clientOf(key).createPaymentPayload(required);
  const answers = await Promise.all(Array.from({ length: 5 }, () => present(offers.call, payment)));
  const served = answers.filter(({ status }) => status >= 200 && status < 300);
  assert.ok(served.length >= 1, "nobody was served");
  assert.equal(new Set(served.map(({ body }) => body)).size, 1, "the answers differ");
  assert.equal(new Set(served.map(transaction)).size, 1);
  assert.equal(before - (await available(key)), BigInt(required.accepts[0].amount));
}

async function otherRouteIsRefused() {
  const key = await newPayer();
  const before = await available(key);
  const payment = await clientOf(key).createPaymentPayload(await challenge(offers.article));
  const elsewhere = await present(offers.other_article, payment);
  assert.equal(elsewhere.status, 402);
  const pretending = { ...payment, accepted: (await challenge(offers.other_article)).accepts[0] };
  assert.equal((await present(offers.other_article, pretending)).status, 402);
  assert.equal(await available(key), before, "a refused payment was charged");
  assert.equal((await present(offers.article, payment)).status, 200);
}

async function otherBodyIsRefused() {
  const key = await newPayer();
  const before = await available(key);
  const payment = await clientOf(key).createPaymentPayload(await challenge(offers.call));
  const changed = { ...offers.call, body: { ...offers.call.body, extra: "more" } };
  assert.equal((await present(changed, payment)).status, 402);
  assert.equal(await available(key), before);
}

async function sameIdentifierTwice() {
  const key = await newPayer();
  const before = await available(key);
  const required = await challenge(offers.call);
  assert.ok(required.extensions?.["payment-identifier"], "the extension is not declared");
  const id = generatePaymentId();
  const pay = async () => {
    const extensions = structuredClone(required.extensions);
    appendPaymentIdentifierToExtensions(extensions, id);
    const payment = await clientOf(key).createPaymentPayload({ ...required, extensions });
    return present(offers.call, payment);
  };
  const first = await pay();
  const again = await pay();
  assert.ok(first.status < 300, first.body);
  assert.equal(again.body, first.body);
  assert.equal(transaction(again), transaction(first));
  assert.equal(before - (await available(key)), BigInt(required.accepts[0].amount));
}

async function sameIdempotencyKeyTwice() {
  const key = await newPayer();
  const before = await available(key);
  const required = await challenge(offers.call);
  const headers = { "idempotency-key": randomUUID() };
  const pay = async () =>
    present(offers.call, await clientOf(key).createPaymentPayload(required), headers);
  const first = await pay();
  const again = await pay();
  assert.ok(first.status < 300, first.body);
  assert.equal(again.body, first.body);
  assert.equal(before - (await available(key)), BigInt(required.accepts[0].amount));
}

async function malformedPaymentsAreNamed() {
  for (const header of ["%%%", "bm90IGpzb24=", "Im51bGwi", "bnVsbA==", "W10="]) {
    const answer = await present(offers.article, null, { "payment-signature": header });
    assert.ok([400, 402].includes(answer.status), `${header}: status ${answer.status}`);
    assert.ok(JSON.parse(answer.body).code, "the answer names no code");
  }
}

export const cases = [
  ["a GET payment presented twice gives the first answer", () => sameAnswerTwice(offers.article)],
  ["a POST payment presented twice gives the first answer", () => sameAnswerTwice(offers.call)],
  ["five copies at once are one execution and one charge", copiesAtOnce],
  ["a payment for one route is refused on another", otherRouteIsRefused],
  ["a payment for one body is refused with another", otherBodyIsRefused],
  ["one payment-identifier is charged once", sameIdentifierTwice],
  ["one Idempotency-Key is charged once", sameIdempotencyKeyTwice],
  ["malformed payments get an answer that names the cause", malformedPaymentsAreNamed],
];
