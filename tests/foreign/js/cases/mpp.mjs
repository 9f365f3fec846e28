/**
 * The stock `mppx` client that buys at the gateway: it knows Farthing only through the plug-in.
 *
 * Every case checks the answer and the payer's balance at the node: what the client believes is
 * not enough.
 */
import assert from "node:assert/strict";

import { MemoryChannelStore, SpendLimits } from "@farthing/x402";
import { charge, farthing, session } from "@farthing/x402/mpp";
import { Challenge, Credential } from "mppx";
import { Mppx } from "mppx/client";

import { available, newPayer, node, offers, plainFetch, request, site } from "../node.mjs";

const PROBLEMS = "https://paymentauth.org/problems/";

const paying = (methods, fetch = plainFetch) => Mppx.create({ methods, polyfill: false, fetch });

/** A payer with a session, its fetch, and what it has paid so far. */
async function sessionPayer(options = {}, fetcher = plainFetch) {
  const key = options.key ?? (await newPayer());
  const before = await available(key);
  const sessions = session({ ...options, key });
  const { fetch } = paying([sessions.method], sessions.fetch(fetcher));
  return { key, sessions, fetch, gone: async () => before - (await available(key)) };
}

function receiptOf(response) {
  const header = response.headers.get("payment-receipt");
  assert.ok(header, `status ${response.status} without receipt`);
  return JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
}

async function chargePays() {
  const key = await newPayer();
  const before = await available(key);
  const response = await paying([charge({ key })]).fetch(...request(offers.article));
  assert.equal(response.status, 200);
  assert.match(response.headers.get("cache-control") ?? "", /private/);
  const receipt = receiptOf(response);
  const spent = before - (await available(key));
  assert.ok(spent > 0n, "nothing was charged");
  assert.deepEqual(
    { method: receipt.method, intent: receipt.intent, amount: receipt.amount },
    { method: "farthing", intent: "charge", amount: String(spent) },
  );
  const proof = await plainFetch(`${node}/v1/receipts/${receipt.reference}`);
  assert.equal(proof.status, 200);
}

async function chargePaysForPost() {
  const key = await newPayer();
  const before = await available(key);
  const response = await paying([charge({ key })]).fetch(...request(offers.call));
  assert.ok(response.ok, `status ${response.status}`);
  assert.equal(String(before - (await available(key))), receiptOf(response).amount);
}

async function limitsHold() {
  const key = await newPayer();
  const before = await available(key);
  const spendControl = new SpendLimits({ perPayment: 1n });
  await assert.rejects(
    paying([charge({ key, spendControl })]).fetch(...request(offers.article)),
    /per_payment_exceeded/,
  );
  assert.equal(await available(key), before);
}

/** One credential pays once, and only for its own resource. */
async function credentialPaysOnce() {
  const key = await newPayer();
  const before = await available(key);
  const method = charge({ key });
  const [url] = request(offers.article);
  const [challenge] = Challenge.fromResponseList(await plainFetch(url));
  const authorization = await method.createCredential({ challenge });
  const elsewhere = request(offers.other_article, { authorization });
  const refused = await plainFetch(...elsewhere);
  assert.equal(refused.status, 402);
  const problem = await refused.json();
  assert.equal(problem.code, "challenge_scope");
  assert.ok(Challenge.fromResponseList(refused).length > 0, "no fresh challenge");
  assert.equal(await available(key), before);
  const copies = await Promise.all(
    [1, 2, 3].map(() => plainFetch(url, { headers: { authorization } })),
  );
  for (const copy of copies) assert.equal(copy.status, 200);
  assert.equal(String(before - (await available(key))), receiptOf(copies[0]).amount);
}

async function brokenCredentialsGetFreshChallenges() {
  const [url] = request(offers.article);
  const [challenge] = Challenge.fromResponseList(await plainFetch(url));
  const forged = Credential.serialize({
    challenge: { ...challenge, id: "AAAA" },
    payload: { order: "AAAA", signature: "AAAA" },
  });
  for (const authorization of ["Payment dGhpcyBpcyBnYXJiYWdl", "Payment ~", forged]) {
    const response = await plainFetch(url, { headers: { authorization } });
    assert.equal(response.status, 402, authorization);
    assert.match(response.headers.get("content-type"), /application\/problem\+json/);
    assert.ok(Challenge.fromResponseList(response).length > 0);
  }
}

async function sessionPaysManyRequests() {
  const { sessions, fetch, gone } = await sessionPayer();
  const [url] = request(offers.article);
  let price = 0n;
  let channel;
  for (const sequence of [1, 2, 3]) {
    const response = await fetch(url);
    assert.equal(response.status, 200);
    await response.arrayBuffer();
    const receipt = receiptOf(response);
    price = BigInt(receipt.amount);
    channel ??= receipt.channelId;
    assert.equal(receipt.channelId, channel, "another channel was opened");
    assert.equal(receipt.sequence, sequence);
    assert.equal(receipt.spent, String(price * BigInt(sequence)));
  }
  const closed = await sessions.close(url);
  assert.equal(closed.channel, channel);
  assert.equal(closed.spent, 3n * price);
  assert.equal(await gone(), 3n * price, "the rest did not come back");
  const view = await (await plainFetch(`${node}/v1/channels/${channel}`)).json();
  assert.equal(view.state, "closed");
  assert.equal(await sessions.close(url), undefined, "closed twice");
}

/** What the channel holds is raised when it is used up. */
async function sessionTopsUp() {
  const { sessions, fetch, gone } = await sessionPayer({ channels: { deposit: 1n } });
  const [url] = request(offers.article);
  const deposits = [];
  for (const _ of [1, 2, 3]) deposits.push(BigInt(receiptOf(await fetch(url)).deposit));
  assert.ok(deposits[2] > deposits[0], `the deposit stayed at ${deposits}`);
  const closed = await sessions.close(url);
  assert.equal(await gone(), closed.spent);
}

/** A payer that has lost count goes on, with its own signature as the proof. */
async function lostCountIsRecovered() {
  const key = await newPayer();
  const store = new MemoryChannelStore();
  const first = await sessionPayer({ key, channels: { store } });
  const [url] = request(offers.article);
  const saved = [];
  const { save } = store;
  store.save = async (name, record) => {
    saved.push([name, record]);
    return save.call(store, name, record);
  };
  await first.fetch(url);
  const [name, old] = saved[0];
  for (const _ of [1, 2, 3]) assert.equal((await first.fetch(url)).status, 200);
  // The store comes back as it was before the last three requests.
  await save.call(store, name, old);
  const second = await sessionPayer({ key, channels: { store } });
  const response = await second.fetch(url);
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(receiptOf(response).channelId, old.channel);
  const closed = await second.sessions.close(url);
  assert.equal(closed.spent, 5n * BigInt(receiptOf(response).amount));
}

/** A channel that somebody closed is replaced, not asked for ever. */
async function deadChannelIsReplaced() {
  const key = await newPayer();
  const store = new MemoryChannelStore();
  const first = await sessionPayer({ key, channels: { store } });
  const [url] = request(offers.article);
  let kept;
  const { save } = store;
  store.save = async (name, record) => {
    kept = [name, record];
    return save.call(store, name, record);
  };
  const opened = receiptOf(await first.fetch(url));
  await first.sessions.close(url);
  await save.apply(store, kept);
  const response = await first.fetch(url);
  assert.equal(response.status, 200);
  assert.notEqual(receiptOf(response).channelId, opened.channelId);
  await first.sessions.close(url);
}

async function sessionLimitsHold() {
  const { fetch, gone } = await sessionPayer({ channels: { depositMax: 1n } });
  await assert.rejects(fetch(...request(offers.article)), /deposit_above_limit/);
  assert.equal(await gone(), 0n);
}

/** Requests sent together are served one after another from the one channel. */
async function concurrentRequestsShareAChannel() {
  const { sessions, fetch, gone } = await sessionPayer();
  const [url] = request(offers.article);
  const first = receiptOf(await fetch(url));
  const answers = await Promise.all([1, 2, 3].map(() => fetch(url)));
  for (const answer of answers) {
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.equal(receiptOf(answer).channelId, first.channelId);
  }
  const closed = await sessions.close(url);
  assert.equal(closed.spent, 4n * BigInt(first.amount));
  assert.equal(await gone(), closed.spent);
}

/** Vouchers follow each other in mid-stream, and only what came is paid. */
async function streamIsPaidAsItRuns() {
  const heads = [];
  const watching = async (input, init) => {
    const sent = new Request(input, init);
    const response = await plainFetch(sent);
    if (sent.method === "HEAD" && sent.headers.has("authorization")) heads.push(response.status);
    return response;
  };
  const { sessions, fetch, gone } = await sessionPayer({}, watching);
  const response = await fetch(`${site}${offers.story.path}`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  const text = await response.text();
  const words = text.match(/^data: \{"token"/gm).length;
  assert.ok(heads.length > 0, "the stream never asked for a voucher");
  assert.ok(heads.every((status) => status === 200), String(heads));
  const last = JSON.parse(/^event: payment-receipt\r?\ndata: (.*)$/m.exec(text)[1]);
  const closed = await sessions.close(`${site}${offers.story.path}`);
  assert.equal(String(closed.spent), last.spent);
  assert.equal(last.units, words);
  assert.equal(await gone(), closed.spent);
}

/** A stream whose payer has reached its limit waits at the last paid unit. */
async function streamStopsAtTheLimit() {
  const most = 12_000n;
  let onUnpaid;
  const refused = new Promise((resolve) => {
    onUnpaid = resolve;
  });
  const { sessions, fetch, gone } = await sessionPayer({
    spendControl: new SpendLimits({ total: most }),
    onUnpaid,
  });
  const response = await fetch(`${site}${offers.story.path}`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const reading = (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, { stream: true });
    }
  })();
  assert.match(String(await refused), /total_exceeded/);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await reader.cancel();
  await reading;
  const words = BigInt(text.match(/^data: \{"token"/gm).length);
  const closed = await closeWhenFree(sessions, `${site}${offers.story.path}`);
  assert.equal(closed.spent, most, "the limit was not used up");
  assert.equal(closed.spent, 1000n * words, `${words} words came`);
  assert.equal(await gone(), closed.spent);
}

/** Closes a channel as soon as the gateway has noticed that its reader is gone. */
async function closeWhenFree(sessions, url) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await sessions.close(url);
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** The payer's wish decides which intent is offered first. */
async function acceptPaymentIsHeard() {
  const [url] = request(offers.article);
  const offered = async (accept) => {
    const response = await plainFetch(url, { headers: { "accept-payment": accept } });
    return Challenge.fromResponseList(response).map(({ intent }) => intent);
  };
  assert.deepEqual(await offered("farthing/session"), ["session"]);
  assert.deepEqual(await offered("farthing/charge;q=0.2, */session"), ["session", "charge"]);
  assert.deepEqual(await offered("tempo/charge"), ["charge", "session"]);
}

/** Both intents in one client: the order is the server's unless the payer says otherwise. */
async function preferencesChoose() {
  const key = await newPayer();
  const pay = (paymentPreferences) =>
    Mppx.create({ methods: [farthing({ key })], polyfill: false, fetch: plainFetch, paymentPreferences });
  const prefer = { "farthing/session": 1, "farthing/charge": 0.5 };
  const [url] = request(offers.article);
  assert.equal(receiptOf(await pay(undefined).fetch(url)).intent, "charge");
  assert.equal(receiptOf(await pay(prefer).fetch(url)).intent, "session");
}

async function refusalsNameTheirKind() {
  const key = await newPayer({ funded: false });
  const response = await paying([charge({ key })]).fetch(...request(offers.article));
  assert.equal(response.status, 402);
  const problem = await response.json();
  assert.equal(problem.code, "insufficient_funds");
  assert.equal(problem.type, `${PROBLEMS}payment-insufficient`);
}

export const cases = [
  ["mppx pays an article by charge", chargePays],
  ["mppx pays a POST by charge", chargePaysForPost],
  ["mppx signs nothing above its limit", limitsHold],
  ["a credential of mppx pays once and for one resource", credentialPaysOnce],
  ["broken credentials get fresh challenges", brokenCredentialsGetFreshChallenges],
  ["mppx pays many requests from one session", sessionPaysManyRequests],
  ["a session of mppx raises its deposit", sessionTopsUp],
  ["a session of mppx that lost count goes on", lostCountIsRecovered],
  ["a session of mppx replaces a dead channel", deadChannelIsReplaced],
  ["a session of mppx holds no more than its limit", sessionLimitsHold],
  ["a session of mppx serves requests sent together", concurrentRequestsShareAChannel],
  ["mppx pays a stream while it runs", streamIsPaidAsItRuns],
  ["a stream of mppx stops at the payer's limit", streamStopsAtTheLimit],
  ["Accept-Payment is heard", acceptPaymentIsHeard],
  ["mppx chooses between charge and session", preferencesChoose],
  ["refusals name their kind to mppx", refusalsNameTheirKind],
];
