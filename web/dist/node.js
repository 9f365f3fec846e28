/**
 * The node's HTTP API as the wallet's pages use it.
 *
 * Format source: `docs/reference/http-api.md`. Keeps: private data is asked for with a signed
 * access statement, times are the node's. Every refusal becomes a `Refused` with the node's
 * stable code.
 */
import { base64, base64url, concat, hex, idBytes } from './bytes.js';
import { Unable } from './keys.js';
import { closeBytes } from './channel.js';
import { chainBody, pauseBody } from './mandate.js';
import { accessBytes, revocationBytes } from './order.js';
/** The node said no. */
export class Refused extends Error {
    status;
    code;
    constructor(status, code, message) {
        super(message);
        this.status = status;
        this.code = code;
    }
}
export async function nodeFacts() {
    // Asked for as a page preloads it; it is the same for everybody, whoever is signed in.
    const response = await fetch('/v1/node').catch(() => {
        throw new Unable('unreachable');
    });
    const facts = (await answered(response));
    return {
        id: idBytes('node', facts.node),
        node: facts.node,
        assets: facts.assets.map(({ asset, scale, sandbox }) => ({ code: asset, scale, sandbox })),
        clockOffsetMs: facts.now_ms - Date.now(),
    };
}
export function nodeNow(facts) {
    return Date.now() + facts.clockOffsetMs;
}
/** Nothing for a key that the node has not seen yet. */
export async function payerState(facts, key) {
    try {
        return (await call('GET', '/v1/payer', undefined, await access(facts, key)));
    }
    catch (error) {
        if (error instanceof Refused && error.status === 404)
            return undefined;
        throw error;
    }
}
/**
 * Calls `show` with what the payer has, at once and whenever it changes, until the stream ends or
 * `signal` ends it.
 */
export async function payerStream(facts, key, signal, show) {
    const headers = await access(facts, key);
    const response = await fetch('/v1/payer/stream', { headers, signal, cache: 'no-store', credentials: 'omit' });
    if (!response.ok || response.body === null)
        throw new Refused(response.status, '', 'there is no stream');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = '';;) {
        const { done, value } = await reader.read();
        if (done)
            return;
        const events = (rest + value).split('\n\n');
        rest = events.pop() ?? '';
        for (const event of events) {
            const data = event.split('\n').find((line) => line.startsWith('data: '));
            if (data !== undefined)
                show(JSON.parse(data.slice('data: '.length)));
        }
    }
}
/** The header that proves who asks. */
async function access(facts, key) {
    const statement = accessBytes(facts.id, key.publicKey, nodeNow(facts));
    const signed = concat(statement, await key.sign(statement));
    return { Authorization: `Farthing ${base64url(signed)}` };
}
export async function topUp(key) {
    await call('POST', '/v1/faucet', { key: hex(key.publicKey) });
}
/** Registers mandates that can be passed on, root first. */
export async function registerChain(chain, label) {
    await call('POST', '/v1/mandates', chainBody(chain, label));
}
/** Stops a mandate and all below it for now, or lets it go on. */
export async function pauseMandate(facts, key, mandate, paused) {
    const sequence = BigInt(Math.trunc(nodeNow(facts)));
    const body = await pauseBody(facts.id, key, mandate, sequence, paused);
    await call('POST', `/v1/mandates/${mandate}/${paused ? 'pause' : 'resume'}`, body);
}
export async function revokeMandate(facts, key, mandate) {
    const revocation = revocationBytes(facts.id, idBytes('man', mandate));
    const signature = base64(await key.sign(revocation));
    await call('POST', '/v1/mandates/revoke', { revocation: base64(revocation), signature });
}
/** The payer alone asks to close; the payee may claim until the delay is over. */
export async function closeChannel(key, channel) {
    const close = closeBytes(idBytes('ch', channel.channel), BigInt(channel.spent));
    const signature = base64(await key.sign(close));
    const path = `/v1/channels/${channel.channel}/close`;
    return (await call('POST', path, { close: base64(close), signature }));
}
export async function liveState() {
    return (await call('GET', '/v1/sandbox/state'));
}
async function call(method, path, body, headers = {}) {
    const request = { method, headers, cache: 'no-store', credentials: 'omit' };
    if (body !== undefined) {
        request.headers = { ...headers, 'Content-Type': 'application/json' };
        request.body = JSON.stringify(body);
    }
    let response;
    try {
        response = await fetch(path, request);
    }
    catch {
        throw new Unable('unreachable');
    }
    return answered(response);
}
async function answered(response) {
    const content = (await response.json().catch(() => ({})));
    if (response.ok)
        return content;
    const text = content['detail'] ?? content['title'] ?? `The node answered ${response.status}.`;
    throw new Refused(response.status, String(content['code'] ?? ''), String(text));
}
