/**
 * A stock `mppx` server that sells through the node: it knows Farthing only through the plug-in.
 *
 * The seller counts how often its handlers really ran.
 */
import assert from "node:assert/strict";
import { once } from "node:events";

import { serve } from "@hono/node-server";
import { charge, sellCharge, sellSession, session } from "@farthing/x402/mpp";
import { Challenge } from "mppx";
import { Mppx as Client } from "mppx/client";
import { Mppx as Server } from "mppx/server";

import { available, network, newPayer, node, payeeAccount, plainFetch } from "../node.mjs";

const PRICE = 2_000_000n;

async function mppxSeller(runs) {
  const seller = { node, network, recipient: await payeeAccount() };
  const mppx = Server.create({
    methods: [sellCharge(seller), sellSession(seller)],
    realm: "127.0.0.1",
    secretKey: "a secret of at least thirty-two bytes",
  });
  const sell = (intent) => async (input) => {
    const paid = await mppx.farthing[intent]({ amount: "0.002" })(input);
    if (paid.status === 402) return paid.challenge;
    if (input.method === "HEAD") return paid.withReceipt(new Response(null));
    runs.push(new URL(input.url).pathname);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return paid.withReceipt(Response.json({ path: new URL(input.url).pathname }));
  };
  const routes = { "/pages": sell("charge"), "/session": sell("session") };
  const fetch = (input) => {
    const root = `/${new URL(input.url).pathname.split("/")[1]}`;
    return routes[root]?.(input) ?? new Response(null, { status: 404 });
  };
  const server = serve({ fetch, port: 0, hostname: "127.0.0.1" });
  if (!server.listening) await once(server, "listening");
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Runs a case with a seller and a funded payer of its own. */
function selling(run) {
  return async () => {
    const runs = [];
    const seller = await mppxSeller(runs);
    try {
      const key = await newPayer();
      await run({ origin: seller.origin, runs, key, before: await available(key) });
    } finally {
      seller.close();
    }
  };
}

const client = (methods, fetch = plainFetch) =>
  Client.create({ methods, polyfill: false, fetch }).fetch;

async function sellsByCharge({ origin, runs, key, before }) {
  const response = await client([charge({ key })])(`${origin}/pages/1`);
  assert.equal(response.status, 200, await response.clone().text());
  assert.deepEqual(await response.json(), { path: "/pages/1" });
  const receipt = JSON.parse(
    Buffer.from(response.headers.get("payment-receipt"), "base64url").toString("utf8"),
  );
  assert.match(receipt.reference, /^pay_/);
  assert.deepEqual(runs, ["/pages/1"]);
  assert.equal(before - (await available(key)), PRICE);
}

async function servesOncePerPayment({ origin, runs, key, before }) {
  const [challenge] = Challenge.fromResponseList(await plainFetch(`${origin}/pages/1`));
  const authorization = await charge({ key }).createCredential({ challenge });
  const pay = (path) => plainFetch(`${origin}${path}`, { headers: { authorization } });
  assert.equal((await pay("/pages/2")).status, 402, "a payment for another page was taken");
  const answers = await Promise.all([1, 2, 3].map(() => pay("/pages/1")));
  answers.push(await pay("/pages/1"));
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 402, 402, 402]);
  assert.deepEqual(runs, ["/pages/1"]);
  assert.equal(before - (await available(key)), PRICE);
}

async function refusesThePoor({ origin, runs }) {
  const key = await newPayer({ funded: false });
  const response = await client([charge({ key })])(`${origin}/pages/1`);
  assert.equal(response.status, 402);
  assert.match(JSON.stringify(await response.json()), /insufficient_funds/);
  assert.deepEqual(runs, []);
}

async function sellsBySession({ origin, runs, key, before }) {
  const sessions = session({ key });
  const fetch = client([sessions.method], sessions.fetch(plainFetch));
  for (const page of [1, 2, 3]) {
    const response = await fetch(`${origin}/session/${page}`);
    assert.equal(response.status, 200, await response.clone().text());
  }
  assert.equal(runs.length, 3);
  const closed = await sessions.close(`${origin}/session/1`);
  assert.equal(closed.spent, 3n * PRICE);
  // Without the payee's token the payer alone closes: the rest comes back after the delay.
  assert.ok(closed.closesAtMs > Date.now(), JSON.stringify(closed, (_, v) => String(v)));
  const view = await (await plainFetch(`${node}/v1/channels/${closed.channel}`)).json();
  assert.equal(view.spent, String(3n * PRICE));
  assert.equal(view.state, "closing");
  assert.ok(before - (await available(key)) >= 3n * PRICE);
}

export const cases = [
  ["a seller with mppx sells by charge", selling(sellsByCharge)],
  ["a seller with mppx serves once for each payment", selling(servesOncePerPayment)],
  ["a seller with mppx refuses who cannot pay", selling(refusesThePoor)],
  ["a seller with mppx sells by session", selling(sellsBySession)],
];
