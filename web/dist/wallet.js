/**
 * The wallet: a payer's balance, budgets, open channels and payments at this node.
 *
 * Keeps: what is shown is what the node says, asked again every few seconds while the page is
 * seen. The key never leaves this origin; the page only shows its account.
 */
import { idText } from './bytes.js';
import { byId, make, say, setText, time } from './dom.js';
import { signingKey } from './keys.js';
import { readable } from './money.js';
import { closeChannel, nodeFacts, nodeNow, payerState, revokeMandate, sentence, topUp, } from './node.js';
import { payerAccount } from './order.js';
const REFRESH_MS = 3000;
const STATE_WORDS = { held: 'on hold', settled: 'paid', released: 'not charged' };
const addMoney = byId('top-up');
const items = new Map();
let shown = '';
start().catch((error) => say(sentence(error), 'problem'));
async function start() {
    const key = await signingKey();
    const facts = await nodeFacts();
    const asset = facts.assets[0];
    if (asset === undefined)
        throw new Error('a node has at least one asset');
    const wallet = { key, facts, asset };
    setText(byId('account'), idText('acc', await payerAccount(key.publicKey, asset)));
    addMoney.hidden = !asset.sandbox;
    addMoney.addEventListener('click', () => void addPlayMoney(wallet));
    await refresh(wallet);
    setInterval(() => {
        if (!document.hidden)
            void refresh(wallet);
    }, REFRESH_MS);
    document.addEventListener('visibilitychange', () => {
        if (!document.hidden)
            void refresh(wallet);
    });
}
async function addPlayMoney(wallet) {
    try {
        await topUp(wallet.key);
        await refresh(wallet);
        say(`Play money added. Your balance is ${byId('balance').textContent}.`);
    }
    catch (error) {
        say(sentence(error), 'problem');
    }
}
async function revoke(wallet, mandate) {
    try {
        await revokeMandate(wallet.facts, wallet.key, mandate.mandate);
        say(`Revoked. ${mandate.label} can no longer spend your money.`);
        await refresh(wallet);
        byId('budgets-title').focus();
    }
    catch (error) {
        say(sentence(error), 'problem');
    }
}
async function close(wallet, channel) {
    try {
        const { closes_at_ms } = await closeChannel(wallet.key, channel);
        await refresh(wallet);
        say('The channel closes. What is not spent comes back.');
        if (closes_at_ms !== null)
            byId('status').append(' At the latest: ', time(closes_at_ms, 'clock'));
        byId('channels-title').focus();
    }
    catch (error) {
        say(sentence(error), 'problem');
    }
}
async function refresh(wallet) {
    try {
        const state = await payerState(wallet.facts, wallet.key);
        // An expiry changes what is shown without a change at the node.
        const fingerprint = JSON.stringify([state, Math.floor(nodeNow(wallet.facts) / 60_000)]);
        if (fingerprint === shown)
            return;
        shown = fingerprint;
        show(wallet, state);
        if (byId('status').dataset['kind'] === 'problem')
            say('');
    }
    catch (error) {
        say(sentence(error), 'problem');
    }
}
function show(wallet, state) {
    const asset = wallet.asset;
    setText(byId('balance'), readable(state?.available ?? '0', asset));
    const held = BigInt(state?.held ?? '0');
    setText(byId('held'), held > 0n ? `and ${readable(held, asset)} on hold for purchases under way` : '');
    showBudgets(wallet, state?.mandates ?? []);
    showChannels(wallet, state?.channels ?? []);
    showPayments(wallet, state?.payments ?? []);
}
function showBudgets(wallet, mandates) {
    const now = nodeNow(wallet.facts);
    const active = mandates.filter((mandate) => ending(mandate, now) === undefined);
    const ended = mandates.filter((mandate) => ending(mandate, now) !== undefined);
    byId('budgets').replaceChildren(...active.map((mandate) => budget(wallet, mandate, now)));
    byId('no-budgets').hidden = active.length > 0;
    byId('ended').hidden = ended.length === 0;
    setText(byId('ended-title'), `Ended budgets (${ended.length})`);
    byId('ended-budgets').replaceChildren(...ended.map((mandate) => budget(wallet, mandate, now)));
}
/** Why a budget cannot be spent from any more; nothing while it can. */
function ending(mandate, nowMs) {
    if (mandate.revoked)
        return 'Revoked';
    if (mandate.expires_at_ms <= nowMs)
        return 'Expired';
    return BigInt(mandate.spent) >= BigInt(mandate.total) ? 'Used up' : undefined;
}
function budget(wallet, mandate, nowMs) {
    const { asset } = wallet;
    const spent = `${readable(mandate.spent, asset)} of ${readable(mandate.total, asset)} spent`;
    const end = ending(mandate, nowMs);
    const terms = make('p', { class: 'small' }, `At most ${readable(mandate.per_payment, asset)} a payment, `);
    if (end === undefined)
        terms.append('until ', time(mandate.expires_at_ms, 'date'));
    else
        terms.append(end.toLowerCase());
    const item = make('li', { class: 'budget' }, make('h3', {}, siteName(mandate.label)), make('p', {}, spent), make('progress', {
        value: String(share(mandate)),
        max: '1000',
        'aria-label': `Spent at ${mandate.label}`,
    }), terms);
    if (end === undefined)
        item.append(revokeButton(wallet, mandate));
    return item;
}
function revokeButton(wallet, mandate) {
    const hidden = make('span', { class: 'unseen' }, ` the budget for ${mandate.label}`);
    const button = make('button', { type: 'button', class: 'quiet' }, 'Revoke', hidden);
    button.addEventListener('click', () => void revoke(wallet, mandate));
    return button;
}
function share(mandate) {
    const total = BigInt(mandate.total);
    return total === 0n ? 1000n : (BigInt(mandate.spent) * 1000n) / total;
}
/** An item stays while its channel is open, so that a running number takes no focus away. */
function showChannels(wallet, channels) {
    const open = new Set(channels.map(({ channel }) => channel));
    for (const [channel, item] of items) {
        if (open.has(channel))
            continue;
        item.remove();
        items.delete(channel);
    }
    for (const channel of channels)
        showChannel(wallet, channel);
    byId('channels-section').hidden = channels.length === 0;
}
function showChannel(wallet, channel) {
    const { spent, deposit } = channel;
    const item = items.get(channel.channel) ?? channelItem(wallet, channel);
    const [sum, bar, state, button] = item.querySelectorAll('p, progress, button');
    const [done, all] = [readable(spent, wallet.asset), readable(deposit, wallet.asset)];
    if (sum)
        setText(sum, `${done} of ${all} spent`);
    bar?.setAttribute('value', String((BigInt(spent) * 1000n) / BigInt(deposit)));
    if (state && channel.state === 'closing' && channel.closes_at_ms !== null) {
        const by = time(channel.closes_at_ms, 'clock');
        state.replaceChildren('Closing: the rest comes back at ', by, ' at the latest');
        button?.remove();
    }
}
function channelItem(wallet, channel) {
    const name = channel.description === '' ? channel.payee : channel.description;
    const item = make('li', { class: 'budget' }, make('h3', {}, name), make('p', {}), make('progress', { value: '0', max: '1000', 'aria-label': `Spent: ${name}` }), make('p', { class: 'small' }, 'Open: what is not spent comes back when it closes'), closeButton(wallet, channel, name));
    items.set(channel.channel, item);
    byId('channels').prepend(item);
    return item;
}
function closeButton(wallet, channel, name) {
    const hidden = make('span', { class: 'unseen' }, ` the channel for ${name}`);
    const button = make('button', { type: 'button', class: 'quiet' }, 'Close', hidden);
    button.addEventListener('click', () => void close(wallet, channel));
    return button;
}
function siteName(label) {
    return label.replace(/^https?:\/\//, '');
}
function showPayments(wallet, payments) {
    byId('payments').replaceChildren(...payments.map((payment) => paymentRow(wallet, payment)));
    byId('payments-table').hidden = payments.length === 0;
    byId('no-payments').hidden = payments.length > 0;
}
function paymentRow(wallet, payment) {
    const what = payment.description === '' ? payment.payee : payment.description;
    return make('tr', { role: 'row' }, make('th', { role: 'rowheader', scope: 'row' }, what), make('td', { role: 'cell', class: 'when' }, time(payment.at_ms, 'moment')), make('td', { role: 'cell' }, stateOf(payment, what)), make('td', { role: 'cell', class: 'amount' }, readable(payment.amount, wallet.asset)));
}
/** What was paid has a receipt in the log, and the word leads to where it is checked. */
function stateOf({ payment, state }, what) {
    const [word, look] = [STATE_WORDS[state], { class: `state ${state}` }];
    if (state !== 'settled')
        return make('span', look, word);
    const href = `/verify?receipt=/v1/receipts/${encodeURIComponent(payment)}/proof`;
    return make('a', { ...look, href, 'aria-label': `${word}: check the receipt for ${what}` }, word);
}
