/**
 * The page that verifies a receipt: dropped, chosen, pasted or named in the address.
 *
 * Keeps: the verdict comes from this browser alone; a receipt never leaves it. Asks this origin for
 * the log's policy and, if the address names one, for a receipt, and for nothing else, so that it
 * works without a network once it is loaded.
 */

import { byId, make, say, setText, time } from './dom.js';
import { readPolicy, ReceiptRefused, verifyReceipt, type ReceiptVerdict } from './receipt.js';
import { amountText } from './wording.js';

const POLICY_PATH = '/log/policy';
const FILES_PATH = '/.well-known/farthing/';
const CACHE = 'farthing-verify';
/** Longer than any receipt; what is larger is not even read. */
const FILE_BYTES_MAX = 1024 * 1024;

const receipt = byId<HTMLTextAreaElement>('receipt');
const policy = byId<HTMLTextAreaElement>('policy');
const drop = byId('drop');
const file = byId<HTMLInputElement>('file');
/** The bytes of a file, as long as the text beside them is what they say. */
let loaded: { text: string; bytes: Uint8Array } | undefined;

start().catch((error: unknown) => say(String(error), 'problem'));

async function start(): Promise<void> {
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
  if (asked !== null) await load(asked);
}

function dragged(event: DragEvent): void {
  event.preventDefault();
  drop.classList.add('over');
}

function dropped(event: DragEvent): void {
  event.preventDefault();
  drop.classList.remove('over');
  const text = event.dataTransfer?.getData('text/plain');
  const [dropped] = event.dataTransfer?.files ?? [];
  if (dropped !== undefined) void take(dropped);
  else if (text) void show(new TextEncoder().encode(text));
}

async function fillPolicy(): Promise<void> {
  try {
    const answer = await fetch(POLICY_PATH);
    if (!answer.ok) throw new Error(`${answer.status}`);
    const text = await answer.text();
    if (policy.value === '') policy.value = text;
    setText(byId('policy-source'), 'This node says so of itself. If you have its key from elsewhere, put that here.');
  } catch {
    setText(byId('policy-source'), 'This node publishes none. Put in the key of the log that you trust.');
  }
}

/** Loads the receipt that the address names; only this origin is asked. */
async function load(address: string): Promise<void> {
  const url = URL.canParse(address, location.href) ? new URL(address, location.href) : undefined;
  if (url?.origin !== location.origin) {
    refused('This page loads receipts from its own address only. Save the receipt as a file and drop it here.');
    return;
  }
  say('Loading the receipt …');
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`the node answers ${answer.status}`);
    await take(await answer.blob());
  } catch (error) {
    const why = error instanceof TypeError ? 'the node does not answer' : (error as Error).message;
    refused(`The receipt could not be loaded: ${why}.`);
  }
}

async function take(source: Blob | undefined): Promise<void> {
  if (source === undefined) return;
  if (source.size > FILE_BYTES_MAX) {
    refused('The file is too large for a receipt.', 'receipt_too_large');
    return;
  }
  await show(new Uint8Array(await source.arrayBuffer()));
}

async function show(bytes: Uint8Array): Promise<void> {
  receipt.value = new TextDecoder().decode(bytes);
  receipt.scrollTop = 0;
  // A text area may change what is put into it, so the bytes are kept beside it.
  loaded = { text: receipt.value, bytes };
  await check();
}

async function check(): Promise<void> {
  file.value = '';
  clear();
  if (receipt.value.trim() === '') {
    say('Drop a receipt here or paste one first.', 'problem');
    return;
  }
  if (globalThis.crypto?.subtle === undefined) {
    refused('This browser checks signatures only on pages that come encrypted (https) or from this device.');
    return;
  }
  say('Checking …');
  const source = loaded?.text === receipt.value ? loaded.bytes : receipt.value;
  try {
    const believed = await readPolicy(policy.value);
    const nowSeconds = BigInt(Math.trunc(Date.now() / 1000));
    holds(await verifyReceipt(source, believed, { nowSeconds }));
  } catch (error) {
    if (!(error instanceof ReceiptRefused)) throw error;
    refused(`${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`, error.code);
  }
}

function clear(): void {
  byId('verdict').hidden = true;
  byId('verdict').dataset['holds'] = '';
  for (const id of ['facts', 'proven', 'not-proven']) byId(id).replaceChildren();
}

function holds(verdict: ReceiptVerdict): void {
  const { facts, vouched, proven, notProven } = verdict;
  const isAccount = facts.action === 'create';
  setText(byId('verdict-word'), 'The receipt holds');
  setText(byId('reason'), '');
  byId('facts').replaceChildren(
    ...row('Amount', isAccount ? '' : amountText(facts.amount, facts.asset, facts.scale)),
    ...row(isAccount ? 'Account' : 'From', verdict.payer ?? ''),
    ...row('To', verdict.payee ?? ''),
    ...row('Payment', facts.payment ?? ''),
    ...row('When', time(Number(facts.timestampNs / 1_000_000n), 'moment')),
    ...row('Log', vouched.log),
    ...row('Entry', `${verdict.index} of ${vouched.size}`),
    ...row('Witnesses', vouched.witnesses.map(({ key }) => key).join(', ') || 'none'),
  );
  byId('proven').replaceChildren(...proven.map(({ text }) => make('li', {}, text)));
  byId('not-proven').replaceChildren(...notProven.map(({ text }) => make('li', {}, text)));
  reveal('true');
}

/** A fact; nothing if there is none. */
function row(name: string, fact: string | Node): HTMLElement[] {
  if (fact === '') return [];
  const value = typeof fact === 'string' && /_[0-9a-z]{26}$/.test(fact) ? make('code', {}, fact) : fact;
  return [make('div', {}, make('dt', {}, name), make('dd', {}, value))];
}

function refused(reason: string, code?: string): void {
  clear();
  setText(byId('verdict-word'), 'The receipt proves nothing here');
  const advice = code === undefined ? '' : ` ${adviceFor(code)}`;
  byId('reason').replaceChildren(
    `${reason}${advice}`,
    ...(code === undefined ? [] : [' ', make('code', {}, code)]),
  );
  reveal('false');
}

function reveal(word: 'true' | 'false'): void {
  say('');
  const verdict = byId('verdict');
  verdict.dataset['holds'] = word;
  byId('details').hidden = word === 'false';
  verdict.hidden = false;
  byId('verdict-word').focus();
}

/** What a person can do about it; the first that fits. */
const ADVICE: [RegExp, string][] = [
  [/^(policy_|vkey_|key_name)/, 'Look at the key or policy above: it is the part that cannot be read.'],
  [/^(unknown_log|note_unsigned|log_signature_missing)$/, 'It comes from another log than the one you trust, or the key above is not that of its log.'],
  [/^quorum_unmet$/, 'Ask for the receipt again later, when more witnesses have signed, or trust fewer of them.'],
  [/^note_signature_/, 'It was changed after it was signed, or somebody forged it.'],
  [/^receipt_(not_included|beyond_tree)$/, 'What it says is not what the log holds there.'],
  [/future/, 'Check the clock of this device.'],
  [/^ed25519_unsupported$/, 'Use a newer browser.'],
  [/^(receipt_|note_|checkpoint_|opening_|facts_)/, 'It is no receipt of a Farthing node, or it was cut or changed. Get it again from where it came.'],
];

function adviceFor(code: string): string {
  return ADVICE.find(([pattern]) => pattern.test(code))?.[1] ?? '';
}

/** Puts what this page is made of where `offline.js` finds it when there is no network. */
async function keepForOffline(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register('/verify-offline.js', { scope: '/verify' });
  const parts = performance.getEntriesByType('resource').map(({ name }) => new URL(name));
  const own = parts.filter(({ origin, pathname }) => origin === location.origin && pathname.startsWith(FILES_PATH));
  const cache = await caches.open(CACHE);
  await cache.addAll(['/verify', ...new Set(own.map(({ pathname }) => pathname))]);
  await cache.add(POLICY_PATH).catch(() => undefined);
  setText(byId('offline'), 'This page is kept in this browser: it opens and works without a network.');
}
