import assert from "node:assert/strict";
import { test } from "node:test";

import { x402ResourceServer } from "@x402/core/server";

import { ExactFarthingServer, parsePrice, purchaseDigest, toHex, utf8 } from "../dist/index.js";
import { vectors } from "./vectors.mjs";

const network = vectors.x402[0].requirements.network;
const payTo = vectors.x402[0].requirements.payTo;

const request = (url, { method = "GET", body } = {}) => ({
  request: { adapter: { getMethod: () => method, getUrl: () => url, getBody: () => body } },
});

/** A facilitator that takes everything, slowly enough for copies to overlap. */
function facilitator(calls = []) {
  return {
    calls,
    getSupported: async () => ({
      kinds: [{ x402Version: 2, scheme: "exact", network, extra: {} }],
      extensions: [],
      signers: {},
    }),
    verify: async () => {
      calls.push("verify");
      await new Promise((resolve) => setImmediate(resolve));
      return { isValid: true };
    },
    settle: async () => {
      calls.push("settle");
      return { success: true, transaction: "pay_x", network };
    },
  };
}

async function seller(options, backend = facilitator()) {
  const server = new x402ResourceServer(backend);
  server.register("farthing:*", new ExactFarthingServer(options));
  await server.initialize();
  const offers = await server.buildPaymentRequirements({
    scheme: "exact",
    network,
    payTo,
    price: "$0.002",
    maxTimeoutSeconds: 60,
  });
  const challenge = async (transport) =>
    (await server.createPaymentRequiredResponse(offers, { url: "http://x/" }, undefined, undefined, transport))
      .accepts;
  return { server, offers, challenge };
}

test("prices are exact", () => {
  const cases = [
    ["$0.002", "2000000"],
    ["0.002", "2000000"],
    ["$0.00001 USD", "10000"],
    ["0.000000001", "1"],
    ["$1", "1000000000"],
    ["$0", "0"],
    ["$0.10", "100000000"],
    ["123456789012345678901.000000001", "123456789012345678901000000001"],
    [0.002, "2000000"],
    [1e-9, "1"],
    [1.5e-7, "150"],
    [3, "3000000000"],
  ];
  for (const [price, amount] of cases) assert.equal(parsePrice(price, 9).amount, amount, price);
  for (const price of ["", "$", "-1", "1,5", "1e9", "0.0000000001", "$.5", "5 usd", 1e-10, 1e30, NaN, -1]) {
    assert.throws(() => parsePrice(price, 9), undefined, String(price));
  }
});

test("the stock server builds our requirements", async () => {
  const { offers } = await seller();
  assert.deepEqual(offers, [
    { scheme: "exact", network, amount: "2000000", asset: "USD", payTo, maxTimeoutSeconds: 60, extra: { scale: 9 } },
  ]);
  const scheme = new ExactFarthingServer();
  await assert.rejects(scheme.parsePrice("1 EUR", network), /EUR/);
  assert.deepEqual(await scheme.parsePrice({ amount: "7", asset: "USD" }, network), {
    amount: "7",
    asset: "USD",
    extra: { scale: 9 },
  });
});

test("each request has its own purchase", async () => {
  const { server, challenge } = await seller();
  const transports = [
    request("http://shop.example/a"),
    request("http://shop.example/b"),
    request("http://shop.example/a?"),
    request("http://shop.example/a%2Fb"),
    request("http://shop.example/a/b"),
    request("http://shop.example/a", { method: "POST" }),
    request("http://shop.example/a", { method: "POST", body: { n: 1 } }),
    request("http://shop.example/a", { method: "POST", body: { n: 2 } }),
    request("https://shop.example/a"),
  ];
  const offers = await Promise.all(transports.map(challenge));
  const purchases = new Set(offers.map(([offer]) => offer.extra.purchase));
  assert.equal(purchases.size, transports.length);
  for (const [index, [paid]] of offers.entries()) {
    for (const [other, available] of offers.entries()) {
      const match = server.findMatchingRequirements(available, { x402Version: 2, accepted: paid });
      assert.equal(match !== undefined, index === other);
    }
  }
});

test("the purchase is the one of the format document", async () => {
  const row = vectors.purchases.find(({ method }) => method === "POST");
  const body = Buffer.from(row.body, "hex");
  const url = `${row.origin}${row.path}${row.query}`;
  for (const given of [body, body.toString()]) {
    const { challenge } = await seller();
    const [offer] = await challenge(request(url, { method: "POST", body: given }));
    assert.equal(offer.extra.purchase, row.digest);
  }
  const { challenge } = await seller({ requestBody: () => body, origin: row.origin });
  const [behindProxy] = await challenge(request(`http://inner${row.path}`, { method: "POST" }));
  assert.equal(behindProxy.extra.purchase, row.digest);
});

test("without an HTTP request no purchase is named", async () => {
  const { challenge } = await seller();
  const [offer] = await challenge(undefined);
  assert.equal(offer.extra.purchase, undefined);
  assert.ok(toHex(purchaseDigest({ method: "get", origin: "o", path: "/", query: "", body: utf8("") })));
});

test("copies in flight are verified once; afterwards the facilitator decides", async () => {
  const backend = facilitator();
  const { server, offers } = await seller({}, backend);
  const payment = { x402Version: 2, accepted: offers[0], payload: { order: "AAAA", signature: "" } };
  const other = { ...payment, payload: { order: "BBBB", signature: "" } };
  const verify = (copy) => server.verifyPayment(copy, offers[0]);

  const results = await Promise.all([verify(payment), verify(payment), verify(payment), verify(other)]);
  assert.deepEqual(
    results.map(({ isValid, invalidReason }) => invalidReason ?? isValid),
    [true, "payment_in_flight", "payment_in_flight", true],
  );
  assert.deepEqual(backend.calls, ["verify", "verify"]);

  await server.settlePayment(payment, offers[0]);
  assert.equal((await verify(payment)).isValid, true);
  await server
    .createPaymentCancellationDispatcher(payment, offers[0])
    .cancel({ reason: "handler_failed", responseStatus: 500 });
  assert.equal((await verify(payment)).isValid, true);

  backend.verify = async () => ({ isValid: false, invalidReason: "duplicate_settlement" });
  await server.settlePayment(payment, offers[0]);
  assert.equal((await verify(payment)).invalidReason, "duplicate_settlement");
  assert.equal((await verify(payment)).invalidReason, "duplicate_settlement");
});
