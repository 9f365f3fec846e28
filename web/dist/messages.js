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
    const { type, key, title, price_units, asset, scale, payee, rate } = fields(data);
    if (type !== 'farthing:grant-request')
        return undefined;
    if (typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key))
        return undefined;
    if (typeof title !== 'string')
        return undefined;
    if (!isUnits(price_units))
        return undefined;
    if (typeof asset !== 'string' || !/^[A-Z][A-Z0-9]{0,7}$/.test(asset))
        return undefined;
    if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > 30) {
        return undefined;
    }
    if (payee !== undefined && !isAccount(payee))
        return undefined;
    const named = payee === undefined ? {} : { payee };
    const asked = { type, key, title: title.slice(0, TITLE_CHARACTERS_MAX), price_units, asset, scale, ...named };
    if (rate === undefined)
        return asked;
    const checked = rateOf(rate);
    return checked === undefined ? undefined : { ...asked, rate: checked };
}
function rateOf(data) {
    const { price_units, per, unit } = fields(data);
    if (!isUnits(price_units) || typeof unit !== 'string' || !/^[a-z][a-z ]{0,31}$/.test(unit)) {
        return undefined;
    }
    if (typeof per !== 'number' || !Number.isSafeInteger(per) || per < 1)
        return undefined;
    return { price_units, per, unit };
}
function isAccount(value) {
    return typeof value === 'string' && /^acc_[0-9a-hjkmnp-tv-z]{26}$/.test(value);
}
function isUnits(value) {
    return typeof value === 'string' && /^(0|[1-9]\d{0,37})$/.test(value);
}
export function answer(data) {
    const { type, mandate, account, node, expires_at_ms, per_payment } = fields(data);
    if (type === DECLINED.type)
        return DECLINED;
    if (type !== 'farthing:granted')
        return undefined;
    if (typeof mandate !== 'string' || typeof account !== 'string' || typeof node !== 'string') {
        return undefined;
    }
    if (typeof expires_at_ms !== 'number')
        return undefined;
    const granted = { type, mandate, account, node, expires_at_ms };
    if (per_payment === undefined)
        return granted;
    return isUnits(per_payment) ? { ...granted, per_payment } : undefined;
}
function fields(data) {
    return typeof data === 'object' && data !== null ? data : {};
}
