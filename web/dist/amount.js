/**
 * Money as people read and type it: decimals of an asset, exact in both directions.
 *
 * Keeps: no float takes part and nothing is rounded; what cannot be said in base units is refused.
 */
/** Digits after the point that every browser can be asked for. */
const FRACTION_MAX = 20;
/** "$0.002", "0,002 €", "3.5 WATT". */
export function money(units, asset, locale) {
    const decimals = decimal(BigInt(units), asset.scale);
    const fraction = { minimumFractionDigits: 0, maximumFractionDigits: Math.min(asset.scale, FRACTION_MAX) };
    if (/^[A-Z]{3}$/.test(asset.code)) {
        // "$0.002" needs its three digits, "$5.00" its two.
        fraction.minimumFractionDigits = Math.min(asset.scale, 2);
        const text = new Intl.NumberFormat(locale, {
            style: 'currency', currency: asset.code, currencyDisplay: 'narrowSymbol', ...fraction,
        }).format(decimals);
        // Among letters that run from right to left "US$" would be read "$US" without this mark.
        return text.replace(/(?<=[A-Z])\$/, '$\u200e');
    }
    const number = new Intl.NumberFormat(locale, fraction).format(decimals);
    return `${number} ${asset.code}`;
}
/** A plain decimal: point, no grouping, no zeros at the end. What `units` reads back. */
export function decimal(units, scale) {
    const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
    const whole = digits.slice(0, digits.length - scale);
    const part = digits.slice(digits.length - scale).replace(/0+$/, '');
    return `${units < 0n ? '-' : ''}${whole}${part === '' ? '' : `.${part}`}`;
}
/**
 * Base units of what somebody typed; nothing if it is no amount or finer than a base unit. The last
 * point or comma is the decimal one; Arabic digits count as digits.
 */
export function units(typed, scale) {
    const plain = typed.trim().replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
        .replace('٫', '.').replace(',', '.');
    const found = /^(\d{1,24})?(?:\.(\d*))?$/.exec(plain);
    if (found === null || plain === '' || plain === '.')
        return undefined;
    const part = (found[2] ?? '').replace(/0+$/, '');
    if (part.length > scale)
        return undefined;
    return BigInt((found[1] ?? '0') + part.padEnd(scale, '0'));
}
