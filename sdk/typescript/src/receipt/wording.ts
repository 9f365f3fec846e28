/**
 * Ids, amounts and times as people read them. Exact: digits are moved, never rounded.
 */

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const ID_CHARACTERS = 26;

/** For example `acc_0000000000000000000000002d`. */
export function idText(kind: "acc" | "tr" | "pay", id: bigint): string {
  let digits = "";
  for (let rest = id, place = 0; place < ID_CHARACTERS; place += 1, rest >>= 5n) {
    digits = ALPHABET.charAt(Number(rest & 31n)) + digits;
  }
  return `${kind}_${digits}`;
}

/** For example `0.002 USD`. */
export function amountText(units: bigint, asset: string, scale: number): string {
  const digits = units.toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const part = digits.slice(digits.length - scale).replace(/0+$/, "");
  return `${part === "" ? whole : `${whole}.${part}`} ${asset}`;
}

/** For example `2023-11-14T22:13:20Z`. */
export function timeText(unixSeconds: bigint): string {
  // The last second with a year of four digits.
  if (unixSeconds > 253_402_300_799n) return `second ${unixSeconds} after 1970`;
  return new Date(Number(unixSeconds) * 1000).toISOString().replace(/\.000Z$/, "Z");
}
