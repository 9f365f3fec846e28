/**
 * The server plug-in: lets an x402 server SDK sell on a network `farthing:<node>`, with the node
 * as facilitator.
 *
 * Every 402 names the purchase of its own request, so a payment made for one request matches no
 * other one: the SDK compares it, and the node compares it with what was signed. Copies of one
 * payment in flight are refused. It holds no money and no key.
 */
import type {
  AssetAmount,
  Network,
  PaymentRequirements,
  Price,
  SchemeNetworkServer,
  SchemePaymentRequiredContext,
  SchemeServerHooks,
  SupportedKind,
} from "@x402/core/types";

import { toHex, utf8 } from "./encoding.js";
import { purchaseDigest, splitUrl, type Asset } from "./formats.js";
import { InFlight } from "./in-flight.js";
import { parsePrice } from "./price.js";

/** The part of an SDK's request adapter that names a purchase. */
export interface RequestAdapter {
  getMethod(): string;
  getUrl(): string;
  getBody?(): unknown;
}

/** How to sell. */
export interface FarthingSeller {
  /** Asset of prices such as `"$0.002"`; `USD` at scale 9 if absent. */
  readonly asset?: Asset;
  /** Origin as payers see it, if a proxy in front changes it: `https://example.org`. */
  readonly origin?: string;
  /**
   * The request body as sent. Without it, a text or byte body counts as such, a body that the
   * framework has parsed counts as its JSON text, and a body not yet read counts as empty.
   */
  readonly requestBody?: (adapter: RequestAdapter) => Uint8Array | Promise<Uint8Array>;
}

const DOLLARS: Asset = { code: "USD", scale: 9 };
type Accepts = Awaited<ReturnType<NonNullable<SchemeNetworkServer["enrichPaymentRequiredResponse"]>>>;

/** Scheme `exact` on networks `farthing:*`, for `x402ResourceServer.register`. */
export class ExactFarthingServer implements SchemeNetworkServer {
  readonly scheme: string = "exact";
  readonly defaultAssetTransferMethod = "default";
  /** Verify, run the handler, settle: what fails is not charged. `upfront` settles first. */
  readonly paymentFlows: SchemeNetworkServer["paymentFlows"] = {
    default: { supported: ["authorization", "upfront"], default: "authorization" },
  };
  readonly schemeHooks: SchemeServerHooks;
  readonly #seller: FarthingSeller;
  readonly #asset: Asset;

  constructor(seller: FarthingSeller = {}) {
    this.#seller = seller;
    this.#asset = seller.asset ?? DOLLARS;
    this.schemeHooks = refuseCopies(({ payload }) => String(payload["order"]));
  }

  /** A price in the seller's asset, or an amount of base units as it is. */
  async parsePrice(price: Price, _network: Network): Promise<AssetAmount> {
    if (typeof price === "object") {
      const scale = price.asset === this.#asset.code ? { scale: this.#asset.scale } : {};
      return { ...price, extra: { ...scale, ...price.extra } };
    }
    const { amount, code } = parsePrice(price, this.#asset.scale);
    if (code !== undefined && code !== this.#asset.code) {
      throw new TypeError(`the price is in ${code}, the seller's asset is ${this.#asset.code}`);
    }
    return { amount, asset: this.#asset.code, extra: { scale: this.#asset.scale } };
  }

  /** Decimals of the seller's asset. */
  getAssetDecimals(asset: string, _network: Network): number | undefined {
    return asset === this.#asset.code ? this.#asset.scale : undefined;
  }

  async enhancePaymentRequirements(
    requirements: PaymentRequirements,
    _supportedKind: SupportedKind,
    _facilitatorExtensions: string[],
  ): Promise<PaymentRequirements> {
    return requirements;
  }

  /** Names this request's purchase in `extra.purchase`. */
  async enrichPaymentRequiredResponse(context: SchemePaymentRequiredContext): Promise<Accepts> {
    const adapter = requestAdapter(context.transportContext);
    if (!adapter) return undefined;
    const body = await (this.#seller.requestBody ?? bodyBytes)(adapter);
    const { origin, path, query } = splitUrl(adapter.getUrl());
    const purchase = purchaseDigest({
      method: adapter.getMethod(),
      origin: this.#seller.origin ?? origin,
      path,
      query,
      body,
    });
    return context.requirements.map((accept) =>
      accept.scheme === this.scheme && accept.network.startsWith("farthing:")
        ? { ...accept, extra: { ...accept.extra, purchase: toHex(purchase) } }
        : accept,
    );
  }
}

/**
 * Scheme `upto` on networks `farthing:*`: the price is the most that is charged. What a handler sets
 * with `setSettlementOverrides` is charged, else the whole price.
 */
export class UptoFarthingServer extends ExactFarthingServer {
  override readonly scheme = "upto";
  override readonly paymentFlows: SchemeNetworkServer["paymentFlows"] = {
    default: { supported: ["authorization"], default: "authorization" },
  };
}

/** What a hook is told of a payment. */
export type HookContext = Parameters<NonNullable<SchemeServerHooks["onBeforeVerify"]>>[0];

/** Hooks that serve payments of one name one at a time. */
export function refuseCopies(
  nameOf: (payment: { readonly payload: Readonly<Record<string, unknown>> }) => string,
  reason = "payment_in_flight",
): SchemeServerHooks {
  const inFlight = new InFlight();
  type Context = HookContext;
  const name = (context: Context) => nameOf(context.paymentPayload);
  const leave = async (context: Context) => inFlight.leave(name(context));
  return {
    onBeforeVerify: async (context) =>
      inFlight.enter(name(context), context.requirements.maxTimeoutSeconds)
        ? undefined
        : { abort: true, reason },
    onAfterVerify: async (context) => {
      if (!context.result.isValid) inFlight.leave(name(context));
    },
    onVerifyFailure: leave,
    onAfterSettle: leave,
    onSettleFailure: leave,
    onVerifiedPaymentCanceled: leave,
  };
}

function requestAdapter(transportContext: unknown): RequestAdapter | undefined {
  const request = (transportContext as { request?: { adapter?: RequestAdapter } } | undefined)
    ?.request;
  return request?.adapter;
}

async function bodyBytes(adapter: RequestAdapter): Promise<Uint8Array> {
  const body = await adapter.getBody?.();
  if (body === undefined || body === null) return new Uint8Array();
  if (body instanceof Uint8Array) return body;
  return utf8(typeof body === "string" ? body : JSON.stringify(body));
}
