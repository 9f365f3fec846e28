/**
 * The signing key of this origin, the grants it holds and the channels it has open, in IndexedDB.
 *
 * Keeps: an origin has one key even when two tabs ask at once. At a site's origin the private key is
 * not extractable, so no script can read it out; it is worth what the payer's mandate allows. At the
 * node's origin the key is a payer's wallet, which its owner may copy into a backup.
 */
const DATABASE = 'farthing';
const VERSION = 2;
const KEYS = 'keys';
const GRANTS = 'grants';
const CHANNELS = 'channels';
const OWN_KEY = 'own';
/** Why this page cannot go on, as a code that the words of every language know as `problem.<code>`. */
export class Unable extends Error {
    code;
    constructor(code) {
        super(code);
        this.code = code;
    }
}
/** The key of this origin, made on the first call. */
export async function signingKey(holder = 'site') {
    if (!globalThis.isSecureContext || crypto.subtle === undefined) {
        throw new Unable('insecure');
    }
    const pair = (await storedPair()) ?? (await keepFirst(await newPair(holder)));
    const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    return {
        publicKey,
        sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, message)),
    };
}
/** The pair of this origin, if it was made. */
export function storedPair() {
    return read(KEYS, OWN_KEY);
}
/** Puts a recovered pair in the place of the one that is there, which is lost unless it was copied. */
export async function replacePair(pair) {
    await within(KEYS, 'readwrite', (store) => store.put(pair, OWN_KEY));
}
export function storedGrant(network) {
    return read(GRANTS, network);
}
export async function storeGrant(network, grant) {
    await within(GRANTS, 'readwrite', (store) => store.put(grant, network));
}
export async function storeChannel(channel) {
    await within(CHANNELS, 'readwrite', (store) => store.put(channel, channel.channel));
}
export async function forgetChannel(channel) {
    await within(CHANNELS, 'readwrite', (store) => store.delete(channel));
}
export async function storedChannels() {
    return (await within(CHANNELS, 'readonly', (store) => store.getAll()));
}
/** A fresh random id; never one of the two reserved values in practice (2^-127). */
export function randomId() {
    return crypto.getRandomValues(new Uint8Array(16));
}
async function newPair(holder) {
    try {
        const extractable = holder === 'wallet';
        return (await crypto.subtle.generateKey('Ed25519', extractable, ['sign', 'verify']));
    }
    catch {
        throw new Unable('no_ed25519');
    }
}
/** Stores the pair unless another tab was faster; returns the one that is stored. */
async function keepFirst(pair) {
    try {
        await within(KEYS, 'readwrite', (store) => store.add(pair, OWN_KEY));
        return pair;
    }
    catch (error) {
        const stored = await read(KEYS, OWN_KEY);
        if (stored === undefined)
            throw error;
        return stored;
    }
}
async function read(storeName, key) {
    return (await within(storeName, 'readonly', (store) => store.get(key)));
}
async function within(storeName, mode, act) {
    const database = await open();
    try {
        return await new Promise((resolve, reject) => {
            const transaction = database.transaction(storeName, mode);
            const request = act(transaction.objectStore(storeName));
            transaction.oncomplete = () => resolve(request.result);
            transaction.onabort = () => reject(transaction.error ?? new Error('storage was aborted'));
        });
    }
    finally {
        database.close();
    }
}
function open() {
    return new Promise((resolve, reject) => {
        const refused = () => reject(new Unable('storage_blocked'));
        try {
            const request = indexedDB.open(DATABASE, VERSION);
            request.onupgradeneeded = () => {
                const stored = request.result.objectStoreNames;
                for (const name of [KEYS, GRANTS, CHANNELS]) {
                    if (!stored.contains(name))
                        request.result.createObjectStore(name);
                }
            };
            request.onsuccess = () => resolve(request.result);
            request.onerror = refused;
            request.onblocked = refused;
        }
        catch {
            refused();
        }
    });
}
