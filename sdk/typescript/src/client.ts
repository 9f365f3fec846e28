/**
 * The client plug-in: lets an unmodified x402 client pay on a network `farthing:<node>`.
 *
 * Signs exactly what the requirements ask for, after the spend control agreed, and never twice the
 * same order id. It does not send anything and keeps no record beyond the spend control's.
 */
import { randomBytes } from "node:crypto";

import type {
  DefaultAsset,
  PaymentPayloadResult,
  PaymentRequirements,
  SchemeNetworkClient,
} from "@x402/core/types";

import { idFromText, toBase64 } from "./encoding.js";
import { orderBytes, payerAccount } from "./formats.js";
import type { Signer } from "./key.js";
import { readRequirements, type Terms } from "./requirements.js";
import type { SpendControl } from "./spend-limits.js";

/** An asset whose prices the SDK's own spend controls may read as US dollars. */
export interface KnownAsset {
  readonly code: string;
  readonly scale: number;
}

/** How to pay. */
export interface FarthingPayer {
  /** The payer's key, or the key that a mandate names. */
  readonly key: Signer;
  /** Pay from another payer's account: the mandate's id and that account, as texts. */
  readonly mandate?: { readonly mandate: string; readonly payer: string };
  /** Asked before each signature. */
  readonly spendControl?: SpendControl;
  /** Dollar assets, for the SDK's spend controls; `USD` at scale 9 if absent. */
  readonly assets?: readonly KnownAsset[];
}

const DOLLARS: readonly KnownAsset[] = [{ code: "USD", scale: 9 }];

/** Scheme `exact` on networks `farthing:*`, for `x402Client.register` and `registerV1`. */
export class ExactFarthingClient implements SchemeNetworkClient {
  readonly scheme = "exact";
  readonly #payer: FarthingPayer;

  constructor(payer: FarthingPayer) {
    this.#payer = payer;
  }

  /** Tells the SDK's spend controls the decimals of an asset. */
  findDefaultAsset(asset: string, network: string): DefaultAsset | undefined {
    const known = this.#known(asset);
    if (!known || !network.startsWith("farthing:")) return undefined;
    return { asset, decimals: known.scale, symbol: known.code };
  }

  /** Signs one order for these requirements; in x402 versions 1 and 2. */
  async createPaymentPayload(
    x402Version: number,
    requirements: PaymentRequirements,
  ): Promise<PaymentPayloadResult> {
    const terms = readRequirements(x402Version, requirements);
    const known = this.#known(terms.asset.code);
    // The SDK's dollar limit was computed with the known scale: another one would bend it.
    if (known && known.scale !== terms.asset.scale) {
      throw new RangeError(`expected scale ${known.scale} for ${known.code}`);
    }
    this.#payer.spendControl?.reserve({
      network: terms.network,
      asset: terms.asset.code,
      scale: terms.asset.scale,
      amount: terms.amount,
      payTo: terms.payTo,
    });
    const payload = await signOrder(this.#payer, terms);
    if (x402Version !== 1) return { x402Version, payload };
    // Version 1 has the scheme and network beside the payload; the SDK passes them through.
    const version1 = { x402Version, scheme: this.scheme, network: terms.network, payload };
    return version1;
  }

  #known(asset: string): KnownAsset | undefined {
    return (this.#payer.assets ?? DOLLARS).find((known) => known.code === asset);
  }
}

/** Builds and signs an order; `order` and `signature` as base64. */
export async function signOrder(
  payer: Pick<FarthingPayer, "key" | "mandate">,
  terms: Terms,
  orderId: Uint8Array = randomBytes(16),
  nowMs: number = Date.now(),
): Promise<{ order: string; signature: string }> {
  const { key, mandate } = payer;
  const bytes = orderBytes({
    node: terms.node,
    order: orderId,
    payer: mandate ? idFromText("acc", mandate.payer) : payerAccount(key.publicKey, terms.asset),
    signer: key.publicKey,
    payee: terms.payee,
    asset: terms.asset,
    amount: terms.amount,
    purchase: terms.purchase,
    expiresAtMs: BigInt(nowMs) + 1000n * BigInt(terms.maxTimeoutSeconds),
    ...(mandate && { mandate: idFromText("man", mandate.mandate) }),
  });
  return { order: toBase64(bytes), signature: toBase64(await key.sign(bytes)) };
}

/** The part of `x402Client` that registration needs. */
export interface SchemeRegistry {
  register(network: `${string}:${string}`, client: SchemeNetworkClient): unknown;
  registerV1?(network: string, client: SchemeNetworkClient): unknown;
}

/** Registers the plug-in for every Farthing node, in x402 versions 2 and 1; returns the client. */
export function registerFarthing<T extends SchemeRegistry>(client: T, payer: FarthingPayer): T {
  const scheme = new ExactFarthingClient(payer);
  client.register("farthing:*", scheme);
  client.registerV1?.("farthing:*", scheme);
  return client;
}
