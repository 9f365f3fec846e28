/**
 * Receipts of payments, verified offline: with WebCrypto alone, in browsers and in Node.
 *
 * Keeps the order: the leaf is recomputed from what the receipt opens, then the log's signature, the
 * witnesses' against the policy's quorum, and the proof that the leaf is in the tree. The first that
 * fails is the verdict. Asks nobody: what is believed, the policy says.
 */
import { readOpening } from "./opening.js";
import { judge } from "./policy.js";
import { checkInclusion, leafHash, parseReceipt } from "./proof.js";
import { ReceiptRefused } from "./strict.js";
import { verdict, vouchedBy } from "./verdict.js";
export { logPolicy, parsePolicy, readPolicy } from "./policy.js";
export { parseReceipt } from "./proof.js";
export { readOpening } from "./opening.js";
export { ReceiptRefused };
/**
 * Verifies a receipt: the content of a `.tlog-proof` file. Whatever is wrong is thrown as
 * {@link ReceiptRefused}.
 */
export async function verifyReceipt(source, policy, options = {}) {
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
