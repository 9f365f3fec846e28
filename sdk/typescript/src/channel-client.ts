/**
 * The client plug-in for channels: lets an unmodified x402 client pay by vouchers on a network
 * `farthing:<node>`.
 *
 * Opens a channel with the first payment to a payee, keeps count by the answers, and goes on after
 * a corrective 402 once its own signature in it is checked. One request at a time is served from a
 * channel: requests sent together are answered one after another or refused as busy.
 */
import type {
  DefaultAsset,
  PaymentPayloadResult,
  PaymentRequirements,
  SchemeClientHooks,
  SchemeNetworkClient,
} from "@x402/core/types";

import { ChannelBook, type ChannelPayer } from "./channel-book.js";
import {
  channelPayload,
  payloadVoucher,
  readChannelClaim,
  readChannelOffer,
} from "./channel-messages.js";
import type { ChannelRecord } from "./channel-store.js";
import { defaultAsset, knownAsset, type KnownAsset } from "./client.js";
import { toBase64 } from "./encoding.js";

/** How to pay from channels. */
export interface FarthingChannelPayer extends ChannelPayer {
  /** Dollar assets, for the SDK's spend controls; `USD` at scale 9 if absent. */
  readonly assets?: readonly KnownAsset[];
}

/** What came of a refund. */
export interface Refund {
  readonly success: boolean;
  /** Base units that went back; absent while the channel is still closing. */
  readonly refunded?: bigint;
  /** When the channel closes by itself, Unix milliseconds, if it is not closed yet. */
  readonly closesAtMs?: number;
  /** Why not, if it was refused. */
  readonly errorReason?: string;
}

/** The seller does not take the channel any more: another one is needed. */
const CHANNEL_IS_GONE = new Set([
  "channel_unknown",
  "channel_closed",
  "channel_closing",
  "channel_wrong_payee",
]);

type Hook = NonNullable<SchemeClientHooks["onPaymentResponse"]>;
type Answer = Parameters<Hook>[0];
type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Scheme `batch-settlement` on networks `farthing:*`, for `x402Client.register`. */
export class BatchFarthingClient implements SchemeNetworkClient {
  readonly scheme = "batch-settlement";
  readonly schemeHooks: SchemeClientHooks;
  readonly #payer: FarthingChannelPayer;
  readonly #book: ChannelBook;

  constructor(payer: FarthingChannelPayer) {
    this.#payer = payer;
    this.#book = new ChannelBook(payer);
    this.schemeHooks = { onPaymentResponse: (answer) => this.#learn(answer) };
  }

  /** Tells the SDK's spend controls the decimals of an asset. */
  findDefaultAsset(asset: string, network: string): DefaultAsset | undefined {
    return defaultAsset(this.#payer.assets, asset, network);
  }

  /** Signs a voucher for these requirements, opening or topping up the channel if need be. */
  async createPaymentPayload(
    x402Version: number,
    requirements: PaymentRequirements,
  ): Promise<PaymentPayloadResult> {
    const offer = readChannelOffer(requirements);
    knownAsset(this.#payer.assets, offer.asset);
    return { x402Version, payload: channelPayload(await this.#book.pay(offer)) };
  }

  /** The open channel that pays for these requirements, if there is one. */
  async channel(requirements: PaymentRequirements): Promise<ChannelRecord | undefined> {
    return this.#book.find(this.#book.name(readChannelOffer(requirements)));
  }

  /**
   * Asks the seller of a URL to close the channel with it, so that what is unspent comes back at
   * once. Nothing is bought. Undefined if there is no channel for the URL.
   */
  async refund(
    url: string,
    options: { readonly fetch?: Fetch; readonly method?: string } = {},
  ): Promise<Refund | undefined> {
    const send: Fetch = options.fetch ?? ((target, init) => globalThis.fetch(target, init));
    const method = options.method ?? "GET";
    const asked = await send(url, { method });
    const required = readJson(asked.headers.get("PAYMENT-REQUIRED"));
    const offers = (required?.["accepts"] ?? []) as readonly PaymentRequirements[];
    for (const accepted of offers.filter(({ scheme }) => scheme === this.scheme)) {
      const name = this.#book.name(readChannelOffer(accepted));
      const record = await this.#book.find(name);
      if (!record) continue;
      const { cumulative, signature } = await this.#book.close(record);
      const payload = {
        type: "refund",
        channelId: record.channel,
        cumulativeAmount: String(cumulative),
        signature: toBase64(signature),
      };
      const { resource, extensions } = required ?? {};
      const message = { x402Version: 2, resource, accepted, payload, extensions };
      const header = Buffer.from(JSON.stringify(message)).toString("base64");
      const answer = await send(url, { method, headers: { "PAYMENT-SIGNATURE": header } });
      const refund = readRefund(answer);
      if (refund.success) await this.#book.forget(name, record.channel);
      return refund;
    }
    return undefined;
  }

  async #learn(answer: Answer): Promise<void | { recovered: true }> {
    const { settleResponse, paymentRequired, requirements } = answer;
    const voucher = payloadVoucher(answer.paymentPayload.payload);
    if (!voucher) return;
    const name = this.#book.name(readChannelOffer(requirements));
    const { channelId: channel, sequence } = voucher;
    if (settleResponse?.success) {
      const amount = settleResponse.amount ?? "";
      // Of a stream the cost is known at its end only; until then all of it counts as spent.
      const isFinal = settleResponse.extra?.["state"] !== "held" && /^[0-9]{1,39}$/.test(amount);
      if (isFinal) await this.#book.charged(name, { channel, sequence }, BigInt(amount));
      return;
    }
    const code = settleResponse?.errorReason ?? paymentRequired?.error ?? "";
    if (CHANNEL_IS_GONE.has(code)) {
      return (await this.#book.forget(name, channel)) ? { recovered: true } : undefined;
    }
    const offered = paymentRequired?.accepts.find(
      ({ scheme, extra }) => scheme === this.scheme && extra?.["channelState"] !== undefined,
    );
    const claim = readChannelClaim(settleResponse?.extra ?? offered?.extra);
    if (claim?.channel !== channel) return;
    return (await this.#book.correct(name, claim)) ? { recovered: true } : undefined;
  }
}

function readRefund(answer: Response): Refund {
  const settled = readJson(answer.headers.get("PAYMENT-RESPONSE"));
  if (settled?.["success"] !== true) {
    const required = readJson(answer.headers.get("PAYMENT-REQUIRED"));
    const reason = settled?.["errorReason"] ?? required?.["error"] ?? `status ${answer.status}`;
    return { success: false, errorReason: String(reason) };
  }
  const extra = (settled["extra"] ?? {}) as Record<string, unknown>;
  const state = (extra["channelState"] ?? {}) as Record<string, unknown>;
  const refunded = extra["refundedAmount"];
  if (typeof refunded === "string") return { success: true, refunded: BigInt(refunded) };
  const closesAtMs = state["closesAtMs"];
  return { success: true, ...(typeof closesAtMs === "number" && { closesAtMs }) };
}

function readJson(header: string | null): Record<string, unknown> | undefined {
  if (header === null) return undefined;
  try {
    return JSON.parse(Buffer.from(header, "base64").toString("utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
