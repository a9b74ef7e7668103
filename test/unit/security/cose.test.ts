import t from 'tap';
import { concatBytes, utf8 } from '../../../src/base/index.ts';
import { encode } from '../../../src/protocol/index.ts';
import {
  checkSignature,
  inspectEnvelope,
  isStrict,
  parseCose,
  sign1,
  signMany,
} from '../../../src/security/cose.ts';
import { verifyingKey } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';

const ed = testKey();
const es = testKey('ES256');
const edKey = verifyingKey(ed.publicKey);
const payload = utf8('the payload');
const ALG = { ed: -8, es: -7 } as const;

type Header = ReadonlyMap<number | string, unknown>;
const EMPTY: Header = new Map();

/** A COSE_Sign1 with any headers, rightly signed. */
async function crafted(protectedMap: Header, unprotectedMap: Header = EMPTY, key = ed): Promise<Uint8Array> {
  const header = encode(protectedMap);
  const signature = await key.sign(encode(['Signature1', header, new Uint8Array(0), payload]));
  return concatBytes(Uint8Array.from([0xd2]), encode([header, unprotectedMap, payload, signature]));
}

function accepted(packet: Uint8Array, understood: readonly (string | number)[] = []): boolean {
  const message = inspectEnvelope(packet).ok ? parseCose(packet) : undefined;
  return message !== undefined && checkSignature(message, 0, edKey, { understood });
}

await t.test('a rightly signed message is accepted, bound to its external data', async (t) => {
  const message = parseCose(await sign1(payload, ed, utf8('context')));
  if (message === undefined) throw new Error('not a COSE message');
  t.ok(isStrict(message));
  t.ok(checkSignature(message, 0, edKey, { externalAad: utf8('context') }));
  t.notOk(checkSignature(message, 0, edKey, { externalAad: utf8('contexT') }));
  t.notOk(checkSignature(message, 0, edKey));
  t.notOk(checkSignature(message, 1, edKey), 'there is no second signature');
});

await t.test('whatever a message calls critical must be protected, present and understood', async (t) => {
  const alg: [number, unknown] = [1, ALG.ed];
  t.ok(accepted(await crafted(new Map([alg]))));
  t.ok(accepted(await crafted(new Map<number | string, unknown>([alg, [2, ['odd']], ['odd', 1]])), ['odd']));
  t.ok(accepted(await crafted(new Map<number, unknown>([alg, [2, [1]]]))), 'alg itself is understood');
  t.notOk(accepted(await crafted(new Map<number | string, unknown>([alg, [2, ['odd']], ['odd', 1]]))));
  t.notOk(
    accepted(await crafted(new Map<number, unknown>([alg, [2, ['odd']]])), ['odd']),
    'named but absent',
  );
  t.notOk(accepted(await crafted(new Map<number, unknown>([alg, [2, []]]))), 'empty');
  t.notOk(accepted(await crafted(new Map<number, unknown>([alg, [2, 'odd']])), ['odd']), 'not a list');
  t.notOk(accepted(await crafted(new Map([alg]), new Map([[2, [1]]]))), 'unprotected');
});

await t.test('a label in both headers is refused', async (t) => {
  const packet = await crafted(new Map([[1, ALG.ed]]), new Map([[1, ALG.ed]]));
  t.notOk(accepted(packet));
});

await t.test('an algorithm that is unknown, missing, or for another kind of key is refused', async (t) => {
  for (const alg of [ALG.es, -36, 5, 'EdDSA', null]) {
    t.notOk(accepted(await crafted(new Map([[1, alg]]))), `alg ${alg}`);
  }
  t.notOk(accepted(await crafted(EMPTY)));
  t.notOk(accepted(await crafted(new Map([[1, ALG.ed]]), EMPTY, es)), 'an ES256 signature under alg EdDSA');
});

await t.test('damaged envelopes are no messages', async (t) => {
  const header = encode(new Map([[1, ALG.ed]]));
  const signature = new Uint8Array(64);
  const shapes: readonly unknown[] = [
    [header, EMPTY, payload],
    [header, EMPTY, payload, signature, 0],
    [header, EMPTY, null, signature],
    [header, [], payload, signature],
    ['header', EMPTY, payload, signature],
    [utf8('x'), EMPTY, payload, signature],
    [encode([]), EMPTY, payload, signature],
    [Uint8Array.from([0xa2, 1, 0x27, 1, 0x27]), EMPTY, payload, signature],
    [header, EMPTY, payload, []],
    [header, EMPTY, payload, [[header, EMPTY]]],
    [header, EMPTY, payload, new Array(9).fill([header, EMPTY, signature])],
    'text',
  ];
  for (const [i, shape] of shapes.entries()) t.equal(parseCose(encode(shape)), undefined, `shape ${i}`);
  const sign1Item = encode([header, EMPTY, payload, signature]);
  t.equal(
    parseCose(concatBytes(Uint8Array.from([0xd8, 98]), sign1Item)),
    undefined,
    'the tag of the other form',
  );
});

await t.test('two signers each cover the same payload and context', async (t) => {
  const packet = await signMany(payload, [ed, es], utf8('context'));
  const message = inspectEnvelope(packet).ok ? parseCose(packet) : undefined;
  if (message === undefined) throw new Error('not a COSE message');
  const options = { externalAad: utf8('context'), strict: true };
  t.ok(checkSignature(message, 0, edKey, options));
  t.ok(checkSignature(message, 1, verifyingKey(es.publicKey), options));
  t.notOk(checkSignature(message, 1, edKey, options));
  t.notOk(checkSignature(message, 0, edKey, { ...options, externalAad: utf8('other') }));
});

await t.test('numbers that cannot be a signature are refused, not thrown', async (t) => {
  const good = parseCose(await sign1(payload, es));
  if (good === undefined) throw new Error('not a COSE message');
  for (const fill of [0, 0xff]) {
    for (const length of [0, 63, 64, 65, 72]) {
      const [signer] = good.signatures;
      if (signer === undefined) throw new Error('no signature');
      const signatures = [{ ...signer, signature: new Uint8Array(length).fill(fill) }];
      t.notOk(checkSignature({ ...good, signatures }, 0, verifyingKey(es.publicKey)));
    }
  }
});
