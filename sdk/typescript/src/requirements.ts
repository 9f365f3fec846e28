/**
 * Reads x402 payment requirements of our network strictly, whatever their version.
 *
 * Requirements come from a stranger's server: a field that is missing, of the wrong type or not
 * canonical is an error before anything is signed.
 */
import type { PaymentRequirements } from "@x402/core/types";

import type { Asset } from "./formats.js";

/** What a payment must be, read from requirements. */
export interface Terms {
  readonly network: string;
  readonly asset: Asset;
  /** Base units. */
  readonly amount: bigint;
  readonly payTo: string;
  readonly maxTimeoutSeconds: number;
  /** 64 hex digits, or absent. */
  readonly purchase?: unknown;
}

const EXPIRY_SECONDS_MAX = 86_400;

/** Checks and reads requirements of x402 version 1 or 2. */
export function readRequirements(x402Version: number, requirements: PaymentRequirements): Terms {
  const { network, asset, payTo, maxTimeoutSeconds, extra } = requirements;
  const version1 = requirements as unknown as { maxAmountRequired?: unknown };
  const amount = x402Version === 1 ? version1.maxAmountRequired : requirements.amount;
  if (typeof network !== "string" || !network.startsWith("farthing:")) {
    throw new TypeError("expected a network farthing:<node>");
  }
  if (typeof amount !== "string" || !/^(0|[1-9][0-9]{0,38})$/.test(amount)) {
    throw new TypeError("expected an amount of base units, digits without leading zero");
  }
  const seconds = maxTimeoutSeconds;
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > EXPIRY_SECONDS_MAX) {
    throw new RangeError(`expected maxTimeoutSeconds from 1 to ${EXPIRY_SECONDS_MAX}`);
  }
  const scale: unknown = extra?.scale;
  if (typeof scale !== "number") throw new TypeError("expected extra.scale, a number");
  return {
    network,
    asset: { code: asset, scale },
    amount: BigInt(amount),
    payTo,
    maxTimeoutSeconds: seconds,
    purchase: extra?.purchase,
  };
}
