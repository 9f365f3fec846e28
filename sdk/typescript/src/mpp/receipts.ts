/**
 * What a server tells while and after a session pays: receipts, and the need for a voucher.
 *
 * These are claims: they move the payer's count of what was spent, never what it has signed.
 */
import { baseUnits } from "./requests.js";

/** Where a channel stands, base units. */
export interface SessionReceipt {
  readonly channel: string;
  readonly deposit: bigint;
  readonly accepted: bigint;
  readonly spent: bigint;
  /** Set if the channel is about to close, for what is left then goes back; Unix milliseconds. */
  readonly closesAtMs?: number;
}

/** What a stream needs to go on, base units. */
export interface VoucherNeed {
  readonly channel: string;
  readonly required: bigint;
  readonly accepted: bigint;
  readonly deposit: bigint;
}

/** Reads `Payment-Receipt` of an answer, or the data of a `payment-receipt` event. */
export function readSessionReceipt(source: Response | string): SessionReceipt | undefined {
  const header = typeof source === "string" ? undefined : source.headers.get("payment-receipt");
  const text = header ? Buffer.from(header, "base64url").toString("utf8") : source;
  if (typeof text !== "string") return undefined;
  return read(text, (members, channel) => {
    const closesAtMs = members["closesAtMs"];
    return {
      channel,
      deposit: baseUnits(members, "deposit"),
      accepted: baseUnits(members, "acceptedCumulative"),
      spent: baseUnits(members, "spent"),
      ...(typeof closesAtMs === "number" && { closesAtMs }),
    };
  });
}

/** Reads the data of a `payment-need-voucher` event. */
export function readNeed(text: string): VoucherNeed | undefined {
  return read(text, (members, channel) => ({
    channel,
    required: baseUnits(members, "requiredCumulative"),
    accepted: baseUnits(members, "acceptedCumulative"),
    deposit: baseUnits(members, "deposit"),
  }));
}

type Members = Readonly<Record<string, unknown>>;

function read<T>(text: string, take: (members: Members, channel: string) => T): T | undefined {
  try {
    const members = JSON.parse(text) as Members;
    const channel = members["channelId"];
    return typeof channel === "string" ? take(members, channel) : undefined;
  } catch {
    return undefined;
  }
}
