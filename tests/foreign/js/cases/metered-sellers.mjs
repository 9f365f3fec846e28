/**
 * Stock x402 server SDKs that sell by `upto` and from channels through the node as facilitator.
 *
 * A handler says what its work was worth; the cases check what the node charged.
 */
import assert from "node:assert/strict";
import { once } from "node:events";

import {
  BatchFarthingClient,
  BatchFarthingServer,
  MemoryChannelStore,
  UptoFarthingServer,
  channelsFirst,
  registerFarthing,
} from "@farthing/x402";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { paymentMiddleware, setSettlementOverrides, x402ResourceServer } from "@x402/express";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import express from "express";

import { available, decode, encode, network, newPayer, node, payeeAccount, plainFetch } from "../node.mjs";

const PRICE = 2_000_000n;

async function expressSeller(payTo, runs) {
  const facilitator = new HTTPFacilitatorClient({ url: node });
  const server = new x402ResourceServer(facilitator)
    .register("farthing:*", new UptoFarthingServer())
    .register("farthing:*", new BatchFarthingServer({ closeDelaySeconds: 1 }));
  const offer = (scheme) => ({ scheme, network, payTo, price: "$0.002", maxTimeoutSeconds: 60 });
  const app = express();
  const routes = {
    "GET /upto/:units": { accepts: offer("upto") },
    "GET /batch/:units": { accepts: offer("batch-settlement") },
    "GET /broken": { accepts: offer("batch-settlement") },
  };
  app.use(paymentMiddleware(routes, server));
  const work = (request, response) => {
    runs.push(request.path);
    const { units } = request.params;
    if (units !== "all") setSettlementOverrides(response, { amount: units });
    response.json({ units });
  };
  app.get("/upto/:units", work);
  app.get("/batch/:units", work);
  app.get("/broken", (_request, response) => response.status(500).json({ error: "broken" }));
  const listener = app.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return { port: listener.address().port, close: () => listener.close() };
}

/** A store whose record can be put back to an earlier one. */
class RewindableStore extends MemoryChannelStore {
  #name;

  async save(name, record) {
    this.#name = name;
    await super.save(name, record);
  }

  rewind(record) {
    return super.save(this.#name, record);
  }
}

function selling(run) {
  return async () => {
    const runs = [];
    const seller = await expressSeller(await payeeAccount(), runs);
    try {
      const key = await newPayer();
      const store = new RewindableStore();
      const scheme = new BatchFarthingClient({ key, channels: { store, deposit: 5n * PRICE } });
      const client = registerFarthing(new x402Client(), { key });
      client.register("farthing:*", scheme);
      client.registerPolicy(channelsFirst);
      const before = await available(key);
      const spent = async () => before - (await available(key));
      const pay = wrapFetchWithPayment(plainFetch, client);
      const url = `http://127.0.0.1:${seller.port}`;
      await run({ url, client, scheme, store, pay, runs, spent });
    } finally {
      seller.close();
    }
  };
}

const settlement = (response) => decode(response.headers.get("payment-response"));

async function uptoChargesWhatWasUsed({ url, pay, spent, runs }) {
  let total = 0n;
  for (const [units, charged] of [["700000", 700_000n], ["0", 0n], ["all", PRICE]]) {
    const response = await pay(`${url}/upto/${units}`);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { units });
    const settled = settlement(response);
    assert.match(settled.transaction, /^pay_/);
    assert.equal(settled.amount, String(charged));
    total += charged;
    assert.equal(await spent(), total);
  }
  assert.equal(runs.length, 3);
}

async function uptoNeverChargesMore({ url, pay, spent }) {
  const response = await pay(`${url}/upto/${PRICE + 1n}`);
  assert.equal(response.status, 402);
  assert.equal(settlement(response).errorReason, "amount_above_maximum");
  assert.equal(await spent(), 0n);
}

async function uptoReplayRunsNothing({ url, client, runs, spent }) {
  const unpaid = await plainFetch(`${url}/upto/5`);
  const payment = await client.createPaymentPayload(decode(unpaid.headers.get("payment-required")));
  const headers = { "payment-signature": encode(payment) };
  assert.equal((await plainFetch(`${url}/upto/5`, { headers })).status, 200);
  assert.equal((await plainFetch(`${url}/upto/5`, { headers })).status, 402);
  assert.equal((await plainFetch(`${url}/upto/6`, { headers })).status, 402);
  assert.deepEqual(runs, ["/upto/5"]);
  assert.equal(await spent(), 5n);
}

async function channelChargesWhatWasUsed({ url, pay, spent, scheme }) {
  let total = 0n;
  const amounts = [["all", PRICE], ["700000", 700_000n], ["0", 0n], ["all", PRICE], ["1", 1n]];
  for (const [units, charged] of amounts) {
    const response = await pay(`${url}/batch/${units}`);
    assert.equal(response.status, 200, `${units}: ${response.headers.get("payment-response")}`);
    const settled = settlement(response);
    total += charged;
    assert.equal(settled.amount, String(charged));
    assert.equal(settled.extra.channelState.spent, String(total));
  }
  // The deposit was raised on the way; what is unspent comes back after the seller's delay.
  assert.ok((await spent()) >= 5n * PRICE);
  const refund = await scheme.refund(`${url}/batch/all`, { fetch: plainFetch });
  assert.equal(refund.success, true);
  assert.ok(refund.closesAtMs > Date.now() - 60_000);
  for (let tries = 0; tries < 50 && (await spent()) !== total; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(await spent(), total);
}

async function channelOutlivesItsFirstDeposit({ url, pay, scheme }) {
  for (let count = 1n; count <= 7n; count += 1n) {
    const response = await pay(`${url}/batch/all`);
    assert.equal(response.status, 200);
    const state = settlement(response).extra.channelState;
    assert.equal(state.spent, String(count * PRICE));
    assert.equal(state.deposit, String(count <= 5n ? 5n * PRICE : 10n * PRICE));
  }
  const unpaid = await plainFetch(`${url}/batch/all`);
  const [accepted] = decode(unpaid.headers.get("payment-required")).accepts;
  assert.equal((await scheme.channel(accepted)).sequence, 7);
}

async function lostCountIsRecovered({ url, pay, scheme, store }) {
  await pay(`${url}/batch/all`);
  const unpaid = await plainFetch(`${url}/batch/all`);
  const [accepted] = decode(unpaid.headers.get("payment-required")).accepts;
  const old = await scheme.channel(accepted);
  await pay(`${url}/batch/all`);
  await pay(`${url}/batch/all`);
  await store.rewind(old);
  const response = await pay(`${url}/batch/all`);
  assert.equal(response.status, 200);
  const state = settlement(response).extra.channelState;
  assert.deepEqual([state.channelId, state.spent], [old.channel, String(4n * PRICE)]);
}

async function failureCostsNothing({ url, pay, scheme }) {
  await pay(`${url}/batch/all`);
  assert.equal((await pay(`${url}/broken`)).status, 500);
  const response = await pay(`${url}/batch/all`);
  assert.equal(response.status, 200);
  assert.equal(settlement(response).extra.channelState.spent, String(2n * PRICE));
  assert.ok(scheme);
}

async function channelReplayRunsNothing({ url, client, runs }) {
  const unpaid = await plainFetch(`${url}/batch/5`);
  const payment = await client.createPaymentPayload(decode(unpaid.headers.get("payment-required")));
  const headers = { "payment-signature": encode(payment) };
  const ask = (path) => plainFetch(`${url}${path}`, { headers });
  const answers = await Promise.all([1, 2, 3].map(() => ask("/batch/5")));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 402, 402]);
  assert.equal((await ask("/batch/5")).status, 402);
  assert.equal((await ask("/batch/6")).status, 402);
  assert.deepEqual(runs, ["/batch/5"]);
}

export const cases = [
  ["charges by upto what was used", uptoChargesWhatWasUsed],
  ["never charges more by upto than was signed", uptoNeverChargesMore],
  ["runs nothing for a replay by upto", uptoReplayRunsNothing],
  ["charges from a channel what was used, and the rest comes back", channelChargesWhatWasUsed],
  ["tops a channel up", channelOutlivesItsFirstDeposit],
  ["helps a payer that has lost count", lostCountIsRecovered],
  ["charges nothing from a channel for a failing handler", failureCostsNothing],
  ["runs nothing for a replay from a channel", channelReplayRunsNothing],
].map(([about, run]) => [`@x402/express ${about}`, selling(run)]);
