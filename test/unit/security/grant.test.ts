import fc from 'fast-check';
import t from 'tap';
import { concatBytes, utf8 } from '../../../src/base/index.ts';
import type { KeyStore } from '../../../src/ports/index.ts';
import { decodeLabelled, encode } from '../../../src/protocol/index.ts';
import { sign1, signMany } from '../../../src/security/cose.ts';
import {
  authoriseAll,
  grantHash,
  Keyring,
  LONGEST_GRANT,
  openOrder,
  publicKeyText,
  type Role,
  readDraft,
  type Scope,
  signGrant,
  signOrder,
  stillStands,
  withinGrants,
} from '../../../src/security/index.ts';
import { chainOf, ENDS_AT, givenGrant, SIGNED_AT, sealGrant, testGrant } from '../../kit/grants.ts';
import { testKey } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const tenant = 'acme';
const olga = testKey();
const sam = testKey('ES256');
const root = testKey();
const governor = testKey();
const tom = testKey();
const uli = testKey('ES256');
const vic = testKey();

const entry = (name: string, key: KeyStore, role: Role, more: object = {}) => ({
  name,
  role,
  key: publicKeyText(key.publicKey),
  ...more,
});
const entries = [
  entry('olga', olga, 'operator'),
  entry('sam', sam, 'security'),
  entry('ann', root, 'root'),
  entry('gus', governor, 'governor'),
];
const keyring = new Keyring(entries);
const now = SIGNED_AT + 60;

/** As a device takes it: envelope, grants, role, scopes and times. */
function taken(packet: Uint8Array, ring = keyring, at = now) {
  const opened = openOrder(packet, ring, { tenant });
  if (!opened.ok) return opened;
  const { order, signer, cosigners } = opened.value;
  const signers = [signer, ...cosigners];
  const permitted = authoriseAll(signers, order, { via: 'mqtt' });
  if (!permitted.ok) return permitted;
  const within = withinGrants(signers, order, {
    device: 'host1',
    groups: ['rack1'],
    power: 'later',
    now: at,
  });
  return within.ok ? opened : within;
}
const codeOf = (verdict: { readonly ok: boolean; readonly refusal?: { readonly code: string } }) =>
  verdict.refusal?.code ?? 'ok';

const orderOf = (key: KeyStore, grants: readonly Uint8Array[], change: Record<string, unknown> = {}) =>
  testOrder(key, { exp: now + 600, grants, ...change });
/** Signed whatever it says: a device must not count on the operator's program. */
const sealed = (key: KeyStore, order: unknown) =>
  sign1(encode(order).slice(), key, utf8(`nightshift/1/order/${tenant}`));
const given = async (
  key: KeyStore,
  grants: readonly Uint8Array[],
  change: Record<string, unknown> = {},
  ring = keyring,
  at = now,
) => taken(await sealed(key, orderOf(key, grants, change)), ring, at);

await t.test('a right that was passed on once or twice is a right, in the role of who gave it', async (t) => {
  t.match(await given(tom, await chainOf([olga, tom])), {
    ok: true,
    value: { signer: { name: 'tom for olga', person: 'Tom', role: 'operator', through: [{ name: 'olga' }] } },
  });
  t.match(await given(uli, await chainOf([olga, tom, uli])), {
    ok: true,
    value: {
      signer: { name: 'uli for tom for olga', through: [{ name: 'olga' }, { name: 'tom for olga' }] },
    },
  });
  t.match(await given(tom, await chainOf([sam, tom]), { verb: 'audit.read' }), { ok: true });
  const order = orderOf(tom, await chainOf([olga, tom]));
  t.equal(codeOf(taken(await signOrder(order, tom, tenant))), 'ok', "as the operator's program signs it");
});

await t.test('who is enrolled and shows a grant has what the grant says, and no more', async (t) => {
  const grants = await chainOf([sam, olga], [{ scopes: [{ verbs: ['audit.read'] }] }]);
  t.match(await given(olga, grants, { verb: 'audit.read' }), {
    ok: true,
    value: { signer: { role: 'security' } },
  });
  t.equal(codeOf(await given(olga, grants)), 'OUT_OF_SCOPE', 'though her own right has it');
  t.equal(codeOf(await given(olga, grants, { verb: 'file.list', args: { path: '/' } })), 'NOT_PERMITTED');
});

const other = (change: Record<string, unknown>) => async () => [await givenGrant(olga, tom, change)];
const twice =
  (change: Record<string, unknown>, first: Record<string, unknown> = {}) =>
  async () =>
    chainOf([olga, tom, uli], [first, change]);
const header = (labels: readonly (readonly [number, unknown])[]) => encode(new Map(labels)).slice();
const partsOf = (packet: Uint8Array) =>
  decodeLabelled(packet.slice(1)) as [Uint8Array, Map<unknown, unknown>, Uint8Array, Uint8Array];
const tagged = (fields: readonly unknown[]) => concatBytes(Uint8Array.of(0xd2), encode(fields));
const altered = (change: (parts: unknown[], kid: Uint8Array) => void) => async () => {
  const parts = partsOf(await givenGrant(olga, tom));
  change(parts, olga.publicKey.keyId);
  return [tagged(parts)];
};

/** Grants that give nothing, shown by the key that they name; and what the refusal says. */
const BAD: Readonly<Record<string, readonly [() => Promise<Uint8Array[]>, RegExp, KeyStore?, string?]>> = {
  'for another tenant, in what it says': [other({ tenant: 'other' }), /not signed by olga for this tenant/],
  'for another tenant, in its signature': [
    async () => [await sealGrant(testGrant(tom), olga, 'nightshift/1/grant/other')],
    /not signed by olga for this tenant/,
  ],
  'signed as an order': [
    async () => [await sealGrant(testGrant(tom), olga, 'nightshift/1/order/acme')],
    /not signed by olga/,
  ],
  'by a key of role root': [async () => chainOf([root, tom]), /role root passes no right on/],
  'by a key of role governor': [async () => chainOf([governor, tom]), /role governor passes no right on/],
  'by a stranger': [
    async () => chainOf([vic, tom]),
    /which passed its right on, is not enrolled/,
    tom,
    'KEY_UNKNOWN',
  ],
  'to oneself': [async () => chainOf([olga, olga]), /comes from itself/, olga],
  'in a circle': [async () => chainOf([olga, tom, olga]), /comes from itself/, olga],
  'in a circle of one': [async () => chainOf([olga, tom, tom]), /comes from itself/],
  'to another key than the one that signs': [
    async () => chainOf([olga, tom]),
    /not to the one that signed/,
    uli,
  ],
  'the first of two, shown by whom the second is for': [
    async () => (await chainOf([olga, tom, uli])).slice(0, 1),
    /not to the one that signed/,
    uli,
  ],
  'the second of two without the first': [
    async () => (await chainOf([olga, tom, uli])).slice(1),
    /which passed its right on, is not enrolled/,
    uli,
    'KEY_UNKNOWN',
  ],
  'two in the wrong order': [
    async () => (await chainOf([olga, sam, uli])).toReversed(),
    /passes on another, which is not here|not signed by the key/,
    uli,
  ],
  'passed on where that is not allowed': [
    twice({}, { again: 0 }),
    /may use the right, and not pass it on/,
    uli,
  ],
  'passed on by somebody else': [
    async () => {
      const [one] = await chainOf([olga, tom, uli]);
      return [one!, await givenGrant(vic, uli, { of: grantHash(one!) })];
    },
    /second grant is not signed by the key/,
    uli,
  ],
  'a second that passes on another than the first': [
    async () => {
      const [one] = await chainOf([olga, tom, uli]);
      const [, two] = await chainOf([olga, tom, uli]);
      return [one!, two!];
    },
    /does not pass on the first/,
    uli,
  ],
  'a second that names none': [twice({ of: undefined }), /does not pass on the first/, uli],
  'a first that names another': [other({ of: new Uint8Array(32) }), /passes on another/],
  'a second that allows a third': [twice({ again: 1 }), /twice at most/, uli],
  'for longer than 31 days': [other({ notAfter: SIGNED_AT + LONGEST_GRANT + 1 }), /more than 31 days/],
  'that ends as it begins': [other({ notAfter: SIGNED_AT }), /ends before it begins/],
  'that begins after its end': [other({ notBefore: ENDS_AT }), /ends before it begins/],
  'without a scope': [other({ scopes: [] }), /scopes/],
  'without scopes at all': [other({ scopes: undefined }), /scopes/],
  'with a scope of unknown meaning': [other({ scopes: [{ days: ['monday'] }] }), /days/],
  'with a scope of no list': [other({ scopes: [{ verbs: [] }] }), /verbs/],
  'with more scopes than a grant has': [other({ scopes: Array.from({ length: 17 }, () => ({})) }), /scopes/],
  'with a field of unknown meaning': [other({ role: 'root' }), /role/],
  'of another version': [other({ v: 2 }), /"v"/],
  'with an id of another length': [other({ id: new Uint8Array(8) }), /id/],
  'with a name that is no plain text': [other({ name: 'tom\u202e' }), /name/],
  'with an unprintable person': [other({ person: 'a\nb' }), /person/],
  'to something that is no key': [other({ to: 'ed25519:AAAA' }), /not usable/],
  'to a point of small order': [
    other({ to: `ed25519:${Buffer.from([1, ...new Uint8Array(31)]).toString('base64url')}` }),
    /not usable/,
  ],
  'with "again" out of range': [other({ again: 2 }), /again/],
  'larger than a grant is': [
    other({ scopes: Array.from({ length: 4 }, () => ({ paths: [`/${'a'.repeat(1023)}`] })) }),
    /No enrolled key/,
    tom,
    'KEY_UNKNOWN',
  ],
  'with the algorithm unprotected': [
    altered((parts, kid) => {
      parts[0] = header([[4, kid]]);
      parts[1] = new Map([[1, -8]]);
    }),
    /nothing but algorithm and key id/,
  ],
  'with a further header': [
    altered((parts) => {
      parts[1] = new Map([[5, new Uint8Array(8)]]);
    }),
    /nothing but algorithm and key id/,
  ],
  'with something critical': [
    altered((parts, kid) => {
      parts[0] = header([
        [1, -8],
        [2, [-65_537]],
        [4, kid],
        [-65_537, 1],
      ]);
    }),
    /nothing but algorithm and key id/,
  ],
  'with the algorithm of another kind of key': [
    altered((parts, kid) => {
      parts[0] = header([
        [1, -7],
        [4, kid],
      ]);
    }),
    /not signed by olga/,
  ],
  'under the name of another key': [
    altered((parts) => {
      parts[0] = header([
        [1, -8],
        [4, sam.publicKey.keyId],
      ]);
    }),
    /not signed by sam/,
  ],
  'without a tag': [async () => [(await givenGrant(olga, tom)).slice(1)], /COSE_Sign1/],
  'as a COSE_Sign': [
    async () => [await signMany(encode(testGrant(tom)).slice(), [olga], utf8('nightshift/1/grant/acme'))],
    /COSE_Sign1/,
  ],
  'that is an order': [async () => [await signOrder(testOrder(olga), olga, tenant)], /.+/],
  'of no bytes': [async () => [new Uint8Array()], /.+/],
};

await t.test('what is wrong with a grant makes it give nothing, and the refusal says it', async (t) => {
  for (const [
    name,
    [grants, says, key = name.includes('uli') ? uli : tom, code = 'DELEGATION_INVALID'],
  ] of Object.entries(BAD)) {
    const verdict = await given(key, await grants());
    t.match(verdict, { ok: false, refusal: { code, sentence: says } }, name);
  }
});

await t.test('every flipped bit of a grant makes it worthless', async (t) => {
  const [grant] = await chainOf([olga, tom]);
  const bits = Array.from({ length: grant!.byteLength }, (_, at) => at);
  let good = 0;
  for (const at of bits) {
    const wrong = grant!.slice();
    wrong[at]! ^= 1 << (at % 8);
    if ((await given(tom, [wrong])).ok) good += 1;
  }
  t.equal(good, 0);
  t.equal(codeOf(await given(tom, [grant!])), 'ok');
});

await t.test('three grants are no order at all', async (t) => {
  const [one, two] = await chainOf([olga, tom, uli], [{}, { again: 1 }]);
  const three = await givenGrant(uli, vic, { of: grantHash(two!) });
  t.equal(codeOf(await given(vic, [one!, two!, three])), 'KEY_UNKNOWN');
  t.equal(codeOf(await given(olga, [one!, two!, three])), 'MESSAGE_INVALID');
  t.equal(codeOf(await given(tom, [])), 'KEY_UNKNOWN', 'and neither is one with none');
});

await t.test(
  'orders of two people, with tokens, of keyrings and of the device are not passed on',
  async (t) => {
    const by = await chainOf([sam, tom]);
    const hands = await chainOf([olga, tom]);
    const refused: [string, readonly Uint8Array[], Record<string, unknown>][] = [
      ['disable', by, { verb: 'machine.disable', args: {} }],
      ['enable', by, { verb: 'machine.enable', args: {} }],
      ['a keyring', by, { verb: 'keyring.update', args: { document: new Uint8Array(9) } }],
      ['a token', hands, { token: new Uint8Array(9) }],
      ['a recursive delete', hands, { verb: 'file.delete', args: { path: '/var', recursive: true } }],
      ['a system path', hands, { verb: 'file.delete', args: { path: '/etc/fstab' } }],
      [
        'a chain as it is',
        hands,
        { verb: 'chain.sync', args: { action: { do: 'accept', question: new Uint8Array(8) } } },
      ],
      ['an order without an end', hands, { exp: undefined, nonce: new Uint8Array(16), maxAge: 60 }],
      ['an order that outlives the grant', hands, { exp: ENDS_AT + 1 }],
    ];
    for (const [name, grants, change] of refused) {
      const verdict = await given(tom, grants, change);
      t.match(verdict, { ok: false, refusal: { code: 'DELEGATION_INVALID' }, by: tom.publicKey.keyId }, name);
      if (change.exp !== ENDS_AT + 1)
        await t.rejects(
          signOrder(orderOf(tom, grants, change), tom, tenant),
          { code: 'NS_ORDER_INVALID' },
          name,
        );
    }
    const order = orderOf(tom, by, { verb: 'machine.disable', args: {} });
    const two = await signMany(encode(order).slice(), [tom, sam], utf8(`nightshift/1/order/${tenant}`));
    t.equal(codeOf(taken(two)), 'KEY_UNKNOWN', 'who passed his right on is no second person beside it');
    const own = orderOf(sam, by, { verb: 'machine.disable', args: {} });
    const both = await signMany(encode(own).slice(), [sam, tom], utf8(`nightshift/1/order/${tenant}`));
    t.equal(codeOf(taken(both)), 'KEY_UNKNOWN');
    const tess = testKey();
    const officers = new Keyring([...entries, entry('tess', tess, 'security')]);
    const mixed = orderOf(tess, await chainOf([sam, tess]), { verb: 'machine.disable', args: {} });
    const packet = await signMany(encode(mixed).slice(), [tess, sam], utf8(`nightshift/1/order/${tenant}`));
    t.equal(codeOf(taken(packet, officers)), 'DELEGATION_INVALID', 'also where both are enrolled');
    t.match(readDraft(packet, officers, tenant), { refusal: { code: 'DELEGATION_INVALID' } });
  },
);

await t.test('a grant holds from its beginning to its end, by the later of clock and floor', async (t) => {
  const plain = await chainOf([olga, tom]);
  const later = await chainOf([olga, tom], [{ notBefore: SIGNED_AT + 1800 }]);
  const at = async (grants: Uint8Array[], time: number, key = tom) =>
    codeOf(await given(key, grants, { exp: ENDS_AT }, keyring, time));
  t.equal(await at(plain, SIGNED_AT - 301), 'NOT_YET_VALID', 'a right that says to be of the future');
  t.equal(await at(plain, SIGNED_AT - 300), 'ok', 'two clocks may differ a little');
  t.equal(await at(plain, ENDS_AT - 1), 'ok');
  t.equal(await at(plain, ENDS_AT), 'KEY_EXPIRED');
  t.equal(await at(later, SIGNED_AT + 1799), 'NOT_YET_VALID');
  t.equal(await at(later, SIGNED_AT + 1800), 'ok');
  const short = await chainOf([olga, tom, uli], [{ notAfter: SIGNED_AT + 600 }]);
  t.equal(codeOf(await given(uli, short, { exp: ENDS_AT })), 'DELEGATION_INVALID', 'the shortest counts');
  t.equal(codeOf(await given(uli, short, { exp: SIGNED_AT + 600 })), 'ok');
  t.equal(codeOf(await given(uli, short, { exp: SIGNED_AT + 600 }, keyring, SIGNED_AT + 600)), 'KEY_EXPIRED');
});

await t.test("the giver's own grant, role and place in the keyring hold for all below", async (t) => {
  const grants = await chainOf([olga, tom, uli]);
  const ring = (more: object, revoked: readonly KeyStore[] = []) =>
    new Keyring(
      [entry('olga', olga, 'operator', more)],
      revoked.map(({ publicKey }) => publicKey.keyId),
    );
  const order = orderOf(uli, grants, { verb: 'file.stat', args: { path: '/var/log/a' } });
  const packet = await sealed(uli, order);
  const facts = { tenant, via: 'mqtt', device: 'host1', groups: [], power: 'later', now } as const;
  const both = (on: Keyring) => {
    const door = codeOf(taken(packet, on));
    t.equal(codeOf(stillStands(on, [order.iss], order, facts)), door, 'before it begins as at the door');
    return door;
  };
  t.equal(both(ring({})), 'ok');
  t.equal(both(ring({ scopes: [{ paths: ['/var'] }] })), 'ok');
  t.equal(both(ring({ scopes: [{ paths: ['/srv'] }] })), 'OUT_OF_SCOPE');
  t.equal(both(ring({ notAfter: now })), 'KEY_EXPIRED');
  t.equal(both(ring({ role: 'auditor' })), 'NOT_PERMITTED');
  t.equal(both(new Keyring([])), 'KEY_UNKNOWN');
  t.equal(both(ring({}, [uli])), 'DELEGATION_INVALID', 'the last key is revoked');
  t.equal(both(ring({}, [tom])), 'DELEGATION_INVALID', 'the key between is revoked');
  t.equal(both(ring({}, [vic])), 'ok');
  t.equal(codeOf(stillStands(ring({}), [order.iss], { ...order, grants: undefined }, facts)), 'KEY_UNKNOWN');
});

await t.test('an order by grants that is altered, or signed by another, is refused', async (t) => {
  const grants = await chainOf([olga, tom]);
  const parts = partsOf(await sealed(tom, orderOf(tom, grants)));
  const forged = [parts[0], parts[1], encode(orderOf(tom, grants, { verb: 'io.list' })).slice(), parts[3]];
  t.equal(codeOf(taken(tagged(forged))), 'SIGNATURE_INVALID');
  t.equal(codeOf(await given(vic, grants)), 'DELEGATION_INVALID', 'stolen grants are worth nothing');
  const claimed = await sealed(tom, orderOf(tom, grants, { iss: olga.publicKey.keyId }));
  t.equal(codeOf(taken(claimed)), 'MESSAGE_INVALID');
});

await t.test('the operator signs no grant that devices would refuse', async (t) => {
  const ok = await signGrant(testGrant(tom), olga);
  t.equal(codeOf(await given(tom, [ok])), 'ok');
  for (const change of [{ notAfter: SIGNED_AT }, { scopes: [] }, { name: '' }]) {
    await t.rejects(signGrant(testGrant(tom, change), olga), { code: 'NS_GRANT_INVALID' });
  }
});

const VERBS = ['file.stat', 'file.list', 'io.list', 'machine.status', 'audit.read', 'chain.sync'] as const;
const PATHS = ['/var/log/a', '/var', '/etc/hosts', '/'] as const;
const narrow = fc.array(
  fc.record(
    {
      verbs: fc.subarray([...VERBS, 'file.*'], { minLength: 1 }),
      hosts: fc.subarray(['host1', 'host2', '@rack1'], { minLength: 1 }),
      paths: fc.subarray(['/var', '/var/log', '/etc', 'disk0:/var'], { minLength: 1 }),
      states: fc.subarray(['S5', 'S0', 'G3'], { minLength: 1 }),
    },
    { requiredKeys: [] },
  ),
  { minLength: 1, maxLength: 3 },
) as fc.Arbitrary<Scope[]>;
const scopes = fc.oneof(fc.constant<Scope[]>([{}]), narrow);
const ends = fc.oneof(fc.constantFrom(now - 1, now, now + 1), fc.integer({ min: now, max: ENDS_AT }));
const link = fc.record({ scopes, notAfter: ends });

await t.test('nobody may by grants what the giver may not', async (t) => {
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Role>('operator', 'technician', 'security', 'auditor'),
      fc.option(scopes, { nil: undefined }),
      fc.option(ends, { nil: undefined }),
      fc.array(link, { minLength: 1, maxLength: 2 }),
      fc.constantFrom(...VERBS),
      fc.constantFrom(...PATHS),
      fc.constantFrom('S5', 'S0', 'later' as const),
      async (role, own, notAfter, links, verb, path, power) => {
        const ring = new Keyring([
          entry('olga', olga, role, {
            ...(own === undefined ? {} : { scopes: own }),
            ...(notAfter === undefined ? {} : { notAfter }),
          }),
        ]);
        const [first, second] = links;
        const grants = await chainOf(second === undefined ? [olga, tom] : [olga, tom, uli], [
          { ...first },
          { ...second },
        ]);
        const key = second === undefined ? tom : uli;
        const exp = Math.min(...links.map((each) => each.notAfter));
        const args = verb.startsWith('file.') ? { path } : {};
        const facts = { tenant, via: 'mqtt', device: 'host1', groups: ['rack1'], power, now } as const;
        const opened = openOrder(await sealed(key, orderOf(key, grants, { verb, args, exp })), ring, {
          tenant,
        });
        if (!opened.ok) return false;
        const { order, signer } = opened.value;
        const verdicts = [
          withinGrants([signer], order, facts).ok && authoriseAll([signer], order, facts).ok,
          stillStands(ring, [order.iss], order, facts).ok,
        ];
        if (verdicts[0] !== verdicts[1]) return false;
        const giver = stillStands(ring, [olga.publicKey.keyId], { verb, args } as typeof order, facts).ok;
        if (verdicts[0]) allowed += 1;
        return giver || !verdicts[0];
      },
    ),
    { numRuns: 250 },
  );
  t.ok(allowed > 0, 'and some may');
});
