/**
 * Receipts of payments, verified offline: with WebCrypto alone, in browsers and in Node.
 *
 * Keeps the order: the leaf is recomputed from what the receipt opens, then the log's signature, the
 * witnesses' against the policy's quorum, and the proof that the leaf is in the tree. The first that
 * fails is the verdict. Asks nobody: what is believed, the policy says.
 */
import { readOpening } from "./opening.js";
import { judge, type Policy } from "./policy.js";
import { checkInclusion, leafHash, parseReceipt } from "./proof.js";
import { ReceiptRefused } from "./strict.js";
import { verdict, vouchedBy, type ReceiptVerdict } from "./verdict.js";

export { logPolicy, parsePolicy, readPolicy, type Policy, type PolicyWitness } from "./policy.js";
export { parseReceipt, type Receipt } from "./proof.js";
export { readOpening, type Action, type Facts, type Opening, type Posting } from "./opening.js";
export type { VerifierKey } from "./vkey.js";
export type { ReceiptVerdict, Sentence, Vouched, Witnessed } from "./verdict.js";
export { ReceiptRefused };

export interface VerifyOptions {
  /** The present, Unix seconds; cosignatures from later are refused. Absent: times are not judged. */
  readonly nowSeconds?: bigint;
}

/**
 * Verifies a receipt: the content of a `.tlog-proof` file. Whatever is wrong is thrown as
 * {@link ReceiptRefused}.
 */
export async function verifyReceipt(
  source: string | Uint8Array,
  policy: Policy,
  options: VerifyOptions = {},
): Promise<ReceiptVerdict> {
  const receipt = parseReceipt(source);
  if (receipt.extra === undefined) {
    const why = "the receipt has no line `extra`, so nothing says what its leaf is about";
    throw new ReceiptRefused("receipt_no_opening", why);
  }
  const opening = await readOpening(receipt.extra);
  const judged = await judge(policy, receipt.note);
  const leaf = await leafHash(opening.entry);
  await checkInclusion(leaf, receipt.index, judged.checkpoint, receipt.proof);
  const vouched = vouchedBy(judged, policy, options.nowSeconds);
  return verdict(receipt.index, opening, vouched);
}
