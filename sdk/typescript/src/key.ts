/**
 * A payer's Ed25519 key: make it, keep it in a file, sign with it.
 *
 * The file is readable by its owner only and is never written over. The secret leaves this module
 * only into that file.
 */
import {
  createPrivateKey,
  createPublicKey,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { open } from "node:fs/promises";

import { concat, fromHex, toHex } from "./encoding.js";
import { accessBytes } from "./formats.js";

/** Whatever can sign for a payer: a {@link PayerKey}, a hardware key, a browser's key store. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes: the Ed25519 signature over exactly these bytes. */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

const KEY_FILE_KIND = "farthing-key/1";
const GROUP_AND_OTHERS = 0o077;
// RFC 8410: the fixed head of a PKCS #8 document that holds a 32-byte Ed25519 seed.
const PKCS8_HEAD = fromHex("302e020100300506032b657004220420");
// RFC 8410 again: the head of a public key.
const SPKI_HEAD = fromHex("302a300506032b6570032100");

/** A key held in memory. */
export class PayerKey implements Signer {
  readonly publicKey: Uint8Array;
  readonly #seed: Uint8Array;
  readonly #secret: KeyObject;

  private constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.#secret = createPrivateKey({
      key: Buffer.from(concat(PKCS8_HEAD, seed)),
      format: "der",
      type: "pkcs8",
    });
    const document = createPublicKey(this.#secret).export({ format: "der", type: "spki" });
    this.publicKey = new Uint8Array(document.subarray(-32));
  }

  /** A new random key. */
  static generate(): PayerKey {
    return new PayerKey(new Uint8Array(randomBytes(32)));
  }

  /** The key of a 32-byte seed. */
  static fromSeed(seed: Uint8Array): PayerKey {
    if (seed.length !== 32) throw new RangeError("a seed has 32 bytes");
    return new PayerKey(Uint8Array.from(seed));
  }

  /** Reads a key file that {@link save} or `farthing wallet new` wrote; it must be private. */
  static async load(path: string): Promise<PayerKey> {
    const file = await open(path, "r");
    try {
      // Asked of the open file, so the answer belongs to what is read.
      const { mode } = await file.stat();
      if (process.platform !== "win32" && (mode & GROUP_AND_OTHERS) !== 0) {
        throw new TypeError(`${path} is open to others: chmod 600 closes it`);
      }
      return PayerKey.fromSeed(readSeed(await file.readFile("utf8"), path));
    } finally {
      await file.close();
    }
  }

  /** Writes a key file with permissions 0600; an existing file is an error. */
  async save(path: string): Promise<void> {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ kind: KEY_FILE_KIND, seed: toHex(this.#seed) })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** 64 bytes of signature. */
  sign(bytes: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, bytes, this.#secret));
  }
}

/** Whether a signature is one of this key over exactly these bytes. */
export function verifySignature(
  publicKey: Uint8Array,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  const der = Buffer.from(concat(SPKI_HEAD, publicKey));
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  return verify(null, bytes, key, signature);
}

function readSeed(text: string, path: string): Uint8Array {
  try {
    const { kind, seed } = JSON.parse(text) as { kind?: unknown; seed?: unknown };
    if (kind === KEY_FILE_KIND && typeof seed === "string") return fromHex(seed, 32);
  } catch {
    // Not passed on: the parser's message may quote the seed.
  }
  throw new TypeError(`${path} is not a key file of kind ${KEY_FILE_KIND}`);
}

/** The `Authorization` header with which a payer asks a node for its own data. */
export async function accessHeader(
  node: Uint8Array,
  signer: Signer,
  nowMs: number = Date.now(),
): Promise<string> {
  const statement = accessBytes(node, signer.publicKey, BigInt(nowMs));
  const token = concat(statement, await signer.sign(statement));
  return `Farthing ${Buffer.from(token).toString("base64url")}`;
}
