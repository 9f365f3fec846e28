/**
 * A stand-in for a node, for work on the pages without one: `node stand-in.mjs [PORT]`, 0 for any that is
 * free. It serves `dist` and answers the calls of the application with invented figures; nothing is
 * kept. Sign in with any password but "wrong".
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

const dist = new URL('dist/', import.meta.url);
const DAY_MS = 86_400_000;
const USD = { asset: 'USD', scale: 9 };
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', json: 'application/json', html: 'text/html' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const id = (prefix, n) => `${prefix}_${String(n).padStart(4, '0')}q8xk3v5w7m9r2t4y6a8c0e`;
const accounts = ['author', 'editor', 'musician', 'lab'].map((label, n) => (
  { account: id('acc', n), ...USD, role: 'payee', label, available: String(48_112_000_000n / BigInt(n + 1)), held: '0' }));
const titles = ['An article of The Wren', 'A tune for the till', 'The tune without an end', 'A story, word by word'];
const offers = titles.map((title, n) => ({
  offer: id('off', n), site: 'default', path: ['/articles/{n}', '/tune.wav', '/listen.wav', '/api/story'][n],
  methods: ['GET'], price: ['2000000', '1000000', '100000', '1000'][n], ...USD, payee: accounts[0].account,
  payee_name: 'author', tool: null, description: title, mime_type: null, active: n !== 2, access_seconds: 86_400, listed: true,
  split: [{ account: accounts[0].account, share_ppm: 850_000 }, { account: accounts[1].account, share_ppm: 150_000 }],
  prices: [{ country: 'IN', class: null, price: '400000' }, { country: null, class: 'crawler', price: '5000000' }],
  pay_what_you_want: n === 0 ? { min: '0', suggested: ['5000000', '20000000'] } : null,
  free: n === 0 ? { count: 3, seconds: 2_592_000 } : null,
  passes: n === 0 ? [{ pass: 'day', title: 'A day', price: '20000000', seconds: 86_400, uses: null }] : [],
  source: n === 3 ? 'file' : 'registry', revision: 1,
}));
const payments = Array.from({ length: 14 }, (_, n) => ({
  payment: id('pay', n), payee: accounts[0].account, amount: String(2_000_000 * (1 + (n % 4))), ...USD,
  state: n === 3 ? 'held' : n === 9 ? 'released' : 'settled', description: titles[n % 4],
  at_ms: Date.now() - n * 5_400_000, share: null, settled: n === 3 || n === 9 ? '0' : String(2_000_000 * (1 + (n % 4))), refunded: n === 5 ? '4000000' : n === 6 ? '1000000' : '0',
  title: titles[n % 4], country: ['KR', 'ES', 'EG', null][n % 4], class: ['person', 'agent', 'program', 'crawler'][n % 4],
}));

const mandate = (n, label, more) => ({
  mandate: id('man', n), label, delegate: '00', per_payment: '10000000', total: '250000000', spent: String(61_000_000 / (n + 1) | 0),
  expires_at_ms: Date.now() + 30 * DAY_MS, revoked: false, paused: false, parent: null, per_day: null, per_month: null, ...more,
});
const mandates = [
  mandate(0, 'http://127.0.0.1:4020', {}),
  mandate(1, 'Research agent', { per_day: '50000000' }),
  mandate(2, 'Its translator', { parent: id('man', 1), paused: true }),
  mandate(3, 'https://old.example', { revoked: true }),
];
const channels = [{
  channel: id('ch', 1), payee: accounts[2].account, deposit: '6000000', spent: '1500000', description: titles[2],
  state: 'open', closes_at_ms: null, close_delay_seconds: 600,
}];

function income(query) {
  const [from, to] = [Number(query.get('from_ms')), Number(query.get('to_ms'))];
  const step = { hour: 3_600_000, day: DAY_MS, month: 30.4 * DAY_MS }[query.get('step')];
  const row = (n, more) => {
    const [gross, refunded] = [80_000_000n + BigInt((n * 7919) % 97) * 3_100_000n, n % 5 === 0 ? 4_000_000n : 0n];
    const none = { offer: null, title: null, country: null, class: null };
    return { ...none, payments: 40 + ((n * 37) % 90), gross: String(gross), refunds: 0, refunded: String(refunded), net: String(gross - refunded), ...more };
  };
  const sum = (rows, field) => String(rows.reduce((total, one) => total + BigInt(one[field]), 0n));
  const by = {
    time: () => Array.from({ length: Math.round((to - from) / step) }, (_, n) => row(n, { from_ms: from + n * step })),
    offer: () => offers.map(({ offer, description }, n) => row(n * 3, { offer, title: description })),
    country: () => ['KR', 'US', 'ES', 'EG', 'DE', 'IN', null].map((country, n) => row(n * 5 + 1, { country })),
    class: () => ['person', 'agent', 'program', 'crawler'].map((name, n) => row(n * 4 + 2, { class: name })),
  };
  const rows = by[query.get('by')]();
  const totals = Object.fromEntries(['gross', 'refunded', 'net'].map((field) => [field, sum(rows, field)]));
  return { ...USD, totals: { ...totals, payments: Number(sum(rows, 'payments')), refunds: 0 }, rows };
}

const started = Date.now();
const status = () => ({
  now_ms: Date.now(), started_at_ms: started, version: '0.1.0', holds_open: 12, channels_open: 4, books_balanced: true,
  throughput: { window_ms: 60_000, payments: 78_000 + Math.round(Math.sin(Date.now() / 9000) * 9000), gateway_p99_us: 1800 + Math.round(Math.random() * 900) },
  writer: { stopped: false, queue_commands: 3, sync_p99_us: 900, journal_bytes: 48_211_004, snapshot_at_ms: started },
  assets: [{ ...USD, liabilities: '128442000000', held: '48000000', exposure: '120000000' }],
  log: { leaves: 120_442, published_leaves: 120_440, halted: null, witnesses: [{ name: 'witness.example/one', state: 'cosigned', detail: '', cosigned_size: 120_440, alarm: null }] },
  machine: { data_free_bytes: 1_900_000_000 },
  alarms: [{ code: 'disk_almost_full', severity: 'page', detail: '4 % of the disk is free' }],
});
const list = (data) => ({ data, next_cursor: null });
const SESSION = { csrf: 't', operator: true, scopes: ['operator'], accounts: null };
/** By an invented cookie, so that each browser signs in for itself. */
const isIn = (request) => /stand-in=1/.test(request.headers.cookie ?? '');

const payer = { account: accounts[0].account, ...USD, available: '998000000', posted: '1000000000', held: '2000000', mandates, payments, channels };
const settings = { name: 'The Wren', contact: 'help@wren.example' };
const ANSWERS = [
  ['GET', /^\/v1\/accounts$/, (query) => list(query.get('role') === 'payee' ? accounts : [])],
  ['GET', /^\/v1\/settings$/, () => settings],
  ['GET', /^\/v1\/reports\/income$/, income],
  ['GET', /^\/v1\/offers$/, () => list(offers)],
  ['GET', /^\/v1\/offers\/(\w+)$/, (_, [, offer]) => offers.find((one) => one.offer === offer)],
  ['GET', /^\/v1\/codes$/, () => list([{ code_id: id('code', 1), code: 'SPRING', offers: [offers[0].offer], percent_ppm: 250_000, price: null, max_uses: 100, per_payer: 1, expires_at_ms: Date.now() + 30 * DAY_MS }])],
  ['GET', /^\/v1\/payments$/, () => list(payments)],
  ['GET', /^\/v1\/payments\/(\w+)$/, (_, [, payment]) => payments.find((one) => one.payment === payment)],
  ['GET', /^\/v1\/refunds$/, () => list([{ refund: id('ref', 1), amount: '1000000', reason: 'Read twice', at_ms: Date.now() }])],
  ['GET', /^\/v1\/payouts$/, () => list(['requested', 'released', 'paid'].map((state, n) => ({
    payout: id('po', n), account: accounts[n].account, amount: '12000000000', ...USD, state,
    creditor: { name: 'Ada Byron', iban: 'DE02120300000000202051' }, requested_at_ms: Date.now() - n * DAY_MS,
  })))],
  ['GET', /^\/v1\/keys$/, () => list([{ key_id: id('key', 1), name: 'Bookkeeping', scopes: ['read'], accounts: [accounts[0].account], expires_at_ms: null }])],
  ['POST', /^\/v1\/keys$/, () => ({ key_id: id('key', 2), secret: 'fk_example_secret_shown_once' })],
  ['GET', /^\/v1\/webhook-endpoints$/, () => list([{ webhook_endpoint: id('we', 1), url: 'https://shop.example/farthing', events: ['payment.settled'], description: '', active: true, signature: 'hmac' }])],
  ['GET', /^\/v1\/webhook-endpoints\/\w+\/deliveries$/, () => list([{ delivery: id('dlv', 1), event: id('evt', 1), type: 'payment.settled', state: 'delivered', failures: 0, status: 200, since_ms: Date.now() }])],
  ['GET', /^\/v1\/status$/, status],
  ['GET', /^\/v1\/node$/, () => ({ node: `node_${'0'.repeat(25)}1`, assets: [{ ...USD, sandbox: true }], now_ms: Date.now() })],
  ['GET', /^\/v1\/payer$/, () => payer],
  ['GET', /^\/v1\/payer\/stream$/, () => payer],
  ['GET', /^\/v1\/receipts\/(\w+)$/, (_, [, payment]) => ({ ...payments.find((one) => one.payment === payment), authorized: '2000000', node: id('node', 1), signature: 'x', proof: 'y' })],
];

function answer(request, url) {
  for (const [method, path, make] of ANSWERS) {
    const found = path.exec(url.pathname);
    if (request.method === method && found) return make(url.searchParams, found);
  }
  return request.method === 'GET' ? undefined : {};
}

function file(pathname) {
  const name = pathname.replace(/^\/\.well-known\/farthing\//, '').replace(/^\/app\/files\//, 'app/').replace(/^\//, '');
  const page = { '': 'index.html', wallet: 'wallet.html', live: 'live.html', verify: 'verify.html' }[name]
    ?? (/^app(\/(?!.*\.)|$)/.test(name) ? 'app.html' : name.startsWith('pay/') ? 'pay.html' : name);
  const path = new URL(page, dist);
  return existsSync(path) ? [readFileSync(path), TYPES[page.split('.').pop()]] : undefined;
}

async function session(request, response) {
  let body = '';
  for await (const part of request) body += part;
  const granted = request.method === 'POST' ? !body.includes('"wrong"') : isIn(request);
  const cookie = request.method === 'DELETE' || !granted ? '' : '1';
  const problem = { code: 'login_wrong', title: 'not signed in' };
  response.writeHead(granted ? 200 : 401, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', 'Set-Cookie': `stand-in=${cookie}; Path=/` });
  response.end(JSON.stringify(granted ? SESSION : problem));
}

createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname === '/v1/session') {
    void session(request, response);
    return;
  }
  const isCall = url.pathname.startsWith('/v1/');
  const found = isCall ? answer(request, url) : file(url.pathname);
  if (found === undefined) {
    response.writeHead(404, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify({ code: 'not_found', title: 'not there' }));
  } else if (url.pathname.endsWith('/stream')) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(`event: payer\ndata: ${JSON.stringify(found)}\n\n`);
  } else if (isCall) {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(JSON.stringify(found));
  } else {
    const headers = { 'Content-Type': found[1], 'Content-Security-Policy': POLICY };
    const isBundled = url.pathname.startsWith('/app/files/');
    if (isBundled) headers['Content-Encoding'] = 'gzip';
    response.writeHead(200, headers).end(isBundled ? gzipSync(found[0]) : found[0]);
  }
}).listen(Number(process.argv[2] ?? 4040), '127.0.0.1', function said() {
  console.log(`http://127.0.0.1:${this.address().port}`);
});
