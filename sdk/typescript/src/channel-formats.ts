/**
 * What the parties of a channel sign, byte by byte, as `docs/reference/formats.md` defines it.
 *
 * Builds bytes from fields and derives the channel's id; every field is checked, so that nothing
 * half-valid is ever signed. Signs nothing, reads no clock and no randomness.
 */
import { checkedId, concat, digestId, sized, tag, unsigned, utf8 } from "./encoding.js";
import { assetBytes, sha256, type Asset } from "./formats.js";

/** Bytes of a link of a tick chain. */
export const TICK_LINK_BYTES = 16;
const NONE_16 = new Uint8Array(16);
const TICK_SALT = utf8("fthtick1");

/** What a payer agrees to when it opens a channel. Ids are 16 bytes, keys 32, amounts base units. */
export interface ChannelTerms {
  readonly node: Uint8Array;
  /** 16 random bytes, never used twice. */
  readonly salt: Uint8Array;
  readonly payer: Uint8Array;
  /** Signs terms and top-ups. */
  readonly signer: Uint8Array;
  /** Signs vouchers and the closing; may be the signer's. */
  readonly voucherKey: Uint8Array;
  readonly payee: Uint8Array;
  readonly asset: Asset;
  readonly deposit: bigint;
  /** Absent: the channel has no ticks. */
  readonly ticks?: { readonly root: Uint8Array; readonly units: bigint; readonly count: number };
  readonly closeDelaySeconds: number;
  readonly expiresAtMs: bigint;
  readonly mandate?: Uint8Array;
}

/** The 248 bytes of a channel's terms. */
export function channelTermsBytes(terms: ChannelTerms): Uint8Array {
  return concat(
    tag("farthing/channel/1"),
    checkedId(terms.node),
    sized(terms.salt, 16),
    checkedId(terms.payer),
    sized(terms.signer, 32),
    sized(terms.voucherKey, 32),
    checkedId(terms.payee),
    assetBytes(terms.asset),
    new Uint8Array(7),
    unsigned(terms.deposit, 16),
    sized(terms.ticks?.root ?? NONE_16, TICK_LINK_BYTES),
    unsigned(terms.ticks?.units ?? 0n, 16),
    unsigned(BigInt(terms.ticks?.count ?? 0), 4),
    unsigned(BigInt(terms.closeDelaySeconds), 4),
    unsigned(terms.expiresAtMs, 8),
    terms.mandate === undefined ? NONE_16 : checkedId(terms.mandate),
  );
}

/** The id of the channel that these terms open: it binds every field. */
export function channelId(termsBytes: Uint8Array): Uint8Array {
  return digestId(sha256(sized(termsBytes, 248)));
}

/** The 64 bytes of a voucher: `cumulative` base units in all, since the channel opened. */
export function voucherBytes(
  channel: Uint8Array,
  sequence: bigint,
  cumulative: bigint,
): Uint8Array {
  return concat(
    tag("farthing/voucher/1"),
    checkedId(channel),
    unsigned(sequence, 8),
    unsigned(cumulative, 16),
  );
}

/** The 56 bytes that raise a channel's deposit to `deposit` base units in all. */
export function topUpBytes(channel: Uint8Array, deposit: bigint): Uint8Array {
  return concat(tag("farthing/top-up/1"), checkedId(channel), unsigned(deposit, 16));
}

/** The 56 bytes that close a channel; `cumulative` is what was spent as the payer sees it. */
export function closeBytes(channel: Uint8Array, cumulative: bigint): Uint8Array {
  return concat(tag("farthing/close/1"), checkedId(channel), unsigned(cumulative, 16));
}

/** The 23 bytes of a tick on the wire: it pays for every tick up to its index. */
export function tickBytes(index: number, link: Uint8Array): Uint8Array {
  return concat(
    Uint8Array.of(0x82, 0x1a),
    unsigned(BigInt(index), 4),
    Uint8Array.of(0x50),
    sized(link, TICK_LINK_BYTES),
  );
}

/** The link before link `index` of the chain with this salt; link 0 is the root in the terms. */
export function previousLink(salt: Uint8Array, index: number, link: Uint8Array): Uint8Array {
  if (index < 1) throw new RangeError("link 0 has none before it");
  const block = [TICK_SALT, sized(salt, 16), unsigned(BigInt(index), 4)];
  return sha256(...block, sized(link, TICK_LINK_BYTES)).subarray(0, TICK_LINK_BYTES);
}

/** The whole chain below a random last link: element `i` is link `i`. */
export function tickChain(salt: Uint8Array, last: Uint8Array, count: number): Uint8Array[] {
  const links = [sized(last, TICK_LINK_BYTES)];
  for (let index = count; index > 0; index -= 1) {
    links.push(previousLink(salt, index, links[links.length - 1] ?? last));
  }
  return links.reverse();
}
