/**
 * Stock x402 server SDKs that sell through the node as facilitator: they know Farthing only through
 * the plug-in.
 *
 * One set of cases for every SDK; a seller counts how often its handlers really ran.
 */
import assert from "node:assert/strict";
import { once } from "node:events";

import { ExactFarthingServer, registerFarthing } from "@farthing/x402";
import { serve } from "@hono/node-server";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { paymentMiddleware as expressPayment, x402ResourceServer } from "@x402/express";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { paymentMiddleware as honoPayment } from "@x402/hono";
import express from "express";
import { Hono } from "hono";

import { available, decode, encode, network, newPayer, node, payeeAccount, plainFetch } from "../node.mjs";

const PRICE = 2_000_000n;

const shop = () =>
  new x402ResourceServer(new HTTPFacilitatorClient({ url: node })).register(
    "farthing:*",
    new ExactFarthingServer(),
  );

function routes(payTo) {
  const accepts = { scheme: "exact", network, payTo, price: "$0.002", maxTimeoutSeconds: 60 };
  const paths = ["GET /pages/:page", "POST /orders", "GET /broken"];
  return Object.fromEntries(paths.map((path) => [path, { accepts }]));
}

async function expressSeller(payTo, runs) {
  const app = express();
  app.use(express.json());
  app.use(expressPayment(routes(payTo), shop()));
  app.get("/pages/:page", (request, response) => {
    runs.push(request.path);
    setTimeout(() => response.json({ page: request.params.page }), 50);
  });
  app.post("/orders", (request, response) => {
    runs.push(request.path);
    response.status(201).json(request.body);
  });
  app.get("/broken", (_request, response) => {
    response.status(500).json({ error: "broken" });
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: server.address().port, close: () => server.close() };
}

async function honoSeller(payTo, runs) {
  const app = new Hono();
  app.use(honoPayment(routes(payTo), shop()));
  app.get("/pages/:page", async (context) => {
    runs.push(context.req.path);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return context.json({ page: context.req.param("page") });
  });
  app.post("/orders", async (context) => {
    runs.push(context.req.path);
    return context.json(await context.req.json(), 201);
  });
  app.get("/broken", (context) => context.json({ error: "broken" }, 500));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  if (!server.listening) await once(server, "listening");
  return { port: server.address().port, close: () => server.close() };
}

/** Runs a case with a seller and a funded payer of its own. */
function selling(makeSeller, run) {
  return async () => {
    const runs = [];
    const seller = await makeSeller(await payeeAccount(), runs);
    try {
      const key = await newPayer();
      const client = registerFarthing(new x402Client(), { key });
      const before = await available(key);
      const spent = async () => before - (await available(key));
      await run({ url: `http://127.0.0.1:${seller.port}`, client, runs, spent });
    } finally {
      seller.close();
    }
  };
}

async function sells({ url, client, runs, spent }) {
  const response = await wrapFetchWithPayment(plainFetch, client)(`${url}/pages/a`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { page: "a" });
  const settled = decode(response.headers.get("payment-response"));
  assert.equal(settled.success, true);
  assert.match(settled.transaction, /^pay_/);
  assert.equal(await spent(), PRICE);
  assert.deepEqual(runs, ["/pages/a"]);
}

async function sellsWithBody({ url, client, spent }) {
  const body = JSON.stringify({ n: 1 });
  const headers = { "content-type": "application/json" };
  const pay = wrapFetchWithPayment(plainFetch, client);
  const response = await pay(`${url}/orders`, { method: "POST", headers, body });
  assert.equal(response.status, 201);
  assert.deepEqual(await response.json(), { n: 1 });
  assert.equal(await spent(), PRICE);
}

async function paymentFor(client, url) {
  const unpaid = await plainFetch(url);
  assert.equal(unpaid.status, 402);
  return client.createPaymentPayload(decode(unpaid.headers.get("payment-required")));
}

const paid = (url, payment) =>
  plainFetch(url, { headers: { "payment-signature": encode(payment) } });

async function refusesOtherRoute({ url, client, runs, spent }) {
  const payment = await paymentFor(client, `${url}/pages/a`);
  assert.equal((await paid(`${url}/pages/b`, payment)).status, 402);
  assert.equal((await paid(`${url}/pages/a?x=1`, payment)).status, 402);
  const unpaid = await plainFetch(`${url}/pages/b`);
  const [accepted] = decode(unpaid.headers.get("payment-required")).accepts;
  assert.equal((await paid(`${url}/pages/b`, { ...payment, accepted })).status, 402);
  assert.deepEqual(runs, []);
  assert.equal(await spent(), 0n);
}

async function refusesReplay({ url, client, runs, spent }) {
  const payment = await paymentFor(client, `${url}/pages/a`);
  assert.equal((await paid(`${url}/pages/a`, payment)).status, 200);
  const again = await paid(`${url}/pages/a`, payment);
  assert.equal(again.status, 402);
  assert.deepEqual(runs, ["/pages/a"]);
  assert.equal(await spent(), PRICE);
}

async function runsCopiesOnce({ url, client, runs, spent }) {
  const payment = await paymentFor(client, `${url}/pages/a`);
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => paid(`${url}/pages/a`, payment)));
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 402, 402, 402, 402]);
  assert.deepEqual(runs, ["/pages/a"]);
  assert.equal(await spent(), PRICE);
}

async function failureIsFree({ url, client, spent }) {
  const payment = await paymentFor(client, `${url}/broken`);
  assert.equal((await paid(`${url}/broken`, payment)).status, 500);
  assert.equal((await paid(`${url}/broken`, payment)).status, 500);
  assert.equal(await spent(), 0n);
}

const EACH = [
  ["sells through the node", sells],
  ["sells a request with a body", sellsWithBody],
  ["refuses a payment for another route", refusesOtherRoute],
  ["refuses a replay before its handler runs", refusesReplay],
  ["runs five copies once", runsCopiesOnce],
  ["charges nothing for a failing handler", failureIsFree],
];

export const cases = [
  ["@x402/express", expressSeller],
  ["@x402/hono", honoSeller],
].flatMap(([name, seller]) => EACH.map(([about, run]) => [`${name} ${about}`, selling(seller, run)]));
