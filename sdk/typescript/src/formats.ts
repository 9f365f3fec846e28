/**
 * The signed formats of Farthing, byte by byte, as `docs/reference/formats.md` defines them.
 *
 * Builds bytes from fields and derives ids; every field is checked, so that no half-valid order is
 * ever signed. Signs nothing, reads no clock and no randomness.
 */
import { createHash } from "node:crypto";

import {
  checkedId,
  concat,
  counted,
  digestId,
  fromHex,
  sized,
  tag,
  unsigned,
  utf8,
} from "./encoding.js";

/** 32 zero bytes: an order that names no purchase, a mandate for any origin. */
export const NONE_32: Uint8Array = new Uint8Array(32);
const NONE_16 = new Uint8Array(16);
const PADDING_7 = new Uint8Array(7);

/** An asset: its code (`A-Z0-9`, 1 to 8 characters) and the decimals of one base unit. */
export interface Asset {
  readonly code: string;
  readonly scale: number;
}

/** One payment. Ids are 16 bytes, keys and digests 32, amounts base units. */
export interface Order {
  readonly node: Uint8Array;
  readonly order: Uint8Array;
  readonly payer: Uint8Array;
  readonly signer: Uint8Array;
  readonly payee: Uint8Array;
  readonly asset: Asset;
  readonly amount: bigint;
  readonly purchase?: Uint8Array;
  readonly expiresAtMs: bigint;
  readonly mandate?: Uint8Array;
}

/** A payer's permission for another key. `audience` absent: any origin. */
export interface Mandate {
  readonly node: Uint8Array;
  readonly mandate: Uint8Array;
  readonly payer: Uint8Array;
  readonly payerKey: Uint8Array;
  readonly delegateKey: Uint8Array;
  readonly asset: Asset;
  readonly perPayment: bigint;
  readonly total: bigint;
  readonly expiresAtMs: bigint;
  readonly audience?: Uint8Array;
}

/** What is bought: the parts of one HTTP request as the payer sees them. */
export interface Purchase {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  /** With its leading `?`; empty if the URL has none. */
  readonly query: string;
  readonly body?: Uint8Array;
}

/** SHA-256. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** The node id that belongs to a node's public key. */
export function nodeId(publicKey: Uint8Array): Uint8Array {
  return digestId(sha256(tag("farthing/node/1"), sized(publicKey, 32)));
}

/** The payer account that belongs to a public key and an asset. */
export function payerAccount(publicKey: Uint8Array, asset: Asset): Uint8Array {
  return digestId(sha256(tag("farthing/payer/1"), sized(publicKey, 32), assetBytes(asset)));
}

/** The payment id of an order at a node. */
export function paymentId(node: Uint8Array, payer: Uint8Array, order: Uint8Array): Uint8Array {
  return digestId(sha256(tag("farthing/payment/1"), checkedId(node), checkedId(payer), checkedId(order)));
}

/** Bytes of a purchase; their SHA-256 is the purchase digest. */
export function purchaseBytes(purchase: Purchase): Uint8Array {
  return concat(
    tag("farthing/purchase/1"),
    counted(purchase.method.toUpperCase()),
    counted(purchase.origin),
    counted(purchase.path),
    counted(purchase.query),
    sha256(purchase.body ?? new Uint8Array()),
  );
}

/** The purchase digest that an order carries. */
export function purchaseDigest(purchase: Purchase): Uint8Array {
  return sha256(purchaseBytes(purchase));
}

/**
 * Splits a request URL into origin, path and query without normalising anything: an encoded slash
 * and a decoded one are different purchases.
 */
export function splitUrl(url: string): Pick<Purchase, "origin" | "path" | "query"> {
  const match = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]+)([^?#]*)(\?[^#]*)?/i.exec(url);
  if (!match) throw new TypeError("expected an absolute URL");
  return { origin: match[1] ?? "", path: match[2] || "/", query: match[3] ?? "" };
}

/** The 208 bytes of an order. */
export function orderBytes(order: Order): Uint8Array {
  return concat(
    tag("farthing/order/1"),
    checkedId(order.node),
    checkedId(order.order),
    checkedId(order.payer),
    sized(order.signer, 32),
    checkedId(order.payee),
    assetBytes(order.asset),
    PADDING_7,
    unsigned(order.amount, 16),
    sized(order.purchase ?? NONE_32, 32),
    unsigned(order.expiresAtMs, 8),
    order.mandate === undefined ? NONE_16 : checkedId(order.mandate),
  );
}

/** The 224 bytes of a mandate. */
export function mandateBytes(mandate: Mandate): Uint8Array {
  return concat(
    tag("farthing/mandate/1"),
    checkedId(mandate.node),
    checkedId(mandate.mandate),
    checkedId(mandate.payer),
    sized(mandate.payerKey, 32),
    sized(mandate.delegateKey, 32),
    assetBytes(mandate.asset),
    PADDING_7,
    unsigned(mandate.perPayment, 16),
    unsigned(mandate.total, 16),
    unsigned(mandate.expiresAtMs, 8),
    sized(mandate.audience ?? NONE_32, 32),
  );
}

/** The audience of a mandate that may pay at one origin only. */
export function audience(origin: string): Uint8Array {
  return sha256(utf8(origin));
}

/** The 56 bytes that revoke a mandate. */
export function revocationBytes(node: Uint8Array, mandate: Uint8Array): Uint8Array {
  return concat(tag("farthing/revoke/1"), checkedId(node), checkedId(mandate));
}

/** The 80 bytes that prove who asks for private data. */
export function accessBytes(
  node: Uint8Array,
  publicKey: Uint8Array,
  issuedAtMs: bigint,
): Uint8Array {
  return concat(
    tag("farthing/access/1"),
    checkedId(node),
    sized(publicKey, 32),
    unsigned(issuedAtMs, 8),
  );
}

/** Eight padded bytes of code and one of scale. */
export function assetBytes({ code, scale }: Asset): Uint8Array {
  if (!/^[A-Z][A-Z0-9]{0,7}$/.test(code)) {
    throw new TypeError("an asset code has 1 to 8 characters A-Z0-9 and starts with a letter");
  }
  if (!Number.isInteger(scale) || scale < 0 || scale > 30) {
    throw new RangeError("an asset scale is a whole number from 0 to 30");
  }
  const bytes = new Uint8Array(9);
  bytes.set(utf8(code));
  bytes[8] = scale;
  return bytes;
}

/** Reads `extra.purchase`: 64 lowercase hex digits, absent for none. */
export function purchaseFromExtra(value: unknown): Uint8Array {
  if (value === undefined) return NONE_32;
  if (typeof value !== "string") throw new TypeError("extra.purchase must be a text");
  return fromHex(value, 32);
}
