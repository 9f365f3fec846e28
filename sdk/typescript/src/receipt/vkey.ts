/**
 * Public keys that sign notes: their text, the vkey, and what a signature of theirs must be.
 *
 * Format: C2SP signed-note and tlog-cosignature. Type 0x01 is a log's, 0x04 a witness's.
 */
import { isOfSmallOrder, isUsableKey } from "./point.js";
import { base64, bytesOf, hex, number, ReceiptRefused, sha256, type Bytes } from "./strict.js";

export const LOG_KEY = 0x01;
export const WITNESS_KEY = 0x04;

/** The format's bound, in Unix seconds. */
const COSIGNATURE_SECONDS_MAX = (1n << 63n) - 1n;
const SIGNATURE_BYTES = 64;

/** A public key with its name and the id of both. */
export interface VerifierKey {
  /** Of a log: the origin of its checkpoints. */
  readonly name: string;
  /** Eight lowercase hex digits. */
  readonly id: string;
  readonly type: typeof LOG_KEY | typeof WITNESS_KEY;
  /** 32 bytes, RFC 8032. */
  readonly key: Bytes;
  readonly text: string;
}

/** Whether a text may name a key. */
export function isKeyName(text: string): boolean {
  return text !== "" && !/[\p{White_Space}\0-\x1f+]/u.test(text);
}

/** Reads `name+id+base64(type || key)`. */
export async function parseVkey(text: string): Promise<VerifierKey> {
  const [name, id, ...rest] = text.split("+");
  if (name === undefined || id === undefined || rest.length === 0) {
    throw new ReceiptRefused("vkey_form", "a vkey has the form `name+id+key`");
  }
  if (!isKeyName(name)) {
    throw new ReceiptRefused(
      "key_name",
      "the name of a key must not be empty or have spaces, control characters or `+`",
    );
  }
  if (!/^[0-9a-f]{8}$/.test(id)) {
    throw new ReceiptRefused("vkey_id", "the id of a vkey has eight lowercase hex digits");
  }
  // Base64 may have a `+` of its own.
  const bytes = base64(rest.join("+"));
  const type = bytes?.[0];
  if (bytes === undefined || type === undefined) {
    throw new ReceiptRefused("vkey_base64", "the key of a vkey is base64 with padding");
  }
  if (type !== LOG_KEY && type !== WITNESS_KEY) {
    throw new ReceiptRefused(
      "vkey_type",
      `type 0x${hex(bytes.subarray(0, 1))} of a vkey is unknown here; Ed25519 has 0x01 for logs, 0x04 for witnesses`,
    );
  }
  const key = bytes.slice(1);
  if (key.length !== 32) {
    throw new ReceiptRefused("vkey_length", `an Ed25519 key has 32 bytes, not ${key.length}`);
  }
  if (!isUsableKey(key)) {
    throw new ReceiptRefused("vkey_point", "the key is unusable; derive it from a secret seed");
  }
  if ((await keyId(name, bytes)) !== id) {
    throw new ReceiptRefused(
      "vkey_id_mismatch",
      "the id of the vkey does not fit its name and key; copy the vkey anew",
    );
  }
  return { name, id, type, key, text };
}

/** The first four bytes of `SHA-256(name || 0x0A || type || key)` as hex digits. */
async function keyId(name: string, typeAndKey: Bytes): Promise<string> {
  return hex((await sha256(bytesOf(`${name}\n`), typeAndKey)).subarray(0, 4));
}

/**
 * Checks that a signature is one of this key over the text of a note. A witness's gives the time
 * that it signed, Unix seconds. The refusal names no key: the caller does.
 */
export async function checkSignature(
  key: VerifierKey,
  text: string,
  signature: Bytes,
): Promise<bigint | undefined> {
  if (key.type === LOG_KEY) {
    await checkBytes(key, bytesOf(text), signature);
    return undefined;
  }
  if (signature.length !== 8 + SIGNATURE_BYTES) throw wrongLength();
  const time = number(signature.subarray(0, 8));
  if (time > COSIGNATURE_SECONDS_MAX) {
    throw new ReceiptRefused("note_signature_time", "its time is beyond 2^63-1 seconds");
  }
  const message = bytesOf(`cosignature/v1\ntime ${time}\n${text}`);
  await checkBytes(key, message, signature.slice(8));
  return time;
}

async function checkBytes({ key }: VerifierKey, message: Bytes, signature: Bytes): Promise<void> {
  if (signature.length !== SIGNATURE_BYTES) throw wrongLength();
  const isGood = !isOfSmallOrder(signature.subarray(0, 32)) && (await verify(key, message, signature));
  if (!isGood) {
    throw new ReceiptRefused("note_signature_mismatch", "it does not fit the text and the key");
  }
}

async function verify(key: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  } catch {
    // The key is a point of the curve: whoever read it has made sure.
    throw new ReceiptRefused("ed25519_unsupported", "Ed25519 signatures cannot be checked here");
  }
  return crypto.subtle.verify("Ed25519", imported, signature, message);
}

function wrongLength(): ReceiptRefused {
  return new ReceiptRefused("note_signature_length", "its length is wrong");
}
