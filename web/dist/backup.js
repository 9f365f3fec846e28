/**
 * A wallet's key in a file that only its passphrase opens.
 *
 * Format: JSON with `farthing_wallet` 1, the public key in hex, and the private key (PKCS #8) sealed by
 * AES-256-GCM under a key that PBKDF2-HMAC-SHA-256 makes of the passphrase; `salt` 16 bytes, `iv`
 * 12 bytes, base64. The public key is authenticated with it. Keeps: nothing leaves in clear; a file
 * that was changed, or another passphrase, opens nothing.
 */
import { base64, hex, utf8 } from './bytes.js';
/** What OWASP's Password Storage Cheat Sheet asks of PBKDF2-HMAC-SHA-256. */
const ITERATIONS = 600_000;
/** A file that asks for more than this is not ours. */
const ITERATIONS_MAX = 10_000_000;
const VERSION = 1;
/** The file is not a backup, or the passphrase is not its own. */
export class NotOpened extends Error {
    why;
    constructor(why) {
        super(why);
        this.why = why;
    }
}
/** Both keys must be extractable. */
export async function seal(pair, passphrase, iterations = ITERATIONS) {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const publicKey = hex(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
    const key = await lock(passphrase, salt, iterations);
    const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(publicKey) };
    const sealed = await crypto.subtle.wrapKey('pkcs8', pair.privateKey, key, algorithm);
    return {
        farthing_wallet: VERSION,
        public_key: publicKey,
        iterations,
        salt: base64(salt),
        iv: base64(iv),
        sealed: base64(new Uint8Array(sealed)),
    };
}
/** The pair in a backup's text. Throws `NotOpened`. */
export async function unseal(text, passphrase) {
    const backup = parse(text);
    const key = await lock(passphrase, bytes(backup.salt), backup.iterations);
    const algorithm = {
        name: 'AES-GCM', iv: bytes(backup.iv), additionalData: utf8(backup.public_key),
    };
    try {
        const privateKey = await crypto.subtle.unwrapKey('pkcs8', bytes(backup.sealed), key, algorithm, 'Ed25519', true, ['sign']);
        const { x } = await crypto.subtle.exportKey('jwk', privateKey);
        const publicJwk = { kty: 'OKP', crv: 'Ed25519', x: x ?? '' };
        const publicKey = await crypto.subtle.importKey('jwk', publicJwk, 'Ed25519', true, ['verify']);
        return { privateKey, publicKey };
    }
    catch {
        throw new NotOpened('wrong_passphrase');
    }
}
function parse(text) {
    try {
        const backup = JSON.parse(text);
        const isOurs = backup.farthing_wallet === VERSION
            && Number.isInteger(backup.iterations)
            && backup.iterations > 0
            && backup.iterations <= ITERATIONS_MAX
            && [backup.public_key, backup.salt, backup.iv, backup.sealed].every((field) => typeof field === 'string');
        if (isOurs)
            return backup;
    }
    catch {
        // Said below.
    }
    throw new NotOpened('not_a_backup');
}
function bytes(text) {
    try {
        return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    }
    catch {
        throw new NotOpened('not_a_backup');
    }
}
async function lock(passphrase, salt, iterations) {
    const typed = await crypto.subtle.importKey('raw', utf8(passphrase.normalize('NFKC')), 'PBKDF2', false, ['deriveKey']);
    return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations }, typed, { name: 'AES-GCM', length: 256 }, false, ['wrapKey', 'unwrapKey']);
}
