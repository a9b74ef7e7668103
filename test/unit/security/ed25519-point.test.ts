import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { isFitEd25519Key } from '../../../src/security/ed25519-point.ts';

const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = ((base % P) + P) % P;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

const rawOf = (number: bigint): Uint8Array =>
  new Uint8Array(Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse());

await t.test(
  'a number is a key where it is the y of a point, as the criterion of Euler has it',
  async (t) => {
    const seen = { fit: 0, unfit: 0 };
    fc.assert(
      fc.property(fc.bigInt(2n, P - 2n), fc.boolean(), (y, sign) => {
        const yy = (y * y) % P;
        const onCurve = power((yy - 1n) * (D * yy + 1n), (P - 1n) / 2n) === 1n;
        seen[onCurve ? 'fit' : 'unfit'] += 1;
        return isFitEd25519Key(rawOf(y | (sign ? 1n << 255n : 0n))) === onCurve;
      }),
      { numRuns: 500 },
    );
    t.ok(seen.fit > 50 && seen.unfit > 50, JSON.stringify(seen));
  },
);

await t.test('every key that is made is fit', async (t) => {
  for (let i = 0; i < 100; i += 1) {
    const spki = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
    t.ok(isFitEd25519Key(new Uint8Array(spki.subarray(-32))));
  }
});
