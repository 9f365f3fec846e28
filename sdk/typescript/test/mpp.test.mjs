import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Challenge, Credential } from "mppx";
import { Mppx } from "mppx/client";

import {
  MemoryChannelStore,
  PayerKey,
  SpendLimits,
  fromBase64,
  fromHex,
  idFromText,
  toBase64,
  toHex,
  verifySignature,
  voucherBytes,
} from "../dist/index.js";
import { EVENT_CHARS_MAX, EventReader, charge, readCharge, readSession, session } from "../dist/mpp/index.js";
import { vectors } from "./vectors.mjs";

const [example] = vectors.x402;
const key = PayerKey.fromSeed(fromHex(example.seed));
const { network, asset, payTo, extra } = example.requirements;
const details = (more) => ({ network, asset, scale: extra.scale, ...more });
const terms = (more, changes = {}) => ({
  amount: "2000000",
  currency: "usd",
  recipient: payTo,
  methodDetails: details(more),
  ...changes,
});
const chargeTerms = (more = {}, changes) =>
  terms({ orderSeconds: 60, purchase: extra.purchase, ...more }, changes);
const sessionTerms = (more = {}, changes) =>
  terms(
    { per: 1, start: "2000000", minDeposit: "4000000", closeDelaySeconds: 600, ...more },
    { suggestedDeposit: "20000000", unitType: "request", ...changes },
  );
const challenge = (intent, request, id = "id") =>
  Challenge.from({
    id,
    realm: "127.0.0.1",
    method: "farthing",
    intent,
    request,
    expires: new Date(Date.now() + 30_000).toISOString(),
  });
const payloadOf = (credential) => Credential.deserialize(credential).payload;

test("the SDK finds the node's digests in the vectors, and echoes what it read", async () => {
  const { secret: secretKey, realm, challenges } = JSON.parse(
    readFileSync(new URL("../../../conformance/mpp.json", import.meta.url), "utf8"),
  );
  assert.equal(challenges.length, 3);
  for (const line of challenges) {
    const read = Challenge.deserialize(line);
    assert.equal(read.realm, realm);
    assert.ok(Challenge.verify(read, { secretKey }), line);
    assert.equal(read.description, "The price of a farthing \u2014 an article");
    (read.intent === "charge" ? readCharge : readSession)(read.request);
    const echoed = Credential.deserialize(Credential.serialize({ challenge: read, payload: {} }));
    assert.ok(Challenge.verify(echoed.challenge, { secretKey }), line);
  }
  assert.equal(Challenge.deserialize(challenges[2]).header, "Payment-Authorization");
});

test("an order fits its challenge and does not outlive it", async () => {
  const asked = challenge("charge", chargeTerms());
  const credential = await charge({ key }).createCredential({ challenge: asked });
  const { challenge: echoed, payload } = Credential.deserialize(credential);
  assert.deepEqual(echoed, asked);
  const order = fromBase64(payload.order);
  const golden = fromBase64(example.payload.order);
  assert.equal(toHex(order.subarray(0, 40)), toHex(golden.subarray(0, 40)), "tag and node");
  // Everything between the order's own id and its end is what the golden order says.
  assert.equal(toHex(order.subarray(56, 184)), toHex(golden.subarray(56, 184)));
  const expiresAtMs = Buffer.from(order.subarray(184, 192)).readBigUInt64BE();
  assert.ok(expiresAtMs <= BigInt(Date.parse(asked.expires)), String(expiresAtMs));
  assert.ok(verifySignature(key.publicKey, order, fromBase64(payload.signature)));
});

test("a charge above the limit is not signed", async () => {
  const spendControl = new SpendLimits({ perPayment: 1_999_999n });
  const method = charge({ key, spendControl });
  const asked = challenge("charge", chargeTerms());
  await assert.rejects(method.createCredential({ challenge: asked }), /per_payment_exceeded/);
});

test("terms that are not in due form are refused before anything is signed", () => {
  assert.equal(readCharge(chargeTerms()).amount, 2_000_000n);
  for (const broken of [
    chargeTerms({}, { amount: "02" }),
    chargeTerms({}, { amount: 2 }),
    chargeTerms({}, { currency: "USD" }),
    chargeTerms({}, { recipient: "bob" }),
    chargeTerms({}, { methodDetails: undefined }),
    chargeTerms({ network: "eip155:1" }),
    chargeTerms({ scale: "9" }),
    chargeTerms({ orderSeconds: 0 }),
    chargeTerms({ orderSeconds: 86_401 }),
    chargeTerms({ purchase: "ab" }),
  ]) {
    assert.throws(() => readCharge(broken), undefined, JSON.stringify(broken));
  }
  assert.equal(readSession(sessionTerms()).offer.depositMin, 4_000_000n);
  for (const broken of [
    sessionTerms({ start: "-1" }),
    sessionTerms({ minDeposit: undefined }),
    sessionTerms({ per: 0 }),
    sessionTerms({ closeDelaySeconds: 2 ** 32 }),
    sessionTerms({}, { suggestedDeposit: undefined }),
  ]) {
    assert.throws(() => readSession(broken), undefined, JSON.stringify(broken));
  }
});

/** Checks a voucher in a payload against its channel. */
function checkVoucher(channel, payload, sequence, cumulative) {
  assert.equal(payload.sequence, sequence);
  assert.equal(payload.cumulativeAmount, String(cumulative));
  const bytes = voucherBytes(idFromText("ch", channel), BigInt(sequence), BigInt(cumulative));
  const signature = payload.voucherSignature ?? payload.signature;
  assert.ok(verifySignature(key.publicKey, bytes, fromBase64(signature)));
}

test("a session opens once and then signs rising vouchers", async () => {
  const store = new MemoryChannelStore();
  const { method } = session({ key, channels: { store } });
  const pay = async (id) =>
    payloadOf(await method.createCredential({ challenge: challenge("session", sessionTerms(), id) }));
  const opened = await pay("1");
  assert.equal(opened.action, "open");
  const second = await pay("2");
  assert.equal(second.action, "voucher");
  checkVoucher(second.channelId, opened, 1, 2_000_000);
  checkVoucher(second.channelId, second, 2, 4_000_000);
  const again = session({ key, channels: { store } });
  const third = payloadOf(
    await again.method.createCredential({ challenge: challenge("session", sessionTerms(), "3") }),
  );
  checkVoucher(second.channelId, third, 3, 6_000_000);
});

test("a channel's state counts only with the payer's own signature", async () => {
  const { method } = session({ key });
  const pay = async (more) => {
    const asked = challenge("session", sessionTerms(more), String(Math.random()));
    return payloadOf(await method.createCredential({ challenge: asked }));
  };
  await pay();
  const { channelId } = await pay();
  const state = (signer, sequence, cumulative) => {
    const bytes = voucherBytes(idFromText("ch", channelId), BigInt(sequence), BigInt(cumulative));
    const signature = toBase64(signer.sign(bytes));
    return {
      channel: {
        channelId,
        deposit: "20000000",
        accepted: String(cumulative),
        spent: String(cumulative),
        sequence,
        tickIndex: 0,
        voucher: { sequence, cumulativeAmount: String(cumulative), signature },
      },
    };
  };
  const forged = await pay(state(PayerKey.generate(), 90, 12_000_000));
  checkVoucher(channelId, forged, 3, 6_000_000);
  const proven = await pay(state(key, 90, 12_000_000));
  checkVoucher(channelId, proven, 91, 14_000_000);
});

/** A server of events that needs one voucher in mid-stream. */
function streamingServer(heads) {
  const receipt = (spent, channel) =>
    Buffer.from(
      JSON.stringify({
        channelId: channel,
        deposit: "20000000",
        acceptedCumulative: String(spent),
        spent: String(spent),
      }),
    ).toString("base64url");
  let channel;
  let resume;
  return async (input, init) => {
    const request = new Request(input, init);
    const authorization = request.headers.get("authorization");
    if (!authorization) {
      const asked = Challenge.serialize(challenge("session", sessionTerms(), "stream"));
      return new Response(null, { status: 402, headers: { "www-authenticate": asked } });
    }
    const { payload } = Credential.deserialize(authorization);
    if (request.method === "HEAD") {
      heads.push(payload);
      resume?.();
      const spent = payload.cumulativeAmount;
      return new Response(null, { headers: { "payment-receipt": receipt(spent, channel) } });
    }
    // The id of the channel is in the payer's store only; a voucher shows it.
    channel = init?.channel ?? payload.channelId;
    const text = new TextEncoder();
    const need = JSON.stringify({
      channelId: channel,
      requiredCumulative: "9000000",
      acceptedCumulative: payload.cumulativeAmount,
      deposit: "20000000",
    });
    const waited = new Promise((resolve) => {
      resume = resolve;
    });
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(text.encode("data: one\n\nevent: payment-need-"));
        controller.enqueue(text.encode(`voucher\ndata: ${need}\n\n`));
        await waited;
        controller.enqueue(text.encode("data: two\n\n"));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
}

test("a stream gets the voucher it asks for and passes unchanged", async () => {
  const heads = [];
  const sessions = session({ key });
  // Opens the channel, so that the stream is paid by a voucher.
  await sessions.method.createCredential({ challenge: challenge("session", sessionTerms(), "0") });
  const { fetch } = Mppx.create({
    methods: [sessions.method],
    polyfill: false,
    fetch: sessions.fetch(streamingServer(heads)),
  });
  const text = await (await fetch("http://127.0.0.1/stream")).text();
  assert.match(text, /^data: one\n\nevent: payment-need-voucher\ndata: .*\n\ndata: two\n\n$/);
  assert.equal(heads.length, 1);
  checkVoucher(heads[0].channelId, heads[0], 3, 11_000_000);
});

test("a stream beyond the limit is not paid on, and its payer is told", async () => {
  const heads = [];
  let stop;
  const refused = new Promise((resolve) => {
    stop = resolve;
  });
  const spendControl = new SpendLimits({ total: 5_000_000n });
  const sessions = session({ key, spendControl, onUnpaid: stop });
  await sessions.method.createCredential({ challenge: challenge("session", sessionTerms(), "0") });
  const { fetch } = Mppx.create({
    methods: [sessions.method],
    polyfill: false,
    fetch: sessions.fetch(streamingServer(heads)),
  });
  const response = await fetch("http://127.0.0.1/stream");
  const reader = response.body.getReader();
  await reader.read();
  void reader.read();
  assert.match(String(await refused), /total_exceeded/);
  assert.deepEqual(heads, []);
});

test("near its limit a payer pays for the next unit alone", async () => {
  const heads = [];
  const spendControl = new SpendLimits({ total: 9_000_000n });
  const sessions = session({ key, spendControl });
  await sessions.method.createCredential({ challenge: challenge("session", sessionTerms(), "0") });
  const { fetch } = Mppx.create({
    methods: [sessions.method],
    polyfill: false,
    fetch: sessions.fetch(streamingServer(heads)),
  });
  await (await fetch("http://127.0.0.1/stream")).text();
  checkVoucher(heads[0].channelId, heads[0], 3, 9_000_000);
});

test("a dead channel is forgotten and another one is opened", async () => {
  const actions = [];
  const server = async (input, init) => {
    const request = new Request(input, init);
    const authorization = request.headers.get("authorization");
    if (!authorization) {
      const asked = Challenge.serialize(challenge("session", sessionTerms(), String(Math.random())));
      return new Response(null, { status: 402, headers: { "www-authenticate": asked } });
    }
    const { payload } = Credential.deserialize(authorization);
    actions.push(payload.action);
    if (payload.action === "open") return new Response("paid");
    return Response.json({ code: "channel_closed" }, { status: 410 });
  };
  const sessions = session({ key });
  const { fetch } = Mppx.create({
    methods: [sessions.method],
    polyfill: false,
    fetch: sessions.fetch(server),
  });
  for (const _ of [1, 2]) assert.equal((await fetch("http://127.0.0.1/a")).status, 200);
  assert.deepEqual(actions, ["open", "voucher", "open"]);
});

test("events are read across chunks; what is too long for a payment is skipped", () => {
  const text = "event: a\r\ndata: 1\r\ndata: 2\r\n\r\n: comment\n\ndata:x\n\n";
  for (const size of [1, 2, 3, 7, 100]) {
    const reader = new EventReader();
    const found = [];
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += size) {
      found.push(...reader.push(bytes.subarray(at, at + size)));
    }
    assert.deepEqual(found, [
      { name: "a", data: "1\n2" },
      { name: "message", data: "x" },
    ]);
  }
  const reader = new EventReader();
  const long = `data: ${"x".repeat(EVENT_CHARS_MAX + 1)}\n\ndata: short\n\n`;
  assert.deepEqual(reader.push(new TextEncoder().encode(long)), [
    { name: "message", data: "short" },
  ]);
});
