/**
 * Calls of the node's API as the signed-in reader.
 *
 * Keeps: a call that changes something carries the token against forged requests; one that moves
 * money carries an idempotency key, and the same press, repeated, the same key. Must not store what
 * the reader signs in with.
 */

import { t, wordsFor } from './language.js';

export interface Session {
  csrf: string;
  operator: boolean;
  scopes: string[];
  /** Payees that it is limited to; null = all. */
  accounts: string[] | null;
}

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** The node said no: a problem document of RFC 9457. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly param?: string,
  ) {
    super(message);
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

let csrf = '';
let signedOut: () => void = () => {};

/** Who is signed in; nothing if nobody is. */
export async function findSession(): Promise<Session | undefined> {
  try {
    return remember(await call<Session>('GET', '/v1/session'));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return undefined;
    throw error;
  }
}

/** `secret` is the operator's password or an API key. */
export async function signIn(secret: string): Promise<Session> {
  const body = secret.startsWith('fk_') ? { key: secret } : { password: secret };
  return remember(await call<Session>('POST', '/v1/session', body));
}

export async function signOut(): Promise<void> {
  await call('DELETE', '/v1/session');
  csrf = '';
}

/** What happens when the node no longer knows the reader. */
export function onSignedOut(act: () => void): void {
  signedOut = act;
}

export function read<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<T> {
  return call<T>('GET', withQuery(path, query));
}

/** A path with the parameters that have a value. */
export function withQuery(path: string, query: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** `idempotencyKey` is needed by what moves money; see `newKey`. */
export async function call<T = void>(
  method: Method,
  path: string,
  body?: unknown,
  idempotencyKey?: string,
): Promise<T> {
  const response = await send(method, path, body, idempotencyKey);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

/** A file that the node makes when asked. */
export async function fetchFile(method: Method, path: string): Promise<Blob> {
  return (await send(method, path)).blob();
}

async function send(method: Method, path: string, body?: unknown, idempotencyKey?: string): Promise<Response> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET') headers['Farthing-CSRF'] = csrf;
  if (idempotencyKey !== undefined) headers['Idempotency-Key'] = idempotencyKey;
  // The node's answers forbid to be stored; asking for that here would pass over what the page preloads.
  const request: RequestInit = { method, headers, credentials: 'same-origin' };
  if (body !== undefined) request.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Problem(0, 'unreachable', t('problem.unreachable'));
  }
  if (response.ok) return response;
  const content: unknown = await response.json().catch(() => ({}));
  throw problem(response, content as Record<string, unknown>);
}

/** One for each thing the reader sets out to do; kept over repeated presses. */
export function newKey(): string {
  return crypto.randomUUID();
}

/** A sentence for the reader about any failure. */
export function sentence(error: unknown): string {
  return error instanceof Problem ? error.message : t('problem.page');
}

function problem(response: Response, content: Record<string, unknown>): Problem {
  const code = String(content['code'] ?? '');
  if (response.status === 401 && !response.url.endsWith('/v1/session')) signedOut();
  const detail = content['detail'] ?? content['title'];
  const message = wordsFor('problem', code) ?? String(detail ?? t('problem.status', { status: response.status }));
  const param = content['param'];
  return new Problem(response.status, code, message, typeof param === 'string' ? param : undefined);
}

function remember(session: Session): Session {
  csrf = session.csrf;
  return session;
}
