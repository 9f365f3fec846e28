/**
 * Bytes and their text forms: hex, base64, base64url, big-endian numbers, prefixed ids.
 *
 * Keeps: every decoder is strict and throws `RangeError` on text that its encoder cannot have
 * made. Does no I/O and knows nothing of the signed formats built on it (see `order.ts`).
 */

export type Bytes = Uint8Array<ArrayBuffer>;

const ID_BYTES = 16;
const ID_CHARACTERS = 26;
/** This value and zero are reserved and name nothing. */
const ID_LAST = (1n << 128n) - 1n;
const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz';

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

export function concat(...parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** ASCII text padded with zeros on the right to `size` bytes. */
export function padded(text: string, size: number): Bytes {
  const bytes = utf8(text);
  if (bytes.length > size) throw new RangeError(`${text} is longer than ${size} bytes`);
  const whole = new Uint8Array(size);
  whole.set(bytes);
  return whole;
}

/** An unsigned number in `size` bytes, most significant first. */
export function unsigned(value: bigint, size: number): Bytes {
  if (value < 0n || value >> BigInt(size * 8) !== 0n) {
    throw new RangeError(`${value} does not fit into ${size} bytes`);
  }
  return fromHex(value.toString(16).padStart(size * 2, '0'));
}

export function hex(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(text: string): Bytes {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new RangeError('not lowercase hex');
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i += 1) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** Standard alphabet with padding. */
export function base64(bytes: Bytes): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** URL alphabet without padding. */
export function base64url(bytes: Bytes): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The text form of a 16-byte id without its prefix: 26 characters of Crockford base32. */
export function base32(id: Bytes): string {
  if (id.length !== ID_BYTES) throw new RangeError('an id has 16 bytes');
  let rest = BigInt(`0x${hex(id)}`);
  let text = '';
  for (let i = 0; i < ID_CHARACTERS; i += 1) {
    text = BASE32.charAt(Number(rest & 31n)) + text;
    rest >>= 5n;
  }
  return text;
}

export function fromBase32(text: string): Bytes {
  if (text.length !== ID_CHARACTERS) throw new RangeError('an id has 26 characters');
  let value = 0n;
  for (const character of text) {
    const digit = BASE32.indexOf(character);
    if (digit < 0) throw new RangeError(`${character} is not a character of an id`);
    value = (value << 5n) | BigInt(digit);
  }
  if (value === 0n || value === ID_LAST) throw new RangeError('a reserved id');
  return unsigned(value, ID_BYTES);
}

export type IdPrefix = 'acc' | 'ch' | 'man' | 'node' | 'ord' | 'pay';

/** For example `acc_01h…`. */
export function idText(prefix: IdPrefix, id: Bytes): string {
  return `${prefix}_${base32(id)}`;
}

export function idBytes(prefix: IdPrefix, text: string): Bytes {
  if (!text.startsWith(`${prefix}_`)) throw new RangeError(`${text} is not a ${prefix}_ id`);
  return fromBase32(text.slice(prefix.length + 1));
}
