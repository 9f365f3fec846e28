/**
 * Channels as x402 words them: offers, payloads and states under `batch-settlement`.
 *
 * Reads strangers' members strictly, before anything is signed; writes exactly one form.
 */
import type { PaymentRequirements } from "@x402/core/types";

import type { ChannelClaim, ChannelOffer, ChannelPayment, SignedVoucher } from "./channel-book.js";
import { fromBase64, toBase64 } from "./encoding.js";
import { readRequirements } from "./requirements.js";

const SIGNATURE_BYTES = 64;
const DELAY_SECONDS_MAX = 4_294_967_295;

type Members = Readonly<Record<string, unknown>>;

/** A payload's voucher. */
export interface VoucherMessage {
  readonly channelId: string;
  readonly sequence: number;
  readonly maxClaimableAmount: string;
  readonly signature: string;
}

/** Reads the terms of `batch-settlement`. */
export function readChannelOffer(requirements: PaymentRequirements): ChannelOffer {
  const terms = readRequirements(2, requirements);
  const extra: Members = requirements.extra ?? {};
  const delay = extra["closeDelaySeconds"];
  if (!Number.isInteger(delay) || Number(delay) < 1 || Number(delay) > DELAY_SECONDS_MAX) {
    throw new TypeError("expected extra.closeDelaySeconds, a whole number above zero");
  }
  const splits = extra["splits"];
  return {
    network: terms.network,
    node: terms.node,
    asset: terms.asset,
    payTo: terms.payTo,
    amount: terms.amount,
    depositMin: baseUnits(extra, "depositMin"),
    depositSuggested: baseUnits(extra, "depositSuggested"),
    closeDelaySeconds: Number(delay),
    // A channel is for one way of sharing what it pays.
    ...(typeof splits === "string" && { group: splits }),
  };
}

/** The payload of a payment. */
export function channelPayload({ voucher, terms, topUp }: ChannelPayment): Record<string, unknown> {
  const message = voucherMessage(voucher);
  if (terms) {
    const signature = toBase64(terms.signature);
    return { type: "deposit", terms: toBase64(terms.bytes), signature, voucher: message };
  }
  if (topUp) {
    const { channel } = voucher;
    const signature = toBase64(topUp.signature);
    const raised = { channelId: channel, deposit: String(topUp.deposit), signature };
    return { type: "deposit", topUp: raised, voucher: message };
  }
  return { type: "voucher", voucher: message };
}

/** A voucher as payloads carry it. */
export function voucherMessage(voucher: SignedVoucher): VoucherMessage {
  return {
    channelId: voucher.channel,
    sequence: voucher.sequence,
    maxClaimableAmount: String(voucher.cumulative),
    signature: toBase64(voucher.signature),
  };
}

/** The voucher in a payload; undefined if it carries none. */
export function payloadVoucher(
  payload: unknown,
): Pick<VoucherMessage, "channelId" | "sequence"> | undefined {
  const voucher = (payload as { voucher?: VoucherMessage } | undefined)?.voucher;
  const isOne = typeof voucher?.channelId === "string" && typeof voucher.sequence === "number";
  return isOne ? voucher : undefined;
}

/** Where a channel is said to stand; undefined if `extra` does not say, or not in due form. */
export function readChannelClaim(extra: unknown): ChannelClaim | undefined {
  const { channelState, voucherState } = (extra ?? {}) as Record<string, Members | undefined>;
  if (typeof channelState?.["channelId"] !== "string") return undefined;
  try {
    return {
      channel: channelState["channelId"],
      deposit: baseUnits(channelState, "deposit"),
      spent: baseUnits(channelState, "spent"),
      ...(voucherState && { voucher: readVoucher(voucherState) }),
    };
  } catch {
    return undefined;
  }
}

function readVoucher(message: Members): SignedVoucher {
  const { channelId, sequence, signature } = message;
  if (typeof channelId !== "string" || typeof signature !== "string") {
    throw new TypeError("expected a voucher");
  }
  if (!Number.isSafeInteger(sequence)) throw new TypeError("expected sequence, a whole number");
  return {
    channel: channelId,
    sequence: Number(sequence),
    cumulative: baseUnits(message, "maxClaimableAmount"),
    signature: fromBase64(signature, SIGNATURE_BYTES),
  };
}

function baseUnits(members: Members, name: string): bigint {
  const text = members[name];
  if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,38})$/.test(text)) {
    throw new TypeError(`expected ${name}, digits without leading zero`);
  }
  return BigInt(text);
}
