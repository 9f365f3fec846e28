/**
 * Mandates that can be passed on: bytes, ids, narrowing, pauses, and registering a chain.
 *
 * Format: `docs/reference/formats.md`. A child is only signed if it is narrower than its parent in
 * every limit, so that the node has nothing to refuse. Signing needs nobody else: the holder of a
 * mandate passes it on offline.
 */
import { checkedId, concat, digestId, idText, sized, tag, toHex, unsigned } from "./encoding.js";
import { NONE_32, assetBytes, sha256, type Asset } from "./formats.js";
import type { PayerKey } from "./key.js";

/** No limit, for counts of base units. */
export const UNLIMITED: bigint = (1n << 128n) - 1n;
/** How often a mandate can be passed on at most. */
export const MANDATE_DEPTH_MAX = 7;
/** Payees that a mandate names at most. */
export const MANDATE_PAYEES_COUNT_MAX = 4;

/** What a mandate allows. Days and months are UTC, by the node's clock. */
export interface MandateLimits {
  readonly perPayment: bigint;
  readonly perDay: bigint;
  readonly perMonth: bigint;
  readonly total: bigint;
  /** Most for `per` metered units; absent: any price. */
  readonly unitPrice?: { readonly price: bigint; readonly per: bigint };
  readonly expiresAtMs: bigint;
  /** How often it can be passed on. */
  readonly depth: number;
  /** Accounts that may be paid, in any order; anybody if empty. */
  readonly payees: readonly Uint8Array[];
  /** Digest of the origin where it may be used; absent: anywhere. */
  readonly audience?: Uint8Array;
}

/** A link of a tree of mandates. */
export interface TreeMandate {
  readonly node: Uint8Array;
  /** 16 random bytes. */
  readonly salt: Uint8Array;
  /** Id of the mandate above; absent for a root. */
  readonly parent?: Uint8Array;
  readonly payer: Uint8Array;
  /** The key that signs: the payer's for a root, the parent's delegate for a child. */
  readonly granter: Uint8Array;
  readonly delegate: Uint8Array;
  readonly asset: Asset;
  readonly limits: MandateLimits;
}

/** A mandate's bytes and its granter's signature. */
export interface SignedMandate {
  readonly mandate: Uint8Array;
  readonly signature: Uint8Array;
}

/** The 376 bytes of a mandate. */
export function treeMandateBytes(mandate: TreeMandate): Uint8Array {
  const { limits } = mandate;
  if (limits.depth > MANDATE_DEPTH_MAX) throw new RangeError("a mandate's depth is 7 at most");
  return concat(
    tag("farthing/mandate/2"),
    checkedId(mandate.node),
    sized(mandate.salt, 16),
    mandate.parent === undefined ? new Uint8Array(16) : checkedId(mandate.parent),
    checkedId(mandate.payer),
    sized(mandate.granter, 32),
    sized(mandate.delegate, 32),
    assetBytes(mandate.asset),
    new Uint8Array(7),
    unsigned(limits.perPayment, 16),
    unsigned(limits.perDay, 16),
    unsigned(limits.perMonth, 16),
    unsigned(limits.total, 16),
    unsigned(limits.unitPrice?.price ?? 0n, 16),
    unsigned(limits.unitPrice?.per ?? 0n, 8),
    unsigned(limits.expiresAtMs, 8),
    payeeSlots(limits.payees),
    sized(limits.audience ?? NONE_32, 32),
    unsigned(BigInt(limits.depth), 1),
    new Uint8Array(15),
  );
}

function payeeSlots(payees: readonly Uint8Array[]): Uint8Array {
  const named = new Map(payees.map((payee) => [toHex(checkedId(payee)), payee]));
  if (named.size > MANDATE_PAYEES_COUNT_MAX) throw new RangeError("a mandate names 4 payees at most");
  const sorted = [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, payee]) => payee);
  return concat(...sorted, new Uint8Array(16 * (MANDATE_PAYEES_COUNT_MAX - sorted.length)));
}

/** The id of a mandate: follows from its bytes. */
export function treeMandateId(mandate: Uint8Array): Uint8Array {
  return digestId(sha256(mandate));
}

/** The 72 bytes that stop a mandate, or let it go on. */
export function pauseBytes(
  node: Uint8Array,
  mandate: Uint8Array,
  sequence: bigint,
  paused: boolean,
): Uint8Array {
  return concat(
    tag("farthing/pause/1"),
    checkedId(node),
    checkedId(mandate),
    unsigned(sequence, 8),
    unsigned(paused ? 1n : 0n, 1),
    new Uint8Array(7),
  );
}

/** The first limit that is wider than that above, if there is one. */
export function widerLimit(
  child: MandateLimits,
  parent: MandateLimits,
): keyof MandateLimits | undefined {
  const counts = ["perPayment", "perDay", "perMonth", "total"] as const;
  const wider = counts.find((limit) => child[limit] > parent[limit]);
  if (wider !== undefined) return wider;
  if (parent.unitPrice !== undefined) {
    const { price, per } = parent.unitPrice;
    const own = child.unitPrice;
    if (own === undefined || own.price * per > price * own.per) return "unitPrice";
  }
  if (child.expiresAtMs > parent.expiresAtMs) return "expiresAtMs";
  if (child.depth >= parent.depth) return "depth";
  const named = new Set(parent.payees.map(toHex));
  const within = child.payees.length > 0 && child.payees.every((payee) => named.has(toHex(payee)));
  if (named.size > 0 && !within) return "payees";
  if (parent.audience === undefined) return undefined;
  const own = child.audience === undefined ? "" : toHex(child.audience);
  return own === toHex(parent.audience) ? undefined : "audience";
}

/** Signs a mandate with its granter's key. */
export function signMandate(key: PayerKey, mandate: TreeMandate): SignedMandate {
  const bytes = treeMandateBytes(mandate);
  return { mandate: bytes, signature: key.sign(bytes) };
}

/** A narrower mandate below one's own, for another key. */
export function attenuate(
  key: PayerKey,
  parent: TreeMandate,
  change: Pick<TreeMandate, "delegate" | "salt" | "limits">,
): SignedMandate & { readonly fields: TreeMandate } {
  const wider = widerLimit(change.limits, parent.limits);
  if (wider !== undefined) throw new RangeError(`${wider} is wider than that of the mandate above`);
  const fields: TreeMandate = {
    ...parent,
    ...change,
    parent: treeMandateId(treeMandateBytes(parent)),
    granter: key.publicKey,
  };
  return { ...signMandate(key, fields), fields };
}

/**
 * Registers a chain of mandates at a node, root first; the same again is fine. Returns the id of the
 * last one as text. Call it before the first payment, or when a payment is refused with
 * `mandate_unknown`: the same order can be presented again after it.
 */
export async function registerChain(
  nodeUrl: string,
  chain: readonly SignedMandate[],
  label = "",
  fetcher: typeof fetch = fetch,
): Promise<string> {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const body = {
    chain: chain.map((link) => ({
      mandate: base64(link.mandate),
      signature: base64(link.signature),
    })),
    label,
  };
  const answer = await fetcher(new URL("/v1/mandates", nodeUrl), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.status !== 201) {
    const problem = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
    throw new Error(`${problem.code ?? `status ${answer.status}`}: ${problem.detail ?? ""}`);
  }
  const last = chain.at(-1);
  if (last === undefined) throw new RangeError("a chain has at least one mandate");
  return idText("man", treeMandateId(last.mandate));
}
