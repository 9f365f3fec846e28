/**
 * Prices as people write them, to base units, exactly.
 *
 * Decimal digits are moved, never multiplied: no price passes through binary fractions. A price
 * finer than one base unit is an error, not a rounding.
 */

const PRICE = /^\$?\s*([0-9]{1,30})(?:\.([0-9]{1,30}))?(?:\s+([A-Z][A-Z0-9]{0,7}))?$/;

/** A price read: base units and, if the text named one, the asset code. */
export interface ParsedPrice {
  readonly amount: string;
  readonly code?: string;
}

/** Reads `"$0.002"`, `"0.002 USD"` or `0.002` at a scale. */
export function parsePrice(price: string | number, scale: number): ParsedPrice {
  const text = typeof price === "number" ? plainDigits(price) : price.trim();
  const match = PRICE.exec(text);
  if (!match) throw new TypeError(`not a price: ${text}`);
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > scale) throw new RangeError(`the price is finer than ${scale} decimals`);
  const digits = `${match[1] ?? ""}${fraction.padEnd(scale, "0")}`.replace(/^0+(?=.)/, "");
  return match[3] === undefined ? { amount: digits } : { amount: digits, code: match[3] };
}

/** The shortest decimal text of a number, without an exponent. */
function plainDigits(value: number): string {
  const [significand = "", exponent] = String(value).split("e");
  if (exponent === undefined) return significand;
  const places = -Number(exponent);
  // Large exponents are beyond exact whole numbers; only small fractions are prices.
  if (!(places > 0)) return String(value);
  const [whole = "", fraction = ""] = significand.split(".");
  return `0.${"0".repeat(places - 1)}${whole}${fraction}`;
}
