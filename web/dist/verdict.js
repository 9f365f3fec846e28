import { ReceiptRefused } from "./strict.js";
import { amountText, idText, timeText } from "./wording.js";
/** A witness's clock may be so far ahead of ours. */
const COSIGNATURE_AHEAD_SECONDS_MAX = 60n;
/** On whose word a judged checkpoint stands; times are judged against `now`, if it is given. */
export function vouchedBy(judged, policy, now) {
    const { checkpoint, log, cosigned } = judged;
    const witnesses = cosigned.map(({ witness: { name, key }, time }) => {
        return { name, key: key.name, time };
    });
    for (const { key, time } of witnesses) {
        if (now === undefined || time <= now + COSIGNATURE_AHEAD_SECONDS_MAX)
            continue;
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
export function verdict(index, opening, vouched) {
    const { facts } = opening;
    const [payer, payee] = [opening.debit, opening.credit].map(({ account }) => account === undefined ? undefined : idText("acc", account));
    const { log, size } = vouched;
    const row = rowText(facts, payer, payee);
    const place = `entry ${index} of its log of ${size === 1n ? "one entry" : `${size} entries`}`;
    const logged = `The operator of ${log} signed that ${row} is ${place}.`;
    const proven = [{ code: "logged", text: logged }];
    const notProven = [];
    if (vouched.witnesses.length > 0)
        proven.push({ code: "witnessed", text: witnessed(vouched) });
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
function witnessed({ witnesses, knownWitnesses, needsWitnesses }) {
    const judged = needsWitnesses
        ? "as many as the policy asks for"
        : "though the policy asks for none";
    const seen = witnesses.map(({ key, time }) => `${key} at ${timeText(time)}`).join(", ");
    return (`${witnesses.length} of ${knownWitnesses} witnesses that the policy knows, ${judged}, saw ` +
        `this state of the log and saw it only ever grow: ${seen}.`);
}
/** What no receipt proves, and what this one keeps closed. */
function beyond(facts, payer, payee) {
    const sentences = [];
    const add = (code, text) => sentences.push({ code, text });
    if (facts.action !== "create") {
        if (payer === undefined)
            add("payer_closed", "Who paid: the receipt keeps it closed.");
        if (payee === undefined)
            add("payee_closed", "Who was paid: the receipt keeps it closed.");
    }
    const named = [payer, payee].filter((account) => account !== undefined);
    if (named.length > 0)
        add("owner", `That ${named.join(" or ")} belongs to a certain person.`);
    if (["move", "hold", "post"].includes(facts.action)) {
        add("delivery", "That the goods were delivered.");
        add("later", "That nothing was given back or released later.");
    }
    add("time", "That it happened at that time: the operator's clock says so.");
    return sentences;
}
/** What the row says, with the accounts that are opened. */
function rowText(facts, debit, credit) {
    const { action, asset, payment } = facts;
    const time = timeText(facts.timestampNs / 1000000000n);
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
