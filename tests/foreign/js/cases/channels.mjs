/**
 * Stock x402 clients that pay the gateway from channels: opening, vouchers, lost counts, refunds.
 *
 * Every case checks the channel at the node: what the client believes is not enough.
 */
import assert from "node:assert/strict";

import { BatchFarthingClient, MemoryChannelStore, channelsFirst } from "@farthing/x402";
import { wrapAxiosWithPayment, x402Client as AxiosClient } from "@x402/axios";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import axios from "axios";

import { available, decode, newPayer, node, offers, plainFetch, present, request } from "../node.mjs";

/** A store whose record can be put back to an earlier one. */
class RewindableStore extends MemoryChannelStore {
  #name;

  async save(name, record) {
    this.#name = name;
    await super.save(name, record);
  }

  /** As a copy of the store from before would be. */
  rewind(record) {
    return super.save(this.#name, record);
  }
}

/** A payer with channels of its own, and a client of a stock SDK that pays from them. */
async function payer(Client = x402Client) {
  const key = await newPayer();
  const store = new RewindableStore();
  const scheme = new BatchFarthingClient({ key, channels: { store, deposit: 20_000_000n } });
  const client = new Client();
  client.register("farthing:*", scheme);
  client.registerPolicy(channelsFirst);
  return { key, store, scheme, client, start: await available(key) };
}

const batch = (accepts) => accepts.find(({ scheme }) => scheme === "batch-settlement");

/** The terms under which an offer takes channels. */
async function terms(offer) {
  const unpaid = await plainFetch(...request(offer));
  return batch(decode(unpaid.headers.get("payment-required")).accepts);
}

/** The channel at the node. */
async function channelAt(id) {
  const answer = await plainFetch(`${node}/v1/channels/${id}`);
  assert.equal(answer.status, 200);
  return answer.json();
}

function checkCharged(header, price, spent) {
  const settled = decode(header);
  assert.equal(settled.success, true);
  assert.equal(settled.transaction, "");
  assert.equal(settled.amount, String(price));
  assert.equal(settled.extra.chargedAmount, String(price));
  assert.equal(settled.extra.channelState.spent, String(spent));
  return settled.extra.channelState.channelId;
}

async function fetchPaysFromOneChannel() {
  const { key, client, scheme, start } = await payer();
  const pay = wrapFetchWithPayment(plainFetch, client);
  const { amount } = await terms(offers.article);
  const price = BigInt(amount);
  let channel;
  for (let count = 1n; count <= 3n; count += 1n) {
    const response = await pay(...request(offers.article));
    assert.equal(response.status, 200);
    assert.ok((await response.text()).length > 0);
    const found = checkCharged(response.headers.get("payment-response"), price, count * price);
    channel ??= found;
    assert.equal(found, channel);
  }
  const view = await channelAt(channel);
  assert.equal(view.spent, String(3n * price));
  assert.equal(view.sequence, 3);
  assert.equal(start - (await available(key)), BigInt(view.deposit));
  const [url] = request(offers.article);
  const refund = await scheme.refund(url, { fetch: plainFetch });
  assert.deepEqual(refund, { success: true, refunded: BigInt(view.deposit) - 3n * price });
  assert.equal(start - (await available(key)), 3n * price);
  assert.equal((await channelAt(channel)).state, "closed");
}

async function axiosPaysFromOneChannel() {
  const { client, key, start, scheme } = await payer(AxiosClient);
  const http = wrapAxiosWithPayment(axios.create({ timeout: 20_000 }), client);
  const [url] = request(offers.article);
  const price = BigInt((await terms(offers.article)).amount);
  for (let count = 1n; count <= 3n; count += 1n) {
    const response = await http.get(url);
    assert.equal(response.status, 200);
    checkCharged(response.headers["payment-response"], price, count * price);
  }
  assert.equal((await scheme.refund(url, { fetch: plainFetch })).success, true);
  assert.equal(start - (await available(key)), 3n * price);
}

async function fetchPaysCallFromChannel() {
  const { client } = await payer();
  const pay = wrapFetchWithPayment(plainFetch, client);
  const price = BigInt((await terms(offers.call)).amount);
  for (let count = 1n; count <= 2n; count += 1n) {
    const response = await pay(...request(offers.call));
    assert.ok(response.ok, `status ${response.status}`);
    checkCharged(response.headers.get("payment-response"), price, count * price);
  }
}

async function lostCountIsRecovered() {
  const { client, store, scheme } = await payer();
  const pay = wrapFetchWithPayment(plainFetch, client);
  const accepted = await terms(offers.article);
  const price = BigInt(accepted.amount);
  await pay(...request(offers.article));
  const old = await scheme.channel(accepted);
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await pay(...request(offers.article))).status, 200);
  }
  // Its next number was used long ago.
  await store.rewind(old);
  const response = await pay(...request(offers.article));
  assert.equal(response.status, 200);
  const channel = checkCharged(response.headers.get("payment-response"), price, 5n * price);
  assert.equal(channel, old.channel);
  assert.equal((await channelAt(channel)).sequence, 5);
}

async function closedChannelIsReplaced() {
  const { client, scheme, store, key, start } = await payer();
  const pay = wrapFetchWithPayment(plainFetch, client);
  const accepted = await terms(offers.article);
  const price = BigInt(accepted.amount);
  const [url] = request(offers.article);
  await pay(url);
  const record = await scheme.channel(accepted);
  assert.equal((await scheme.refund(url, { fetch: plainFetch })).success, true);
  await pay(url);
  const second = await scheme.channel(accepted);
  assert.notEqual(second.channel, record.channel);
  // The closing is forgotten: the seller says so, and a new channel is opened.
  await store.rewind(record);
  const response = await pay(url);
  assert.equal(response.status, 200);
  const third = checkCharged(response.headers.get("payment-response"), price, price);
  assert.notEqual(third, record.channel);
  assert.ok((await available(key)) < start);
}

async function voucherForOneResourceBuysNoOther() {
  const { client } = await payer();
  const asked = async (offer) => {
    const unpaid = await plainFetch(...request(offer));
    return decode(unpaid.headers.get("payment-required"));
  };
  const payment = await client.createPaymentPayload(await asked(offers.article));
  assert.equal((await present(offers.other_article, payment)).status, 402);
  assert.equal((await present(offers.article, payment)).status, 200);
  const copy = await present(offers.article, payment);
  assert.equal(copy.status, 200);
  const { channelId } = payment.payload.voucher;
  assert.equal((await channelAt(channelId)).spent, payment.accepted.amount);
  const moved = { ...payment, accepted: batch((await asked(offers.other_article)).accepts) };
  assert.notEqual((await present(offers.other_article, moved)).status, 200);
  assert.equal((await channelAt(channelId)).spent, payment.accepted.amount);
}

export const cases = [
  ["@x402/fetch pays from one channel and gets the rest back", fetchPaysFromOneChannel],
  ["@x402/axios pays from one channel", axiosPaysFromOneChannel],
  ["@x402/fetch pays calls from a channel", fetchPaysCallFromChannel],
  ["@x402/fetch recovers a lost count", lostCountIsRecovered],
  ["@x402/fetch replaces a closed channel", closedChannelIsReplaced],
  ["@x402/fetch: a voucher for one resource buys no other", voucherForOneResourceBuysNoOther],
];
