import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { x402Client } from "@x402/core/client";

import {
  ExactFarthingClient,
  PayerKey,
  SpendLimits,
  fromHex,
  readRequirements,
  registerFarthing,
  signOrder,
  toHex,
} from "../dist/index.js";
import { vectors } from "./vectors.mjs";

const [example] = vectors.x402;
const key = PayerKey.fromSeed(fromHex(example.seed));
const offer = (changes = {}) => ({ ...example.requirements, ...changes });
const challenge = (...accepts) => ({
  x402Version: 2,
  resource: { url: "http://127.0.0.1:4020/articles/1" },
  accepts,
});

test("requirements become exactly the golden payload", async () => {
  const terms = readRequirements(2, offer());
  const payload = await signOrder({ key }, terms, fromHex(example.order_id), example.now_ms);
  assert.deepEqual(payload, example.payload);
});

test("the stock client pays with it, in version 2 and version 1", async () => {
  const client = registerFarthing(new x402Client(), { key });
  const payment = await client.createPaymentPayload(challenge(offer()));
  assert.equal(payment.x402Version, 2);
  assert.deepEqual(payment.accepted, offer());
  const bytes = Buffer.from(payment.payload.order, "base64");
  assert.equal(bytes.length, 208);
  assert.equal(bytes.subarray(152, 184).toString("hex"), example.requirements.extra.purchase);

  const { amount, ...rest } = offer();
  const version1 = { ...rest, maxAmountRequired: amount, resource: "http://x/", description: "" };
  const old = await client.createPaymentPayload({ x402Version: 1, accepts: [version1] });
  assert.deepEqual(Object.keys(old).sort(), ["network", "payload", "scheme", "x402Version"]);
  assert.equal(old.network, offer().network);
  assert.notEqual(old.payload.order, payment.payload.order, "each order id is used once");
});

test("the SDK's spend controls know the asset", async () => {
  const client = registerFarthing(new x402Client(), { key });
  await client.createPaymentPayload(challenge(offer({ amount: "1000000000" })));
  await assert.rejects(
    client.createPaymentPayload(challenge(offer({ amount: "1000000001" }))),
    /spendControls/,
  );
  await assert.rejects(
    client.createPaymentPayload(challenge(offer({ asset: "ABC" }))),
    /spendControls/,
  );
  const scheme = new ExactFarthingClient({ key });
  assert.equal(scheme.findDefaultAsset("USD", "eip155:8453"), undefined);
});

test("another scale than the known one is refused", async () => {
  const client = registerFarthing(new x402Client(), { key });
  const bent = offer({ extra: { ...offer().extra, scale: 2 } });
  await assert.rejects(client.createPaymentPayload(challenge(bent)), /scale 9/);
});

test("hostile requirements are refused before anything is signed", async () => {
  const scheme = new ExactFarthingClient({ key: { publicKey: key.publicKey, sign: assert.fail } });
  const bad = [
    { network: "eip155:8453" },
    { network: "farthing:0" },
    { network: "farthing:00000000000000000000000000" },
    { amount: "-1" },
    { amount: "1e9" },
    { amount: "01" },
    { amount: "" },
    { amount: 5 },
    { amount: (1n << 128n).toString() },
    { asset: "usd" },
    { payTo: "0xabc" },
    { payTo: "tr_0000000000000000000000002d" },
    { maxTimeoutSeconds: 0 },
    { maxTimeoutSeconds: 1.5 },
    { maxTimeoutSeconds: 1e9 },
    { extra: {} },
    { extra: undefined },
    { extra: { scale: "9" } },
    { extra: { scale: 9, purchase: "AB" } },
    { extra: { scale: 9, purchase: null } },
  ];
  for (const change of bad) {
    await assert.rejects(
      scheme.createPaymentPayload(2, offer(change)),
      (error) => error instanceof TypeError || error instanceof RangeError,
      JSON.stringify(change),
    );
  }
});

test("requirements that cannot be signed count against no limit", async () => {
  const limits = new SpendLimits({ total: 2_000_000n });
  const scheme = new ExactFarthingClient({ key, spendControl: limits });
  const bad = [
    { network: "farthing:0" },
    { payTo: "0xabc" },
    { extra: { scale: 9, purchase: "AB" } },
  ];
  for (const change of bad) {
    await assert.rejects(scheme.createPaymentPayload(2, offer(change)), JSON.stringify(change));
  }
  await scheme.createPaymentPayload(2, offer());
});

test("spend limits hold before the signature, also for concurrent payments", async () => {
  const limits = new SpendLimits({
    perPayment: 3_000_000n,
    total: 5_000_000n,
    payees: [offer().payTo],
  });
  const client = registerFarthing(new x402Client(), { key, spendControl: limits });
  const pay = (changes) => client.createPaymentPayload(challenge(offer(changes)));
  const code = (expected) => (error) => error.code === expected;

  await assert.rejects(pay({ amount: "3000001" }), code("per_payment_exceeded"));
  const stranger = "acc_0000000000000000000000002d";
  await assert.rejects(pay({ payTo: stranger }), code("payee_not_allowed"));
  assert.equal(limits.signed(offer().network, "USD", 9), 0n);

  const results = await Promise.allSettled([1, 2, 3, 4].map(() => pay({ amount: "2000000" })));
  const paid = results.filter(({ status }) => status === "fulfilled");
  assert.equal(paid.length, 2);
  assert.equal(limits.signed(offer().network, "USD", 9), 4_000_000n);
  await assert.rejects(pay({ amount: "1000001" }), code("total_exceeded"));
  await pay({ amount: "1000000" });
});

test("a mandate's key pays from the payer's account", async () => {
  const [, , row] = vectors.orders;
  const delegate = PayerKey.fromSeed(fromHex(row.seed));
  const mandate = {
    mandate: `man_${"7zdkdqq30fxj4j02d2nk6hn4d".padStart(26, "7")}`,
    payer: "acc_0000000000000000000000002d",
  };
  const { order } = await signOrder({ key: delegate, mandate }, readRequirements(2, offer()));
  const bytes = Buffer.from(order, "base64");
  assert.equal(bytes.subarray(56, 72).toString("hex"), "0".repeat(30) + "4d");
  assert.equal(bytes.subarray(72, 104).toString("hex"), toHex(delegate.publicKey));
  assert.notEqual(bytes.subarray(192).toString("hex"), "0".repeat(32));
});

test("a key file keeps the key, tight and never overwritten", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "farthing-key-"));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "payer.key");
  const fresh = PayerKey.generate();
  await fresh.save(path);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual((await PayerKey.load(path)).publicKey, fresh.publicKey);
  const before = await readFile(path, "utf8");
  await assert.rejects(PayerKey.generate().save(path), { code: "EEXIST" });
  assert.equal(await readFile(path, "utf8"), before);
  for (const broken of ['{"kind":"other","seed":"00"}', `{"seed":"${"5".repeat(64)}`, "null"]) {
    await writeFile(path, broken);
    await assert.rejects(PayerKey.load(path), (error) => /not a key file/.test(error) && !/55/.test(error));
  }
  await writeFile(path, before);
  await chmod(path, 0o640);
  await assert.rejects(PayerKey.load(path), /open to others/);
});
