/**
 * How a site's page comes to a budget: the grant it has, or the wallet's pop-up.
 *
 * Keeps: the wallet opens within a press and never without one; messages count only from the
 * wallet's origin and window. Must not count what is spent: the node decides.
 */
import { base32, hex, idBytes } from './bytes.js';
import { say } from './dom.js';
import { signingKey, storedGrant, storeGrant, Unable, } from './keys.js';
import { answer, isReady } from './messages.js';
import { t } from './words.js';
const WALLET_FEATURES = 'popup,width=480,height=760';
const CLOSED_CHECK_MS = 300;
const WALLET_PATIENCE_MS = 10_000;
export class Budget {
    wanted;
    ready;
    wallet = null;
    refused = false;
    constructor(wanted) {
        this.wanted = wanted;
    }
    /** Reads key and grant ahead, so that a press can open the wallet at once. */
    async look() {
        const key = await signingKey();
        const stored = await storedGrant(this.wanted.network);
        this.ready = { key, grant: this.usable(stored) ? stored : undefined };
        return this.ready;
    }
    /** The next press asks for a new budget. */
    refuse() {
        this.refused = true;
        if (this.ready !== undefined)
            this.ready.grant = undefined;
    }
    /** Whether the wallet is open already; then it comes to the front. */
    isAsking() {
        if (this.wallet === null || this.wallet.closed)
            return false;
        this.wallet.focus();
        return true;
    }
    /** To be called within a press. */
    async take() {
        // Pop-up blockers want the window opened within the press, before anything is awaited.
        const asks = this.ready?.grant === undefined;
        this.wallet = asks ? window.open(this.wanted.wallet, 'farthing-wallet', WALLET_FEATURES) : null;
        try {
            const { key, grant } = await this.look();
            if (grant !== undefined) {
                this.wallet?.close();
                return { key, grant };
            }
            return { key, grant: await this.ask(key) };
        }
        catch (error) {
            this.wallet?.close();
            throw error;
        }
    }
    usable(grant) {
        return grant !== undefined && !this.refused && grant.expires_at_ms > this.wanted.nowMs();
    }
    async ask(key) {
        if (this.wallet === null) {
            throw new Unable('popup_blocked');
        }
        say(t('budget.opened'));
        const grant = await this.walletAnswer(this.wallet, key);
        const node = base32(idBytes('node', grant.node));
        if (this.wanted.network !== `farthing:${node}`) {
            throw new Unable('other_node');
        }
        await storeGrant(this.wanted.network, grant);
        this.refused = false;
        this.ready = { key, grant };
        return grant;
    }
    walletAnswer(popup, key) {
        const { nodeOrigin } = this.wanted;
        const listening = new AbortController();
        return new Promise((resolve, reject) => {
            const refuse = (why) => reject(new Unable(why));
            window.addEventListener('message', (event) => {
                if (event.origin !== nodeOrigin || event.source !== popup)
                    return;
                if (isReady(event.data)) {
                    clearTimeout(patience);
                    popup.postMessage(this.request(key), nodeOrigin);
                    return;
                }
                const reply = answer(event.data);
                if (reply?.type === 'farthing:declined')
                    refuse('declined');
                if (reply?.type === 'farthing:granted') {
                    const { type: _, ...grant } = reply;
                    resolve(grant);
                }
            }, { signal: listening.signal });
            const patience = setTimeout(() => {
                say(t('budget.silent', { origin: nodeOrigin }), 'problem');
            }, WALLET_PATIENCE_MS);
            const watch = setInterval(() => {
                if (!popup.closed)
                    return;
                clearInterval(watch);
                // The answer may still be under way when the window has gone.
                setTimeout(() => refuse('closed'), CLOSED_CHECK_MS);
            }, CLOSED_CHECK_MS);
            listening.signal.addEventListener('abort', () => {
                clearTimeout(patience);
                clearInterval(watch);
            });
        }).finally(() => listening.abort());
    }
    request(key) {
        return { type: 'farthing:grant-request', key: hex(key.publicKey), ...this.wanted.request };
    }
}
