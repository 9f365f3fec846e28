/**
 * Mandates that can be passed on: their bytes, ids and narrowing, pauses, and the calls about them.
 *
 * Format source: `docs/reference/formats.md`; golden vectors: `conformance/formats.json`. Keeps: a
 * child is only built if it is narrower than its parent in every limit, so that the node has nothing
 * to refuse. Draws no randomness: salt and times come from the caller.
 */

import { base64, concat, idBytes, unsigned, type Bytes } from './bytes.js';
import type { SigningKey } from './keys.js';
import { assetCode, assetScale, digestId, milliseconds, sha256, tag, type Asset } from './order.js';

/** No limit, for counts of base units. */
export const UNLIMITED = (1n << 128n) - 1n;
export const MANDATE_DEPTH_MAX = 7;
export const MANDATE_PAYEES_COUNT_MAX = 4;

export interface Limits {
  perPayment: bigint;
  /** For one UTC calendar day of the node's clock. */
  perDay: bigint;
  /** For one UTC calendar month of the node's clock. */
  perMonth: bigint;
  total: bigint;
  /** Most for `per` metered units. */
  unitPrice?: { price: bigint; per: bigint };
  expiresAtMs: number;
  /** How often it can be passed on. */
  depth: number;
  /** Accounts that may be paid, in any order; anybody if empty. */
  payees: Bytes[];
  /** Where it may be used; anywhere if absent. */
  audience?: Bytes;
}

export interface TreeMandate {
  node: Bytes;
  /** 16 random bytes. */
  salt: Bytes;
  /** The id of the mandate above; absent for a root. */
  parent?: Bytes;
  payer: Bytes;
  /** The key that signs: the payer's for a root, the parent's delegate for a child. */
  granter: Bytes;
  delegate: Bytes;
  asset: Asset;
  limits: Limits;
}

/** A mandate and its granter's signature. */
export interface SignedMandate {
  mandate: Bytes;
  signature: Bytes;
}

/** 376 bytes. */
export function treeMandateBytes(mandate: TreeMandate): Bytes {
  const { limits } = mandate;
  if (limits.depth < 0 || limits.depth > MANDATE_DEPTH_MAX) throw new RangeError('depth');
  return concat(
    tag('farthing/mandate/2'),
    mandate.node,
    mandate.salt,
    mandate.parent ?? new Uint8Array(16),
    mandate.payer,
    mandate.granter,
    mandate.delegate,
    assetCode(mandate.asset),
    assetScale(mandate.asset),
    new Uint8Array(7),
    unsigned(limits.perPayment, 16),
    unsigned(limits.perDay, 16),
    unsigned(limits.perMonth, 16),
    unsigned(limits.total, 16),
    unsigned(limits.unitPrice?.price ?? 0n, 16),
    unsigned(limits.unitPrice?.per ?? 0n, 8),
    milliseconds(limits.expiresAtMs),
    payeeSlots(limits.payees),
    limits.audience ?? new Uint8Array(32),
    unsigned(BigInt(limits.depth), 1),
    new Uint8Array(15),
  );
}

function payeeSlots(payees: Bytes[]): Bytes {
  const texts = new Map(payees.map((payee) => [base64(payee), payee]));
  if (texts.size > MANDATE_PAYEES_COUNT_MAX) throw new RangeError('four payees at most');
  const sorted = [...texts.values()].sort(compare);
  return concat(...sorted, new Uint8Array(16 * (MANDATE_PAYEES_COUNT_MAX - sorted.length)));
}

function compare(a: Bytes, b: Bytes): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** The id of a mandate: follows from its bytes. */
export async function mandateId(mandate: Bytes): Promise<Bytes> {
  return digestId(await sha256(mandate));
}

/** 72 bytes. `sequence` must be above that of the key's last pause; Unix milliseconds will do. */
export function pauseBytes(
  node: Bytes,
  mandate: Bytes,
  sequence: bigint,
  paused: boolean,
): Bytes {
  return concat(
    tag('farthing/pause/1'),
    node,
    mandate,
    unsigned(sequence, 8),
    unsigned(paused ? 1n : 0n, 1),
    new Uint8Array(7),
  );
}

/** The first limit that is wider than above, if there is one. */
export function widerLimit(child: Limits, parent: Limits): keyof Limits | undefined {
  const counts = ['perPayment', 'perDay', 'perMonth', 'total'] as const;
  const wider = counts.find((limit) => child[limit] > parent[limit]);
  if (wider !== undefined) return wider;
  if (parent.unitPrice !== undefined) {
    const { price, per } = parent.unitPrice;
    if (child.unitPrice === undefined) return 'unitPrice';
    if (child.unitPrice.price * per > price * child.unitPrice.per) return 'unitPrice';
  }
  if (child.expiresAtMs > parent.expiresAtMs) return 'expiresAtMs';
  if (child.depth >= parent.depth) return 'depth';
  const named = new Set(parent.payees.map(base64));
  const outside = child.payees.length === 0 || !child.payees.map(base64).every((p) => named.has(p));
  if (named.size > 0 && outside) return 'payees';
  const [own, above] = [child.audience, parent.audience];
  const elsewhere = above !== undefined && (own === undefined || compare(own, above) !== 0);
  return elsewhere ? 'audience' : undefined;
}

/** Signs a mandate with its granter's key. */
export async function signMandate(key: SigningKey, mandate: TreeMandate): Promise<SignedMandate> {
  const bytes = treeMandateBytes(mandate);
  return { mandate: bytes, signature: await key.sign(bytes) };
}

/** A narrower mandate below one's own, for another key: needs no answer from the node. */
export async function attenuate(
  key: SigningKey,
  parent: TreeMandate,
  change: { delegate: Bytes; salt: Bytes; limits: Limits },
): Promise<SignedMandate & { fields: TreeMandate }> {
  const wider = widerLimit(change.limits, parent.limits);
  if (wider !== undefined) throw new RangeError(`${wider} is wider than above`);
  const fields: TreeMandate = {
    ...parent,
    ...change,
    parent: await mandateId(treeMandateBytes(parent)),
    granter: key.publicKey,
  };
  return { ...(await signMandate(key, fields)), fields };
}

/** Body of `POST /v1/mandates`: the whole chain, root first. */
export function chainBody(chain: SignedMandate[], label: string): object {
  const link = ({ mandate, signature }: SignedMandate) => ({
    mandate: base64(mandate),
    signature: base64(signature),
  });
  return { chain: chain.map(link), label };
}

/** Body of `POST /v1/mandates/{mandate_id}/pause` and `/resume`. `mandate` is `man_…`. */
export async function pauseBody(
  node: Bytes,
  key: SigningKey,
  mandate: string,
  sequence: bigint,
  paused: boolean,
): Promise<object> {
  const pause = pauseBytes(node, idBytes('man', mandate), sequence, paused);
  return { pause: base64(pause), signature: base64(await key.sign(pause)) };
}
