// Receipts made from nothing: keys, leaves, a small tree, signatures. Written apart from the verifier.
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";

export const TIME = 1_700_000_000n;
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

export const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const ascii = (text) => Buffer.from(text, "ascii");
const number = (value, width) =>
  Buffer.from(BigInt(value).toString(16).padStart(2 * width, "0"), "hex");

/** A key that signs notes: type 1 for a log, 4 for a witness. */
export function noteKey(name, type, seed) {
  const der = Buffer.concat([PKCS8_HEAD, Buffer.alloc(32, seed)]);
  const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const document = createPublicKey(secret).export({ format: "der", type: "spki" });
  const typed = Buffer.concat([Buffer.of(type), document.subarray(-32)]);
  const id = sha256(ascii(`${name}\n`), typed).subarray(0, 4);
  const line = (signature) =>
    `\u2014 ${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
  return {
    vkey: `${name}+${id.toString("hex")}+${typed.toString("base64")}`,
    signLine: (text) => line(sign(null, Buffer.from(text), secret)),
    cosignLine: (text, time = TIME) => {
      const message = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);
      return line(Buffer.concat([number(time, 8), sign(null, message, secret)]));
    },
  };
}

/** The facts of a row; every field may be given. */
export function facts(fields = {}) {
  const row = {
    kind: 2, scale: 9, flags: 0, code: 1, timeout: 0, data32: 0, asset: "USD",
    timestamp: TIME * 1_000_000_000n, data64: 0, id: 77, pending: 0, amount: 2_000_000, data: 5,
    ...fields,
  };
  return Buffer.concat([
    number(row.kind, 1), number(row.scale, 1), number(row.flags, 2), number(row.code, 2),
    number(row.timeout, 4), number(row.data32, 4), Buffer.from(row.asset.padEnd(8, "\0")),
    number(row.timestamp, 8), number(row.data64, 8), number(row.id, 16), number(row.pending, 16),
    number(row.amount, 16), number(row.data, 16),
  ]);
}

/** One side, opened. */
export const posting = (account, prev = 3n, salt = 9) =>
  Buffer.concat([Buffer.alloc(16, salt), number(account, 16), number(prev, 8)]);

export const closed = (side) => (side.length === 32 ? side : sha256(ascii("farthing/side/1"), side));

/** An opening and the entry that it opens; a side of 32 bytes is closed. */
export function opening(rowFacts, debit, credit) {
  const mask = (debit.length === 40 ? 1 : 0) + (credit.length === 40 ? 2 : 0);
  const extra = Buffer.concat([Buffer.of(1, mask), rowFacts, debit, credit]);
  const leaf = sha256(ascii("farthing/leaf/1"), closed(debit), closed(credit), rowFacts);
  return { extra, entry: Buffer.concat([Buffer.of(1), leaf]) };
}

const leafHash = (entry) => sha256(Buffer.of(0), entry);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);
const split = (size) => 2 ** Math.floor(Math.log2(size - 1));

export function root(hashes) {
  if (hashes.length === 1) return hashes[0];
  const at = split(hashes.length);
  return nodeHash(root(hashes.slice(0, at)), root(hashes.slice(at)));
}

export function path(index, hashes) {
  if (hashes.length === 1) return [];
  const at = split(hashes.length);
  return index < at
    ? [...path(index, hashes.slice(0, at)), root(hashes.slice(at))]
    : [...path(index - at, hashes.slice(at)), root(hashes.slice(0, at))];
}

/** The receipt of one leaf among `size`, as text; `lines` signs the text of the checkpoint. */
export function receipt({ opened, index = 2, size = 5, origin, lines }) {
  const hashes = Array.from({ length: size }, (_, at) =>
    leafHash(at === index ? opened.entry : ascii(`leaf-${at}`)),
  );
  const text = `${origin}\n${size}\n${root(hashes).toString("base64")}\n`;
  const proof = path(index, hashes).map((hash) => `${hash.toString("base64")}\n`);
  const extra = `extra ${opened.extra.toString("base64")}\n`;
  const head = `c2sp.org/tlog-proof@v1\n${extra}index ${index}\n${proof.join("")}`;
  return `${head}\n${text}\n${lines(text)}`;
}
