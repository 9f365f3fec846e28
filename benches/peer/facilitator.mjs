/**
 * A facilitator as small as one can be: `/supported`, `/verify` and `/settle` of x402 version 2 over
 * plain `node:http`, with play balances and the orders it has settled in memory.
 *
 * It does what any facilitator must: check the Ed25519 signature and the terms, refuse an order that
 * it has settled. Nothing is written to disk, which favours it in every comparison.
 *
 * Arguments: port, network.
 */
import { createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";

const [port, network] = process.argv.slice(2);
const BODY_BYTES_MAX = 64 * 1024;
const ORDER_BYTES = 208;
// RFC 8410: the fixed head of a document that holds a 32-byte Ed25519 public key.
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** Spent units by signer. */
const spent = new Map();
/** Ids of settled orders. */
const settled = new Set();
/** Parsed keys by their text: a payer pays more than once. */
const keys = new Map();

/** The fields of an order that a facilitator checks; offsets as in the formats reference. */
function read(payload) {
  const order = Buffer.from(String(payload.order), "base64");
  if (order.length !== ORDER_BYTES) throw new TypeError("not an order");
  return {
    bytes: order,
    id: order.toString("hex", 40, 56),
    signer: order.toString("hex", 72, 104),
    amount: (order.readBigUInt64BE(136) << 64n) | order.readBigUInt64BE(144),
    expiresAtMs: order.readBigUInt64BE(184),
    signature: Buffer.from(String(payload.signature), "base64"),
  };
}

function publicKey(signer) {
  let key = keys.get(signer);
  if (key === undefined) {
    const document = Buffer.concat([SPKI_HEAD, Buffer.from(signer, "hex")]);
    key = createPublicKey({ key: document, format: "der", type: "spki" });
    keys.set(signer, key);
  }
  return key;
}

/** Why a payment is refused; `undefined` if it is good. */
function refusal(order, requirements) {
  if (settled.has(order.id)) return "already_settled";
  if (order.amount !== BigInt(requirements.amount)) return "wrong_amount";
  if (order.expiresAtMs <= BigInt(Date.now())) return "expired";
  if (!verify(null, order.bytes, publicKey(order.signer), order.signature)) return "bad_signature";
  return undefined;
}

function check({ paymentPayload, paymentRequirements }) {
  const order = read(paymentPayload.payload);
  const invalidReason = refusal(order, paymentRequirements);
  return { isValid: invalidReason === undefined, invalidReason, payer: order.signer };
}

function settle({ paymentPayload, paymentRequirements }) {
  const order = read(paymentPayload.payload);
  const errorReason = refusal(order, paymentRequirements);
  if (errorReason === undefined) {
    settled.add(order.id);
    spent.set(order.signer, (spent.get(order.signer) ?? 0n) + order.amount);
  }
  const success = errorReason === undefined;
  return { success, errorReason, payer: order.signer, transaction: order.id, network };
}

const kinds = [{ x402Version: 2, scheme: "exact", network }];
const calls = {
  "GET /supported": () => ({ kinds, extensions: [], signers: {} }),
  "POST /verify": check,
  "POST /settle": settle,
};

async function body(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > BODY_BYTES_MAX) throw new RangeError("the body is too large");
    pieces.push(piece);
  }
  return length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString());
}

const server = createServer(async (request, response) => {
  const call = calls[`${request.method} ${request.url}`];
  let status = call === undefined ? 404 : 200;
  let answer = { error: "unknown call" };
  try {
    if (call !== undefined) answer = call(await body(request));
  } catch (error) {
    status = 400;
    answer = { error: String(error) };
  }
  const text = Buffer.from(JSON.stringify(answer));
  response.writeHead(status, { "content-type": "application/json", "content-length": text.length });
  response.end(text);
});
server.listen(Number(port), "127.0.0.1");
