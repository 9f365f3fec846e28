/**
 * What a site's page and the wallet's pop-up say to each other, and the checks on it.
 *
 * Order: wallet `ready`, site `grant-request`, wallet `granted` or `declined`. Keeps: a message
 * counts only if its shape is checked here; who sent it (`event.origin`, `event.source`) is
 * checked by the page that listens, and the asking origin is never taken from a message's text.
 */
const TITLE_CHARACTERS_MAX = 200;
export const READY = { type: 'farthing:ready' };
export const DECLINED = { type: 'farthing:declined' };
export function isReady(data) {
    return fields(data)['type'] === READY.type;
}
export function grantRequest(data) {
    const { type, key, title, price_units, asset, scale } = fields(data);
    if (type !== 'farthing:grant-request')
        return undefined;
    if (typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key))
        return undefined;
    if (typeof title !== 'string')
        return undefined;
    if (typeof price_units !== 'string' || !/^(0|[1-9]\d{0,37})$/.test(price_units))
        return undefined;
    if (typeof asset !== 'string' || !/^[A-Z][A-Z0-9]{0,7}$/.test(asset))
        return undefined;
    if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > 30) {
        return undefined;
    }
    return { type, key, title: title.slice(0, TITLE_CHARACTERS_MAX), price_units, asset, scale };
}
export function answer(data) {
    const { type, mandate, account, node, expires_at_ms } = fields(data);
    if (type === DECLINED.type)
        return DECLINED;
    if (type !== 'farthing:granted')
        return undefined;
    if (typeof mandate !== 'string' || typeof account !== 'string' || typeof node !== 'string') {
        return undefined;
    }
    if (typeof expires_at_ms !== 'number')
        return undefined;
    return { type, mandate, account, node, expires_at_ms };
}
function fields(data) {
    return typeof data === 'object' && data !== null ? data : {};
}
