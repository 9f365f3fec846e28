/**
 * A stock x402 client that pays the gateway by `upto`: the most that a story may cost is held, and
 * each word that came is charged.
 *
 * Every case counts the words itself and compares with the payer's balance at the node.
 */
import assert from "node:assert/strict";

import { SpendLimits, registerFarthing } from "@farthing/x402";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";

import { available, decode, newPayer, node, offers, plainFetch, present, request } from "../node.mjs";

const STORY_MS_MAX = 60_000;
const SETTLED_MS_MAX = 10_000;
/** Words between the one that a payer that hangs up has read and the one that is charged last. */
const WORDS_ON_THE_WAY_MAX = 20;

const slowFetch = (input, init) =>
  fetch(input, { signal: AbortSignal.timeout(STORY_MS_MAX), ...init });

/** What the story costs a word, and at most; checked to be offered by `upto` and not as `exact`. */
async function terms() {
  const { accepts } = decode(
    (await plainFetch(...request(offers.story))).headers.get("payment-required"),
  );
  assert.deepEqual(accepts.map(({ scheme }) => scheme).sort(), ["batch-settlement", "upto"]);
  const upto = accepts.find(({ scheme }) => scheme === "upto");
  const channel = accepts.find(({ scheme }) => scheme === "batch-settlement");
  const word = BigInt(channel.extra.price);
  assert.equal(BigInt(upto.amount) % word, 0n);
  return { word, most: BigInt(upto.amount) };
}

async function payer(options = {}) {
  const key = await newPayer();
  const client = registerFarthing(new x402Client(), { key, ...options });
  return { key, client, pay: wrapFetchWithPayment(slowFetch, client), start: await available(key) };
}

/** The upstream's own events; the gateway's have a name. */
function words(text) {
  return text.split("\n\n").filter((event) => event.startsWith("data: ")).length;
}

function receipts(text) {
  const start = "event: payment-receipt\ndata: ";
  return text.split("\n\n").filter((event) => event.startsWith(start))
    .map((event) => JSON.parse(event.slice(start.length)));
}

async function wholeStoryIsChargedByTheWord() {
  const { word, most } = await terms();
  const { key, pay, start } = await payer();
  const response = await pay(...request(offers.story));
  assert.equal(response.status, 200);
  const begun = decode(response.headers.get("payment-response"));
  assert.match(begun.transaction, /^pay_[0-9a-z]{26}$/);
  assert.equal(start - (await available(key)), most, "the most is held meanwhile");
  const text = await response.text();
  const cost = BigInt(words(text)) * word;
  assert.ok(cost > 0n && cost < most);
  assert.equal(start - (await available(key)), cost);
  assert.equal(receipts(text).length, 1);
  const view = await (await plainFetch(new URL(begun.extra.receipt, node))).json();
  assert.ok(JSON.stringify(view).includes(`"${cost}"`), JSON.stringify(view));
}

async function hangingUpCostsWhatCame() {
  const { word, most } = await terms();
  const { key, pay, start } = await payer();
  const hangUp = new AbortController();
  const [url, init] = request(offers.story);
  const response = await pay(url, { ...init, signal: hangUp.signal });
  assert.equal(response.status, 200);
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of response.body) {
    text += decoder.decode(piece, { stream: true });
    if (words(text) >= 8) break;
  }
  hangUp.abort();
  const read = BigInt(words(text));
  const end = Date.now() + SETTLED_MS_MAX;
  let spent = most;
  while (spent === most && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    spent = start - (await available(key));
  }
  assert.equal(spent % word, 0n);
  const charged = spent / word;
  assert.ok(charged >= read - 1n && charged <= read + BigInt(WORDS_ON_THE_WAY_MAX),
    `${read} words were read and ${charged} charged`);
}

async function samePaymentIsChargedOnce() {
  const { word } = await terms();
  const { key, client, start } = await payer();
  const unpaid = await plainFetch(...request(offers.story));
  const payment = await client.createPaymentPayload(decode(unpaid.headers.get("payment-required")));
  const first = await present(offers.story, payment);
  assert.equal(first.status, 200);
  const cost = BigInt(words(first.body)) * word;
  assert.equal(start - (await available(key)), cost);
  const again = await present(offers.story, payment);
  assert.equal(again.status, 200);
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  assert.equal(words(again.body), words(first.body));
  assert.equal(start - (await available(key)), cost);
  assert.notEqual((await present(offers.article, payment)).status, 200);
  assert.equal(start - (await available(key)), cost);
}

async function spendLimitCountsTheMost() {
  const { most } = await terms();
  const limits = new SpendLimits({ perPayment: most - 1n });
  const { key, pay, start } = await payer({ spendControl: limits });
  await assert.rejects(pay(...request(offers.story)), /per_payment_exceeded/);
  assert.equal(await available(key), start);
}

export const cases = [
  ["@x402/fetch pays a story by upto, each word that came", wholeStoryIsChargedByTheWord],
  ["@x402/fetch hangs up on a story by upto and pays what came", hangingUpCostsWhatCame],
  ["@x402/fetch: one payment by upto is charged once", samePaymentIsChargedOnce],
  ["the plug-in's spend limit counts the most of upto", spendLimitCountsTheMost],
];
