/**
 * The file of a receipt, and whether its proof leads from a leaf to a root.
 *
 * Keeps: one receipt has one text; a proof has exactly as many hashes as there are siblings.
 * Formats: C2SP tlog-proof, files `.tlog-proof`; RFC 6962, section 2.1.
 */
import { NOTE_BYTES_MAX, parseNote, type Checkpoint, type Note } from "./note.js";
import {
  base64,
  bytesOf,
  decimal,
  hash,
  latin,
  ReceiptRefused,
  same,
  sha256,
  unlatin,
  type Bytes,
} from "./strict.js";

const RECEIPT_BYTES_MAX = 2 * NOTE_BYTES_MAX;
/** Enough for 2^63 leaves. */
const PROOF_HASHES_COUNT_MAX = 63;
const FIRST_LINE = "c2sp.org/tlog-proof@v1";

/** What stands in a receipt; nothing is verified. */
export interface Receipt {
  /** Opens the leaf. No signature covers it. */
  readonly extra?: Bytes;
  /** The first leaf is 0. */
  readonly index: bigint;
  /** Sibling hashes, leaf side first. */
  readonly proof: readonly Bytes[];
  readonly note: Note;
}

/** Reads a receipt. */
export function parseReceipt(source: string | Uint8Array): Receipt {
  const bytes = bytesOf(source);
  if (bytes.length > RECEIPT_BYTES_MAX) {
    const why = `the receipt is longer than ${RECEIPT_BYTES_MAX} bytes`;
    throw new ReceiptRefused("receipt_too_large", why);
  }
  const text = latin(bytes);
  if (!text.startsWith(`${FIRST_LINE}\n`)) {
    const why = `the file is no receipt: its first line is not \`${FIRST_LINE}\``;
    throw new ReceiptRefused("receipt_first_line", why);
  }
  const rest = text.slice(FIRST_LINE.length + 1);
  const end = rest.indexOf("\n\n");
  if (end < 0) {
    const why = "the receipt has no checkpoint; it may have been cut";
    throw new ReceiptRefused("receipt_no_checkpoint", why);
  }
  const lines = rest.slice(0, end).split("\n");
  const extra = lines[0]?.startsWith("extra ") === true ? parseExtra(lines.shift()) : undefined;
  const index = parseIndex(lines.shift());
  const proof = parseProof(lines);
  const note = parseNote(unlatin(rest.slice(end + 2)));
  return { index, proof, note, ...(extra !== undefined && { extra }) };
}

function parseExtra(line: string | undefined): Bytes {
  const extra = base64(line?.slice("extra ".length) ?? "");
  if (extra === undefined || extra.length === 0) {
    const why = "the line `extra` of the receipt is not base64 with padding";
    throw new ReceiptRefused("receipt_extra", why);
  }
  return extra;
}

function parseIndex(line: string | undefined): bigint {
  const text = line?.startsWith("index ") === true ? line.slice("index ".length) : "";
  const index = decimal(text);
  if (index === undefined) {
    const why = "the receipt has no line `index` with a decimal without leading zeros in its place";
    throw new ReceiptRefused("receipt_index", why);
  }
  return index;
}

function parseProof(lines: readonly string[]): Bytes[] {
  return lines.map((line, at) => {
    if (at >= PROOF_HASHES_COUNT_MAX) {
      const why = `the receipt has more than ${PROOF_HASHES_COUNT_MAX} hashes`;
      throw new ReceiptRefused("receipt_too_many_hashes", why);
    }
    const sibling = hash(line);
    if (sibling === undefined) {
      const why = `hash ${at + 1} of the receipt is not base64 of 32 bytes`;
      throw new ReceiptRefused("receipt_hash", why);
    }
    return sibling;
  });
}

/** The hash of a leaf's data. */
export function leafHash(entry: Bytes): Promise<Bytes> {
  return sha256(Uint8Array.of(0), entry);
}

/** Checks that a leaf stands at this index of the tree of a checkpoint. */
export async function checkInclusion(
  leaf: Bytes,
  index: bigint,
  { size, root }: Checkpoint,
  proof: readonly Bytes[],
): Promise<void> {
  if (index >= size) {
    const why = `the receipt is for leaf ${index}, but the tree of its checkpoint has ${size} leaves`;
    throw new ReceiptRefused("receipt_beyond_tree", why);
  }
  const sides = [...climb(index, size - 1n)];
  let reached = leaf;
  if (sides.length === proof.length) {
    for (const [at, sibling] of proof.entries()) {
      const pair = sides[at] === "left" ? [sibling, reached] : [reached, sibling];
      reached = await sha256(Uint8Array.of(1), ...pair);
    }
  }
  if (sides.length !== proof.length || !same(reached, root)) {
    const why = "the leaf is not at this place of the log: the receipt's proof does not hold";
    throw new ReceiptRefused("receipt_not_included", why);
  }
}

/** The sides of the siblings on the way to the root, lowest first. */
function* climb(index: bigint, lastIndex: bigint): Generator<"left" | "right"> {
  let [place, last] = [index, lastIndex];
  while (last > 0n) {
    if (place % 2n === 1n) yield "left";
    else if (place < last) yield "right";
    // The last hash of an odd number has no sibling here and goes up as it is.
    place /= 2n;
    last /= 2n;
  }
}
