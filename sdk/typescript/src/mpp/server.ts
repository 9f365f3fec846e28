/**
 * The server plug-in for `mppx`: sells through a node, which takes the payments.
 *
 * Every challenge of an order names the purchase of its own request, so a payment made for one
 * request pays for no other one. A payment that this process has served is refused when it comes
 * again; the node's replay guard decides about the money. Holds no money and no payer's key.
 */
import { Errors, Method, z, type Receipt } from "mppx";

import { toHex } from "../encoding.js";
import { purchaseDigest, splitUrl, type Asset } from "../formats.js";
import { InFlight } from "../in-flight.js";
import { parsePrice } from "../price.js";
import { chargeMethod, sessionMethod, type SessionPayload } from "./method.js";
import { SellerNode, type Taken, type WireTerms } from "./seller-node.js";

/** How to sell. */
export interface FarthingSeller {
  /** URL of the node's API. */
  readonly node: string;
  /** `farthing:<node>` */
  readonly network: string;
  /** The payee's account, `acc_…`. */
  readonly recipient: string;
  /** Asset of prices; `USD` at scale 9 if absent. */
  readonly asset?: Asset;
  /** Origin as payers see it, if a proxy in front changes it: `https://example.org`. */
  readonly origin?: string;
  /** How long an order may live; 300 if absent. */
  readonly orderSeconds?: number;
  /** The node's gateway token: with it the node closes a channel at once when its payer asks. */
  readonly gatewayToken?: string;
  /** For calls of the node. */
  readonly fetch?: typeof globalThis.fetch;
}

/** How to sell from channels. Amounts are base units. */
export interface FarthingSessionSeller extends FarthingSeller {
  /** Least deposit; the price if absent. */
  readonly depositMin?: bigint;
  /** Suggested deposit; a hundred times the price if absent. */
  readonly depositSuggested?: bigint;
  /** Least delay before a payer alone gets its money back; 3,600 if absent. */
  readonly closeDelaySeconds?: number;
}

const DOLLARS: Asset = { code: "USD", scale: 9 };
const ORDER_SECONDS = 300;
const CLOSE_DELAY_SECONDS = 3_600;
const SUGGESTED_REQUESTS = 100n;
/** How long a voucher's number is remembered; the node remembers it for good. */
const VOUCHER_SECONDS = 3_600;

type Request = Record<string, unknown>;

/** What a route asks: a price such as `0.002` or `$0.002`. */
const price = z.looseObject({ amount: z.string() });

/** Sells single purchases: `mppx.farthing.charge({ amount: "0.002" })`. */
export function sellCharge(seller: FarthingSeller) {
  const node = new SellerNode(seller);
  const used = new InFlight();
  const request = z.pipe(price, z.transform((asked) => chargeRequest(seller, asked)));
  const method = Method.from({
    name: chargeMethod.name,
    intent: chargeMethod.intent,
    schema: { credential: chargeMethod.schema.credential, request },
  });
  return Method.toServer(method, {
    request: ({ capturedRequest, request: asked }) =>
      capturedRequest ? { ...asked, purchase: purchase(seller, capturedRequest) } : asked,
    stableBinding: (bound) => bound,
    async verify({ credential }) {
      const { challenge, payload } = credential;
      const terms = exactTerms(challenge.request);
      if (!used.enter(payload.order, terms.maxTimeoutSeconds)) throw refusal("payment_used");
      const settled = await node.settle(terms, payload);
      if (!settled.success) {
        used.leave(payload.order);
        throw refusal(settled.errorReason);
      }
      return receipt(settled, { intent: "charge", challengeId: challenge.id });
    },
  });
}

/** Sells from channels, each request at the same price: `mppx.farthing.session({ amount })`. */
export function sellSession(seller: FarthingSessionSeller) {
  const node = new SellerNode(seller);
  const used = new InFlight();
  const request = z.pipe(price, z.transform((asked) => sessionRequest(seller, asked)));
  const method = Method.from({
    name: sessionMethod.name,
    intent: sessionMethod.intent,
    schema: { credential: sessionMethod.schema.credential, request },
  });
  return Method.toServer(method, {
    async request({ credential, request: asked }) {
      const payload = credential?.payload as Partial<SessionPayload> | undefined;
      const channel = payload && "channelId" in payload ? payload.channelId : undefined;
      const state = channel === undefined ? undefined : await node.channelState(channel);
      return state ? { ...asked, channel: state } : asked;
    },
    stableBinding: withoutState,
    async verify({ credential, envelope }) {
      const { challenge, payload } = credential;
      const terms = channelTerms(challenge.request);
      const isHead = envelope?.capturedRequest.method === "HEAD";
      const name = "sequence" in payload ? `${voucherSignature(payload)}` : "";
      if (name !== "" && !used.enter(name, VOUCHER_SECONDS)) throw refusal("payment_used");
      const settled = await node.settle(isHead ? { ...terms, amount: "0" } : terms, wire(payload));
      if (!settled.success) {
        used.leave(name);
        throw refusal(settled.errorReason);
      }
      return receipt(settled, { intent: "session", challengeId: challenge.id });
    },
    respond({ credential, input }) {
      const { payload } = credential;
      const buys = "sequence" in payload && payload.sequence !== undefined;
      const isManagement = input.method === "HEAD" || !buys;
      return isManagement ? new Response(null, { status: 200 }) : undefined;
    },
  });
}

function base(seller: FarthingSeller, amount: string): { units: string; asset: Asset } {
  const asset = seller.asset ?? DOLLARS;
  const parsed = parsePrice(amount, asset.scale);
  if (parsed.code !== undefined && parsed.code !== asset.code) {
    throw new TypeError(`the price is in ${parsed.code}, the seller's asset is ${asset.code}`);
  }
  return { units: parsed.amount, asset };
}

function chargeRequest(seller: FarthingSeller, asked: Request & { amount: string }): Request {
  const { units, asset } = base(seller, asked.amount);
  const purchase = asked["purchase"];
  return {
    amount: units,
    currency: asset.code.toLowerCase(),
    recipient: seller.recipient,
    methodDetails: {
      network: seller.network,
      asset: asset.code,
      scale: asset.scale,
      orderSeconds: seller.orderSeconds ?? ORDER_SECONDS,
      ...(typeof purchase === "string" && { purchase }),
    },
  };
}

function sessionRequest(
  seller: FarthingSessionSeller,
  asked: Request & { amount: string },
): Request {
  const { units, asset } = base(seller, asked.amount);
  const suggested = seller.depositSuggested ?? SUGGESTED_REQUESTS * BigInt(units);
  const channel = asked["channel"];
  return {
    amount: units,
    currency: asset.code.toLowerCase(),
    recipient: seller.recipient,
    unitType: "request",
    suggestedDeposit: String(suggested),
    methodDetails: {
      network: seller.network,
      asset: asset.code,
      scale: asset.scale,
      per: 1,
      start: units,
      minDeposit: String(seller.depositMin ?? units),
      closeDelaySeconds: seller.closeDelaySeconds ?? CLOSE_DELAY_SECONDS,
      ...(channel !== undefined && { channel }),
    },
  };
}

/** What must not change between a challenge and its payment: all but where the channel stands. */
function withoutState(request: Request): Request {
  const { channel: _, ...details } = request["methodDetails"] as Request;
  return { ...request, methodDetails: details };
}

function purchase(
  seller: FarthingSeller,
  captured: { readonly method: string; readonly url: URL },
): string {
  const { origin, path, query } = splitUrl(captured.url.href);
  const { method } = captured;
  return toHex(purchaseDigest({ method, origin: seller.origin ?? origin, path, query }));
}

function exactTerms(request: Request): WireTerms {
  const details = request["methodDetails"] as Request;
  const { scale, purchase: digest } = details;
  return {
    ...commonTerms(request, details),
    scheme: "exact",
    maxTimeoutSeconds: Number(details["orderSeconds"]),
    extra: { scale, ...(digest !== undefined && { purchase: digest }) },
  };
}

function channelTerms(request: Request): WireTerms {
  const details = request["methodDetails"] as Request;
  const { scale, start, minDeposit, closeDelaySeconds } = details;
  return {
    ...commonTerms(request, details),
    scheme: "batch-settlement",
    maxTimeoutSeconds: ORDER_SECONDS,
    extra: {
      scale,
      start,
      depositMin: minDeposit,
      depositSuggested: request["suggestedDeposit"],
      closeDelaySeconds,
    },
  };
}

function commonTerms(request: Request, details: Request) {
  return {
    network: String(details["network"]),
    amount: String(request["amount"]),
    asset: String(details["asset"]),
    payTo: String(request["recipient"]),
  };
}

function voucherSignature(payload: SessionPayload): string | undefined {
  return payload.action === "voucher"
    ? payload.signature
    : "voucherSignature" in payload
      ? payload.voucherSignature
      : undefined;
}

/** The same payload as the node's facilitator reads it. */
function wire(payload: SessionPayload): Record<string, unknown> {
  if (payload.action === "close") {
    const { channelId, cumulativeAmount, signature } = payload;
    return { type: "refund", channelId, cumulativeAmount, signature };
  }
  const voucher = (channelId: string) => ({
    channelId,
    sequence: payload.sequence,
    maxClaimableAmount: payload.cumulativeAmount,
    signature: voucherSignature(payload),
  });
  if (payload.action === "open") {
    const { terms, signature } = payload;
    return { type: "deposit", terms, signature, voucher: voucher(SellerNode.channelOf(terms)) };
  }
  const { channelId } = payload;
  if (payload.action === "voucher") return { type: "voucher", voucher: voucher(channelId) };
  const { deposit, signature } = payload;
  const topUp = { channelId, deposit, signature };
  const raise = { type: "deposit", topUp };
  return payload.sequence === undefined ? raise : { ...raise, voucher: voucher(channelId) };
}

function receipt(settled: Taken, more: Record<string, unknown>): Receipt.Receipt {
  const state = settled.channel;
  return {
    method: chargeMethod.name,
    status: "success",
    timestamp: new Date().toISOString(),
    reference: state?.channelId ?? settled.transaction,
    amount: settled.amount,
    ...(state && {
      channelId: state.channelId,
      acceptedCumulative: state.accepted,
      spent: state.spent,
      deposit: state.deposit,
      sequence: state.sequence,
      ...(settled.refunded === undefined &&
        state.closesAtMs !== undefined && { closesAtMs: state.closesAtMs }),
    }),
    ...more,
  } as Receipt.Receipt;
}

function refusal(reason: string): Errors.PaymentError {
  return new Errors.VerificationFailedError({ reason });
}
