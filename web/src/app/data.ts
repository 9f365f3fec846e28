/**
 * What the node's API answers, as far as the pages read it; see `docs/reference/http-api.md`.
 * Amounts are strings of base units beside `asset` and `scale`, times milliseconds.
 */

import type { Asset } from '../order.js';
import { read, type Page } from './call.js';

export interface Account {
  account: string;
  asset: string;
  scale: number;
  role: 'payee' | 'payer' | 'treasury' | 'operator' | 'rounding';
  label: string | null;
  available: string;
  held: string;
}

export interface Payment {
  payment: string;
  payee: string;
  /** What was authorized. */
  amount: string;
  /** What was paid; zero unless it is settled. */
  settled: string;
  /** What of it the account got that was asked for; null if none was. */
  share: string | null;
  refunded: string;
  asset: string;
  scale: number;
  state: 'held' | 'settled' | 'released';
  description: string;
  at_ms: number;
  title: string | null;
  country: string | null;
  class: string;
}

export interface Split {
  account: string;
  share_ppm: number;
}

export interface PriceRule {
  country: string | null;
  class: string | null;
  price: string;
}

export interface Pass {
  /** Its name among those of the offer. */
  pass: string;
  title: string;
  price: string;
  /** A year if null. */
  seconds: number | null;
  /** Any number if null. */
  uses: number | null;
}

export interface Code {
  code_id: string;
  code: string;
  /** All if null. */
  offers: string[] | null;
  percent_ppm: number | null;
  price: string | null;
  max_uses: number | null;
  per_payer: number | null;
  expires_at_ms: number;
}

export interface Offer {
  offer: string;
  /** Those of the configuration file are changed there. */
  source: 'file' | 'registry';
  site: string;
  path: string;
  /** A tool of the MCP server at `path`. */
  tool: string | null;
  methods: string[];
  price: string;
  asset: string;
  scale: number;
  payee: string;
  payee_name: string;
  split: Split[];
  description: string;
  active: boolean;
  access_seconds: number;
  listed: boolean;
  prices: PriceRule[];
  pay_what_you_want: { min: string; suggested: string[] } | null;
  /** So many uses are free for each payer, in each window of so many seconds. */
  free: { count: number; seconds: number } | null;
  passes: Pass[];
}

export interface Sums {
  payments: number;
  gross: string;
  refunds: number;
  refunded: string;
  /** May be negative. */
  net: string;
}

export interface IncomeRow extends Sums {
  from_ms?: number;
  offer: string | null;
  title: string | null;
  country: string | null;
  class: string | null;
}

export interface Income {
  asset: string;
  scale: number;
  totals: Sums;
  rows: IncomeRow[];
}

export interface BankParty {
  name: string;
  iban?: string;
  /** Where there is no IBAN. */
  account?: string;
}

export interface Payout {
  payout: string;
  account: string;
  amount: string;
  asset: string;
  scale: number;
  state: 'requested' | 'held' | 'released' | 'exported' | 'paid' | 'cancelled';
  creditor: BankParty;
  requested_at_ms: number;
}

export interface ApiKey {
  key_id: string;
  name: string;
  scopes: string[];
  accounts: string[] | null;
  expires_at_ms: number | null;
  created_at_ms?: number;
  last_used_at_ms?: number | null;
}

export interface WebhookEndpoint {
  webhook_endpoint: string;
  url: string;
  events: string[];
  description: string;
  active: boolean;
  signature: 'hmac' | 'ed25519';
  secret?: string;
}

export interface Delivery {
  delivery: string;
  event: string;
  type: string;
  state: 'pending' | 'delivered' | 'dead';
  failures: number;
  status: number | null;
  since_ms: number;
}

export function assetOf(thing: { asset: string; scale: number }): Asset {
  return { code: thing.asset, scale: thing.scale };
}

/** What was paid, or would be. */
export function amountOf(payment: Payment): string {
  return payment.state === 'settled' ? payment.settled : payment.amount;
}

/** How a person would call an account. */
export function nameOf(account: Pick<Account, 'account' | 'label'>): string {
  return account.label ?? account.account;
}

/** Every payee that the reader may see, by name. */
export async function payees(): Promise<Account[]> {
  return (await all<Account>('/v1/accounts', { role: 'payee' }))
    .sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
}

/** All pages of a list that is short by its nature. */
export async function all<T>(path: string, query: Record<string, string> = {}): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | undefined;
  for (let i = 0; i < PAGES_MAX; i += 1) {
    const page: Page<T> = await read(path, { ...query, limit: 100, cursor });
    found.push(...page.data);
    if (page.next_cursor === null) break;
    cursor = page.next_cursor;
  }
  return found;
}

const PAGES_MAX = 20;

export interface Status {
  alarms: { code: string; severity: 'page' | 'ticket'; detail: string }[];
  version: string;
  started_at_ms: number;
  now_ms: number;
  /** Of the last minute. */
  throughput: { window_ms: number; payments: number; gateway_p99_us: number | null };
  writer: { stopped: boolean; queue_commands: number; sync_p99_us: number | null; journal_bytes: number; snapshot_at_ms: number | null };
  holds_open: number | null;
  channels_open: number | null;
  assets: { asset: string; scale: number; liabilities: string; held: string; exposure: string }[];
  books_balanced: boolean | null;
  log: {
    leaves: number;
    published_leaves: number | null;
    halted: string | null;
    witnesses: { name: string; state: string; detail: string; cosigned_size: number | null; alarm: string | null }[];
  } | null;
  machine: { data_free_bytes: number | null };
}

/** What people call an offer. */
export function titleOfOffer({ description, tool, path }: Offer): string {
  return description === '' ? tool ?? path : description;
}
