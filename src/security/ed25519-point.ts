/**
 * Whether 32 bytes are a fit Ed25519 public key (RFC 8032 §5.1.3): canonical, on the curve, and not of small order. A
 * key of small order would verify signatures that nobody made. Public data only, so timing does not matter.
 */
const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

const mod = (value: bigint): bigint => ((value % P) + P) % P;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

const invert = (value: bigint): bigint => power(value, P - 2n);

/** y of a point whose order is 8; that of the others is P less this one. */
const EIGHTH = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
/** y of all points whose order divides 8. */
const SMALL_ORDER: readonly bigint[] = [0n, 1n, P - 1n, EIGHTH, P - EIGHTH];

export function isFitEd25519Key(raw: Uint8Array): boolean {
  if (raw.byteLength !== 32) return false;
  const number = BigInt(`0x${Buffer.from(raw).reverse().toString('hex')}`);
  const y = number & ((1n << 255n) - 1n);
  if (y >= P || SMALL_ORDER.includes(y)) return false;
  const yy = (y * y) % P;
  // On the curve: x² = (y² - 1) / (d y² + 1) has a root, which it has where numerator times denominator is a square.
  return isSquare(mod((yy - 1n) * (D * yy + 1n)));
}

/**
 * Whether a number below P, other than 0, is a square modulo P. By the Jacobi symbol, which for a prime is Legendre's; by
 * Euler's criterion it would take ten times as long, and a configuration may name thousands of keys.
 */
function isSquare(value: bigint): boolean {
  let upper = value;
  let lower = P;
  let symbol = 1;
  while (upper !== 0n) {
    for (; (upper & 1n) === 0n; upper >>= 1n) {
      const rest = lower & 7n;
      if (rest === 3n || rest === 5n) symbol = -symbol;
    }
    if ((upper & 3n) === 3n && (lower & 3n) === 3n) symbol = -symbol;
    [upper, lower] = [lower % upper, upper];
  }
  return lower === 1n && symbol === 1;
}

/** The same point as X25519 has it (RFC 7748 §4.1): u = (1 + y) / (1 - y). Of a fit key only. */
export function montgomeryU(raw: Uint8Array): Uint8Array {
  const number = BigInt(`0x${Buffer.from(raw).reverse().toString('hex')}`);
  const y = number & ((1n << 255n) - 1n);
  const u = mod((1n + y) * invert(mod(1n - y)));
  return new Uint8Array(Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse());
}
