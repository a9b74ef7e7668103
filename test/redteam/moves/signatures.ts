import { createHmac, generateKeyPairSync } from 'node:crypto';
import type { KeyStore } from '../../../src/ports/index.ts';
import type { Order } from '../../../src/protocol/index.ts';
import { keyStoreOf, signOrder } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import type { SimFleetHost } from '../../kit/sim-fleet.ts';
import type { Attacker } from '../attacker.ts';
import { ALG, bytesOf, headerOf, many, one, orderAad, signatureBy, tag } from '../forge.ts';
import { goodToken, type Move } from '../move.ts';
import { type KeyName, TENANT, vic } from '../site.ts';

/** An order to disable that lacks nothing but signatures. */
async function disable(a: Attacker, host: SimFleetHost, by: KeyName = a.officer, change: object = {}) {
  return a.order(
    by,
    host,
    'machine.disable',
    { reason: 'stolen' },
    { token: await goodToken(a, host), ...change },
  );
}

/** What both officers together would send. */
export const disableByBoth = async (a: Attacker, host: SimFleetHost): Promise<Uint8Array> =>
  signOrder(await disable(a, host), a.key(a.officer), TENANT, [a.key(a.otherOfficer)]);
const control: NonNullable<Move['control']> = (a, host) => a.strike([host], () => disableByBoth(a, host));

/** The officer that is held, and beside that officer somebody else. */
function beside(words: string, other: (a: Attacker) => KeyStore, fails: readonly string[]): Move {
  return {
    words,
    fails,
    run: (a, hosts) =>
      a.strike(hosts, async (host) =>
        signOrder(await disable(a, host), a.key(a.officer), TENANT, [other(a)]),
      ),
    control,
  };
}

/** Another key that says it is the missing officer's. */
const posing = (a: Attacker): KeyStore => ({ ...testKey(), publicKey: a.publicKey(a.otherOfficer) });

type Forged = (a: Attacker, body: Order, payload: Uint8Array) => Promise<Uint8Array>;

function forged(words: string, make: Forged, fails: readonly string[]): Move {
  return {
    words,
    fails,
    run: (a, hosts) =>
      a.strike(hosts, async (host) => {
        const body = await disable(a, host);
        return make(a, body, bytesOf(body));
      }),
    control,
  };
}

const ours = (a: Attacker, payload: Uint8Array) => signatureBy(payload, { key: a.key(a.officer) });
const junk = new Uint8Array(64).fill(7);

/** For whoever lacks one of two officers: all that can be done about the second signature. */
export const SIGNATURE_MOVES: readonly Move[] = [
  forged('one officer signs alone, in the form of one', (a, _, p) => one(p, { key: a.key(a.officer) }), [
    'NEEDS_TWO_PEOPLE',
  ]),
  forged('one officer signs alone, in the form of two', async (a, _, p) => many(p, [await ours(a, p)]), [
    'NEEDS_TWO_PEOPLE',
  ]),
  forged(
    'the same signature stands there twice',
    async (a, _, p) => {
      const signature = await ours(a, p);
      return many(p, [signature, signature]);
    },
    ['ENVELOPE_INVALID'],
  ),
  beside('one person signs with two keys', (a) => a.key(`${a.officer}-2` as KeyName), ['NEEDS_TWO_PEOPLE']),
  beside('an operator cosigns', (a) => a.key('olga'), ['NOT_PERMITTED']),
  beside('an auditor cosigns', (a) => a.key('ada'), ['NOT_PERMITTED']),
  beside('the governor cosigns', (a) => a.key('gus'), ['NOT_PERMITTED']),
  beside('a root key cosigns', (a) => a.key('gus-root'), ['NOT_PERMITTED']),
  beside('a key made for it cosigns', () => testKey(), ['KEY_UNKNOWN']),
  beside('an officer of an old keyring cosigns', () => vic, ['KEY_UNKNOWN']),
  beside("another key signs under the missing officer's key id", posing, ['SIGNATURE_INVALID']),
  forged(
    "the missing officer's signature is bytes of a fixed value",
    async (a, _, p) => many(p, [await ours(a, p), [bytesOf(headerOf(posing(a))), new Map(), junk]]),
    ['SIGNATURE_INVALID'],
  ),
  forged(
    'everybody else cosigns: operator, technician, auditor, governor, roots',
    async (a, body) =>
      signOrder(
        body,
        a.key(a.officer),
        TENANT,
        (['olga', 'tom', 'ada', 'gus', 'gus-root'] as const).map((name) => a.key(name)),
      ),
    ['NOT_PERMITTED', 'NEEDS_TWO_PEOPLE'],
  ),
  {
    words: 'both signatures are good, for another tenant of the same people',
    fails: ['SIGNATURE_INVALID'],
    run: (a, hosts) =>
      a.strike(hosts, async (host) =>
        // Kept by the fleet server of the other tenant: the officers did sign it, for a machine of the same name.
        a.server.ofOtherTenant(host),
      ),
    control,
  },
  forged(
    'another algorithm in the header: ES256 over an Ed25519 key',
    async (a, _, p) =>
      many(p, [
        await ours(a, p),
        await signatureBy(p, { key: posingES256(a), header: bytesOf(headerOf(posing(a), ALG.es256)) }),
      ]),
    ['SIGNATURE_INVALID'],
  ),
  forged(
    'HMAC, with the public key of the missing officer as its secret',
    async (a, _, p) => {
      const header = bytesOf(headerOf(posing(a), ALG.hmac256));
      const signed = bytesOf(['Signature', new Uint8Array(0), header, orderAad(), p]);
      const mac = createHmac('sha256', a.publicKey(a.otherOfficer).spki.subarray(-32))
        .update(signed)
        .digest();
      return many(p, [await ours(a, p), [header, new Map(), new Uint8Array(mac)]]);
    },
    ['SIGNATURE_INVALID'],
  ),
  forged(
    'the algorithm stands unprotected, where it can be changed on the way',
    async (a, _, p) => {
      const header = bytesOf(new Map([[4, a.publicKey(a.otherOfficer).keyId]]));
      return many(p, [await ours(a, p), [header, new Map([[1, ALG.eddsa]]), junk]]);
    },
    ['ENVELOPE_INVALID'],
  ),
  forged(
    'a critical header asks to leave the second signature out',
    async (a, _, p) => {
      const header = bytesOf(
        new Map<number, unknown>([
          [1, ALG.eddsa],
          [2, [1000]],
          [4, a.publicKey(a.otherOfficer).keyId],
          [1000, true],
        ]),
      );
      return many(p, [await ours(a, p), [header, new Map(), junk]]);
    },
    ['ENVELOPE_INVALID'],
  ),
  forged(
    'the key id stands twice in one header: the officer that is held, and the one that is not',
    async (a, _, p) => {
      const { keyId: ourId } = a.publicKey(a.officer);
      const { keyId: theirId } = a.publicKey(a.otherOfficer);
      // {1: -8, 4: ours, 4: theirs}, which no encoder writes.
      const header = new Uint8Array([0xa3, 0x01, 0x27, 0x04, 0x48, ...ourId, 0x04, 0x48, ...theirId]);
      return many(p, [await ours(a, p), await signatureBy(p, { key: a.key(a.officer), header })]);
    },
    ['ENVELOPE_INVALID', 'CBOR_INVALID'],
  ),
  forged(
    'an unsigned copy of the order behind the signed one',
    async (a, body, p) => {
      const whole = await one(p, { key: a.key(a.officer) });
      return new Uint8Array([...whole, ...bytesOf(body)]);
    },
    ['CBOR_INVALID'],
  ),
  forged(
    'an envelope without its tag, to be read as another kind',
    async (a, _, p) => many(p, [await ours(a, p)]).subarray(2),
    ['ENVELOPE_INVALID'],
  ),
  forged(
    'the list of signatures is empty',
    async (_a, _, p) => tag(98, [new Uint8Array(0), new Map(), p, []]),
    ['ENVELOPE_INVALID'],
  ),
];

const p256 = keyStoreOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey);
const posingES256 = (a: Attacker): KeyStore => ({ ...p256, publicKey: a.publicKey(a.otherOfficer) });
