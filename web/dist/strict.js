/**
 * Texts and bytes of the log's formats, read strictly: one value has one text.
 *
 * Also the one error of this folder. Uses nothing that a browser or Node lacks; must not know what
 * the bytes mean.
 */
/** Why a receipt, a policy or a key is not taken: a stable code, and a sentence that may change. */
export class ReceiptRefused extends Error {
    code;
    name = "ReceiptRefused";
    constructor(code, message) {
        super(message);
        this.code = code;
    }
}
const U64_MAX = (1n << 64n) - 1n;
/** A call takes a limited number of arguments. */
const CHUNK = 8192;
/** The bytes of a text, or bytes as they are. */
export function bytesOf(source) {
    return typeof source === "string" ? new TextEncoder().encode(source) : new Uint8Array(source);
}
/** Each byte as one character, so that lines can be cut without knowing what they hold. */
export function latin(bytes) {
    let text = "";
    for (let from = 0; from < bytes.length; from += CHUNK) {
        text += String.fromCharCode(...bytes.subarray(from, from + CHUNK));
    }
    return text;
}
export function unlatin(text) {
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
/** UTF-8; undefined if it is none. */
export function utf8Text(bytes) {
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    }
    catch {
        return undefined;
    }
}
/** UTF-8 with marks in the place of what cannot be read. */
export function readable(bytes) {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
export function concat(...parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let from = 0;
    for (const part of parts) {
        whole.set(part, from);
        from += part.length;
    }
    return whole;
}
export function same(left, right) {
    return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
/** A number below 2^64 without sign and leading zeros; undefined for every other text. */
export function decimal(text) {
    if (!/^(0|[1-9][0-9]{0,19})$/.test(text))
        return undefined;
    const number = BigInt(text);
    return number <= U64_MAX ? number : undefined;
}
/** Standard alphabet, padding, no stray bits; undefined for every other text. */
export function base64(text) {
    if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
        return undefined;
    try {
        const binary = atob(text);
        return btoa(binary) === text ? unlatin(binary) : undefined;
    }
    catch {
        return undefined;
    }
}
/** Base64 of 32 bytes. */
export function hash(text) {
    const bytes = base64(text);
    return bytes?.length === 32 ? bytes : undefined;
}
export function hex(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
/** A big-endian unsigned number. */
export function number(bytes) {
    return bytes.length === 0 ? 0n : BigInt(`0x${hex(bytes)}`);
}
/** A number below 2^64 in eight bytes, big-endian. */
export function u64(value) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value);
    return bytes;
}
export async function sha256(...parts) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}
