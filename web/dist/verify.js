/**
 * The page that verifies a receipt: dropped, chosen, pasted or named in the address.
 *
 * Keeps: the verdict comes from this browser alone; a receipt never leaves it. Asks this origin for
 * the log's policy and, if the address names one, for a receipt, and for nothing else, so that it
 * works without a network once it is loaded.
 */
import { byId, make, say, setText, time } from './dom.js';
import { LANGUAGES } from './language.js';
import { readPolicy, ReceiptRefused, verifyReceipt } from './receipt.js';
import { proofText } from './proven.js';
import { amount, speak, t } from './words.js';
const POLICY_PATH = '/log/policy';
const FILES_PATH = '/.well-known/farthing/';
const CACHE = 'farthing-verify';
/** Longer than any receipt; what is larger is not even read. */
const FILE_BYTES_MAX = 1024 * 1024;
const receipt = byId('receipt');
const policy = byId('policy');
const drop = byId('drop');
const file = byId('file');
/** The bytes of a file, as long as the text beside them is what they say. */
let loaded;
start().catch((error) => say(String(error), 'problem'));
async function start() {
    await speak();
    byId('form').addEventListener('submit', (event) => {
        event.preventDefault();
        void check();
    });
    file.addEventListener('change', () => void take(file.files?.[0]));
    // Anywhere on the page: a file that misses the mark must not replace the page.
    document.addEventListener('dragover', dragged);
    document.addEventListener('dragleave', () => drop.classList.remove('over'));
    document.addEventListener('drop', dropped);
    keepForOffline().catch(() => undefined);
    await fillPolicy();
    const asked = new URLSearchParams(location.search).get('receipt');
    if (asked !== null)
        await load(asked);
}
function dragged(event) {
    event.preventDefault();
    drop.classList.add('over');
}
function dropped(event) {
    event.preventDefault();
    drop.classList.remove('over');
    const text = event.dataTransfer?.getData('text/plain');
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped !== undefined)
        void take(dropped);
    else if (text)
        void show(new TextEncoder().encode(text));
}
async function fillPolicy() {
    try {
        const answer = await fetch(POLICY_PATH);
        if (!answer.ok)
            throw new Error(`${answer.status}`);
        const text = await answer.text();
        if (policy.value === '')
            policy.value = text;
        setText(byId('policy-source'), t('verify.own_policy'));
    }
    catch {
        setText(byId('policy-source'), t('verify.no_policy'));
    }
}
/** Loads the receipt that the address names; only this origin is asked. */
async function load(address) {
    const url = URL.canParse(address, location.href) ? new URL(address, location.href) : undefined;
    if (url?.origin !== location.origin) {
        refused(t('verify.elsewhere'));
        return;
    }
    say(t('verify.loading'));
    try {
        const answer = await fetch(url);
        if (answer.ok)
            await take(await answer.blob());
        else
            refused(t('verify.not_loaded', { status: answer.status }));
    }
    catch {
        refused(t('verify.no_answer'));
    }
}
async function take(source) {
    if (source === undefined)
        return;
    if (source.size > FILE_BYTES_MAX) {
        refused(t('verify.too_large'), 'receipt_too_large');
        return;
    }
    await show(new Uint8Array(await source.arrayBuffer()));
}
async function show(bytes) {
    receipt.value = new TextDecoder().decode(bytes);
    receipt.scrollTop = 0;
    // A text area may change what is put into it, so the bytes are kept beside it.
    loaded = { text: receipt.value, bytes };
    await check();
}
async function check() {
    file.value = '';
    clear();
    if (receipt.value.trim() === '') {
        say(t('verify.nothing'), 'problem');
        return;
    }
    if (globalThis.crypto?.subtle === undefined) {
        refused(t('verify.insecure'));
        return;
    }
    say(t('verify.checking'));
    const source = loaded?.text === receipt.value ? loaded.bytes : receipt.value;
    try {
        const believed = await readPolicy(policy.value);
        const nowSeconds = BigInt(Math.trunc(Date.now() / 1000));
        holds(await verifyReceipt(source, believed, { nowSeconds }));
    }
    catch (error) {
        if (!(error instanceof ReceiptRefused))
            throw error;
        refused(inEnglish(error.message), error.code);
    }
}
function clear() {
    byId('verdict').hidden = true;
    byId('verdict').dataset['holds'] = '';
    for (const id of ['facts', 'proven', 'not-proven'])
        byId(id).replaceChildren();
}
function holds(verdict) {
    const { facts, vouched, proven, notProven } = verdict;
    const isAccount = facts.action === 'create';
    setText(byId('verdict-word'), t('verify.holds'));
    setText(byId('reason'), '');
    byId('facts').replaceChildren(...row('verify.amount', isAccount ? '' : amount(facts.amount, { code: facts.asset, scale: facts.scale })), ...row(isAccount ? 'verify.account' : 'verify.from', verdict.payer ?? ''), ...row('verify.to', verdict.payee ?? ''), ...row('verify.payment', facts.payment ?? ''), ...row('verify.when', time(Number(facts.timestampNs / 1000000n), 'moment')), ...row('verify.log', vouched.log), ...row('verify.entry', t('verify.entry_of', { index: String(verdict.index), size: String(vouched.size) })), ...row('verify.witnesses', vouched.witnesses.map(({ key }) => key).join(', ') || t('verify.no_witnesses')));
    const sentences = (said) => said.map((one) => make('li', {}, proofText(one, verdict)));
    byId('proven').replaceChildren(...sentences(proven));
    byId('not-proven').replaceChildren(...sentences(notProven));
    reveal('true');
}
/** A fact; nothing if there is none. */
function row(name, fact) {
    if (fact === '')
        return [];
    const value = typeof fact === 'string' && /_[0-9a-z]{26}$/.test(fact) ? make('code', {}, fact) : fact;
    return [make('div', {}, make('dt', {}, t(name)), make('dd', {}, value))];
}
function refused(reason, code) {
    clear();
    setText(byId('verdict-word'), t('verify.refused'));
    byId('reason').replaceChildren(reason, ...(code === undefined ? [] : [` ${adviceFor(code)} `, make('code', {}, code)]));
    reveal('false');
}
function reveal(word) {
    say('');
    const verdict = byId('verdict');
    verdict.dataset['holds'] = word;
    byId('details').hidden = word === 'false';
    verdict.hidden = false;
    byId('verdict-word').focus();
}
/** The verifier's own sentence, which is English; what to do about it follows in the reader's language. */
function inEnglish(text) {
    const sentence = `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
    return make('span', { lang: 'en', dir: 'ltr' }, sentence);
}
/** What a person can do about it; the first that fits. */
const ADVICE = [
    [/^(policy_|vkey_|key_name)/, 'advice.key'],
    [/^(unknown_log|note_unsigned|log_signature_missing)$/, 'advice.log'],
    [/^quorum_unmet$/, 'advice.quorum'],
    [/^note_signature_/, 'advice.signature'],
    [/^receipt_(not_included|beyond_tree)$/, 'advice.place'],
    [/future/, 'advice.clock'],
    [/^ed25519_unsupported$/, 'advice.browser'],
    [/^(receipt_|note_|checkpoint_|opening_|facts_)/, 'advice.receipt'],
];
function adviceFor(code) {
    const key = ADVICE.find(([pattern]) => pattern.test(code))?.[1];
    return key === undefined ? '' : t(key);
}
/** Puts what this page is made of where `offline.js` finds it when there is no network. */
async function keepForOffline() {
    if (!('serviceWorker' in navigator))
        return;
    await navigator.serviceWorker.register('/verify-offline.js', { scope: '/verify' });
    const parts = performance.getEntriesByType('resource').map(({ name }) => new URL(name));
    const own = parts.filter(({ origin, pathname }) => origin === location.origin && pathname.startsWith(FILES_PATH));
    const cache = await caches.open(CACHE);
    const words = Object.keys(LANGUAGES).map((language) => `${FILES_PATH}words.${language}.json`);
    await cache.addAll(['/verify', ...new Set([...own.map(({ pathname }) => pathname), ...words])]);
    await cache.add(POLICY_PATH).catch(() => undefined);
    setText(byId('offline'), t('verify.offline'));
}
