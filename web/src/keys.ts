/**
 * The signing key of this origin, the grants it holds and the channels it has open, in IndexedDB.
 *
 * Keeps: an origin has one key even when two tabs ask at once. At a site's origin the private key is
 * not extractable, so no script can read it out; it is worth what the payer's mandate allows. At the
 * node's origin the key is a payer's wallet, which its owner may copy into a backup.
 */

import type { Bytes } from './bytes.js';

const DATABASE = 'farthing';
const VERSION = 2;
const KEYS = 'keys';
const GRANTS = 'grants';
const CHANNELS = 'channels';
const OWN_KEY = 'own';

export interface SigningKey {
  /** 32 bytes. */
  publicKey: Bytes;
  /** 64 bytes of signature. */
  sign(message: Bytes): Promise<Bytes>;
}

/** A payer's permission for this origin's key, as the wallet answered it. */
export interface Grant {
  mandate: string;
  account: string;
  node: string;
  expires_at_ms: number;
  /** Base units that one payment, or one channel, may cost at most. */
  per_payment?: string;
}

/** A channel that this origin has opened and not seen closed. */
export interface StoredChannel {
  /** `ch_…` */
  channel: string;
  /** Number of the newest voucher that may have left. */
  sequence: number;
  /** Where it was opened; closing is asked for there. */
  resource: string;
  /** The terms of x402 that it was opened under, echoed as a whole. */
  accepted: unknown;
}

/** Why this page cannot go on, as a code that the words of every language know as `problem.<code>`. */
export class Unable extends Error {
  constructor(readonly code: Inability) {
    super(code);
  }
}

export type Inability =
  | 'insecure' | 'no_ed25519' | 'storage_blocked' | 'cookies_blocked' | 'payment_too_long' | 'offline'
  | 'unreachable' | 'site_unreachable' | 'popup_blocked' | 'other_node' | 'declined' | 'closed';

/** Whose key it is: a wallet's can be copied into a backup, a site's cannot. */
export type Holder = 'site' | 'wallet';

/** The key of this origin, made on the first call. */
export async function signingKey(holder: Holder = 'site'): Promise<SigningKey> {
  if (!globalThis.isSecureContext || crypto.subtle === undefined) {
    throw new Unable('insecure');
  }
  const pair = (await storedPair()) ?? (await keepFirst(await newPair(holder)));
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return {
    publicKey,
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, message)),
  };
}

/** The pair of this origin, if it was made. */
export function storedPair(): Promise<CryptoKeyPair | undefined> {
  return read<CryptoKeyPair>(KEYS, OWN_KEY);
}

/** Puts a recovered pair in the place of the one that is there, which is lost unless it was copied. */
export async function replacePair(pair: CryptoKeyPair): Promise<void> {
  await within(KEYS, 'readwrite', (store) => store.put(pair, OWN_KEY));
}

export function storedGrant(network: string): Promise<Grant | undefined> {
  return read<Grant>(GRANTS, network);
}

export async function storeGrant(network: string, grant: Grant): Promise<void> {
  await within(GRANTS, 'readwrite', (store) => store.put(grant, network));
}

export async function storeChannel(channel: StoredChannel): Promise<void> {
  await within(CHANNELS, 'readwrite', (store) => store.put(channel, channel.channel));
}

export async function forgetChannel(channel: string): Promise<void> {
  await within(CHANNELS, 'readwrite', (store) => store.delete(channel));
}

export async function storedChannels(): Promise<StoredChannel[]> {
  return (await within(CHANNELS, 'readonly', (store) => store.getAll())) as StoredChannel[];
}

/** A fresh random id; never one of the two reserved values in practice (2^-127). */
export function randomId(): Bytes {
  return crypto.getRandomValues(new Uint8Array(16));
}

async function newPair(holder: Holder): Promise<CryptoKeyPair> {
  try {
    const extractable = holder === 'wallet';
    return (await crypto.subtle.generateKey('Ed25519', extractable, ['sign', 'verify'])) as CryptoKeyPair;
  } catch {
    throw new Unable('no_ed25519');
  }
}

/** Stores the pair unless another tab was faster; returns the one that is stored. */
async function keepFirst(pair: CryptoKeyPair): Promise<CryptoKeyPair> {
  try {
    await within(KEYS, 'readwrite', (store) => store.add(pair, OWN_KEY));
    return pair;
  } catch (error) {
    const stored = await read<CryptoKeyPair>(KEYS, OWN_KEY);
    if (stored === undefined) throw error;
    return stored;
  }
}

async function read<T>(storeName: string, key: string): Promise<T | undefined> {
  return (await within(storeName, 'readonly', (store) => store.get(key))) as T | undefined;
}

async function within<T>(
  storeName: string,
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(storeName, mode);
      const request = act(transaction.objectStore(storeName));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error('storage was aborted'));
    });
  } finally {
    database.close();
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const refused = () => reject(new Unable('storage_blocked'));
    try {
      const request = indexedDB.open(DATABASE, VERSION);
      request.onupgradeneeded = () => {
        const stored = request.result.objectStoreNames;
        for (const name of [KEYS, GRANTS, CHANNELS]) {
          if (!stored.contains(name)) request.result.createObjectStore(name);
        }
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = refused;
      request.onblocked = refused;
    } catch {
      refused();
    }
  });
}
