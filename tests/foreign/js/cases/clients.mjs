/**
 * Stock x402 clients that buy at the gateway: they know Farthing only through the plug-in.
 *
 * Every case checks the answer and the payer's balance at the node: what the client believes is
 * not enough.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { SpendLimits, registerFarthing } from "@farthing/x402";
import { wrapAxiosWithPayment, x402Client as AxiosClient } from "@x402/axios";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import axios from "axios";

import { available, challenge, decode, network, newPayer, node, offers, plainFetch, request } from "../node.mjs";

function payingFetch(key, options = {}, fetcher = plainFetch) {
  const client = registerFarthing(new x402Client(), { key, ...options });
  return { client, pay: wrapFetchWithPayment(fetcher, client) };
}

/** A payment response that says what really moved. */
async function checkPaid(key, before, header) {
  const settled = decode(header);
  assert.equal(settled.success, true);
  assert.match(settled.transaction, /^pay_[0-9a-z]{26}$/);
  assert.equal(settled.network, network);
  assert.match(settled.payer, /^acc_[0-9a-z]{26}$/);
  assert.equal(settled.extra.state, "settled");
  const spent = before - (await available(key));
  assert.ok(spent > 0n, "nothing was charged");
  assert.equal(settled.amount, String(spent));
  const receipt = await plainFetch(new URL(settled.extra.receipt, node));
  assert.equal(receipt.status, 200);
  return { settled, spent };
}

async function fetchPaysArticle() {
  const key = await newPayer();
  const before = await available(key);
  const response = await payingFetch(key).pay(...request(offers.article));
  assert.equal(response.status, 200);
  assert.ok((await response.text()).length > 0);
  assert.match(response.headers.get("cache-control") ?? "", /private|no-store/);
  await checkPaid(key, before, response.headers.get("payment-response"));
}

async function fetchPaysCall() {
  const key = await newPayer();
  const before = await available(key);
  const response = await payingFetch(key).pay(...request(offers.call));
  assert.ok(response.ok, `status ${response.status}`);
  await checkPaid(key, before, response.headers.get("payment-response"));
}

async function axiosPays() {
  const key = await newPayer();
  const before = await available(key);
  const client = registerFarthing(new AxiosClient(), { key });
  const http = wrapAxiosWithPayment(axios.create({ timeout: 20_000 }), client);
  const [url] = request(offers.article);
  const response = await http.get(url);
  assert.equal(response.status, 200);
  await checkPaid(key, before, response.headers["payment-response"]);
  const called = await http.post(request(offers.call)[0], offers.call.body);
  assert.ok(called.status < 300);
}

/** A client of version 1 does not know the header of version 2. */
async function onlyVersion1(input, init) {
  const response = await plainFetch(input, init);
  const headers = new Headers(response.headers);
  headers.delete("payment-required");
  return new Response(response.body, { status: response.status, headers });
}

async function version1Pays() {
  const key = await newPayer();
  const before = await available(key);
  const seen = [];
  const watching = async (input, init) => {
    seen.push(input.headers.has("x-payment"));
    return onlyVersion1(input, init);
  };
  const { pay } = payingFetch(key, {}, watching);
  const response = await pay(...request(offers.article));
  assert.equal(response.status, 200);
  assert.deepEqual(seen, [false, true]);
  const settled = decode(response.headers.get("x-payment-response"));
  assert.equal(settled.success, true);
  assert.equal(before - (await available(key)), BigInt(settled.amount));
}

async function bothVersionsStayOn2() {
  const key = await newPayer();
  const seen = [];
  const { pay } = payingFetch(key, {}, async (input, init) => {
    const headers = new Request(input, init).headers;
    seen.push([headers.has("payment-signature"), headers.has("x-payment")]);
    return plainFetch(input, init);
  });
  assert.equal((await pay(...request(offers.article))).status, 200);
  assert.deepEqual(seen, [[false, false], [true, false]]);
}

async function freeStaysFree() {
  const key = await newPayer();
  const before = await available(key);
  const response = await payingFetch(key).pay(...request(offers.free));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("payment-response"), null);
  assert.equal(await available(key), before);
}

async function sdkSpendControlRefuses() {
  const key = await newPayer();
  const before = await available(key);
  const { client, pay } = payingFetch(key);
  client.setSpendControls({ maxAmountPerPayment: "$0.000001" });
  await assert.rejects(pay(...request(offers.article)), /spendControls/);
  assert.equal(await available(key), before);
}

async function ownSpendLimitRefuses() {
  const key = await newPayer();
  const before = await available(key);
  const [url, init] = request(offers.article);
  const price = BigInt(decode((await plainFetch(url, init)).headers.get("payment-required")).accepts[0].amount);
  const limits = new SpendLimits({ total: 2n * price + price / 2n });
  const { pay } = payingFetch(key, { spendControl: limits });
  assert.equal((await pay(url, init)).status, 200);
  assert.equal((await pay(url, init)).status, 200);
  await assert.rejects(pay(url, init), /total_exceeded/);
  assert.equal(before - (await available(key)), 2n * price);
}

async function emptyPurseIsRefused() {
  const key = await newPayer({ funded: false });
  const response = await payingFetch(key).pay(...request(offers.article));
  assert.equal(response.status, 402);
  const refused = decode(response.headers.get("payment-required"));
  assert.ok(refused.error, "the refusal says why");
}

async function operator(method, path, body) {
  const token = readFileSync(join(process.env.FARTHING_DEMO_DATA, "operator.token"), "utf8").trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await plainFetch(`${node}${path}`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** The client knows nothing of codes: it repeats its header and pays what it is asked. */
async function codeLowersThePrice() {
  const terms = { percent_ppm: 500_000, max_uses: 1, per_payer: 1 };
  const { code, code_id: id } = await operator("POST", "/v1/codes", terms);
  try {
    const usual = BigInt((await challenge(offers.article)).accepts[0].amount);
    const [key, late] = [await newPayer(), await newPayer()];
    const before = await available(key);
    const coded = request(offers.article, { "farthing-code": code });
    const response = await payingFetch(key).pay(...coded);
    assert.equal(response.status, 200);
    const { spent } = await checkPaid(key, before, response.headers.get("payment-response"));
    assert.equal(spent, usual / 2n);
    // Used up: the client is refused, told so, and charged nothing.
    const money = await available(late);
    const refused = await payingFetch(late).pay(...coded);
    assert.equal(refused.status, 402);
    assert.equal((await refused.json()).code, "code_used_up");
    assert.equal(await available(late), money);
  } finally {
    await operator("DELETE", `/v1/codes/${id}`);
  }
}

export const cases = [
  ["@x402/fetch pays for an article", fetchPaysArticle],
  ["@x402/fetch pays for an API call with a body", fetchPaysCall],
  ["@x402/axios pays for both", axiosPays],
  ["a client of version 1 pays", version1Pays],
  ["a client of both versions stays on version 2", bothVersionsStayOn2],
  ["what is free is not paid", freeStaysFree],
  ["the SDK's spend control refuses before paying", sdkSpendControlRefuses],
  ["the plug-in's spend limit refuses before paying", ownSpendLimitRefuses],
  ["a payer without money is refused", emptyPurseIsRefused],
  ["a client with a discount code pays the lower price", codeLowersThePrice],
];
