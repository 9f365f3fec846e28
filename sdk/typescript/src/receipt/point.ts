/**
 * Which 32 bytes are a usable Ed25519 key, and which points are of small order.
 *
 * WebCrypto does not say. Keeps: the verdict is that of every other implementation of these
 * formats, so that no key and no signature is good for one and bad for another.
 */

const P = (1n << 255n) - 19n;
const SIGN = 1n << 255n;
/** The curve's constant, -121665/121666. */
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
/** The y of the points whose order divides eight; two more are the negatives of this one. */
const Y_OF_ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL = new Set([0n, 1n, P - 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8]);

/** Whether the bytes are a point, and none for which anybody can sign. */
export function isUsableKey(key: Uint8Array): boolean {
  return !isOfSmallOrder(key) && isOnCurve(yOf(key));
}

/** Whether the bytes stand for a point of small order, however they write it. */
export function isOfSmallOrder(point: Uint8Array): boolean {
  return SMALL.has(yOf(point));
}

/** Little-endian without the bit of the sign. Values beyond the field are taken, as all do. */
function yOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of Uint8Array.from(bytes).reverse()) value = (value << 8n) | BigInt(byte);
  return (value % SIGN) % P;
}

/** x² = (y² - 1) / (d·y² + 1) has a root. */
function isOnCurve(y: bigint): boolean {
  const square = (y * y) % P;
  const [above, below] = [square + P - 1n, D * square + 1n];
  // Whether a quotient is a square, its product says as well; zero is one.
  return power((above * below) % P, (P - 1n) / 2n) !== P - 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % P;
    if (bit === "1") result = (result * base) % P;
  }
  return result;
}
