/**
 * A node as a seller calls it: it takes payments, and says where a channel stands.
 *
 * An answer that does not come is an unknown outcome, never a failure: the error of the call goes
 * to the server, which must not treat the payment as refused.
 */
import { channelId } from "../channel-formats.js";
import { fromBase64, fromHex, idText, toBase64 } from "../encoding.js";

/** Terms as the node's facilitator reads them. */
export interface WireTerms {
  readonly scheme: string;
  readonly network: string;
  readonly amount: string;
  readonly asset: string;
  readonly payTo: string;
  readonly maxTimeoutSeconds: number;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Where a channel stands, as the facilitator tells it. */
export interface ChannelState {
  readonly channelId: string;
  readonly deposit: string;
  readonly accepted: string;
  readonly spent: string;
  readonly sequence: number;
  /** When it closes, if its payer has asked for that; Unix milliseconds. */
  readonly closesAtMs?: number;
}

/** A payment that was taken. */
export interface Taken {
  readonly success: true;
  readonly transaction: string;
  readonly amount: string;
  readonly channel?: ChannelState;
  /** What went back because the channel was closed. */
  readonly refunded?: string;
}

/** What came of a payment. */
export type Settled = Taken | { readonly success: false; readonly errorReason: string };

interface NodeOptions {
  readonly node: string;
  readonly gatewayToken?: string;
  readonly fetch?: typeof globalThis.fetch;
}

const ANSWER_MS_MAX = 30_000;

/** The node of one seller. */
export class SellerNode {
  readonly #options: NodeOptions;

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  /** The id of the channel that these terms open. */
  static channelOf(terms: string): string {
    return idText("ch", channelId(fromBase64(terms)));
  }

  /** Takes a payment. */
  async settle(terms: WireTerms, payload: unknown): Promise<Settled> {
    const body = {
      x402Version: 2,
      paymentPayload: { x402Version: 2, accepted: terms, payload },
      paymentRequirements: terms,
    };
    const answer = await this.#call("/settle", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const settled = (await answer.json()) as Record<string, unknown>;
    if (settled["success"] !== true) {
      const reason = settled["errorReason"] ?? settled["code"] ?? `status_${answer.status}`;
      return { success: false, errorReason: String(reason) };
    }
    const extra = (settled["extra"] ?? {}) as {
      channelState?: ChannelState;
      refundedAmount?: string;
    };
    return {
      success: true,
      transaction: String(settled["transaction"]),
      amount: String(settled["amount"] ?? ""),
      ...(extra.channelState && { channel: extra.channelState }),
      ...(extra.refundedAmount !== undefined && { refunded: extra.refundedAmount }),
    };
  }

  /** Where a channel stands, as a challenge tells it; undefined if the node does not know it. */
  async channelState(channel: string): Promise<Record<string, unknown> | undefined> {
    if (!/^ch_[0-9a-z]{26}$/.test(channel)) return undefined;
    const answer = await this.#call(`/v1/channels/${channel}`);
    if (!answer.ok) return undefined;
    const view = (await answer.json()) as Record<string, unknown>;
    const { deposit, accepted, spent, sequence, voucher } = view;
    const newest = voucher as Record<string, unknown> | undefined | null;
    return {
      channelId: channel,
      deposit,
      accepted,
      spent,
      sequence,
      ...(newest && {
        voucher: {
          sequence: newest["sequence"],
          cumulativeAmount: newest["cumulative"],
          signature: toBase64(fromHex(String(newest["signature"]))),
        },
      }),
    };
  }

  #call(path: string, init: RequestInit = {}): Promise<Response> {
    const { node, gatewayToken, fetch = globalThis.fetch } = this.#options;
    const headers = new Headers(init.headers);
    if (gatewayToken !== undefined) headers.set("authorization", `Bearer ${gatewayToken}`);
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    return fetch(new URL(path, node), { ...init, headers, signal });
  }
}
