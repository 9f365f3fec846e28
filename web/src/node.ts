/**
 * The node's HTTP API as the wallet's pages use it.
 *
 * Format source: `docs/reference/http-api.md`. Keeps: private data is asked for with a signed
 * access statement, times are the node's. Every refusal becomes a `Refused` with the node's
 * stable code.
 */

import { base64, base64url, concat, hex, idBytes, type Bytes } from './bytes.js';
import { Unable, type SigningKey } from './keys.js';
import { closeBytes } from './channel.js';
import { chainBody, pauseBody, type SignedMandate } from './mandate.js';
import { accessBytes, revocationBytes, type Asset } from './order.js';

export interface NodeFacts {
  id: Bytes;
  /** `node_…` */
  node: string;
  assets: NodeAsset[];
  /** What to add to this device's clock to get the node's. */
  clockOffsetMs: number;
}

export interface NodeAsset extends Asset {
  sandbox: boolean;
}

export type Units = string;

export interface PayerState {
  account: string;
  asset: string;
  scale: number;
  available: Units;
  posted: Units;
  held: Units;
  mandates: MandateState[];
  payments: PaymentState[];
  channels: ChannelState[];
}

/** An open channel: so much is set aside, so much of it is spent. */
export interface ChannelState {
  channel: string;
  payee: string;
  deposit: Units;
  spent: Units;
  description: string;
  state: 'open' | 'closing' | 'closed';
  closes_at_ms: number | null;
  close_delay_seconds: number;
}

export interface MandateState {
  mandate: string;
  /** The mandate that it is taken from. */
  parent: string | null;
  label: string;
  granter: string;
  delegate: string;
  per_payment: Units;
  /** For a UTC day; null without a limit. */
  per_day: Units | null;
  /** For a UTC month; null without a limit. */
  per_month: Units | null;
  total: Units;
  unit_price: { price: Units; per: number } | null;
  payees: string[];
  depth: number;
  spent: Units;
  spent_today: Units;
  spent_this_month: Units;
  /** What can be spent now, by its own limits and those above. */
  remaining: Units;
  expires_at_ms: number;
  /** Here or above. */
  paused: boolean;
  revoked: boolean;
}

export interface PaymentState {
  payment: string;
  payee: string;
  amount: Units;
  state: 'held' | 'settled' | 'released';
  description: string;
  at_ms: number;
}

export interface LiveAccount {
  label: string;
  account: string;
  role: 'payee' | 'payer' | 'operator';
  available: Units;
  posted: Units;
}

export interface LivePayment {
  payment: string;
  payer_label: string;
  payee_label: string;
  amount: Units;
  description: string;
  state: string;
  at_ms: number;
}

export interface LiveChannel {
  channel: string;
  payer_label: string;
  payee_label: string;
  deposit: Units;
  spent: Units;
  description: string;
  state: string;
}

export interface LiveState {
  now_ms: number;
  asset: string;
  scale: number;
  accounts: LiveAccount[];
  payments: LivePayment[];
  channels: LiveChannel[];
  totals: { debits: Units; credits: Units; balanced: boolean };
  /** Where the sandbox's site is, if it has one. */
  site?: string;
}

/** The node said no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export async function nodeFacts(): Promise<NodeFacts> {
  // Asked for as a page preloads it; it is the same for everybody, whoever is signed in.
  const response = await fetch('/v1/node').catch(() => {
    throw new Unable('unreachable');
  });
  const facts = (await answered(response)) as {
    node: string;
    assets: { asset: string; scale: number; sandbox: boolean }[];
    now_ms: number;
  };
  return {
    id: idBytes('node', facts.node),
    node: facts.node,
    assets: facts.assets.map(({ asset, scale, sandbox }) => ({ code: asset, scale, sandbox })),
    clockOffsetMs: facts.now_ms - Date.now(),
  };
}

export function nodeNow(facts: NodeFacts): number {
  return Date.now() + facts.clockOffsetMs;
}

/** Nothing for a key that the node has not seen yet. */
export async function payerState(
  facts: NodeFacts,
  key: SigningKey,
): Promise<PayerState | undefined> {
  try {
    return (await call('GET', '/v1/payer', undefined, await access(facts, key))) as PayerState;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return undefined;
    throw error;
  }
}

/**
 * Calls `show` with what the payer has, at once and whenever it changes, until the stream ends or
 * `signal` ends it.
 */
export async function payerStream(
  facts: NodeFacts,
  key: SigningKey,
  signal: AbortSignal,
  show: (state: PayerState) => void,
): Promise<void> {
  const headers = await access(facts, key);
  const response = await fetch('/v1/payer/stream', { headers, signal, cache: 'no-store', credentials: 'omit' });
  if (!response.ok || response.body === null) throw new Refused(response.status, '', 'there is no stream');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) show(JSON.parse(data.slice('data: '.length)) as PayerState);
    }
  }
}

/** The header that proves who asks. */
async function access(facts: NodeFacts, key: SigningKey): Promise<Record<string, string>> {
  const statement = accessBytes(facts.id, key.publicKey, nodeNow(facts));
  const signed = concat(statement, await key.sign(statement));
  return { Authorization: `Farthing ${base64url(signed)}` };
}

export async function topUp(key: SigningKey): Promise<void> {
  await call('POST', '/v1/faucet', { key: hex(key.publicKey) });
}

/** Registers mandates that can be passed on, root first. */
export async function registerChain(chain: SignedMandate[], label: string): Promise<void> {
  await call('POST', '/v1/mandates', chainBody(chain, label));
}

/** Stops a mandate and all below it for now, or lets it go on. */
export async function pauseMandate(
  facts: NodeFacts,
  key: SigningKey,
  mandate: string,
  paused: boolean,
): Promise<void> {
  const sequence = BigInt(Math.trunc(nodeNow(facts)));
  const body = await pauseBody(facts.id, key, mandate, sequence, paused);
  await call('POST', `/v1/mandates/${mandate}/${paused ? 'pause' : 'resume'}`, body);
}

export async function revokeMandate(
  facts: NodeFacts,
  key: SigningKey,
  mandate: string,
): Promise<void> {
  const revocation = revocationBytes(facts.id, idBytes('man', mandate));
  const signature = base64(await key.sign(revocation));
  await call('POST', '/v1/mandates/revoke', { revocation: base64(revocation), signature });
}

/** The payer alone asks to close; the payee may claim until the delay is over. */
export async function closeChannel(key: SigningKey, channel: ChannelState): Promise<ChannelState> {
  const close = closeBytes(idBytes('ch', channel.channel), BigInt(channel.spent));
  const signature = base64(await key.sign(close));
  const path = `/v1/channels/${channel.channel}/close`;
  return (await call('POST', path, { close: base64(close), signature })) as ChannelState;
}

export async function liveState(): Promise<LiveState> {
  return (await call('GET', '/v1/sandbox/state')) as LiveState;
}

async function call(
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const request: RequestInit = { method, headers, cache: 'no-store', credentials: 'omit' };
  if (body !== undefined) {
    request.headers = { ...headers, 'Content-Type': 'application/json' };
    request.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Unable('unreachable');
  }
  return answered(response);
}

async function answered(response: Response): Promise<unknown> {
  const content = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return content;
  const text = content['detail'] ?? content['title'] ?? `The node answered ${response.status}.`;
  throw new Refused(response.status, String(content['code'] ?? ''), String(text));
}
