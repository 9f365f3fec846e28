/**
 * The server plug-in for channels: lets an x402 server SDK sell by vouchers on a network
 * `farthing:<node>`, with the node as facilitator.
 *
 * The node keeps count. This plug-in names the terms of channels, serves one request of a channel at
 * a time, answers refunds without running a handler, and hands on where a channel stands to a payer
 * that has lost count. It holds no money and no key.
 */
import type {
  Network,
  PaymentRequirements,
  SchemeNetworkServer,
  SchemePaymentRequiredContext,
  SchemeServerHooks,
  SupportedKind,
} from "@x402/core/types";

import { ExactFarthingServer, refuseCopies, type FarthingSeller } from "./server.js";

/** How to sell from channels. Base units; absent values follow from the price. */
export interface FarthingChannelSeller extends FarthingSeller {
  /** Least deposit of a channel; the price if absent. */
  readonly depositMin?: bigint;
  /** Deposit that suits usual use; ten times the price if absent. */
  readonly depositSuggested?: bigint;
  /** Time to settle after a payer alone has asked to close; an hour if absent. */
  readonly closeDelaySeconds?: number;
}

const DEPOSIT_REQUESTS = 10n;
const CLOSE_DELAY_SECONDS = 3600;
/** Where refused channels stand, until the answer is written. */
const STATES_MAX = 1024;

type Payload = Readonly<Record<string, unknown>>;
type Enriched = ReturnType<NonNullable<SchemeNetworkServer["enrichPaymentRequiredResponse"]>>;

/** Scheme `batch-settlement` on networks `farthing:*`, for `x402ResourceServer.register`. */
export class BatchFarthingServer extends ExactFarthingServer {
  override readonly scheme = "batch-settlement";
  override readonly paymentFlows: SchemeNetworkServer["paymentFlows"] = {
    default: { supported: ["authorization"], default: "authorization" },
  };
  /** Members that change between asking and paying; the SDK does not compare them. */
  readonly dynamicExtraFields = ["channelState", "voucherState"];
  override readonly schemeHooks: SchemeServerHooks;
  readonly #seller: FarthingChannelSeller;
  readonly #states = new Map<string, Payload>();

  constructor(seller: FarthingChannelSeller = {}) {
    super(seller);
    this.#seller = seller;
    const alone = refuseCopies(({ payload }) => channelOf(payload), "channel_busy");
    this.schemeHooks = {
      ...alone,
      onAfterVerify: async (context) => {
        await alone.onAfterVerify?.(context);
        const { payload } = context.paymentPayload;
        if (context.result.isValid) return buysNothing(payload) ? SKIP_HANDLER : undefined;
        this.#remember(channelOf(payload), context.result.extra);
        return undefined;
      },
    };
  }

  /** Adds the terms of channels. */
  override async enhancePaymentRequirements(
    requirements: PaymentRequirements,
    _supportedKind: SupportedKind,
    _facilitatorExtensions: string[],
  ): Promise<PaymentRequirements> {
    const price = BigInt(requirements.amount);
    const { depositMin, depositSuggested, closeDelaySeconds } = this.#seller;
    const extra = {
      start: requirements.amount,
      depositMin: String(depositMin ?? price),
      depositSuggested: String(depositSuggested ?? DEPOSIT_REQUESTS * price),
      closeDelaySeconds: closeDelaySeconds ?? CLOSE_DELAY_SECONDS,
    };
    return { ...requirements, extra: { ...extra, ...requirements.extra } };
  }

  /** Names the purchase, and where the refused channel stands. */
  override async enrichPaymentRequiredResponse(
    context: SchemePaymentRequiredContext,
  ): Promise<Awaited<Enriched>> {
    const accepts = (await super.enrichPaymentRequiredResponse(context)) ?? context.requirements;
    const payload = context.paymentPayload?.payload;
    const state = payload && this.#recall(channelOf(payload));
    if (!state) return accepts;
    const isOurs = ({ scheme, network }: { scheme: string; network: Network }) =>
      scheme === this.scheme && network.startsWith("farthing:");
    return accepts.map((accept) =>
      isOurs(accept) ? { ...accept, extra: { ...accept.extra, ...state } } : accept,
    );
  }

  #remember(channel: string, extra: Payload | undefined): void {
    if (extra?.["channelState"] === undefined) return;
    const { channelState, voucherState } = extra;
    if (this.#states.size >= STATES_MAX) this.#states.clear();
    this.#states.set(channel, { channelState, ...(voucherState !== undefined && { voucherState }) });
  }

  #recall(channel: string): Payload | undefined {
    const state = this.#states.get(channel);
    this.#states.delete(channel);
    return state;
  }
}

const SKIP_HANDLER = { skipHandler: true, response: { body: {} } } as const;

/** A refund and a mere top-up are settled without running the handler. */
function buysNothing(payload: Payload): boolean {
  return payload["voucher"] === undefined;
}

/** The channel that a payload is about. */
function channelOf(payload: Payload): string {
  const parts = [payload["voucher"], payload["topUp"], payload] as (Payload | undefined)[];
  return String(parts.find((part) => part?.["channelId"] !== undefined)?.["channelId"]);
}
