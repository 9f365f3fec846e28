/**
 * The live page of a sandbox: balances, open channels, payments and the books, asked for every second.
 *
 * Keeps: shows the node's numbers as they are, computes none of its own. Rests while it is paused
 * or not in view.
 */
import { byId, make, say, setText, time } from './dom.js';
import { liveState, } from './node.js';
import { amount, sentence, speak, t, wordsFor } from './words.js';
const POLL_MS = 1000;
const pause = byId('pause');
const cards = new Map();
const ticking = new Map();
let paused = false;
let seen;
let rows = '';
void start();
async function start() {
    await speak();
    pause.addEventListener('click', () => {
        paused = !paused;
        setText(pause, t(paused ? 'live.resume' : 'live.pause'));
        say(paused ? t('live.paused') : '');
        if (!paused)
            void poll();
    });
    void poll();
    setInterval(() => {
        if (!paused && !document.hidden)
            void poll();
    }, POLL_MS);
}
async function poll() {
    try {
        const state = await liveState();
        if (paused)
            return;
        show(state);
        if (byId('status').dataset['kind'] === 'problem')
            say('');
    }
    catch (error) {
        say(sentence(error), 'problem');
    }
}
function show(state) {
    const asset = { code: state.asset, scale: state.scale };
    showBooks(state, asset);
    for (const account of state.accounts)
        showAccount(account, asset);
    showChannels(state.channels, asset);
    showPayments(state.payments, asset);
    const site = byId('site');
    if (state.site !== undefined && /^https?:/.test(state.site)) {
        site.href = state.site;
        byId('site-item').hidden = false;
    }
}
function showBooks({ totals }, asset) {
    const books = byId('books');
    books.dataset['balanced'] = String(totals.balanced);
    setText(byId('books-word'), t(totals.balanced ? 'live.balanced' : 'live.unbalanced'));
    const sums = { debits: amount(totals.debits, asset), credits: amount(totals.credits, asset) };
    setText(byId('books-sums'), t('live.sums', sums));
}
function showAccount(account, asset) {
    let card = cards.get(account.account);
    if (card === undefined) {
        card = newCard(account);
        cards.set(account.account, card);
        byId('accounts').append(card);
    }
    const figure = card.querySelector('.figure');
    const text = amount(account.available, asset);
    if (figure === null || figure.textContent === text)
        return;
    const first = figure.textContent === '';
    setText(figure, text);
    if (!first)
        flash(figure);
}
function newCard(account) {
    return make('li', { class: 'card' }, make('p', { class: 'eyebrow' }, wordsFor('role', account.role) ?? account.role), make('h3', { dir: 'auto' }, account.label), make('p', { class: 'figure' }));
}
/** Starts the highlight anew; the style sheet keeps it still for readers who want less motion. */
function flash(element) {
    element.classList.remove('fresh');
    void element.offsetWidth;
    element.classList.add('fresh');
}
/** A row stays while its channel is open, so that only its numbers move. */
function showChannels(channels, asset) {
    const open = new Set(channels.map(({ channel }) => channel));
    for (const [channel, row] of ticking) {
        if (open.has(channel))
            continue;
        row.remove();
        ticking.delete(channel);
    }
    for (const channel of channels)
        showChannel(channel, asset);
    byId('channels-section').hidden = channels.length === 0;
}
function showChannel(channel, asset) {
    let row = ticking.get(channel.channel);
    if (row === undefined) {
        row = channelRow(channel);
        ticking.set(channel.channel, row);
        byId('channels').prepend(row);
    }
    const [state, spent, deposit] = ['.state', '.spent', '.deposit'].map((name) => row.querySelector(name));
    if (state)
        setText(state, wordsFor('state', channel.state) ?? channel.state);
    if (deposit)
        setText(deposit, amount(channel.deposit, asset));
    const text = amount(channel.spent, asset);
    if (!spent || spent.textContent === text)
        return;
    const first = spent.textContent === '';
    setText(spent, text);
    if (!first)
        flash(spent);
}
function channelRow({ description, payer_label, payee_label }) {
    const what = description === '' ? t('live.channel') : description;
    return make('tr', { role: 'row' }, make('th', { role: 'rowheader', scope: 'row' }, what), make('td', { role: 'cell', class: 'parties' }, `${payer_label} → ${payee_label}`), make('td', { role: 'cell' }, make('span', { class: 'state' })), make('td', { role: 'cell', class: 'amount deposit' }), make('td', { role: 'cell', class: 'amount spent' }));
}
function showPayments(payments, asset) {
    const fingerprint = JSON.stringify(payments);
    if (fingerprint === rows)
        return;
    rows = fingerprint;
    const before = seen;
    seen = new Set(payments.map(({ payment }) => payment));
    byId('payments').replaceChildren(...payments.map((payment) => {
        const row = paymentRow(payment, asset);
        if (before !== undefined && !before.has(payment.payment))
            row.classList.add('fresh');
        return row;
    }));
    byId('payments-table').hidden = payments.length === 0;
    byId('no-payments').hidden = payments.length > 0;
}
function paymentRow(payment, asset) {
    const state = wordsFor('state', payment.state) ?? payment.state;
    return make('tr', { role: 'row' }, make('th', { role: 'rowheader', scope: 'row' }, payment.description), make('td', { role: 'cell', class: 'when' }, time(payment.at_ms, 'clock')), make('td', { role: 'cell', class: 'parties' }, `${payment.payer_label} → ${payment.payee_label}`), make('td', { role: 'cell' }, make('span', { class: `state ${payment.state}` }, state)), make('td', { role: 'cell', class: 'amount' }, amount(payment.amount, asset)));
}
