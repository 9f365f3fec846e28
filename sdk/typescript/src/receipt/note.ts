/**
 * Signed notes and the checkpoints in them. Reading proves nothing before {@link signedBy} says who
 * has signed.
 *
 * Keeps: signatures of unknown keys count for nothing; one that claims a known key and fails spoils
 * the whole note. Formats: C2SP signed-note, tlog-checkpoint.
 */
import { base64, decimal, hash, hex, ReceiptRefused, utf8Text, type Bytes } from "./strict.js";
import { checkSignature, isKeyName, type VerifierKey } from "./vkey.js";

export const NOTE_BYTES_MAX = 256 * 1024;
const SIGNATURES_COUNT_MAX = 100;
const DASH = "\u2014 ";

/** A text with at least one signature. */
export interface Note {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Who claims to have signed. */
export interface NoteSignature {
  readonly name: string;
  /** Eight hex digits. */
  readonly id: string;
  readonly bytes: Bytes;
}

/** What a log says of its tree. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Bytes;
}

/** A known key that has signed; a witness's with the time, Unix seconds. */
export interface Signed {
  readonly key: VerifierKey;
  readonly time?: bigint;
}

export function parseNote(bytes: Bytes): Note {
  if (bytes.length > NOTE_BYTES_MAX) {
    throw new ReceiptRefused("note_too_large", `the note is longer than ${NOTE_BYTES_MAX} bytes`);
  }
  const whole = utf8Text(bytes);
  if (whole === undefined) throw new ReceiptRefused("note_not_utf8", "the note is not UTF-8");
  if (/[\0-\x09\x0b-\x1f]/.test(whole)) {
    throw new ReceiptRefused(
      "note_control_character",
      "the note has a control character; lines end with a newline alone",
    );
  }
  const end = whole.lastIndexOf("\n\n");
  const lines = whole.slice(end + 2);
  if (end < 0 || lines === "") {
    throw new ReceiptRefused("note_no_signature", "the note has no signature");
  }
  return { text: whole.slice(0, end + 1), signatures: parseLines(lines) };
}

function parseLines(lines: string): NoteSignature[] {
  if (!lines.endsWith("\n")) {
    throw new ReceiptRefused(
      "note_unterminated",
      "the note does not end with a newline; it may have been cut",
    );
  }
  const all = lines.slice(0, -1).split("\n");
  if (all.length > SIGNATURES_COUNT_MAX) {
    throw new ReceiptRefused(
      "note_too_many_signatures",
      `the note has more than ${SIGNATURES_COUNT_MAX} signatures`,
    );
  }
  return all.map((text, at) => parseLine(text, `signature line ${at + 1}`));
}

function parseLine(text: string, line: string): NoteSignature {
  const gap = text.indexOf(" ", DASH.length);
  if (!text.startsWith(DASH) || gap < 0) {
    throw new ReceiptRefused(
      "note_signature_form",
      `${line} does not have the form \`${DASH}name signature\``,
    );
  }
  const name = text.slice(DASH.length, gap);
  if (!isKeyName(name)) {
    throw new ReceiptRefused("note_signature_name", `${line} has no name fit for a key`);
  }
  const bytes = base64(text.slice(gap + 1));
  if (bytes === undefined) {
    throw new ReceiptRefused(
      "note_signature_base64",
      `${line} does not have a signature in base64 with padding`,
    );
  }
  if (bytes.length < 5) {
    throw new ReceiptRefused(
      "note_signature_short",
      `${line} is too short for the id of a key and a signature`,
    );
  }
  return { name, id: hex(bytes.subarray(0, 4)), bytes: bytes.slice(4) };
}

/** Reads the text of a note. Lines beyond the third are signed, but say nothing here. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.slice(0, -1).split("\n");
  const [origin, sizeText, rootText] = lines;
  if (origin === undefined || sizeText === undefined || rootText === undefined) {
    throw new ReceiptRefused(
      "checkpoint_lines",
      "a checkpoint has at least three lines: origin, size and root",
    );
  }
  const empty = lines.indexOf("");
  if (empty >= 0) {
    throw new ReceiptRefused("checkpoint_empty_line", `line ${empty + 1} of the checkpoint is empty`);
  }
  const size = decimal(sizeText);
  if (size === undefined) {
    throw new ReceiptRefused(
      "checkpoint_size",
      "the size in the checkpoint is not a decimal without leading zeros",
    );
  }
  const root = hash(rootText);
  if (root === undefined) {
    throw new ReceiptRefused(
      "checkpoint_root",
      "the root in the checkpoint is not base64 of 32 bytes",
    );
  }
  return { origin, size, root };
}

/** The known keys that have signed the note, in the order of its lines; at least one. */
export async function signedBy(note: Note, known: readonly VerifierKey[]): Promise<Signed[]> {
  const signed: Signed[] = [];
  for (const { name, id, bytes } of note.signatures) {
    for (const key of known.filter((key) => key.name === name && key.id === id)) {
      signed.push(await signedAs(key, note.text, bytes));
    }
  }
  if (signed.length === 0) {
    throw new ReceiptRefused("note_unsigned", "no key that is known here has signed the note");
  }
  return signed;
}

async function signedAs(key: VerifierKey, text: string, bytes: Bytes): Promise<Signed> {
  try {
    const time = await checkSignature(key, text, bytes);
    return time === undefined ? { key } : { key, time };
  } catch (error) {
    if (!(error instanceof ReceiptRefused) || error.code === "ed25519_unsupported") throw error;
    throw new ReceiptRefused(
      error.code,
      `the signature of \`${key.name}\` with id ${key.id} is not good: ${error.message}`,
    );
  }
}
