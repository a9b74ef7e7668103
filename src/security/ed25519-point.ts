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

function doubled(x: bigint, y: bigint): readonly [bigint, bigint] {
  const product = mod(D * x * x * y * y);
  return [mod(2n * x * y * invert(1n + product)), mod((y * y + x * x) * invert(mod(1n - product)))];
}

/** The square root of `square`, or undefined. P is 5 mod 8. */
function squareRoot(square: bigint): bigint | undefined {
  const candidate = power(square, (P + 3n) / 8n);
  if (mod(candidate * candidate - square) === 0n) return candidate;
  const other = mod(candidate * power(2n, (P - 1n) / 4n));
  return mod(other * other - square) === 0n ? other : undefined;
}

export function isFitEd25519Key(raw: Uint8Array): boolean {
  if (raw.byteLength !== 32) return false;
  const number = BigInt(`0x${Buffer.from(raw).reverse().toString('hex')}`);
  const y = number & ((1n << 255n) - 1n);
  if (y >= P) return false;
  const yy = (y * y) % P;
  let x = squareRoot(mod((yy - 1n) * invert(mod(D * yy + 1n))));
  if (x === undefined || x === 0n) return false;
  // The sign of x does not change the order of the point.
  let at = y;
  for (let i = 0; i < 3; i += 1) [x, at] = doubled(x, at);
  return !(x === 0n && at === 1n);
}

/** The same point as X25519 has it (RFC 7748 §4.1): u = (1 + y) / (1 - y). Of a fit key only. */
export function montgomeryU(raw: Uint8Array): Uint8Array {
  const number = BigInt(`0x${Buffer.from(raw).reverse().toString('hex')}`);
  const y = number & ((1n << 255n) - 1n);
  const u = mod((1n + y) * invert(mod(1n - y)));
  return new Uint8Array(Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse());
}
