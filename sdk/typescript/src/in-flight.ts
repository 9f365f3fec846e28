/**
 * Refuses a payment that this process is already serving, so that copies sent at the same moment
 * run a handler once.
 *
 * A guard of one process only; the node's replay guard decides about the money. An entry is
 * dropped when its request ends, at the latest when its order must have expired.
 */

const ENTRY_MS_MAX = 86_400_000;

/** Payments between verification and settlement. */
export class InFlight {
  readonly #deadlines = new Map<string, number>();

  /** False if the payment is in flight already. */
  enter(payment: string, timeoutSeconds: number, nowMs: number = Date.now()): boolean {
    for (const [entry, deadline] of this.#deadlines) {
      if (deadline <= nowMs) this.#deadlines.delete(entry);
    }
    if (this.#deadlines.has(payment)) return false;
    this.#deadlines.set(payment, nowMs + Math.min(1000 * timeoutSeconds, ENTRY_MS_MAX));
    return true;
  }

  leave(payment: string): void {
    this.#deadlines.delete(payment);
  }
}
