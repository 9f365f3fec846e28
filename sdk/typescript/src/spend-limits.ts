/**
 * Limits that hold before anything is signed: for one payment, in total, and to whom.
 *
 * What is signed counts, whether or not it is charged in the end: a signed order can be charged
 * until it expires, so giving its amount back early would let the total be exceeded. The node's
 * mandates enforce the same limits against a client that is broken or stolen; these do not.
 */

/** A payment about to be signed. The amount is in base units of the asset. */
export interface ProposedPayment {
  readonly network: string;
  readonly asset: string;
  readonly scale: number;
  readonly amount: bigint;
  /** The payee's account, `acc_…`. */
  readonly payTo: string;
}

/** Asked before each signature; throws to refuse. Must decide and count in one step. */
export interface SpendControl {
  reserve(payment: ProposedPayment): void;
}

/** Limits in base units; absent means no limit. */
export interface SpendLimitOptions {
  readonly perPayment?: bigint;
  /** For each network, asset and scale on its own. */
  readonly total?: bigint;
  /** Accounts that may be paid, `acc_…`. */
  readonly payees?: readonly string[];
}

/** Why a payment was refused. */
export type SpendRefusal = "per_payment_exceeded" | "total_exceeded" | "payee_not_allowed";

/** A refusal; `code` is stable. */
export class SpendRefused extends Error {
  override readonly name = "SpendRefused";

  constructor(readonly code: SpendRefusal) {
    super(`the payment was not signed: ${code}`);
  }
}

/** Limits kept in memory, for as long as the process lives. */
export class SpendLimits implements SpendControl {
  readonly #options: SpendLimitOptions;
  readonly #signed = new Map<string, bigint>();

  constructor(options: SpendLimitOptions) {
    this.#options = options;
  }

  reserve(payment: ProposedPayment): void {
    const { perPayment, total, payees } = this.#options;
    if (payees && !payees.includes(payment.payTo)) throw new SpendRefused("payee_not_allowed");
    if (perPayment !== undefined && payment.amount > perPayment) {
      throw new SpendRefused("per_payment_exceeded");
    }
    const purse = `${payment.network} ${payment.asset} ${payment.scale}`;
    const after = (this.#signed.get(purse) ?? 0n) + payment.amount;
    if (total !== undefined && after > total) throw new SpendRefused("total_exceeded");
    this.#signed.set(purse, after);
  }

  /** What has been signed so far in one asset of a network, in base units. */
  signed(network: string, asset: string, scale: number): bigint {
    return this.#signed.get(`${network} ${asset} ${scale}`) ?? 0n;
  }
}
