import assert from "node:assert/strict";
import { test } from "node:test";

import { x402ResourceServer } from "@x402/core/server";

import { BatchFarthingServer, UptoFarthingServer } from "../dist/index.js";
import { vectors } from "./vectors.mjs";

const { requirements, payloads } = vectors.x402_channels;
const { network, payTo } = requirements;
const [opening, raising, , paying, refund] = payloads;

/** A facilitator that answers as it is told to. */
function facilitator(verdict = { isValid: true }) {
  return {
    getSupported: async () => ({
      kinds: ["upto", "batch-settlement"].map((scheme) => ({ x402Version: 2, scheme, network })),
      extensions: [],
      signers: {},
    }),
    verify: async () => verdict,
    settle: async (_payload, terms) => ({ success: true, transaction: "", network, amount: terms.amount }),
  };
}

async function seller(scheme, backend = facilitator()) {
  const server = new x402ResourceServer(backend);
  server.register("farthing:*", scheme);
  await server.initialize();
  const offer = { scheme: scheme.scheme, network, payTo, price: "$0.001", maxTimeoutSeconds: 60 };
  const offers = await server.buildPaymentRequirements(offer);
  const verify = (payload) => server.verifyPayment(payment(payload, offers[0]), offers[0]);
  return { server, offers, verify };
}

const payment = (payload, accepted) => ({ x402Version: 2, payload, accepted });

test("terms of channels follow from the price unless they are given", async () => {
  const extraOf = async (options) => (await seller(new BatchFarthingServer(options))).offers[0].extra;
  assert.deepEqual(await extraOf({}), {
    start: "1000000",
    depositMin: "1000000",
    depositSuggested: "10000000",
    closeDelaySeconds: 3600,
    scale: 9,
  });
  const given = { depositMin: 5n, depositSuggested: 6n, closeDelaySeconds: 7 };
  const { depositMin, depositSuggested, closeDelaySeconds } = await extraOf(given);
  assert.deepEqual([depositMin, depositSuggested, closeDelaySeconds], ["5", "6", 7]);
});

test("only what buys something runs a handler", async () => {
  const { verify } = await seller(new BatchFarthingServer());
  for (const [payload, skips] of [
    [paying, false],
    [{ ...opening, voucher: { ...opening.voucher, channelId: "ch_other" } }, false],
    [{ ...refund, channelId: "ch_third" }, true],
    [{ ...raising, topUp: { ...raising.topUp, channelId: "ch_fourth" } }, true],
  ]) {
    const verdict = await verify(payload);
    assert.equal(verdict.isValid, true);
    assert.equal(verdict.skipHandler !== undefined, skips, JSON.stringify(payload));
  }
});

test("one request of a channel is served at a time", async () => {
  const { server, offers, verify } = await seller(new BatchFarthingServer());
  const second = { ...paying, voucher: { ...paying.voucher, sequence: 9 } };
  assert.equal((await verify(paying)).isValid, true);
  assert.equal((await verify(second)).invalidReason, "channel_busy");
  const other = { ...paying, voucher: { ...paying.voucher, channelId: "ch_other" } };
  assert.equal((await verify(other)).isValid, true);
  await server.settlePayment(payment(paying, offers[0]), offers[0]);
  assert.equal((await verify(second)).isValid, true);
});

test("a payer that has lost count is told where its channel stands, once", async () => {
  const extra = { channelState: { channelId: "ch_x", spent: "1" }, voucherState: { sequence: 4 } };
  const refusal = { isValid: false, invalidReason: "voucher_stale", extra };
  const { server, offers, verify } = await seller(new BatchFarthingServer(), facilitator(refusal));
  assert.equal((await verify(paying)).invalidReason, "voucher_stale");
  const transport = {
    request: { adapter: { getMethod: () => "GET", getUrl: () => "http://x/", getBody: () => undefined } },
  };
  const challenge = async (payload) => {
    const told = payload && payment(payload, offers[0]);
    const resource = { url: "http://x/" };
    const text = "voucher_stale";
    return server.createPaymentRequiredResponse(offers, resource, text, undefined, transport, told);
  };
  assert.equal((await challenge()).accepts[0].extra.channelState, undefined);
  const { accepts } = await challenge(paying);
  assert.deepEqual(accepts[0].extra.channelState, extra.channelState);
  assert.deepEqual(accepts[0].extra.voucherState, extra.voucherState);
  assert.match(accepts[0].extra.purchase, /^[0-9a-f]{64}$/);
  assert.equal((await challenge(paying)).accepts[0].extra.channelState, undefined);
  // What changes from answer to answer does not keep an echo from fitting.
  const plain = (await challenge()).accepts;
  assert.equal(plain[0].extra.channelState, undefined);
  assert.ok(server.findMatchingRequirements(plain, payment(paying, accepts[0])));
  assert.ok(server.findMatchingRequirements(accepts, payment(paying, plain[0])));
});

test("upto is settled after the handler only", async () => {
  const { offers } = await seller(new UptoFarthingServer());
  assert.equal(offers[0].extra.paymentFlow, undefined);
  const server = new x402ResourceServer(facilitator()).register("farthing:*", new UptoFarthingServer());
  await server.initialize();
  const upfront = { scheme: "upto", network, payTo, price: "$1", extra: { paymentFlow: "upfront" } };
  await assert.rejects(server.buildPaymentRequirements(upfront));
});
