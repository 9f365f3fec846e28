/**
 * One channel behind one metered request: opened, paid ahead a little, topped up, closed.
 *
 * Keeps: a sequence is stored before its voucher leaves, so no two vouchers share one; what is
 * signed is a little more than what is spent, never more than the deposit; a channel is forgotten
 * only when it is closed at the node. Must not count what is spent: it is what the node says.
 */
import { base64, idBytes, idText, utf8 } from './bytes.js';
import { channelOf, closeBytes, termsBytes, topUpBytes, voucherBytes } from './channel.js';
import { forgetChannel, randomId, signingKey, storeChannel, storedChannels, Unable, } from './keys.js';
import { nodeOfNetwork } from './order.js';
const LIFETIME_MS = 60 * 60 * 1000;
const AHEAD_SECONDS = 4n;
/** Of what is no matter of seconds, this part of the usual deposit is signed ahead. */
const AHEAD_PART = 10n;
const CLOSE_TRIES = 20;
const CLOSE_PAUSE_MS = 250;
/** A smaller deposit may be allowed where one is refused so. */
const TOO_MUCH = [
    'mandate_exceeded', 'mandate_per_payment', 'mandate_per_day', 'mandate_per_month', 'insufficient_funds',
    'deposit_above_limit',
];
/** The site or the node said no. */
export class Declined extends Error {
    code;
    constructor(code, text) {
        super(text);
        this.code = code;
    }
}
export class Flow {
    purchase;
    stored;
    ahead;
    release;
    standing;
    /** Why no more can be set aside, once that is so. */
    full;
    signed;
    refund = '';
    constructor(purchase, stored, deposit, ahead, release) {
        this.purchase = purchase;
        this.stored = stored;
        this.ahead = ahead;
        this.release = release;
        this.signed = least(ahead, deposit);
        this.standing = { spent: 0n, accepted: 0n, deposit, state: 'open' };
    }
    /** Opens a channel with as much of the usual deposit as is allowed, and asks for the content. */
    static async open(purchase, signal) {
        const { extra } = purchase.terms;
        const floor = most(BigInt(extra.depositMin), unitPrice(extra));
        let deposit = BigInt(extra.depositSuggested);
        const limit = purchase.spender.grant.per_payment;
        if (limit !== undefined)
            deposit = most(floor, least(deposit, BigInt(limit)));
        for (;;) {
            const { flow, payload } = await Flow.prepare(purchase, deposit);
            const response = await flow.present(payload, signal);
            if (response.ok)
                return { flow, response };
            const { code, text } = await refusalOf(response);
            const tooMuch = response.status === 402 && TOO_MUCH.includes(code);
            // A deposit that was refused opened nothing; whatever else failed may have.
            await (tooMuch ? flow.forget() : flow.close().catch(() => flow.release()));
            if (!tooMuch || deposit <= floor)
                throw new Declined(code, text);
            deposit = most(floor, half(deposit, unitPrice(extra)));
        }
    }
    static async prepare(purchase, deposit) {
        const { terms, resource, spender } = purchase;
        const bytes = termsOf(purchase, deposit);
        const id = await channelOf(bytes);
        const channel = idText('ch', id);
        const stored = { channel, sequence: 1, resource, accepted: terms };
        const flow = new Flow(purchase, stored, deposit, firstAhead(terms), await holdLock(channel));
        await storeChannel(stored);
        flow.refund = await refundOf(stored, spender.key, 0n);
        const signature = base64(await spender.key.sign(bytes));
        const voucher = await flow.voucher();
        return { flow, payload: { type: 'deposit', terms: base64(bytes), signature, voucher } };
    }
    present(payload, signal) {
        return ask(this.stored, payment(this.stored, payload), { signal });
    }
    /** Looks how the channel stands and signs on, with a top-up before if it is needed. */
    async step() {
        const { spent, accepted } = this.standing;
        if (accepted > 0n && accepted - spent < unitPrice(this.purchase.terms.extra))
            this.ahead *= 2n;
        if (spent + this.ahead > this.standing.deposit && this.full === undefined)
            await this.topUp();
        const total = least(spent + this.ahead, this.standing.deposit);
        if (total <= this.signed) {
            this.standing = standingOf(await this.node(''));
            return;
        }
        this.stored.sequence += 1;
        await storeChannel(this.stored);
        this.signed = total;
        const bytes = voucherBytes(this.id(), this.stored.sequence, total);
        const signature = await this.signature(bytes);
        this.standing = standingOf(await this.node('/vouchers', { voucher: base64(bytes), signature }));
        this.refund = await refundOf(this.stored, this.purchase.spender.key, this.standing.spent);
    }
    /** Raises the deposit by the usual one, or by as much of it as is allowed. */
    async topUp() {
        const { extra } = this.purchase.terms;
        const unit = unitPrice(extra);
        for (let more = BigInt(extra.depositSuggested);; more = half(more, unit)) {
            const bytes = topUpBytes(this.id(), this.standing.deposit + more);
            const signature = await this.signature(bytes);
            try {
                const topUp = { top_up: base64(bytes), signature };
                this.standing = standingOf(await this.node('/top-up', topUp));
                return;
            }
            catch (error) {
                if (!(error instanceof Declined))
                    throw error;
                const tooMuch = TOO_MUCH.includes(error.code);
                if (tooMuch && more > unit)
                    continue;
                this.full = error.code;
                return;
            }
        }
    }
    /** What is not spent comes back. */
    async close() {
        const standing = await closeStored(this.stored, this.purchase.spender.key, this.standing.spent);
        this.release();
        if (standing !== undefined)
            this.standing = standing;
        return this.standing;
    }
    /** As much of closing as a page can still do while it goes away. */
    leave() {
        void ask(this.stored, this.refund, { keepalive: true }).catch(() => undefined);
    }
    async forget() {
        await forgetChannel(this.stored.channel);
        this.release();
    }
    async voucher() {
        const bytes = voucherBytes(this.id(), this.stored.sequence, this.signed);
        return {
            channelId: this.stored.channel,
            sequence: this.stored.sequence,
            maxClaimableAmount: this.signed.toString(),
            signature: await this.signature(bytes),
        };
    }
    async signature(bytes) {
        return base64(await this.purchase.spender.key.sign(bytes));
    }
    id() {
        return idBytes('ch', this.stored.channel);
    }
    node(path, body) {
        return askNode(this.purchase.nodeOrigin, this.stored.channel, path, body);
    }
}
/** Closes what earlier pages of this site left open; says how each ended. */
export async function closeLeft(nodeOrigin) {
    const ended = [];
    for (const stored of await storedChannels()) {
        await navigator.locks.request(lockName(stored.channel), { ifAvailable: true }, async (lock) => {
            // Another page is being paid from it.
            if (lock === null)
                return;
            const view = await askNode(nodeOrigin, stored.channel, '').catch((error) => {
                if (error instanceof Declined && error.code === 'channel_unknown')
                    return undefined;
                throw error;
            });
            if (view === undefined)
                return forgetChannel(stored.channel);
            const standing = await closeStored(stored, await signingKey(), standingOf(view).spent);
            if (standing !== undefined)
                ended.push(standing);
            return undefined;
        });
    }
    return ended;
}
/** Asks the payee to close; nothing if the channel was never opened. */
async function closeStored(stored, key, spent) {
    const refund = await refundOf(stored, key, spent);
    for (let tries = CLOSE_TRIES;; tries -= 1) {
        const response = await ask(stored, refund, {});
        if (response.ok) {
            await forgetChannel(stored.channel);
            return standingOf((await response.json()));
        }
        const { code, text } = await refusalOf(response);
        if (code === 'channel_unknown') {
            await forgetChannel(stored.channel);
            return undefined;
        }
        // The site may not have noticed yet that the page has stopped listening.
        if (code !== 'channel_busy' || tries === 0)
            throw new Declined(code, text);
        await new Promise((resolve) => { setTimeout(resolve, CLOSE_PAUSE_MS); });
    }
}
async function refundOf(stored, key, spent) {
    const bytes = closeBytes(idBytes('ch', stored.channel), spent);
    return payment(stored, {
        type: 'refund',
        channelId: stored.channel,
        cumulativeAmount: spent.toString(),
        signature: base64(await key.sign(bytes)),
    });
}
function payment({ resource, accepted }, payload) {
    const whole = { x402Version: 2, resource: { url: resource }, accepted, payload };
    return base64(utf8(JSON.stringify(whole)));
}
/** A request to the site for what is bought; the cache must neither answer nor keep it. */
async function ask(stored, signed, init) {
    const { pathname, search } = new URL(stored.resource);
    const headers = { 'PAYMENT-SIGNATURE': signed };
    try {
        return await fetch(pathname + search, { ...init, headers, cache: 'no-store' });
    }
    catch (error) {
        if (error instanceof DOMException && error.name === 'AbortError')
            throw error;
        throw new Unable('site_unreachable');
    }
}
async function askNode(origin, channel, path, body) {
    const init = { cache: 'no-store', credentials: 'omit' };
    if (body !== undefined) {
        Object.assign(init, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify(body),
        });
    }
    let response;
    try {
        response = await fetch(`${origin}/v1/channels/${channel}${path}`, init);
    }
    catch {
        throw new Unable('unreachable');
    }
    if (response.ok)
        return (await response.json());
    const { code, text } = await refusalOf(response);
    throw new Declined(code, text);
}
async function refusalOf(response) {
    const content = (await response.json().catch(() => ({})));
    const text = content['detail'] ?? content['title'] ?? `The answer was ${response.status}.`;
    return { code: String(content['code'] ?? ''), text: String(text) };
}
export function standingOf(view) {
    return {
        spent: BigInt(String(view['spent'])),
        accepted: BigInt(String(view['accepted'])),
        deposit: BigInt(String(view['deposit'])),
        state: view['state'],
    };
}
function termsOf({ terms, spender, nowMs }, deposit) {
    const { key, grant } = spender;
    return termsBytes({
        node: nodeOfNetwork(terms.network),
        salt: randomId(),
        payer: idBytes('acc', grant.account),
        signer: key.publicKey,
        voucherKey: key.publicKey,
        payee: idBytes('acc', terms.payTo),
        asset: { code: terms.asset, scale: terms.extra.scale },
        deposit,
        closeDelaySeconds: terms.extra.closeDelaySeconds,
        expiresAtMs: nowMs + LIFETIME_MS,
        mandate: idBytes('man', grant.mandate),
    });
}
/** What is signed ahead at first. */
export function firstAhead({ extra }) {
    const part = BigInt(extra.depositSuggested) / AHEAD_PART;
    const usual = extra.unit === 'second' ? unitPrice(extra) * AHEAD_SECONDS : part;
    return most(most(usual, BigInt(extra.start)), 1n);
}
/** The price of one unit, rounded up. */
function unitPrice(extra) {
    const per = BigInt(extra.per);
    return most((BigInt(extra.price) + per - 1n) / per, 1n);
}
/** Half of an amount in whole units, so that no part of one is left over; at least one unit. */
export function half(amount, unit) {
    return most(amount / 2n / unit, 1n) * unit;
}
function lockName(channel) {
    return `farthing-${channel}`;
}
/** Marks a channel as in use, for other pages of this site; gives what ends it. */
function holdLock(channel) {
    return new Promise((held) => {
        void navigator.locks.request(lockName(channel), () => new Promise((release) => { held(() => release()); }));
    });
}
function least(one, other) {
    return one < other ? one : other;
}
function most(one, other) {
    return one > other ? one : other;
}
