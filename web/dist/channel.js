/**
 * The signed formats of a channel: terms, voucher, top-up, close.
 *
 * Format source: `docs/reference/formats.md`; golden vectors: `conformance/formats.json`. Keeps:
 * the bytes returned are exactly the bytes that are signed. Signs nothing, sends nothing, reads no
 * clock and draws no randomness. A browser pays by vouchers alone, so its terms have no ticks.
 */
import { concat, unsigned } from './bytes.js';
import { assetCode, assetScale, digestId, milliseconds, sha256, tag } from './order.js';
const NO_TICKS = { root: new Uint8Array(16), units: 0n, count: 0 };
/** 248 bytes. */
export function termsBytes(terms) {
    const ticks = terms.ticks ?? NO_TICKS;
    return concat(tag('farthing/channel/1'), terms.node, terms.salt, terms.payer, terms.signer, terms.voucherKey, terms.payee, assetCode(terms.asset), assetScale(terms.asset), new Uint8Array(7), unsigned(terms.deposit, 16), ticks.root, unsigned(ticks.units, 16), unsigned(BigInt(ticks.count), 4), unsigned(BigInt(terms.closeDelaySeconds), 4), milliseconds(terms.expiresAtMs), terms.mandate);
}
/** The id of the channel that these terms open. */
export async function channelOf(terms) {
    return digestId(await sha256(terms));
}
/** 64 bytes; `cumulative` is what the payee may take in all. */
export function voucherBytes(channel, sequence, cumulative) {
    return concat(tag('farthing/voucher/1'), channel, unsigned(BigInt(sequence), 8), unsigned(cumulative, 16));
}
/** 56 bytes; `deposit` is the whole deposit from now on. */
export function topUpBytes(channel, deposit) {
    return concat(tag('farthing/top-up/1'), channel, unsigned(deposit, 16));
}
/** 56 bytes; `cumulative` is what the payee has earned as the payer sees it. */
export function closeBytes(channel, cumulative) {
    return concat(tag('farthing/close/1'), channel, unsigned(cumulative, 16));
}
