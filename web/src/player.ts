/**
 * The page of an offer that is paid by the unit: play, see what it costs, stop.
 *
 * Keeps: nothing is signed without a press on the button; while it plays, a little more is allowed
 * than what is spent; whatever ends it closes the channel, so that the rest comes back. Numbers
 * shown are the node's.
 */

import { Budget } from './budget.js';
import { byId, make, say, setText } from './dom.js';
import { closeLeft, Declined, Flow, type MeteredTerms, type Standing } from './flow.js';
import { Unable, type Grant } from './keys.js';
import { outputFor, type Output } from './output.js';
import { withdraw } from './payment.js';
import { amount, rate, sentence, speak, t, wordsFor, type Key } from './words.js';

const STEP_MS = 500;
/** Nothing came for so long and nothing is left to pay with: that was the end. */
const SILENCE_MS = 1500;

/** The gateway's question, in the page as JSON. */
interface Challenge {
  requirements: MeteredTerms;
  resource: string;
  wallet: string;
  node_origin: string;
  title: string;
  mime_type: string | null;
  now_ms: number;
}

/** What is under way between two presses. */
interface Run {
  flow: Flow;
  output: Output;
  content: AbortController;
  context: AudioContext;
  lastPieceAt: number;
  /** Why it ends before the content does. */
  ending?: 'stop' | 'unpaid' | 'failed' | 'whole';
}

const challenge = JSON.parse(byId('challenge').textContent ?? '') as Challenge;
const terms = challenge.requirements;
const asset = { code: terms.asset, scale: terms.extra.scale };
const loadedAt = performance.now();
const button = byId<HTMLButtonElement>('play');
const isSound = challenge.mime_type?.startsWith('audio/') ?? false;
const START: Key = isSound ? 'player.play' : 'player.start';
const budget = new Budget({
  network: terms.network,
  wallet: challenge.wallet,
  nodeOrigin: challenge.node_origin,
  request: {
    title: challenge.title,
    payee: terms.payTo,
    price_units: terms.extra.depositSuggested,
    asset: asset.code,
    scale: asset.scale,
    rate: { price_units: terms.extra.price, per: terms.extra.per, unit: terms.extra.unit },
  },
  nowMs: nodeNow,
});
let run: Run | undefined;
let starting = false;

withdraw();
void speak().then(start);

function start(): void {
  const { price, per, unit } = terms.extra;
  setText(byId('price'), rate(price, per, unit, asset));
  setText(byId('free'), free());
  setText(button, t(START));
  setText(byId('progress-name'), t(isSound ? 'player.time' : 'player.received'));
  void tidyUp().finally(() => {
    button.disabled = false;
  });
  button.addEventListener('click', () => void press());
  window.addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && run === undefined && !starting) budget.look().catch(() => undefined);
  });
}

/** What a lost page left open is closed before anything new begins. */
async function tidyUp(): Promise<void> {
  try {
    showAllowance((await budget.look()).grant);
    const [left] = await closeLeft(challenge.node_origin);
    if (left !== undefined) say(`${t('player.left')} ${account(left)}`);
  } catch {
    // The press that needs it tells what is wrong.
  }
}

async function press(): Promise<void> {
  if (run !== undefined) {
    stop(run, 'stop');
    return;
  }
  if (starting || budget.isAsking()) return;
  starting = true;
  clear();
  // Browsers let a page sound only from within a press.
  const context = new AudioContext();
  try {
    const spender = await budget.take();
    showAllowance(spender.grant);
    say(t('player.opening'));
    if (!navigator.onLine) throw new Unable('offline');
    const content = new AbortController();
    const nodeOrigin = challenge.node_origin;
    const purchase = { terms, resource: challenge.resource, nodeOrigin, spender, nowMs: nodeNow() };
    const { flow, response } = await Flow.open(purchase, content.signal);
    const output = outputFor(response, context);
    run = { flow, output, content, context, lastPieceAt: performance.now() };
    starting = false;
    await play(run, response);
  } catch (error) {
    explain(error);
  } finally {
    starting = false;
    run = undefined;
    setText(button, t(START));
    delete byId('player').dataset['playing'];
    void context.close();
  }
}

async function play(current: Run, response: Response): Promise<void> {
  setText(button, t('player.stop'));
  setText(byId('remaining-name'), t('player.remaining'));
  byId('player').dataset['playing'] = 'true';
  say(t(isSound ? 'player.playing' : 'player.receiving'));
  const stopped = new Promise<void>((resolve) => {
    current.content.signal.addEventListener('abort', () => resolve());
  });
  const steps = keepPaying(current);
  await receive(current, response);
  const finished = current.output.finish();
  // Sound goes on until it is played, or somebody has heard enough.
  await (isSound ? Promise.race([finished, stopped]) : finished);
  current.ending ??= 'whole';
  await steps;
  setText(button, t('player.closing'));
  button.setAttribute('aria-disabled', 'true');
  try {
    const standing = await current.flow.close();
    show(current);
    setText(byId('remaining-name'), t('player.came_back'));
    say(`${t(endOf(current))} ${account(standing)}`);
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

async function receive(current: Run, response: Response): Promise<void> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      current.lastPieceAt = performance.now();
      current.output.push(value);
    }
  } catch (error) {
    if (current.ending !== undefined) return;
    current.ending = 'failed';
    if (error instanceof RangeError) say(t('player.no_sound', { why: error.message }), 'problem');
    current.content.abort();
  }
}

/** Vouchers go out and numbers come in until the content ends. */
async function keepPaying(current: Run): Promise<void> {
  while (current.ending === undefined) {
    try {
      await current.flow.step();
      if (current.flow.standing.state !== 'open') stop(current, 'stop');
    } catch (error) {
      // The next step tries again; without vouchers the site ends the content by itself.
      if (error instanceof Declined) stop(current, 'failed');
    }
    show(current);
    const silent = performance.now() - current.lastPieceAt > SILENCE_MS;
    if (current.flow.full !== undefined && silent) stop(current, 'unpaid');
    await new Promise((resolve) => { setTimeout(resolve, STEP_MS); });
  }
}

function stop(current: Run, why: NonNullable<Run['ending']>): void {
  current.ending ??= why;
  current.content.abort();
  if (why === 'stop') void current.context.suspend();
}

function leave(): void {
  if (run === undefined) return;
  run.ending ??= 'stop';
  run.content.abort();
  run.flow.leave();
}

function clear(): void {
  byId('error').replaceChildren();
  byId('output').hidden = true;
  for (const id of ['spent', 'remaining', 'progress']) setText(byId(id), '–');
  byId<HTMLProgressElement>('bar').value = 0;
}

function show({ flow, output }: Run): void {
  const { spent, deposit } = flow.standing;
  setText(byId('spent'), amount(spent, asset));
  setText(byId('remaining'), amount(deposit - spent, asset));
  setText(byId('progress'), output.progress());
  byId<HTMLProgressElement>('bar').value = Number((spent * 1000n) / deposit);
}

function endOf({ ending, flow }: Run): Key {
  if (ending === 'stop') return 'player.stopped';
  if (ending === 'failed') return 'player.broke';
  if (flow.full === undefined) return 'player.all';
  return flow.full === 'insufficient_funds' ? 'player.empty' : 'player.used_up';
}

/** What it came to. */
function account({ spent, deposit }: Standing): string {
  const back = deposit - spent;
  const returned = back > 0n ? ` ${t('player.returned', { amount: amount(back, asset) })}` : '';
  return t('player.paid', { amount: amount(spent, asset) }) + returned;
}

function explain(error: unknown): void {
  if (!(error instanceof Declined)) {
    say(sentence(error, 'player.broken'), 'problem');
    return;
  }
  say('');
  const place = byId('error');
  const aboutGrant = error.code.startsWith('mandate_');
  if (aboutGrant) budget.refuse();
  const known = wordsFor('problem', error.code);
  place.replaceChildren(known ?? t('player.refused', { why: error.message }));
  if (aboutGrant) place.append(` ${t('player.again', { button: t(START) })}`);
  if (error.code === 'insufficient_funds') {
    const { href } = new URL('/wallet', challenge.node_origin);
    const link = make('a', { href, target: '_blank', rel: 'noopener' }, t('paywall.wallet'));
    place.append(' ', link);
  }
  place.focus();
}

function free(): string {
  const { freeUnits, unit } = terms.extra;
  return freeUnits === undefined ? '' : t('player.free', { unit, count: freeUnits });
}

function showAllowance(grant: Grant | undefined): void {
  const limit = grant?.per_payment;
  const text = limit === undefined
    ? t('player.first')
    : t('player.allowance', { amount: amount(limit, asset) });
  setText(byId('allowance'), text);
}

/** The gateway's clock now: a device may be hours off. */
function nodeNow(): number {
  return challenge.now_ms + (performance.now() - loadedAt);
}
