/**
 * Openings: what a leaf of the log commits to, the `extra` of a receipt.
 *
 * Keeps: bytes are read only if a ledger could have written their row; the entry is recomputed from
 * the bytes alone. Format: `docs/reference/formats.md`. Must not know where in the log a leaf is.
 */
import { bytesOf, concat, latin, number, ReceiptRefused, sha256 } from "./strict.js";
import { idText } from "./wording.js";
const FACTS_BYTES = 102;
const CLOSED_BYTES = 32;
const OPENED_BYTES = 40;
const DEBIT_OPENED = 1;
const CREDIT_OPENED = 2;
const SCALE_MAX = 30;
/** The code of transfers that the node makes for payments. */
const PAYMENT_CODE = 2;
const NO_LEAF = (1n << 64n) - 1n;
const ID_MAX = (1n << 128n) - 1n;
/** Bits of the flags. */
const PENDING = 2;
const POST = 4;
const VOID = 8;
const PHASE = PENDING | POST | VOID;
const TRANSFER_FLAGS = 0xff;
const CLOSING_FLAGS = 0xc0;
const BALANCING_FLAGS = 0x30;
const ACCOUNT_FLAGS = 0x2f;
const ACTIONS = { [PENDING]: "hold", [POST]: "post", [VOID]: "void" };
/** Reads an opening and computes the entry that it opens. */
export async function readOpening(bytes) {
    const [version, mask] = bytes;
    if (version === undefined || mask === undefined) {
        throw wrongLength(bytes, 2 + FACTS_BYTES + 2 * CLOSED_BYTES);
    }
    if (version !== 1) {
        const why = `version ${version} of openings is unknown here`;
        throw new ReceiptRefused("opening_version", why);
    }
    if ((mask & ~(DEBIT_OPENED | CREDIT_OPENED)) !== 0) {
        throw new ReceiptRefused("opening_mask", "the mask of the opening has reserved bits");
    }
    const length = (bit) => ((mask & bit) === 0 ? CLOSED_BYTES : OPENED_BYTES);
    const middle = 2 + FACTS_BYTES + length(DEBIT_OPENED);
    const end = middle + length(CREDIT_OPENED);
    if (bytes.length !== end)
        throw wrongLength(bytes, end);
    const factsBytes = bytes.slice(2, 2 + FACTS_BYTES);
    const facts = readFacts(factsBytes);
    const debit = await readPosting(bytes.slice(2 + FACTS_BYTES, middle));
    const credit = await readPosting(bytes.slice(middle));
    if (!sidesFit(facts, debit, credit)) {
        const why = "the sides of the opening do not fit its kind of row";
        throw new ReceiptRefused("opening_sides", why);
    }
    const tag = bytesOf("farthing/leaf/1");
    const commitment = await sha256(tag, debit.hash, credit.hash, factsBytes);
    return { facts, debit, credit, entry: concat(Uint8Array.of(1), commitment) };
}
function wrongLength(bytes, expected) {
    const why = `the opening should have ${expected} bytes and has ${bytes.length}`;
    return new ReceiptRefused("opening_length", why);
}
function readFacts(bytes) {
    const at = (from, size) => number(bytes.subarray(from, from + size));
    const kindByte = bytes[0] ?? 0;
    const kind = ["account_created", "transfer_created", "hold_expired"][kindByte - 1];
    if (kind === undefined) {
        throw new ReceiptRefused("facts_kind", `${kindByte} is no kind of row: there are 1, 2 and 3`);
    }
    const scale = bytes[1] ?? 0;
    const asset = latin(bytes.subarray(14, 22)).replace(/\0+$/, "");
    if (scale > SCALE_MAX || !/^[A-Z][A-Z0-9]*$/.test(asset)) {
        throw new ReceiptRefused("facts_asset", "the facts name no asset");
    }
    const flags = Number(at(2, 2));
    const action = actionOf(kind, flags);
    const [code, userData] = [Number(at(4, 2)), at(86, 16)];
    const isPayment = action !== "create" && code === PAYMENT_CODE && !isReserved(userData);
    const facts = {
        kind,
        action,
        asset,
        scale,
        flags,
        code,
        timeoutSeconds: Number(at(6, 4)),
        userData32: Number(at(10, 4)),
        timestampNs: at(22, 8),
        userData64: at(30, 8),
        id: at(38, 16),
        pendingId: at(54, 16),
        amount: at(70, 16),
        userData,
        ...(isPayment && { payment: idText("pay", userData) }),
    };
    checkFacts(facts);
    return facts;
}
function actionOf(kind, flags) {
    if (kind === "account_created")
        return "create";
    if (kind === "hold_expired")
        return "expire";
    return ACTIONS[flags & PHASE] ?? "move";
}
/** Whether they are those of a row, as far as they tell. */
function checkFacts(facts) {
    const { kind, action, flags, id, pendingId, timeoutSeconds, amount } = facts;
    if (!flagsFit(kind, flags)) {
        throw new ReceiptRefused("facts_flags", "the flags do not fit the kind of row");
    }
    if (isReserved(id))
        throw new ReceiptRefused("facts_id", "the id of the row is reserved");
    const resolves = action === "post" || action === "void";
    if (resolves ? isReserved(pendingId) : pendingId !== 0n) {
        const why = "posts and voids alone have the id of a hold";
        throw new ReceiptRefused("facts_pending_id", why);
    }
    if (action !== "hold" && action !== "expire" && timeoutSeconds !== 0) {
        throw new ReceiptRefused("facts_timeout", "pending transfers alone have a timeout");
    }
    if (action === "create" && amount !== 0n) {
        throw new ReceiptRefused("facts_amount", "the creation of an account moves no amount");
    }
}
function flagsFit(kind, flags) {
    const phase = flags & PHASE;
    const only = (allowed) => (flags & ~allowed) === 0;
    if (kind === "account_created")
        return only(ACCOUNT_FLAGS);
    if (phase === PENDING)
        return only(TRANSFER_FLAGS);
    if (kind === "hold_expired")
        return false;
    if (phase === 0)
        return only(TRANSFER_FLAGS & ~CLOSING_FLAGS);
    const resolvesOnce = phase === POST || phase === VOID;
    return resolvesOnce && only(TRANSFER_FLAGS & ~(CLOSING_FLAGS | BALANCING_FLAGS));
}
function isReserved(id) {
    return id === 0n || id === ID_MAX;
}
/** Reads a side, whose length says whether it is opened. */
async function readPosting(bytes) {
    if (bytes.length === CLOSED_BYTES)
        return { hash: bytes };
    const account = number(bytes.subarray(16, 32));
    if (isReserved(account)) {
        const why = "the opening names an account with a reserved id";
        throw new ReceiptRefused("opening_account", why);
    }
    const prev = number(bytes.subarray(32));
    const hash = await sha256(bytesOf("farthing/side/1"), bytes);
    return prev === NO_LEAF ? { hash, account } : { hash, account, prev };
}
function sidesFit({ kind, id }, debit, credit) {
    if (kind !== "account_created")
        return !isNoSide(debit) && !isNoSide(credit);
    const isFirst = debit.account === undefined
        ? !isNoSide(debit)
        : debit.account === id && debit.prev === undefined;
    return isFirst && isNoSide(credit);
}
/** The creation of an account has a debit side alone; in place of the other stand zeros. */
function isNoSide({ hash, account }) {
    return account === undefined && hash.every((byte) => byte === 0);
}
