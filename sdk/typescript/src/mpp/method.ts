/**
 * The payment method `farthing` as `mppx` knows methods: names, and the shape of what a payer
 * presents. Payloads are shaped here and checked by the node; nothing is signed here.
 */
import { Method, z } from "mppx";

import type { ChannelPayment } from "../channel-book.js";
import { toBase64 } from "../encoding.js";
import { METHOD } from "./requests.js";

const text = z.string();
const request = z.looseObject({});

/** One order pays one purchase. */
export const chargeMethod = Method.from({
  name: METHOD,
  intent: "charge",
  schema: {
    credential: { payload: z.strictObject({ order: text, signature: text }) },
    request,
  },
});

const voucher = { sequence: z.number(), cumulativeAmount: text };

/** What a session's credential may hold. */
export const sessionPayload = z.union([
  z.strictObject({
    action: z.literal("open"),
    terms: text,
    signature: text,
    ...voucher,
    voucherSignature: text,
  }),
  z.strictObject({ action: z.literal("voucher"), channelId: text, ...voucher, signature: text }),
  z.strictObject({
    action: z.literal("topUp"),
    channelId: text,
    deposit: text,
    signature: text,
    sequence: z.optional(z.number()),
    cumulativeAmount: z.optional(text),
    voucherSignature: z.optional(text),
  }),
  z.strictObject({
    action: z.literal("close"),
    channelId: text,
    cumulativeAmount: text,
    signature: text,
  }),
]);

/** What a session's credential holds. */
export type SessionPayload = z.output<typeof sessionPayload>;

/** A channel pays many requests. */
export const sessionMethod = Method.from({
  name: METHOD,
  intent: "session",
  schema: { credential: { payload: sessionPayload }, request },
});

/** The payload that pays from a channel. */
export function paymentPayload({ voucher, terms, topUp }: ChannelPayment): SessionPayload {
  const { channel: channelId, sequence } = voucher;
  const signature = toBase64(voucher.signature);
  const total = { sequence, cumulativeAmount: String(voucher.cumulative) };
  if (terms) {
    const opening = { terms: toBase64(terms.bytes), signature: toBase64(terms.signature) };
    return { action: "open", ...opening, ...total, voucherSignature: signature };
  }
  if (topUp) {
    const raised = { deposit: String(topUp.deposit), signature: toBase64(topUp.signature) };
    return { action: "topUp", channelId, ...raised, ...total, voucherSignature: signature };
  }
  return { action: "voucher", channelId, ...total, signature };
}

/** A method as a payer's `Mppx.create` takes it. */
export type ClientOf<T extends Method.Method> = Method.Client<T, undefined>;
