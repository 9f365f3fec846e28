import assert from "node:assert/strict";
import { test } from "node:test";

import {
  BatchFarthingClient,
  MemoryChannelStore,
  PayerKey,
  SpendLimits,
  UptoFarthingClient,
  channelId,
  channelPayload,
  channelTermsBytes,
  channelsFirst,
  closeBytes,
  fromHex,
  idFromText,
  idText,
  previousLink,
  readChannelOffer,
  registerFarthing,
  tickBytes,
  tickChain,
  toBase64,
  toHex,
  topUpBytes,
  verifySignature,
  voucherBytes,
} from "../dist/index.js";
import { isNone, vectors } from "./vectors.mjs";

const termsOf = (row) => ({
  node: fromHex(row.node),
  salt: fromHex(row.salt),
  payer: fromHex(row.payer),
  signer: fromHex(row.signer),
  voucherKey: fromHex(row.voucher_key),
  payee: fromHex(row.payee),
  asset: { code: row.asset, scale: row.scale },
  deposit: BigInt(row.deposit),
  ...(row.tick_count > 0 && {
    ticks: {
      root: fromHex(row.tick_root),
      units: BigInt(row.tick_units),
      count: row.tick_count,
    },
  }),
  closeDelaySeconds: row.close_delay_seconds,
  expiresAtMs: BigInt(row.expires_at_ms),
  ...(!isNone(row.mandate) && { mandate: fromHex(row.mandate) }),
});

function checkSigned(row, bytes) {
  assert.equal(toHex(bytes), row.bytes);
  assert.equal(toHex(PayerKey.fromSeed(fromHex(row.seed)).sign(bytes)), row.signature);
}

test("terms, vouchers, top-ups and closes are the vectors' bytes", () => {
  for (const row of vectors.channels) {
    const bytes = channelTermsBytes(termsOf(row));
    checkSigned(row, bytes);
    assert.equal(toHex(channelId(bytes)), row.channel);
    assert.equal(idText("ch", channelId(bytes)), row.text);
  }
  for (const row of vectors.vouchers) {
    const [sequence, cumulative] = [BigInt(row.sequence), BigInt(row.cumulative)];
    checkSigned(row, voucherBytes(fromHex(row.channel), sequence, cumulative));
  }
  for (const row of vectors.top_ups) {
    checkSigned(row, topUpBytes(fromHex(row.channel), BigInt(row.deposit)));
  }
  for (const row of vectors.closes) {
    checkSigned(row, closeBytes(fromHex(row.channel), BigInt(row.cumulative)));
  }
});

test("ticks are the vectors' bytes and lead to the root", () => {
  for (const row of vectors.ticks.filter((tick) => tick.index !== undefined)) {
    assert.equal(toHex(tickBytes(row.index, fromHex(row.link))), row.bytes);
  }
  for (const row of vectors.tick_chains) {
    const links = row.links.map((link) => fromHex(link));
    const chain = tickChain(fromHex(row.salt), links[links.length - 1], row.count);
    assert.deepEqual(chain.map(toHex), [row.root, ...row.links]);
    assert.equal(toHex(previousLink(fromHex(row.salt), 1, links[0])), row.root);
  }
  assert.throws(() => previousLink(new Uint8Array(16), 0, new Uint8Array(16)));
});

test("payloads are the vectors' members", async () => {
  const { requirements: terms, payloads } = vectors.x402_channels;
  const { amount, depositMin, closeDelaySeconds } = readChannelOffer(terms);
  assert.deepEqual([amount, depositMin, closeDelaySeconds], [1000000n, 1000000n, 3600]);
  const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
  const [opening, , raising, paying] = payloads;
  const voucher = {
    channel: paying.voucher.channelId,
    sequence: paying.voucher.sequence,
    cumulative: BigInt(paying.voucher.maxClaimableAmount),
    signature: bytes(paying.voucher.signature),
  };
  const terms248 = { bytes: bytes(opening.terms), signature: bytes(opening.signature) };
  const { deposit, signature } = raising.topUp;
  const topUp = { deposit: BigInt(deposit), signature: bytes(signature) };
  assert.deepEqual(channelPayload({ voucher, terms: terms248 }), opening);
  assert.deepEqual(channelPayload({ voucher, topUp }), raising);
  assert.deepEqual(channelPayload({ voucher }), paying);
});

test("fields that fit no format are refused", () => {
  const good = termsOf(vectors.channels[0]);
  for (const change of [
    { node: new Uint8Array(16) },
    { salt: new Uint8Array(15) },
    { voucherKey: new Uint8Array(31) },
    { deposit: -1n },
    { deposit: 1n << 128n },
    { closeDelaySeconds: -1 },
    { closeDelaySeconds: 2 ** 32 },
    { mandate: new Uint8Array(16) },
  ]) {
    assert.throws(() => channelTermsBytes({ ...good, ...change }));
  }
  assert.throws(() => voucherBytes(new Uint8Array(16), 1n, 1n));
  assert.throws(() => voucherBytes(fromHex(vectors.channels[0].channel), 1n << 64n, 1n));
});

const key = PayerKey.fromSeed(new Uint8Array(32).fill(7));
const requirements = (change = {}, extra = {}) => ({
  scheme: "batch-settlement",
  network: "farthing:00000000000000000000000c1s",
  amount: "2000",
  asset: "USD",
  payTo: "acc_0000000000000000000000002d",
  maxTimeoutSeconds: 60,
  ...change,
  extra: {
    scale: 9,
    purchase: "ab".repeat(32),
    start: "2000",
    depositMin: "5000",
    depositSuggested: "10000",
    closeDelaySeconds: 60,
    ...extra,
  },
});

const clientWith = (channels = {}, more = {}) => new BatchFarthingClient({ key, channels, ...more });

async function payload(client, terms = requirements()) {
  return (await client.createPaymentPayload(2, terms)).payload;
}

/** The answer of a seller that charged `amount`. */
const charged = (paid, amount, extra = { state: "settled" }) => ({
  paymentPayload: { x402Version: 2, payload: paid },
  requirements: requirements(),
  settleResponse: { success: true, transaction: "", network: "n", amount: String(amount), extra },
});

const answer = (client, context) => client.schemeHooks.onPaymentResponse(context);

function checkVoucher({ voucher }, sequence, cumulative) {
  assert.equal(voucher.sequence, sequence);
  assert.equal(voucher.maxClaimableAmount, String(cumulative));
  const channel = idFromText("ch", voucher.channelId);
  const bytes = voucherBytes(channel, BigInt(sequence), BigInt(cumulative));
  const signature = new Uint8Array(Buffer.from(voucher.signature, "base64"));
  assert.ok(verifySignature(key.publicKey, bytes, signature));
}

test("the first payment opens a channel, the next ones are vouchers, then it is topped up", async () => {
  const client = clientWith();
  const first = await payload(client);
  assert.equal(first.type, "deposit");
  const terms = new Uint8Array(Buffer.from(first.terms, "base64"));
  assert.equal(first.voucher.channelId, idText("ch", channelId(terms)));
  checkVoucher(first, 1, 2000);
  for (let number = 2; number <= 5; number += 1) {
    const next = await payload(client);
    assert.deepEqual(Object.keys(next), ["type", "voucher"]);
    checkVoucher(next, number, 2000 * number);
  }
  const raised = await payload(client);
  assert.equal(raised.type, "deposit");
  assert.equal(raised.topUp.deposit, "20000");
  const bytes = topUpBytes(channelId(terms), 20000n);
  assert.ok(verifySignature(key.publicKey, bytes, Buffer.from(raised.topUp.signature, "base64")));
  checkVoucher(raised, 6, 12000);
});

test("what was charged is counted, whatever was signed for", async () => {
  const client = clientWith();
  const first = await payload(client);
  assert.equal(await answer(client, charged(first, 500)), undefined);
  const second = await payload(client);
  checkVoucher(second, 2, 2500);
  await answer(client, charged(second, 0));
  const third = await payload(client);
  // Less is needed than was signed before: the total stays.
  checkVoucher(third, 3, 2500);
  await answer(client, charged(third, 0, { state: "held" }));
  checkVoucher(await payload(client), 4, 4500);
  // An answer to an older request says nothing about the newest.
  await answer(client, charged(first, 0));
  checkVoucher(await payload(client), 5, 6500);
});

test("payments at the same moment carry different numbers", async () => {
  const client = clientWith();
  const all = await Promise.all([1, 2, 3, 4].map(() => payload(client)));
  assert.deepEqual(all.map((one) => one.voucher.sequence), [1, 2, 3, 4]);
  assert.equal(new Set(all.map((one) => one.voucher.channelId)).size, 1);
});

const corrective = (paid, state, voucher) => ({
  paymentPayload: { x402Version: 2, payload: paid },
  requirements: requirements(),
  paymentRequired: {
    x402Version: 2,
    error: "voucher_stale",
    accepts: [
      requirements({ scheme: "exact" }),
      requirements({}, { channelState: state, ...(voucher && { voucherState: voucher }) }),
    ],
  },
});

const state = (channel, spent) => ({
  channelId: channel,
  deposit: "10000",
  accepted: "8000",
  spent: String(spent),
  sequence: 40,
  tickIndex: 0,
});

function proof(signer, channel, sequence, cumulative) {
  const id = idFromText("ch", channel);
  const bytes = voucherBytes(id, BigInt(sequence), BigInt(cumulative));
  const signature = toBase64(signer.sign(bytes));
  return { channelId: channel, sequence, maxClaimableAmount: String(cumulative), signature };
}

test("a payer that has lost count goes on after its own voucher was shown to it", async () => {
  const client = clientWith();
  const paid = await payload(client);
  const channel = paid.voucher.channelId;
  const shown = proof(key, channel, 40, 8000);
  const recovered = await answer(client, corrective(paid, state(channel, 7000), shown));
  assert.deepEqual(recovered, { recovered: true });
  const next = await payload(client);
  assert.equal(next.voucher.channelId, channel);
  checkVoucher(next, 41, 9000);
});

test("what is not proven is not believed", async () => {
  const client = clientWith();
  const paid = await payload(client);
  const channel = paid.voucher.channelId;
  const stranger = PayerKey.fromSeed(new Uint8Array(32).fill(8));
  const good = proof(key, channel, 40, 8000);
  for (const [claim, shown] of [
    [state(channel, 7000), proof(stranger, channel, 40, 8000)],
    [state(channel, 7000), { ...good, maxClaimableAmount: "9000" }],
    [state(channel, 7000), { ...good, sequence: 41 }],
    [state(channel, 7000), { ...good, signature: "AAAA" }],
    [{ ...state(channel, 7000), spent: "-1" }, good],
    [state("ch_0000000000000000000000003b", 7000), good],
  ]) {
    assert.equal(await answer(client, corrective(paid, claim, shown)), undefined);
  }
  checkVoucher(await payload(client), 2, 4000);
  // An overstated charge is worth what was signed, and not more.
  await answer(client, corrective(paid, state(channel, 1_000_000), good));
  checkVoucher(await payload(client), 41, 10000);
});

test("a channel that is gone is opened anew, but not without end", async () => {
  const client = clientWith({ opensMax: 3 });
  const gone = (paid) => ({
    paymentPayload: { x402Version: 2, payload: paid },
    requirements: requirements(),
    settleResponse: { success: false, errorReason: "channel_closed", transaction: "", network: "n" },
  });
  const seen = new Set();
  for (const expected of [{ recovered: true }, { recovered: true }, undefined]) {
    const paid = await payload(client);
    seen.add(paid.voucher.channelId);
    assert.deepEqual(await answer(client, gone(paid)), expected);
  }
  assert.equal(seen.size, 3);
  await assert.rejects(payload(client), { code: "opened_too_often" });
});

test("nothing is signed above the limits", async () => {
  const refused = (client, terms, code) => assert.rejects(payload(client, terms), { code });
  await refused(clientWith({ depositMax: 4999n }), requirements(), "deposit_above_limit");
  await refused(clientWith(), requirements({}, { depositMin: "1000000001" }), "deposit_above_limit");
  await refused(
    clientWith({ closeDelaySecondsMax: 59 }),
    requirements(),
    "close_delay_above_limit",
  );
  const bounded = clientWith({ depositMax: 6000n });
  for (let number = 1; number <= 3; number += 1) await payload(bounded);
  // Nothing came back as spent yet beyond what was signed: 6000 are spent, so 6000 more fit.
  assert.equal((await payload(bounded)).topUp.deposit, "12000");
  const spendControl = new SpendLimits({ total: 5000n });
  const counted = clientWith({}, { spendControl });
  await payload(counted);
  await payload(counted);
  await refused(counted, requirements(), "total_exceeded");
  const greedy = requirements({}, { depositSuggested: "99999999999999999999" });
  const store = new MemoryChannelStore();
  const careful = clientWith({ store });
  await payload(careful, greedy);
  assert.equal((await careful.channel(greedy)).deposit, "1000000000");
});

test("terms of a stranger are read strictly", async () => {
  for (const extra of [
    { depositMin: 5000 },
    { depositMin: "05000" },
    { depositSuggested: undefined },
    { closeDelaySeconds: 0 },
    { closeDelaySeconds: "60" },
    { scale: 8 },
  ]) {
    await assert.rejects(payload(clientWith(), requirements({}, extra)));
  }
});

test("channels are kept in the store that is given", async () => {
  const store = new MemoryChannelStore();
  const before = await payload(clientWith({ store }));
  const after = await payload(clientWith({ store }));
  assert.equal(after.voucher.channelId, before.voucher.channelId);
  checkVoucher(after, 2, 4000);
});

test("a refund is asked for with the payer's signature over what was spent", async () => {
  const client = clientWith();
  const paid = await payload(client);
  await answer(client, charged(paid, 1500));
  const sent = [];
  const toHeader = (value) => Buffer.from(JSON.stringify(value)).toString("base64");
  const fetch = async (_url, init) => {
    const payment = init.headers?.["PAYMENT-SIGNATURE"];
    if (!payment) {
      const accepts = [requirements({ scheme: "exact" }), requirements()];
      const required = toHeader({ x402Version: 2, resource: { url: "u" }, accepts });
      return new Response(null, { status: 402, headers: { "PAYMENT-REQUIRED": required } });
    }
    sent.push(JSON.parse(Buffer.from(payment, "base64").toString()));
    const settled = toHeader({ success: true, extra: { refundedAmount: "8500" } });
    return new Response(null, { status: 200, headers: { "PAYMENT-RESPONSE": settled } });
  };
  assert.deepEqual(await client.refund("http://x/", { fetch }), { success: true, refunded: 8500n });
  const [{ accepted, payload: refund }] = sent;
  assert.equal(accepted.scheme, "batch-settlement");
  assert.equal(refund.cumulativeAmount, "1500");
  const bytes = closeBytes(idFromText("ch", refund.channelId), 1500n);
  assert.ok(verifySignature(key.publicKey, bytes, Buffer.from(refund.signature, "base64")));
  assert.equal(await client.refund("http://x/", { fetch }), undefined);
  assert.notEqual((await payload(client)).voucher.channelId, refund.channelId);
});

test("registration takes channels only if the payer says so", () => {
  const registered = (payer) => {
    const schemes = [];
    let policy;
    registerFarthing(
      {
        register: (network, scheme) => schemes.push(`${network} ${scheme.scheme}`),
        registerPolicy: (given) => {
          policy = given;
        },
      },
      payer,
    );
    return { schemes, policy };
  };
  const plain = registered({ key });
  assert.deepEqual(plain.schemes, ["farthing:* exact", "farthing:* upto"]);
  assert.equal(plain.policy, undefined);
  const { schemes, policy } = registered({ key, channels: {} });
  assert.deepEqual(schemes, ["farthing:* exact", "farthing:* upto", "farthing:* batch-settlement"]);
  assert.equal(policy, channelsFirst);
  const offers = [requirements({ scheme: "exact" }), requirements()];
  const sorted = policy(2, offers).map((offer) => offer.scheme);
  assert.deepEqual(sorted, ["batch-settlement", "exact"]);
});

test("upto signs an order for the maximum", async () => {
  const client = new UptoFarthingClient({ key });
  assert.equal(client.scheme, "upto");
  const { payload: paid } = await client.createPaymentPayload(2, requirements({ scheme: "upto" }));
  assert.deepEqual(Object.keys(paid), ["order", "signature"]);
});
