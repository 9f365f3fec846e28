/**
 * What a receipt that holds proves, what it does not, and on whose word: in fields and in sentences.
 *
 * Keeps: nothing is called proven that was not checked; what people may take for proven and is not
 * stands beside it. The codes of sentences are stable, their texts may change.
 */
import type { Facts, Opening } from "./opening.js";
import type { Judged, Policy } from "./policy.js";
import { ReceiptRefused, type Bytes } from "./strict.js";
import { amountText, idText, timeText } from "./wording.js";

/** A witness's clock may be so far ahead of ours. */
const COSIGNATURE_AHEAD_SECONDS_MAX = 60n;

/** A sentence for people and its code for programs. */
export interface Sentence {
  readonly code: string;
  readonly text: string;
}

/** A witness of the policy that cosigned. */
export interface Witnessed {
  /** In the policy. */
  readonly name: string;
  /** The name of its key. */
  readonly key: string;
  /** Unix seconds, as it says. */
  readonly time: bigint;
}

/** Who vouches for a checkpoint. */
export interface Vouched {
  /** The name of the log's key, which is its origin. */
  readonly log: string;
  /** Entries of the log in this state. */
  readonly size: bigint;
  readonly root: Bytes;
  /** In the policy's order. */
  readonly witnesses: readonly Witnessed[];
  /** How many witnesses the policy knows. */
  readonly knownWitnesses: number;
  /** Whether the policy asks for cosignatures; if so, its quorum is met. */
  readonly needsWitnesses: boolean;
}

export interface ReceiptVerdict {
  /** Of the entry in the log; the first is 0. */
  readonly index: bigint;
  readonly facts: Facts;
  /** `acc_…` if the receipt names it; of the creation of an account, that account. */
  readonly payer?: string;
  /** `acc_…` if the receipt names it. */
  readonly payee?: string;
  readonly vouched: Vouched;
  readonly proven: readonly Sentence[];
  readonly notProven: readonly Sentence[];
}

/** On whose word a judged checkpoint stands; times are judged against `now`, if it is given. */
export function vouchedBy(judged: Judged, policy: Policy, now: bigint | undefined): Vouched {
  const { checkpoint, log, cosigned } = judged;
  const witnesses = cosigned.map(({ witness: { name, key }, time }) => {
    return { name, key: key.name, time };
  });
  for (const { key, time } of witnesses) {
    if (now === undefined || time <= now + COSIGNATURE_AHEAD_SECONDS_MAX) continue;
    const why = `the cosignature of \`${key}\` is of ${timeText(time)}, which has not come yet`;
    throw new ReceiptRefused("cosignature_from_future", why);
  }
  return {
    log: log.name,
    size: checkpoint.size,
    root: checkpoint.root,
    witnesses,
    knownWitnesses: policy.witnesses.length,
    needsWitnesses: policy.quorum !== undefined,
  };
}

export function verdict(index: bigint, opening: Opening, vouched: Vouched): ReceiptVerdict {
  const { facts } = opening;
  const [payer, payee] = [opening.debit, opening.credit].map(({ account }) =>
    account === undefined ? undefined : idText("acc", account),
  );
  const { log, size } = vouched;
  const row = rowText(facts, payer, payee);
  const place = `entry ${index} of its log of ${size === 1n ? "one entry" : `${size} entries`}`;
  const logged = `The operator of ${log} signed that ${row} is ${place}.`;
  const proven = [{ code: "logged", text: logged }];
  const notProven: Sentence[] = [];
  if (vouched.witnesses.length > 0) proven.push({ code: "witnessed", text: witnessed(vouched) });
  else {
    const text = "That no other version of the log was shown to others: no witness cosigned.";
    notProven.push({ code: "not_witnessed", text });
  }
  notProven.push(...beyond(facts, payer, payee));
  return {
    index,
    facts,
    ...(payer !== undefined && { payer }),
    ...(payee !== undefined && { payee }),
    vouched,
    proven,
    notProven,
  };
}

function witnessed({ witnesses, knownWitnesses, needsWitnesses }: Vouched): string {
  const judged = needsWitnesses
    ? "as many as the policy asks for"
    : "though the policy asks for none";
  const seen = witnesses.map(({ key, time }) => `${key} at ${timeText(time)}`).join(", ");
  return (
    `${witnesses.length} of ${knownWitnesses} witnesses that the policy knows, ${judged}, saw ` +
    `this state of the log and saw it only ever grow: ${seen}.`
  );
}

/** What no receipt proves, and what this one keeps closed. */
function beyond(facts: Facts, payer?: string, payee?: string): Sentence[] {
  const sentences: Sentence[] = [];
  const add = (code: string, text: string) => sentences.push({ code, text });
  if (facts.action !== "create") {
    if (payer === undefined) add("payer_closed", "Who paid: the receipt keeps it closed.");
    if (payee === undefined) add("payee_closed", "Who was paid: the receipt keeps it closed.");
  }
  const named = [payer, payee].filter((account) => account !== undefined);
  if (named.length > 0) add("owner", `That ${named.join(" or ")} belongs to a certain person.`);
  if (["move", "hold", "post"].includes(facts.action)) {
    add("delivery", "That the goods were delivered.");
    add("later", "That nothing was given back or released later.");
  }
  add("time", "That it happened at that time: the operator's clock says so.");
  return sentences;
}

/** What the row says, with the accounts that are opened. */
function rowText(facts: Facts, debit?: string, credit?: string): string {
  const { action, asset, payment } = facts;
  const time = timeText(facts.timestampNs / 1_000_000_000n);
  if (action === "create") {
    return `the creation of ${idText("acc", facts.id)} for ${asset} at ${time}`;
  }
  const [id, pending] = [idText("tr", facts.id), idText("tr", facts.pendingId)];
  const amount = amountText(facts.amount, asset, facts.scale);
  const what = {
    move: `transfer ${id} of ${amount}`,
    hold: `the hold ${id} of ${amount}`,
    post: `transfer ${id} of ${amount}, out of the hold ${pending},`,
    void: `${id}, the release of the hold ${pending},`,
    expire: `the expiry of the hold ${id} of ${amount}`,
  }[action];
  const from = debit === undefined ? "" : ` from ${debit}`;
  const to = credit === undefined ? "" : ` to ${credit}`;
  return `${what}${from}${to}${payment === undefined ? "" : ` for ${payment}`} at ${time}`;
}
