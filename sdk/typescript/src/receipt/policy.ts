/**
 * Policies: which logs are believed, and which witnesses must have seen what they say.
 *
 * Keeps: names are defined before they are used; no key stands twice, and each name is a member of
 * one group at most, so that no witness counts twice. Format: C2SP tlog-policy.
 */
import { parseCheckpoint, signedBy, type Checkpoint, type Note, type Signed } from "./note.js";
import { bytesOf, decimal, hex, latin, readable, ReceiptRefused, unlatin, utf8Text } from "./strict.js";
import { LOG_KEY, parseVkey, WITNESS_KEY, type VerifierKey } from "./vkey.js";

const POLICY_BYTES_MAX = 256 * 1024;
const ENTRIES_COUNT_MAX = 256;

export interface PolicyWitness {
  /** Its name in the policy alone. */
  readonly name: string;
  readonly key: VerifierKey;
}

/** Made by {@link parsePolicy} or {@link logPolicy}. */
export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly PolicyWitness[];
  /** Absent: no witness is needed. */
  readonly quorum?: Quorum;
}

/** A witness by its place, or so many of several. */
export type Quorum = number | { readonly threshold: number; readonly members: readonly Quorum[] };

/** A checkpoint that a policy accepts, and on whose word. */
export interface Judged {
  readonly checkpoint: Checkpoint;
  readonly log: VerifierKey;
  /** In the policy's order, each with the latest time at which it cosigned, Unix seconds. */
  readonly cosigned: readonly { readonly witness: PolicyWitness; readonly time: bigint }[];
}

/** The policy that believes one log without any witness. */
export async function logPolicy(vkey: string): Promise<Policy> {
  const key = await parseVkey(vkey);
  if (key.type !== LOG_KEY) throw wrongType();
  return { logs: [key], witnesses: [] };
}

/** Reads a policy file, or, if it is a single word, the vkey of a log. */
export async function readPolicy(source: string | Uint8Array): Promise<Policy> {
  const text = utf8Text(bytesOf(source))?.trim();
  const isOneWord = text !== undefined && text !== "" && !/\s/.test(text);
  return isOneWord ? logPolicy(text) : parsePolicy(source);
}

/** Reads a policy file. */
export async function parsePolicy(source: string | Uint8Array): Promise<Policy> {
  const bytes = bytesOf(source);
  if (bytes.length > POLICY_BYTES_MAX) {
    throw fault(1, "policy_too_large", `a policy has at most ${POLICY_BYTES_MAX} bytes`);
  }
  const lines = latin(bytes).split("\n");
  const rest = lines.pop();
  const reader = new Reader();
  for (const [at, text] of lines.entries()) {
    reader.number = at + 1;
    await reader.line(text);
  }
  reader.number = lines.length + 1;
  if (rest !== "") {
    const why = "the line does not end with a newline; the file may have been cut";
    throw reader.fault("policy_unterminated", why);
  }
  return reader.policy();
}

/** What the lines so far have said. Words are kept byte by byte. */
class Reader {
  number = 1;
  readonly #logs: VerifierKey[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #names = new Map<string, Quorum>();
  readonly #members = new Set<string>();
  readonly #keys = new Set<string>();
  #groups = 0;
  #quorum: { of?: Quorum } | undefined;

  fault(code: string, why: string): ReceiptRefused {
    return fault(this.number, code, why);
  }

  async line(text: string): Promise<void> {
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) {
      const why = "there is a control character; lines end with a newline alone";
      throw this.fault("policy_control_character", why);
    }
    const [keyword, ...words] = text.split(/[ \t]+/).filter((word) => word !== "");
    if (keyword === undefined || keyword.startsWith("#")) return;
    if (keyword === "log") await this.#log(words);
    else if (keyword === "witness") await this.#witness(words);
    else if (keyword === "group") this.#group(words);
    else if (keyword === "quorum") this.#setQuorum(words);
    else {
      const begins = "lines begin with `log`, `witness`, `group` or `quorum`";
      throw this.fault("policy_keyword", `\`${shown(keyword)}\` is unknown; ${begins}`);
    }
  }

  policy(): Policy {
    if (this.#quorum === undefined) {
      const why = "there is no line `quorum`; if no witness is needed, write `quorum none`";
      throw this.fault("policy_no_quorum", why);
    }
    const { of } = this.#quorum;
    const logs = this.#logs;
    return { logs, witnesses: this.#witnesses, ...(of !== undefined && { quorum: of }) };
  }

  async #log(words: string[]): Promise<void> {
    const [vkey] = words;
    if (vkey === undefined || words.length > 2) throw this.#form("log <vkey> [<url>]");
    this.#room(this.#logs.length);
    this.#logs.push(await this.#key(vkey, LOG_KEY));
  }

  async #witness(words: string[]): Promise<void> {
    const [name, vkey] = words;
    if (name === undefined || vkey === undefined || words.length > 3) {
      throw this.#form("witness <name> <vkey> [<url>]");
    }
    this.#room(this.#witnesses.length);
    this.#define(name, this.#witnesses.length);
    this.#witnesses.push({ name: shown(name), key: await this.#key(vkey, WITNESS_KEY) });
  }

  #group(words: string[]): void {
    const [name, threshold, ...names] = words;
    if (name === undefined || threshold === undefined || names.length === 0) {
      throw this.#form("group <name> all|any|<k> <member>...");
    }
    this.#room(this.#groups);
    const least = this.#threshold(threshold, names.length);
    const members = names.map((member) => {
      const defined = this.#defined(member);
      if (this.#members.has(member)) {
        const why = `\`${shown(member)}\` is a member of a group already`;
        throw this.fault("policy_member_twice", why);
      }
      this.#members.add(member);
      return defined;
    });
    // Last, so that a group is no member of itself.
    this.#define(name, { threshold: least, members });
    this.#groups += 1;
  }

  #setQuorum(words: string[]): void {
    const [name] = words;
    if (name === undefined || words.length > 1) throw this.#form("quorum <name>");
    if (this.#quorum !== undefined) {
      throw this.fault("policy_quorum_twice", "the quorum is defined twice");
    }
    this.#quorum = name === "none" ? {} : { of: this.#defined(name) };
  }

  async #key(vkey: string, type: VerifierKey["type"]): Promise<VerifierKey> {
    const key = await this.#vkey(vkey);
    if (key.type !== type) throw this.fault("policy_key_type", wrongType().message);
    if (this.#keys.has(hex(key.key))) {
      throw this.fault("policy_duplicate_key", "the key stands in the policy twice");
    }
    this.#keys.add(hex(key.key));
    return key;
  }

  async #vkey(vkey: string): Promise<VerifierKey> {
    try {
      // Bytes that are no text have no plus sign either.
      return await parseVkey(utf8Text(unlatin(vkey)) ?? "");
    } catch (error) {
      if (error instanceof ReceiptRefused) throw this.fault(error.code, error.message);
      throw error;
    }
  }

  #room(count: number): void {
    if (count >= ENTRIES_COUNT_MAX) {
      throw this.fault("policy_too_many", `a policy has at most ${ENTRIES_COUNT_MAX} of each`);
    }
  }

  #define(name: string, meaning: Quorum): void {
    if (name === "none" || this.#names.has(name)) {
      throw this.fault("policy_name_taken", `the name \`${shown(name)}\` is taken; choose another`);
    }
    this.#names.set(name, meaning);
  }

  #defined(name: string): Quorum {
    const meaning = this.#names.get(name);
    if (meaning === undefined) {
      throw this.fault("policy_undefined", `\`${shown(name)}\` is not defined above`);
    }
    return meaning;
  }

  #threshold(word: string, members: number): number {
    const least = word === "all" ? members : word === "any" ? 1 : Number(decimal(word) ?? 0n);
    if (least < 1 || least > members) {
      const why = `the threshold is \`all\`, \`any\` or a decimal from 1 to ${members}`;
      throw this.fault("policy_threshold", why);
    }
    return least;
  }

  #form(form: string): ReceiptRefused {
    return this.fault("policy_form", `the line has the form \`${form}\``);
  }
}

function fault(line: number, code: string, why: string): ReceiptRefused {
  return new ReceiptRefused(code, `line ${line} of the policy: ${why}`);
}

function wrongType(): ReceiptRefused {
  const why = "the key is of the wrong type: logs have 0x01, witnesses 0x04";
  return new ReceiptRefused("policy_key_type", why);
}

function shown(word: string): string {
  return readable(unlatin(word));
}

/** Whether a log of the policy signed this checkpoint and enough of its witnesses cosigned it. */
export async function judge(policy: Policy, note: Note): Promise<Judged> {
  const checkpoint = parseCheckpoint(note.text);
  const { origin } = checkpoint;
  const logs = policy.logs.filter(({ name }) => name === origin);
  if (logs.length === 0) {
    const why = `the checkpoint is of \`${origin}\`, a log that the policy does not know`;
    throw new ReceiptRefused("unknown_log", why);
  }
  const witnessKeys = policy.witnesses.map(({ key }) => key);
  const signed = await signedBy(note, [...policy.logs, ...witnessKeys]);
  const log = logs.find((known) => signed.some(({ key }) => key === known));
  if (log === undefined) {
    const why = `the log \`${origin}\` has not signed the checkpoint`;
    throw new ReceiptRefused("log_signature_missing", why);
  }
  const times = policy.witnesses.map(({ key }) => latest(key, signed));
  const cosigned = policy.witnesses.flatMap((witness, at) => {
    const time = times[at];
    return time === undefined ? [] : [{ witness, time }];
  });
  const seen = times.map((time) => time !== undefined);
  if (policy.quorum !== undefined && !isMet(policy.quorum, seen)) {
    const why = `${cosigned.length} of the policy's witnesses have cosigned: its quorum is not met`;
    throw new ReceiptRefused("quorum_unmet", why);
  }
  return { checkpoint, log, cosigned };
}

function latest(witness: VerifierKey, signed: readonly Signed[]): bigint | undefined {
  const own = signed.filter(({ key }) => key === witness);
  return own.map(({ time }) => time ?? 0n).reduce<bigint | undefined>(
    (most, time) => (most === undefined || time > most ? time : most),
    undefined,
  );
}

function isMet(quorum: Quorum, seen: readonly boolean[]): boolean {
  if (typeof quorum === "number") return seen[quorum] === true;
  const count = quorum.members.filter((member) => isMet(member, seen)).length;
  return count >= quorum.threshold;
}
