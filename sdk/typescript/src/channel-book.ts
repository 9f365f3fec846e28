/**
 * A payer's channels: opens one for each payee, signs its vouchers, keeps count.
 *
 * Knows no dialect: it says what to sign and what an answer means, plug-ins word it. Invariants:
 * no number is used twice, a total never goes down, nothing is signed above the payer's limits, and
 * what a stranger says about a channel is believed only as far as the payer's own signature proves
 * it; so the worst that a seller can do is to be paid what was signed.
 */
import { randomBytes } from "node:crypto";

import {
  channelId,
  channelTermsBytes,
  closeBytes,
  topUpBytes,
  voucherBytes,
} from "./channel-formats.js";
import { MemoryChannelStore, type ChannelRecord, type ChannelStore } from "./channel-store.js";
import { idFromText, idText } from "./encoding.js";
import { payerAccount, type Asset } from "./formats.js";
import { verifySignature, type Signer } from "./key.js";
import type { SpendControl } from "./spend-limits.js";

/** Limits and habits of a payer with channels. Amounts are base units. */
export interface ChannelPolicy {
  /** Most that one channel may hold unspent; one whole unit of the asset if absent. */
  readonly depositMax?: bigint;
  /** What a channel is opened with; what the seller suggests if absent, within the limit. */
  readonly deposit?: bigint;
  /** Longest delay before the payer alone gets its money back; 7 days if absent. */
  readonly closeDelaySecondsMax?: number;
  /** How long a channel lives; 30 days if absent. */
  readonly lifetimeSeconds?: number;
  /** How often a channel with one payee may be opened anew in this process; 8 if absent. */
  readonly opensMax?: number;
  /** Where channels are remembered; in memory if absent. */
  readonly store?: ChannelStore;
}

/** Who pays. */
export interface ChannelPayer {
  readonly key: Signer;
  readonly mandate?: { readonly mandate: string; readonly payer: string };
  readonly spendControl?: SpendControl;
  readonly channels?: ChannelPolicy;
}

/** What a seller asks for. Amounts are base units. */
export interface ChannelOffer {
  readonly network: string;
  readonly node: Uint8Array;
  readonly asset: Asset;
  readonly payTo: string;
  /** What this request may cost. */
  readonly amount: bigint;
  readonly depositMin: bigint;
  readonly depositSuggested: bigint;
  readonly closeDelaySeconds: number;
  /** Tells offers of one payee apart that do not share channels. */
  readonly group?: string;
}

/** A signed statement. */
export interface SignedBytes {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** A signed voucher. */
export interface SignedVoucher {
  /** `ch_…` */
  readonly channel: string;
  readonly sequence: number;
  readonly cumulative: bigint;
  readonly signature: Uint8Array;
}

/** What pays for one request. */
export interface ChannelPayment {
  readonly voucher: SignedVoucher;
  /** Set if the channel is opened with it. */
  readonly terms?: SignedBytes;
  /** Set if the deposit is raised with it. */
  readonly topUp?: { readonly deposit: bigint; readonly signature: Uint8Array };
}

/** Where a channel stands, as somebody says. */
export interface ChannelClaim {
  readonly channel: string;
  readonly deposit: bigint;
  readonly spent: bigint;
  /** The newest voucher that is said to be known. */
  readonly voucher?: SignedVoucher;
}

/** Why nothing was signed. */
export type ChannelRefusal =
  | "deposit_above_limit"
  | "close_delay_above_limit"
  | "opened_too_often"
  | "sequence_used_up";

/** A refusal; `code` is stable. */
export class ChannelRefused extends Error {
  override readonly name = "ChannelRefused";

  constructor(readonly code: ChannelRefusal) {
    super(`nothing was signed: ${code}`);
  }
}

const DAY_SECONDS = 86_400;
const CLOSE_DELAY_SECONDS_MAX = 7 * DAY_SECONDS;
const LIFETIME_SECONDS = 30 * DAY_SECONDS;
/** A channel that ends sooner is not paid from any more. */
const LIFE_LEFT_SECONDS_MIN = 600;
const OPENS_MAX = 8;

/** The channels of one payer. */
export class ChannelBook {
  readonly #payer: ChannelPayer;
  readonly #policy: ChannelPolicy;
  readonly #store: ChannelStore;
  readonly #opens = new Map<string, number>();
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(payer: ChannelPayer) {
    this.#payer = payer;
    this.#policy = payer.channels ?? {};
    this.#store = this.#policy.store ?? new MemoryChannelStore();
  }

  /** The name under which the channel for an offer is kept. */
  name(offer: Pick<ChannelOffer, "network" | "payTo" | "asset" | "group">): string {
    const { network, payTo, asset, group } = offer;
    const parts = [network, payTo, asset.code, asset.scale, this.#account(asset), group ?? ""];
    return parts.join(" ");
  }

  /** Signs what pays for one request: from the channel with this payee, or from a new one. */
  pay(offer: ChannelOffer, nowMs: number = Date.now()): Promise<ChannelPayment> {
    const name = this.name(offer);
    return this.#alone(name, async () => {
      const record = await this.#store.load(name);
      const fits =
        record !== undefined && record.expiresAtMs - nowMs > 1000 * LIFE_LEFT_SECONDS_MIN;
      return fits ? this.#continue(name, record, offer) : this.#open(name, offer, nowMs);
    });
  }

  /** Notes what a request was charged, as the seller told with its answer. */
  charged(name: string, voucher: Pick<SignedVoucher, "channel" | "sequence">, amount: bigint) {
    return this.#update(name, voucher.channel, (record) => {
      if (record.sequence !== voucher.sequence) return undefined;
      const spent = min(BigInt(record.before) + amount, BigInt(record.cumulative));
      return { ...record, spent: String(spent) };
    });
  }

  /**
   * Takes up the state that a seller claims; true if the payer can go on with it. Only a voucher
   * with the payer's own signature is believed, and the numbers never go down.
   */
  async correct(name: string, claim: ChannelClaim): Promise<boolean> {
    let isProven = false;
    await this.#update(name, claim.channel, (record) => {
      const { voucher } = claim;
      const known = voucher ?? { sequence: 0, cumulative: 0n };
      if (voucher && !this.#isOwn(voucher, claim.channel)) return undefined;
      isProven = true;
      const cumulative = max(BigInt(record.cumulative), known.cumulative);
      const spent = String(min(claim.spent, cumulative));
      return {
        ...record,
        sequence: Math.max(record.sequence, known.sequence),
        cumulative: String(cumulative),
        spent,
        before: spent,
        // A top-up may have been lost; a larger deposit than was signed cannot be.
        deposit: String(min(BigInt(record.deposit), claim.deposit)),
      };
    });
    return isProven;
  }

  /**
   * Takes up a channel of which the payer has kept the id alone; true if it goes on with it. Only a
   * voucher with the payer's own signature is believed, and a deposit up to the payer's limit.
   */
  async adopt(offer: ChannelOffer, claim: ChannelClaim, expiresAtMs: number): Promise<boolean> {
    const { channel, voucher } = claim;
    if (!voucher || !this.#isOwn(voucher, channel)) return false;
    const name = this.name(offer);
    return this.#alone(name, async () => {
      if (await this.#store.load(name)) return false;
      const { network, payTo, asset, closeDelaySeconds } = offer;
      const { sequence, cumulative } = voucher;
      const spent = min(claim.spent, cumulative);
      await this.#store.save(name, {
        channel,
        network,
        payTo,
        asset,
        closeDelaySeconds,
        expiresAtMs,
        deposit: String(min(claim.deposit, spent + this.#limit(asset))),
        sequence,
        cumulative: String(cumulative),
        spent: String(spent),
        before: String(spent),
      });
      return true;
    });
  }

  /** Gives a channel up that its seller does not take any more; what it holds returns by itself. */
  async forget(name: string, channel: string): Promise<boolean> {
    return this.#alone(name, async () => {
      const record = await this.#store.load(name);
      if (record?.channel !== channel) return false;
      await this.#store.remove(name);
      return (this.#opens.get(name) ?? 0) < (this.#policy.opensMax ?? OPENS_MAX);
    });
  }

  /** The channel with a payee, if there is one. */
  find(name: string): Promise<ChannelRecord | undefined> {
    return this.#alone(name, () => this.#store.load(name));
  }

  /** Signs the closing of a channel at what was spent. */
  async close(record: ChannelRecord): Promise<{ cumulative: bigint; signature: Uint8Array }> {
    const cumulative = BigInt(record.spent);
    const bytes = closeBytes(idFromText("ch", record.channel), cumulative);
    return { cumulative, signature: await this.#payer.key.sign(bytes) };
  }

  #account(asset: Asset): string {
    const { key, mandate } = this.#payer;
    return mandate?.payer ?? idText("acc", payerAccount(key.publicKey, asset));
  }

  async #open(name: string, offer: ChannelOffer, nowMs: number): Promise<ChannelPayment> {
    const opens = this.#opens.get(name) ?? 0;
    if (opens >= (this.#policy.opensMax ?? OPENS_MAX)) throw new ChannelRefused("opened_too_often");
    const { key, mandate } = this.#payer;
    const limit = this.#policy.closeDelaySecondsMax ?? CLOSE_DELAY_SECONDS_MAX;
    if (offer.closeDelaySeconds > limit) throw new ChannelRefused("close_delay_above_limit");
    const deposit = this.#firstDeposit(offer);
    this.#reserve(offer, offer.amount);
    const lifetime = this.#policy.lifetimeSeconds ?? LIFETIME_SECONDS;
    const expiresAtMs = nowMs + 1000 * lifetime;
    const bytes = channelTermsBytes({
      node: offer.node,
      salt: new Uint8Array(randomBytes(16)),
      payer: idFromText("acc", this.#account(offer.asset)),
      signer: key.publicKey,
      voucherKey: key.publicKey,
      payee: idFromText("acc", offer.payTo),
      asset: offer.asset,
      deposit,
      closeDelaySeconds: offer.closeDelaySeconds,
      expiresAtMs: BigInt(expiresAtMs),
      ...(mandate && { mandate: idFromText("man", mandate.mandate) }),
    });
    const record: ChannelRecord = {
      channel: idText("ch", channelId(bytes)),
      network: offer.network,
      payTo: offer.payTo,
      asset: offer.asset,
      closeDelaySeconds: offer.closeDelaySeconds,
      expiresAtMs,
      deposit: String(deposit),
      sequence: 1,
      cumulative: String(offer.amount),
      spent: String(offer.amount),
      before: "0",
    };
    this.#opens.set(name, opens + 1);
    await this.#store.save(name, record);
    const terms = { bytes, signature: await key.sign(bytes) };
    return { terms, voucher: await this.#voucher(record) };
  }

  async #continue(
    name: string,
    record: ChannelRecord,
    offer: ChannelOffer,
  ): Promise<ChannelPayment> {
    if (record.sequence >= Number.MAX_SAFE_INTEGER) throw new ChannelRefused("sequence_used_up");
    const spent = BigInt(record.spent);
    const earlier = BigInt(record.cumulative);
    const cumulative = max(earlier, spent + offer.amount);
    const deposit = this.#raisedDeposit(record, offer, cumulative);
    if (cumulative > earlier) this.#reserve(offer, cumulative - earlier);
    const next: ChannelRecord = {
      ...record,
      deposit: String(deposit ?? BigInt(record.deposit)),
      sequence: record.sequence + 1,
      cumulative: String(cumulative),
      before: record.spent,
      // Until the seller tells what it charged, all of it counts as spent.
      spent: String(min(spent + offer.amount, cumulative)),
    };
    await this.#store.save(name, next);
    const voucher = await this.#voucher(next);
    if (deposit === undefined) return { voucher };
    const bytes = topUpBytes(idFromText("ch", record.channel), deposit);
    return { voucher, topUp: { deposit, signature: await this.#payer.key.sign(bytes) } };
  }

  #firstDeposit(offer: ChannelOffer): bigint {
    const least = max(offer.depositMin, offer.amount);
    const limit = this.#limit(offer.asset);
    if (least > limit) throw new ChannelRefused("deposit_above_limit");
    return min(max(this.#policy.deposit ?? offer.depositSuggested, least), limit);
  }

  /** The deposit that a total needs; undefined if it is there. */
  #raisedDeposit(
    record: ChannelRecord,
    offer: ChannelOffer,
    cumulative: bigint,
  ): bigint | undefined {
    const deposit = BigInt(record.deposit);
    if (cumulative <= deposit) return undefined;
    const most = BigInt(record.spent) + this.#limit(offer.asset);
    if (cumulative > most) throw new ChannelRefused("deposit_above_limit");
    const step = this.#policy.deposit ?? offer.depositSuggested;
    return min(max(cumulative, deposit + step), most);
  }

  #limit(asset: Asset): bigint {
    return this.#policy.depositMax ?? 10n ** BigInt(asset.scale);
  }

  #reserve(offer: ChannelOffer, amount: bigint): void {
    this.#payer.spendControl?.reserve({
      network: offer.network,
      asset: offer.asset.code,
      scale: offer.asset.scale,
      amount,
      payTo: offer.payTo,
    });
  }

  async #voucher(record: ChannelRecord): Promise<SignedVoucher> {
    const { channel, sequence } = record;
    const cumulative = BigInt(record.cumulative);
    const bytes = voucherBytes(idFromText("ch", channel), BigInt(sequence), cumulative);
    return { channel, sequence, cumulative, signature: await this.#payer.key.sign(bytes) };
  }

  #isOwn(voucher: SignedVoucher, channel: string): boolean {
    if (voucher.channel !== channel || !Number.isSafeInteger(voucher.sequence)) return false;
    const { sequence, cumulative, signature } = voucher;
    const bytes = voucherBytes(idFromText("ch", channel), BigInt(sequence), cumulative);
    return verifySignature(this.#payer.key.publicKey, bytes, signature);
  }

  async #update(
    name: string,
    channel: string,
    change: (record: ChannelRecord) => ChannelRecord | undefined,
  ): Promise<void> {
    await this.#alone(name, async () => {
      const record = await this.#store.load(name);
      if (record?.channel !== channel) return;
      const changed = change(record);
      if (changed) await this.#store.save(name, changed);
    });
  }

  /** Calls about one name run one after another, so that no number is given out twice. */
  #alone<T>(name: string, run: () => Promise<T>): Promise<T> {
    const turn = (this.#queues.get(name) ?? Promise.resolve()).then(run, run);
    const settled = turn.catch(() => undefined);
    this.#queues.set(name, settled);
    void settled.then(() => {
      if (this.#queues.get(name) === settled) this.#queues.delete(name);
    });
    return turn;
  }
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
