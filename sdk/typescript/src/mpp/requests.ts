/**
 * Reads the terms of MPP challenges of method `farthing` strictly, before anything is signed.
 *
 * Challenges come from a stranger's server: a member that is missing, of the wrong type or not
 * canonical is an error.
 */
import type { ChannelClaim, ChannelOffer, SignedVoucher } from "../channel-book.js";
import { fromBase64, idFromDigits, idFromText } from "../encoding.js";
import { purchaseFromExtra, type Asset } from "../formats.js";
import type { Terms } from "../requirements.js";

/** The payment method's name. */
export const METHOD = "farthing";

const NETWORK_PREFIX = "farthing:";
const ORDER_SECONDS_MAX = 86_400;
const DELAY_SECONDS_MAX = 4_294_967_295;
const SIGNATURE_BYTES = 64;

type Members = Readonly<Record<string, unknown>>;

/** Terms of a session: what a channel is opened for, and where the presented one stands. */
export interface SessionTerms {
  readonly offer: ChannelOffer;
  /** Price of `per` units, base units. */
  readonly price: bigint;
  readonly per: number;
  readonly unit: string;
  /** Set if the server tells where a channel stands. */
  readonly claim?: ChannelClaim;
}

/** Reads the request of a `charge` challenge. */
export function readCharge(request: Members): Terms {
  const { details, ...terms } = readPrice(request);
  return {
    ...terms,
    maxTimeoutSeconds: whole(details, "orderSeconds", ORDER_SECONDS_MAX),
    purchase: purchaseFromExtra(details["purchase"]),
  };
}

/** Reads the request of a `session` challenge. */
export function readSession(request: Members): SessionTerms {
  const { details, network, node, asset, amount, payTo } = readPrice(request);
  const splits = details["splits"];
  const unit = request["unitType"];
  const claim = readClaim(details["channel"]);
  return {
    offer: {
      network,
      node,
      asset,
      payTo,
      amount: baseUnits(details, "start"),
      depositMin: baseUnits(details, "minDeposit"),
      depositSuggested: baseUnits(request, "suggestedDeposit"),
      closeDelaySeconds: whole(details, "closeDelaySeconds", DELAY_SECONDS_MAX),
      // A channel is for one way of sharing what it pays.
      ...(typeof splits === "string" && { group: splits }),
    },
    price: amount,
    per: whole(details, "per", Number.MAX_SAFE_INTEGER),
    unit: typeof unit === "string" ? unit : "request",
    ...(claim && { claim }),
  };
}

type Price = Pick<Terms, "network" | "node" | "asset" | "amount" | "payTo" | "payee">;

function readPrice(request: Members): Price & { details: Members } {
  const details = object(request, "methodDetails");
  const { network, asset: code, scale } = details;
  const { recipient, currency } = request;
  if (typeof network !== "string" || !network.startsWith(NETWORK_PREFIX)) {
    throw new TypeError("expected methodDetails.network, farthing:<node>");
  }
  if (typeof code !== "string" || typeof scale !== "number") {
    throw new TypeError("expected methodDetails.asset and methodDetails.scale");
  }
  if (currency !== code.toLowerCase()) {
    throw new TypeError("expected currency, the asset's code in lower case");
  }
  if (typeof recipient !== "string") throw new TypeError("expected recipient, a text");
  const asset: Asset = { code, scale };
  return {
    details,
    network,
    node: idFromDigits(network.slice(NETWORK_PREFIX.length)),
    asset,
    amount: baseUnits(request, "amount"),
    payTo: recipient,
    payee: idFromText("acc", recipient),
  };
}

/** Where a channel is said to stand; undefined if that is not said, or not in due form. */
function readClaim(state: unknown): ChannelClaim | undefined {
  if (typeof state !== "object" || state === null) return undefined;
  const members = state as Members;
  const channel = members["channelId"];
  if (typeof channel !== "string") return undefined;
  try {
    const voucher = members["voucher"];
    return {
      channel,
      deposit: baseUnits(members, "deposit"),
      spent: baseUnits(members, "spent"),
      ...(voucher !== undefined && { voucher: readVoucher(channel, object(members, "voucher")) }),
    };
  } catch {
    return undefined;
  }
}

function readVoucher(channel: string, voucher: Members): SignedVoucher {
  const { sequence, signature } = voucher;
  if (!Number.isSafeInteger(sequence) || typeof signature !== "string") {
    throw new TypeError("expected a voucher");
  }
  return {
    channel,
    sequence: Number(sequence),
    cumulative: baseUnits(voucher, "cumulativeAmount"),
    signature: fromBase64(signature, SIGNATURE_BYTES),
  };
}

function object(members: Members, name: string): Members {
  const value = members[name];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`expected ${name}, an object`);
  }
  return value as Members;
}

function whole(members: Members, name: string, most: number): number {
  const value = members[name];
  if (!Number.isSafeInteger(value) || Number(value) < 1 || Number(value) > most) {
    throw new RangeError(`expected methodDetails.${name}, a whole number from 1 to ${most}`);
  }
  return Number(value);
}

/** Reads base units: digits without leading zero. */
export function baseUnits(members: Members, name: string): bigint {
  const text = members[name];
  if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,38})$/.test(text)) {
    throw new TypeError(`expected ${name}, digits without leading zero`);
  }
  return BigInt(text);
}
