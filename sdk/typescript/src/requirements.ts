/**
 * Reads x402 payment requirements of our network strictly, whatever their version.
 *
 * Requirements come from a stranger's server: a field that is missing, of the wrong type or not
 * canonical is an error before anything is signed.
 */
import type { PaymentRequirements } from "@x402/core/types";

import { idFromDigits, idFromText } from "./encoding.js";
import { purchaseFromExtra, type Asset } from "./formats.js";

/** What a payment must be, read from requirements. */
export interface Terms {
  readonly network: string;
  readonly node: Uint8Array;
  readonly asset: Asset;
  /** Base units. */
  readonly amount: bigint;
  readonly payTo: string;
  readonly payee: Uint8Array;
  readonly maxTimeoutSeconds: number;
  /** All zeros if the requirements name no purchase. */
  readonly purchase: Uint8Array;
}

const NETWORK_PREFIX = "farthing:";
const EXPIRY_SECONDS_MAX = 86_400;

/** Checks and reads requirements of x402 version 1 or 2. */
export function readRequirements(x402Version: number, requirements: PaymentRequirements): Terms {
  const { network, asset, payTo, maxTimeoutSeconds, extra } = requirements;
  const version1 = requirements as unknown as { maxAmountRequired?: unknown };
  const amount = x402Version === 1 ? version1.maxAmountRequired : requirements.amount;
  if (typeof network !== "string" || !network.startsWith(NETWORK_PREFIX)) {
    throw new TypeError("expected a network farthing:<node>");
  }
  if (typeof amount !== "string" || !/^(0|[1-9][0-9]{0,38})$/.test(amount)) {
    throw new TypeError("expected an amount of base units, digits without leading zero");
  }
  if (typeof payTo !== "string") throw new TypeError("expected payTo, a text");
  const seconds = maxTimeoutSeconds;
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > EXPIRY_SECONDS_MAX) {
    throw new RangeError(`expected maxTimeoutSeconds from 1 to ${EXPIRY_SECONDS_MAX}`);
  }
  const scale: unknown = extra?.scale;
  if (typeof scale !== "number") throw new TypeError("expected extra.scale, a number");
  return {
    network,
    node: idFromDigits(network.slice(NETWORK_PREFIX.length)),
    asset: { code: asset, scale },
    amount: BigInt(amount),
    payTo,
    payee: idFromText("acc", payTo),
    maxTimeoutSeconds: seconds,
    purchase: purchaseFromExtra(extra?.purchase),
  };
}
