/**
 * What a payer remembers of its channels, and where.
 *
 * A record is saved before what it describes is sent: a store that loses the newest record makes
 * the payer ask for the channel's state, one that returns an old record does no harm to money.
 */
import type { Asset } from "./formats.js";

/** One channel as its payer knows it. Base units are decimal texts, so that it is plain JSON. */
export interface ChannelRecord {
  /** The channel's id, `ch_…`. */
  readonly channel: string;
  readonly network: string;
  /** The payee's account, `acc_…`. */
  readonly payTo: string;
  readonly asset: Asset;
  readonly closeDelaySeconds: number;
  readonly expiresAtMs: number;
  /** What the payer has signed as the whole deposit. */
  readonly deposit: string;
  /** Number of the newest voucher. */
  readonly sequence: number;
  /** Total of the newest voucher. */
  readonly cumulative: string;
  /** What was charged in all, as far as the payer knows; never above `cumulative`. */
  readonly spent: string;
  /** What was charged before the newest voucher. */
  readonly before: string;
}

/** Keeps channel records under a name. All calls about one name are made one after another. */
export interface ChannelStore {
  load(name: string): Promise<ChannelRecord | undefined>;
  save(name: string, record: ChannelRecord): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Records for as long as the process lives. */
export class MemoryChannelStore implements ChannelStore {
  readonly #records = new Map<string, ChannelRecord>();

  async load(name: string): Promise<ChannelRecord | undefined> {
    return this.#records.get(name);
  }

  async save(name: string, record: ChannelRecord): Promise<void> {
    this.#records.set(name, record);
  }

  async remove(name: string): Promise<void> {
    this.#records.delete(name);
  }
}
