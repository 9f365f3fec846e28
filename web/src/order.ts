/**
 * The signed formats that a browser makes: order, revocation, access statement; `mandate.ts` has mandates.
 *
 * Format source: `docs/reference/formats.md`; golden vectors: `conformance/formats.json`. Keeps:
 * the bytes returned are exactly the bytes that are signed. Signs nothing itself, reads no clock
 * and draws no randomness: ids and times come from the caller. The fields are also those of
 * `channel.ts`.
 */

import { concat, fromBase32, padded, unsigned, utf8, type Bytes } from './bytes.js';

const TAG_BYTES = 24;
const NETWORK_PREFIX = 'farthing:';

/** An asset as a node names it: code and number of decimals. */
export interface Asset {
  code: string;
  scale: number;
}

export interface Order {
  node: Bytes;
  orderId: Bytes;
  payer: Bytes;
  signer: Bytes;
  payee: Bytes;
  asset: Asset;
  amount: bigint;
  purchase: Bytes;
  expiresAtMs: number;
  /** All zeros if the signer is the payer's own key. */
  mandate: Bytes;
}

/** 208 bytes. */
export function orderBytes(order: Order): Bytes {
  return concat(
    tag('farthing/order/1'),
    order.node,
    order.orderId,
    order.payer,
    order.signer,
    order.payee,
    assetCode(order.asset),
    assetScale(order.asset),
    new Uint8Array(7),
    unsigned(order.amount, 16),
    order.purchase,
    milliseconds(order.expiresAtMs),
    order.mandate,
  );
}

/** 56 bytes. */
export function revocationBytes(node: Bytes, mandateId: Bytes): Bytes {
  return concat(tag('farthing/revoke/1'), node, mandateId);
}

/** 80 bytes. */
export function accessBytes(node: Bytes, key: Bytes, issuedAtMs: number): Bytes {
  return concat(tag('farthing/access/1'), node, key, milliseconds(issuedAtMs));
}

/** The account of a payer's key in one asset; needs no answer from the node. */
export async function payerAccount(key: Bytes, asset: Asset): Promise<Bytes> {
  return digestId(
    await sha256(concat(tag('farthing/payer/1'), key, assetCode(asset), assetScale(asset))),
  );
}

/** What a mandate is bound to: the digest of the text of an origin, as browsers write it. */
export function audience(origin: string): Promise<Bytes> {
  return sha256(utf8(origin));
}

/** The node id within an x402 network name, `farthing:<26 characters>`. */
export function nodeOfNetwork(network: string): Bytes {
  if (!network.startsWith(NETWORK_PREFIX)) throw new RangeError(`${network} is not a node`);
  return fromBase32(network.slice(NETWORK_PREFIX.length));
}

export function tag(text: string): Bytes {
  return padded(text, TAG_BYTES);
}

export function assetCode(asset: Asset): Bytes {
  if (!/^[A-Z][A-Z0-9]{0,7}$/.test(asset.code)) throw new RangeError('not an asset code');
  return padded(asset.code, 8);
}

export function assetScale(asset: Asset): Bytes {
  return unsigned(BigInt(asset.scale), 1);
}

export function milliseconds(time: number): Bytes {
  return unsigned(BigInt(Math.trunc(time)), 8);
}

/** The first 16 bytes of a digest; the two reserved values become their neighbours. */
export function digestId(digest: Bytes): Bytes {
  const id = digest.slice(0, 16);
  if (id.every((byte) => byte === 0)) id[15] = 1;
  if (id.every((byte) => byte === 0xff)) id[15] = 0xfe;
  return id;
}

export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
