import assert from "node:assert/strict";
import { test } from "node:test";

import {
  PayerKey,
  UNLIMITED,
  attenuate,
  fromHex,
  idText,
  pauseBytes,
  registerChain,
  signMandate,
  toHex,
  treeMandateBytes,
  treeMandateId,
  widerLimit,
} from "../dist/index.js";
import { isNone, vectors } from "./vectors.mjs";

const limitsOf = (row) => ({
  perPayment: BigInt(row.per_payment),
  perDay: BigInt(row.per_day),
  perMonth: BigInt(row.per_month),
  total: BigInt(row.total),
  ...(row.unit_per !== "0" && {
    unitPrice: { price: BigInt(row.unit_price), per: BigInt(row.unit_per) },
  }),
  expiresAtMs: BigInt(row.expires_at_ms),
  depth: row.depth,
  payees: row.payees.map((payee) => fromHex(payee)).reverse(),
  ...(!isNone(row.audience) && { audience: fromHex(row.audience) }),
});

const treeOf = (row) => ({
  node: fromHex(row.node),
  salt: fromHex(row.salt),
  ...(!isNone(row.parent) && { parent: fromHex(row.parent) }),
  payer: fromHex(row.payer),
  granter: fromHex(row.granter_key),
  delegate: fromHex(row.delegate_key),
  asset: { code: row.asset, scale: row.scale },
  limits: limitsOf(row),
});

test("mandates that can be passed on, and pauses", () => {
  for (const row of vectors.tree_mandates) {
    const signed = signMandate(PayerKey.fromSeed(fromHex(row.seed)), treeOf(row));
    assert.equal(toHex(signed.mandate), row.bytes, row.about);
    assert.equal(toHex(signed.signature), row.signature, row.about);
    assert.equal(idText("man", treeMandateId(signed.mandate)), row.text);
  }
  for (const row of vectors.pauses) {
    const made = pauseBytes(
      fromHex(row.node), fromHex(row.mandate), BigInt(row.sequence), row.paused,
    );
    assert.equal(toHex(made), row.bytes);
  }
});

test("a holder passes on a narrower mandate offline", () => {
  const [root, child] = vectors.tree_mandates;
  const made = attenuate(PayerKey.fromSeed(fromHex(child.seed)), treeOf(root), {
    delegate: fromHex(child.delegate_key),
    salt: fromHex(child.salt),
    limits: limitsOf(child),
  });
  assert.equal(toHex(made.mandate), child.bytes);
  assert.equal(toHex(made.signature), child.signature);
});

test("a wider limit is named", () => {
  const parent = limitsOf(vectors.tree_mandates[1]);
  const child = { ...parent, depth: 0 };
  const above = { ...parent, depth: 1 };
  assert.equal(widerLimit(child, above), undefined);
  const { unitPrice, audience, ...open } = child;
  const changes = {
    perPayment: UNLIMITED,
    perDay: UNLIMITED,
    perMonth: UNLIMITED,
    total: UNLIMITED,
    unitPrice: { price: unitPrice.price, per: unitPrice.per - 1n },
    expiresAtMs: child.expiresAtMs + 1n,
    depth: 1,
    payees: [],
    audience: new Uint8Array(32).fill(1),
  };
  for (const [limit, value] of Object.entries(changes)) {
    assert.equal(widerLimit({ ...child, [limit]: value }, above), limit);
  }
  assert.equal(widerLimit({ ...open, audience }, above), "unitPrice");
  assert.equal(widerLimit({ ...open, unitPrice }, above), "audience");
});

test("a chain is registered root first", async () => {
  const [root, child] = vectors.tree_mandates.map((row) => ({
    mandate: treeMandateBytes(treeOf(row)),
    signature: fromHex(row.signature),
  }));
  let sent;
  const node = async (url, init) => {
    sent = { url: String(url), body: JSON.parse(init.body) };
    return new Response("{}", { status: 201 });
  };
  const id = await registerChain("http://127.0.0.1:4021", [root, child], "agent", node);
  assert.equal(id, vectors.tree_mandates[1].text);
  assert.equal(sent.url, "http://127.0.0.1:4021/v1/mandates");
  assert.equal(sent.body.chain.length, 2);
  assert.equal(sent.body.chain[0].mandate, Buffer.from(root.mandate).toString("base64"));
  const refusing = async () =>
    new Response(JSON.stringify({ code: "mandate_wider_total", detail: "it is" }), { status: 422 });
  await assert.rejects(registerChain("http://127.0.0.1:4021", [root], "", refusing), /wider_total/);
});
