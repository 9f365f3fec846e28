/**
 * Bytes and texts of the signed formats: fixed-width numbers, tags, ids in lowercase Crockford
 * base32.
 *
 * Keeps one text for one value: whatever is not the canonical form is refused. Knows nothing of
 * what the bytes mean.
 */

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LENGTH = 26;
const ID_BYTES = 16;
const TAG_BYTES = 24;

/** What an id names; the kind is the text before the underscore. */
export type IdKind = "acc" | "ch" | "tr" | "pay" | "ord" | "off" | "man" | "node";

/** Joins byte strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** 24 bytes: the ASCII text, padded with zeros. */
export function tag(text: string): Uint8Array {
  const bytes = new Uint8Array(TAG_BYTES);
  bytes.set(utf8(text));
  return bytes;
}

/** A big-endian unsigned number of `width` bytes; a number that does not fit is an error. */
export function unsigned(value: bigint, width: number): Uint8Array {
  if (value < 0n || value >= 1n << BigInt(8 * width)) {
    throw new RangeError(`the number does not fit into ${width} unsigned bytes`);
  }
  return fromHex(value.toString(16).padStart(2 * width, "0"));
}

/** A u32 length and the bytes of the text. */
export function counted(text: string): Uint8Array {
  const bytes = utf8(text);
  return concat(unsigned(BigInt(bytes.length), 4), bytes);
}

/** The same bytes, if there are exactly `length`. */
export function sized(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`expected ${length} bytes`);
  return bytes;
}

/** The same 16 bytes, unless they are reserved. */
export function checkedId(bytes: Uint8Array): Uint8Array {
  sized(bytes, ID_BYTES);
  if (bytes.every((byte) => byte === 0) || bytes.every((byte) => byte === 255)) {
    throw new RangeError("the id is reserved");
  }
  return bytes;
}

/** The id that a digest gives: its first 16 bytes, a reserved value moved to its neighbour. */
export function digestId(digest: Uint8Array): Uint8Array {
  const head = BigInt(`0x${toHex(digest.subarray(0, ID_BYTES))}`);
  const last = (1n << 128n) - 2n;
  return unsigned(head < 1n ? 1n : head > last ? last : head, ID_BYTES);
}

/** Lowercase hex digits. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Reads lowercase hex digits; with `length`, exactly so many bytes. */
export function fromHex(text: string, length?: number): Uint8Array {
  const strict = text.length % 2 === 0 && /^[0-9a-f]*$/.test(text);
  if (!strict || (length !== undefined && text.length !== 2 * length)) {
    throw new TypeError(`expected ${length ?? "some"} bytes as lowercase hex digits`);
  }
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** Base64 with the standard alphabet and padding. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** Reads base64 with the standard alphabet and padding; with `length`, exactly so many bytes. */
export function fromBase64(text: string, length?: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  if (toBase64(bytes) !== text || (length !== undefined && bytes.length !== length)) {
    throw new TypeError(`expected ${length ?? "some"} bytes as base64 with padding`);
  }
  return bytes;
}

/** 26 characters of base32 for a 16-byte id, most significant first. */
export function idDigits(id: Uint8Array): string {
  let rest = BigInt(`0x${toHex(id)}`);
  let text = "";
  for (let place = 0; place < TEXT_LENGTH; place += 1) {
    text = ALPHABET.charAt(Number(rest & 31n)) + text;
    rest >>= 5n;
  }
  return text;
}

/** Text of an id, for example `acc_0000000000000000000000002d`. */
export function idText(kind: IdKind, id: Uint8Array): string {
  return `${kind}_${idDigits(id)}`;
}

/** Bytes of the 26 base32 characters of an id; zero and the maximum are reserved. */
export function idFromDigits(text: string): Uint8Array {
  if (!/^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text)) {
    throw new TypeError("an id has 26 characters of lowercase Crockford base32");
  }
  let value = 0n;
  for (const character of text) value = (value << 5n) | BigInt(ALPHABET.indexOf(character));
  if (value === 0n || value === (1n << 128n) - 1n) throw new RangeError("the id is reserved");
  return unsigned(value, ID_BYTES);
}

/** Bytes of an id's text; the text must be of this kind. */
export function idFromText(kind: IdKind, text: string): Uint8Array {
  if (!text.startsWith(`${kind}_`)) throw new TypeError(`an id of this kind starts with ${kind}_`);
  return idFromDigits(text.slice(kind.length + 1));
}
