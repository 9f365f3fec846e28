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
import type { ChannelPolicy } from "./channel-book.js";
import { orderBytes, payerAccount, type Asset } from "./formats.js";
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
  /** Set to pay from channels where sellers take them, within these limits. */
  readonly channels?: ChannelPolicy;
}

const DOLLARS: readonly KnownAsset[] = [{ code: "USD", scale: 9 }];

/** Scheme `exact` on networks `farthing:*`, for `x402Client.register` and `registerV1`. */
export class ExactFarthingClient implements SchemeNetworkClient {
  readonly scheme: string = "exact";
  readonly #payer: FarthingPayer;

  constructor(payer: FarthingPayer) {
    this.#payer = payer;
  }

  /** Tells the SDK's spend controls the decimals of an asset. */
  findDefaultAsset(asset: string, network: string): DefaultAsset | undefined {
    return defaultAsset(this.#payer.assets, asset, network);
  }

  /** Signs one order for these requirements; in x402 versions 1 and 2. */
  async createPaymentPayload(
    x402Version: number,
    requirements: PaymentRequirements,
  ): Promise<PaymentPayloadResult> {
    const terms = readRequirements(x402Version, requirements);
    knownAsset(this.#payer.assets, terms.asset);
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
}

/** Scheme `upto` on networks `farthing:*`: the order's amount is the most that is charged. */
export class UptoFarthingClient extends ExactFarthingClient {
  override readonly scheme = "upto";
}

type KnownAssets = readonly KnownAsset[] | undefined;

/** The decimals of an asset, for the SDK's spend controls. */
export function defaultAsset(
  assets: KnownAssets,
  asset: string,
  network: string,
): DefaultAsset | undefined {
  const known = (assets ?? DOLLARS).find(({ code }) => code === asset);
  if (!known || !network.startsWith("farthing:")) return undefined;
  return { asset, decimals: known.scale, symbol: known.code };
}

/** Refuses another scale than the SDK's dollar limit was computed with: it would bend the limit. */
export function knownAsset(assets: KnownAssets, { code, scale }: Asset): void {
  const known = (assets ?? DOLLARS).find((asset) => asset.code === code);
  if (known && known.scale !== scale) {
    throw new RangeError(`expected scale ${known.scale} for ${known.code}`);
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
