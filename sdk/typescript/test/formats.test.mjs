import assert from "node:assert/strict";
import { test } from "node:test";

import {
  PayerKey,
  accessHeader,
  audience,
  fromHex,
  idFromDigits,
  idFromText,
  idText,
  mandateBytes,
  nodeId,
  orderBytes,
  payerAccount,
  paymentId,
  purchaseBytes,
  purchaseDigest,
  revocationBytes,
  sha256,
  splitUrl,
  toHex,
  utf8,
} from "../dist/index.js";
import { mandateOf, orderOf, vectors } from "./vectors.mjs";

test("ids have one text", () => {
  for (const { kind, bytes, text } of vectors.ids) {
    if (kind === "network") {
      assert.equal(toHex(idFromDigits(text.slice("farthing:".length))), bytes);
      continue;
    }
    assert.equal(idText(kind, fromHex(bytes)), text);
    assert.equal(toHex(idFromText(kind, text)), bytes);
  }
  for (const { kind, text, why } of vectors.rejected_ids) {
    assert.throws(() => idFromText(kind, text), undefined, why);
  }
});

test("derived ids", () => {
  for (const row of vectors.node_ids) {
    assert.equal(toHex(nodeId(fromHex(row.public_key))), row.node);
  }
  for (const row of vectors.payer_accounts) {
    const asset = { code: row.asset, scale: row.scale };
    assert.equal(toHex(payerAccount(fromHex(row.public_key), asset)), row.account);
  }
  for (const row of vectors.payment_ids) {
    const payment = paymentId(fromHex(row.node), fromHex(row.payer), fromHex(row.order));
    assert.equal(toHex(payment), row.payment);
  }
});

test("purchases", () => {
  for (const row of vectors.purchases) {
    const purchase = { ...row, body: fromHex(row.body) };
    assert.equal(toHex(purchaseBytes(purchase)), row.bytes);
    assert.equal(toHex(purchaseDigest(purchase)), row.digest);
    const url = `${row.origin}${row.path}${row.query}`;
    const { origin, path, query } = row;
    assert.deepEqual(splitUrl(url), { origin, path, query });
  }
  assert.deepEqual(splitUrl("http://a.example?x=1#part"), {
    origin: "http://a.example",
    path: "/",
    query: "?x=1",
  });
  assert.throws(() => splitUrl("/articles/1"));
});

function checkSigned(row, bytes) {
  assert.equal(toHex(bytes), row.bytes);
  const key = PayerKey.fromSeed(fromHex(row.seed));
  assert.equal(toHex(key.sign(bytes)), row.signature);
}

test("orders, mandates and revocations", () => {
  for (const row of vectors.orders) checkSigned(row, orderBytes(orderOf(row)));
  for (const row of vectors.mandates) checkSigned(row, mandateBytes(mandateOf(row)));
  for (const row of vectors.revocations) {
    checkSigned(row, revocationBytes(fromHex(row.node), fromHex(row.mandate)));
  }
  const [forOneOrigin] = vectors.mandates;
  assert.equal(toHex(audience("http://127.0.0.1:4020")), forOneOrigin.audience);
});

test("access statements", async () => {
  for (const row of vectors.access) {
    const key = PayerKey.fromSeed(fromHex(row.seed));
    assert.equal(
      await accessHeader(fromHex(row.node), key, row.issued_at_ms),
      row.authorization,
    );
  }
});

test("no half-valid order is built", () => {
  const good = orderOf(vectors.orders[0]);
  const bad = [
    { node: new Uint8Array(16) },
    { order: new Uint8Array(16).fill(255) },
    { payer: new Uint8Array(15) },
    { signer: new Uint8Array(31) },
    { asset: { code: "usd", scale: 9 } },
    { asset: { code: "ABCDEFGHI", scale: 9 } },
    { asset: { code: "USD", scale: 31 } },
    { asset: { code: "USD", scale: 0.5 } },
    { amount: -1n },
    { amount: 1n << 128n },
    { purchase: utf8("short") },
    { expiresAtMs: 1n << 64n },
    { mandate: new Uint8Array(16) },
  ];
  for (const change of bad) assert.throws(() => orderBytes({ ...good, ...change }));
  assert.equal(orderBytes(good).length, 208);
  assert.equal(toHex(sha256()), toHex(sha256(new Uint8Array())));
});
