import fc from 'fast-check';
import t from 'tap';
import { concatBytes, equalBytes, utf8 } from '../../../src/base/index.ts';
import type { KeyStore } from '../../../src/ports/index.ts';
import { decodeLabelled, encode } from '../../../src/protocol/index.ts';
import { sign1, signMany } from '../../../src/security/cose.ts';
import {
  authoriseAll,
  cosignOrder,
  draftOrder,
  Keyring,
  openOrder,
  publicKeyText,
  type Role,
  signOrder,
  stillStands,
} from '../../../src/security/index.ts';
import { TestGovernor } from '../../kit/governor.ts';
import { testKey } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const sam = testKey();
const samsOther = testKey('ES256');
const tess = testKey('ES256');
const uma = testKey();
const olga = testKey();
const gone = testKey();
const tenant = 'acme';
const context = utf8(`nightshift/1/order/${tenant}`);

const entry = (name: string, key: KeyStore, role: Role, person?: string) => ({
  name,
  role,
  key: publicKeyText(key.publicKey),
  ...(person === undefined ? {} : { person }),
});
const entries = [
  entry('sam', sam, 'security', 'Sam Miller'),
  entry('sam-laptop', samsOther, 'security', 'sam miller '),
  entry('tess', tess, 'security'),
  entry('uma', uma, 'security'),
  entry('olga', olga, 'operator'),
];
const keyring = new Keyring(entries);

const disable = (by: KeyStore = sam, change: Record<string, unknown> = {}) =>
  testOrder(by, { verb: 'machine.disable', args: { reason: 'stolen' }, exp: undefined, ...change });
const body = disable();
const many = (signers: readonly KeyStore[], of: unknown = body, aad = context) =>
  signMany(encode(of).slice(), signers, aad);

/** As a device takes it: envelope and people, then the roles. */
function taken(packet: Uint8Array, ring = keyring, at = tenant) {
  const opened = openOrder(packet, ring, { tenant: at });
  if (!opened.ok) return opened;
  const { order, signer, cosigners } = opened.value;
  const permitted = authoriseAll([signer, ...cosigners], order, { via: 'mqtt' });
  return permitted.ok ? opened : permitted;
}

/** A COSE_Sign from parts of the test's own; items of one signature are [protected, unprotected, signature]. */
type Item = [unknown, unknown, unknown];
const tagged = (fields: readonly unknown[]) => concatBytes(Uint8Array.from([0xd8, 98]), encode(fields));
const itemsOf = (packet: Uint8Array) =>
  decodeLabelled(packet.slice(2)) as [Uint8Array, Map<unknown, unknown>, Uint8Array, Item[]];
async function altered(change: (items: Item[], fields: unknown[]) => void): Promise<Uint8Array> {
  const fields = itemsOf(await many([sam, tess]));
  change(fields[3], fields);
  return tagged(fields);
}
const header = (labels: readonly (readonly [number, unknown])[]) => encode(new Map(labels)).slice();

await t.test('two people together disable and enable, with keys of any two kinds', async (t) => {
  for (const cosigners of [[tess], [uma], [tess, uma]]) {
    const packet = await signOrder(body, sam, tenant, cosigners);
    const verdict = taken(packet);
    if (!verdict.ok) throw new Error(verdict.refusal.sentence);
    t.match(verdict, {
      value: { signer: { name: 'sam' }, cosigners: cosigners.map(() => ({ role: 'security' })) },
    });
  }
  const enable = disable(tess, { verb: 'machine.enable', exp: 4_000_000_000 });
  t.ok(taken(await signOrder(enable, tess, tenant, [sam])).ok);
});

await t.test('one who signs and another who adds a signature later give the same packet', async (t) => {
  const draft = await draftOrder(body, sam, tenant);
  t.match(taken(draft), { refusal: { code: 'NEEDS_TWO_PEOPLE', sentence: /sam alone/ } });
  const whole = await cosignOrder(draft, uma, tenant);
  t.ok(equalBytes(whole, await signOrder(body, sam, tenant, [uma])));
  t.ok(taken(await cosignOrder(whole, tess, tenant)).ok, 'and a third');
  await t.rejects(cosignOrder(whole, sam, tenant), {
    code: 'NS_ORDER_INVALID',
    message: /signed it already/,
  });
  await t.rejects(cosignOrder(await sign1(encode(body), sam, context), tess, tenant), {
    code: 'NS_ORDER_INVALID',
  });
});

await t.test('what every device would refuse is not signed', async (t) => {
  await t.rejects(signOrder(body, sam, tenant), { code: 'NS_ORDER_INVALID', message: /two people/ });
  await t.rejects(signOrder(body, sam, tenant, [sam]), { code: 'NS_ORDER_INVALID', message: /twice/ });
  const many = Array.from({ length: 8 }, () => testKey());
  await t.rejects(signOrder(body, sam, tenant, many), { code: 'NS_ORDER_INVALID', message: /More than 8/ });
  await t.rejects(draftOrder(testOrder(olga), olga, tenant), {
    code: 'NS_ORDER_INVALID',
    message: /one person/,
  });
  let full = await draftOrder(body, sam, tenant);
  for (const key of many.slice(1)) full = await cosignOrder(full, key, tenant);
  await t.rejects(cosignOrder(full, testKey(), tenant), { code: 'NS_ORDER_INVALID', message: /no room/ });
});

await t.test('every way to fall short of two people is refused by its code', async (t) => {
  const payload = encode(body).slice();
  const impostor = { ...gone, publicKey: tess.publicKey };
  const confused = { ...tess, publicKey: { ...tess.publicKey, algorithm: 'Ed25519' as const } };
  const nine = Array.from({ length: 9 }, () => testKey());
  const everyone = new Keyring(nine.map((key, n) => entry(`p${n}`, key, 'security')));
  const status = testOrder(sam);
  const cases: readonly [what: string, packet: Uint8Array, code: string][] = [
    ['a COSE_Sign1 by one', await sign1(payload, sam, context), 'NEEDS_TWO_PEOPLE'],
    ['a COSE_Sign with one signature', await many([sam]), 'NEEDS_TWO_PEOPLE'],
    ['two keys of one person, spelled otherwise', await many([sam, samsOther]), 'NEEDS_TWO_PEOPLE'],
    ['one person twice beside another', await many([sam, samsOther, tess]), 'NEEDS_TWO_PEOPLE'],
    ['a dry run by one', await many([sam], disable(sam, { args: { dryRun: true } })), 'NEEDS_TWO_PEOPLE'],
    ['one key twice', await many([sam, sam]), 'ENVELOPE_INVALID'],
    ['one key twice beside another', await many([sam, tess, sam]), 'ENVELOPE_INVALID'],
    ['no signature at all', tagged([new Uint8Array(0), new Map(), payload, []]), 'ENVELOPE_INVALID'],
    ['a cosigner whom nobody enrolled', await many([sam, gone]), 'KEY_UNKNOWN'],
    ['a stranger beside two who may', await many([sam, tess, gone]), 'KEY_UNKNOWN'],
    ['a cosigner of another role', await many([sam, olga]), 'NOT_PERMITTED'],
    ['two who may and one who may not', await many([sam, tess, olga]), 'NOT_PERMITTED'],
    ['two who may not', await many([olga, sam], disable(olga)), 'NOT_PERMITTED'],
    ['a signature by another key', await many([sam, impostor]), 'SIGNATURE_INVALID'],
    ['a third signature that is wrong', await many([sam, uma, impostor]), 'SIGNATURE_INVALID'],
    ['a key with the algorithm of another kind', await many([sam, confused]), 'SIGNATURE_INVALID'],
    ['another tenant', await many([sam, tess], body, utf8('nightshift/1/order/other')), 'SIGNATURE_INVALID'],
    ['another class', await many([sam, tess], body, utf8('nightshift/1/event/acme')), 'SIGNATURE_INVALID'],
    ['an issuer who signed second', await many([tess, sam]), 'MESSAGE_INVALID'],
    ['an issuer who did not sign', await many([tess, uma]), 'MESSAGE_INVALID'],
    ['the counter 0', await many([sam, tess], { ...body, ctr: 0 }), 'MESSAGE_INVALID'],
    ['a counter past 2^53-1', await many([sam, tess], body).then(overflowed), 'CBOR_INVALID'],
    ['a verb that nobody knows', await many([sam, tess], { ...body, verb: 'machine.wipe' }), 'VERB_UNKNOWN'],
    ['another version', await many([sam, tess], { ...body, v: 2 }), 'VERSION_UNKNOWN'],
    ['an order of one person, by two', await many([sam, tess], status), 'ENVELOPE_INVALID'],
  ];
  for (const [what, packet, code] of cases) t.match(taken(packet), { ok: false, refusal: { code } }, what);
  t.match(
    taken(await many(nine, disable(nine[0])), everyone),
    { refusal: { code: 'ENVELOPE_INVALID' } },
    'nine signatures',
  );
  t.ok(taken(await many(nine.slice(0, 8), disable(nine[0])), everyone).ok, 'eight signatures');
  const most = disable(sam, { ctr: Number.MAX_SAFE_INTEGER });
  t.ok(taken(await many([sam, tess], most)).ok, 'the highest counter there is');
});

/** The counter of a signed body, made 2^53: no signature covers it any more, but customs come first. */
async function overflowed(): Promise<Uint8Array> {
  const bytes = encode({ ...body, ctr: Number.MAX_SAFE_INTEGER }).slice();
  const at = bytes.findIndex((_, i) =>
    equalBytes(bytes.subarray(i, i + 5), Uint8Array.from([0x63, 0x63, 0x74, 0x72, 0x1b])),
  );
  bytes.set([0x00, 0x20, 0, 0, 0, 0, 0, 0], at + 5);
  return signMany(bytes, [sam, tess], context);
}

await t.test('a cosigner who was revoked, or has another role now, no longer counts', async (t) => {
  const packet = await many([sam, tess]);
  t.ok(taken(packet).ok);
  const without = new Keyring(entries.filter(({ name }) => name !== 'tess'));
  t.match(taken(packet, without), { refusal: { code: 'KEY_UNKNOWN' } });
  const moved = new Keyring([
    ...entries.filter(({ name }) => name !== 'tess'),
    entry('tess', tess, 'auditor'),
  ]);
  t.match(taken(packet, moved), {
    refusal: { code: 'NOT_PERMITTED', sentence: /auditor.*"tess"/ },
  });
  t.match(taken(packet, keyring, 'other'), { refusal: { code: 'SIGNATURE_INVALID' } }, 'another tenant');
});

await t.test('an order that was taken stands while its signers are as many people as it needs', async (t) => {
  const facts = { tenant, via: 'mqtt', device: 'host1', groups: [], power: 'later', now: 1 } as const;
  const keyIds = [sam.publicKey.keyId, tess.publicKey.keyId];
  const stands = (ring: Keyring) => stillStands(ring, keyIds, body, facts);
  t.ok(stands(keyring).ok);
  const others = entries.filter(({ name }) => name !== 'tess');
  t.match(stands(new Keyring(others)), { refusal: { code: 'KEY_UNKNOWN' } });
  const one = new Keyring([...others, entry('tess', tess, 'security', 'SAM Miller')]);
  t.match(stands(one), { refusal: { code: 'NEEDS_TWO_PEOPLE' } }, 'both keys turned out to be of one person');
});

await t.test('a token that was taken counts while its governor does, and gave no order', async (t) => {
  const gus = new TestGovernor(tenant);
  const order = { ...body, token: await gus.token('lock', 'host1') };
  const facts = { tenant, via: 'mqtt', device: 'host1', groups: [], power: 'later', now: 1 } as const;
  const stands = (...more: readonly ReturnType<typeof entry>[]) =>
    stillStands(
      new Keyring([...entries, ...more]),
      [sam.publicKey.keyId, tess.publicKey.keyId],
      order,
      facts,
    );
  t.ok(stands(entry('gus', gus.key, 'governor')).ok);
  t.match(stands(), { refusal: { code: 'TOKEN_INVALID', sentence: /not that of an enrolled governor/ } });
  t.match(stands(entry('gus', gus.key, 'governor', 'TESS')), {
    refusal: { code: 'TOKEN_INVALID', sentence: /signed both/ },
  });
});

await t.test('whatever else an envelope may hold is refused', async (t) => {
  const kid = tess.publicKey.keyId;
  const inside = await sign1(encode(body).slice(), tess, context);
  const cases: readonly [what: string, change: (items: Item[], fields: unknown[]) => void, code: string][] = [
    [
      'an algorithm outside the protected header',
      ([, item]) => {
        item![0] = header([[4, kid]]);
        item![1] = new Map([[1, -7]]);
      },
      'ENVELOPE_INVALID',
    ],
    [
      'a key id outside the protected header',
      ([, item]) => {
        item![0] = header([[1, -7]]);
        item![1] = new Map([[4, kid]]);
      },
      'ENVELOPE_INVALID',
    ],
    [
      'a label in both headers',
      ([, item]) => {
        item![1] = new Map([[4, kid]]);
      },
      'ENVELOPE_INVALID',
    ],
    [
      'a label twice in one header',
      ([, item]) => {
        item![0] = concatBytes(
          ...[[0xa3, 0x01, 0x26, 0x04, 0x48], kid, [0x04, 0x48], kid].map((part) => Uint8Array.from(part)),
        );
      },
      'ENVELOPE_INVALID',
    ],
    [
      'something critical',
      ([, item]) => {
        item![0] = header([
          [1, -7],
          [2, [4]],
          [4, kid],
        ]);
      },
      'ENVELOPE_INVALID',
    ],
    [
      'any other label',
      ([, item]) => {
        item![0] = header([
          [1, -7],
          [4, kid],
          [3, 0],
        ]);
      },
      'ENVELOPE_INVALID',
    ],
    ['an algorithm of the body', (_, fields) => fields.splice(0, 1, header([[1, -8]])), 'ENVELOPE_INVALID'],
    [
      'an empty map of the body, written out',
      (_, fields) => fields.splice(0, 1, header([])),
      'ENVELOPE_INVALID',
    ],
    [
      'an unprotected label of the body',
      (_, fields) => fields.splice(1, 1, new Map([[4, kid]])),
      'ENVELOPE_INVALID',
    ],
    ['no payload', (_, fields) => fields.splice(2, 1, null), 'ENVELOPE_INVALID'],
    ['an order signed already as payload', (_, fields) => fields.splice(2, 1, inside), 'SIGNATURE_INVALID'],
    [
      "a COSE_Sign1's signature in a COSE_Sign",
      ([, item]) => {
        item![2] = itemsOf(concatBytes(Uint8Array.from([0]), inside))[3];
      },
      'SIGNATURE_INVALID',
    ],
    [
      'one signature too many, empty',
      (items) => items.push([new Uint8Array(0), new Map(), new Uint8Array(64)]),
      'ENVELOPE_INVALID',
    ],
    [
      'a signature cut short',
      ([, item]) => {
        item![2] = (item![2] as Uint8Array).subarray(1);
      },
      'SIGNATURE_INVALID',
    ],
    [
      'an empty signature',
      ([, item]) => {
        item![2] = new Uint8Array(0);
      },
      'SIGNATURE_INVALID',
    ],
    [
      'a signature of zeros',
      ([, item]) => {
        item![2] = new Uint8Array(64);
      },
      'SIGNATURE_INVALID',
    ],
    [
      "the other's algorithm",
      ([, item]) => {
        item![0] = header([
          [1, -8],
          [4, kid],
        ]);
      },
      'SIGNATURE_INVALID',
    ],
    [
      "one's signature under the other's name",
      ([first, second]) => {
        second![2] = first![2];
      },
      'SIGNATURE_INVALID',
    ],
  ];
  for (const [what, change, code] of cases) {
    t.match(taken(await altered(change)), { ok: false, refusal: { code } }, what);
  }
  t.ok(taken(await altered(() => undefined)).ok, 'and unchanged it is obeyed');
  const packet = await many([sam, tess]);
  t.match(taken(packet.subarray(2)), { refusal: { code: 'ENVELOPE_INVALID' } }, 'without its tag');
  t.match(
    taken(concatBytes(Uint8Array.from([0xd2]), packet.subarray(2))),
    { refusal: { code: 'ENVELOPE_INVALID' } },
    'under the tag of a COSE_Sign1',
  );
  t.match(
    taken(
      concatBytes(Uint8Array.from([0xd8, 98]), (await sign1(encode(body).slice(), sam, context)).subarray(1)),
    ),
    { refusal: { code: 'ENVELOPE_INVALID' } },
    'a COSE_Sign1 under the tag of a COSE_Sign',
  );
});

await t.test('points of small order and points off the curve never become keys', async (t) => {
  const text = (kind: string, bytes: Uint8Array) => `${kind}:${Buffer.from(bytes).toString('base64url')}`;
  const small = [new Uint8Array(32), Uint8Array.from([1, ...new Uint8Array(31)])];
  for (const point of small) {
    t.throws(() => new Keyring([{ name: 'x', role: 'security', key: text('ed25519', point) }]), {
      code: 'NS_KEYRING_INVALID',
    });
  }
  const off = new Uint8Array(64).fill(7);
  t.throws(() => new Keyring([{ name: 'x', role: 'security', key: text('es256', off) }]), {
    code: 'NS_KEYRING_INVALID',
  });
});

await t.test('a refused order names its id and issuer only where all signatures hold', async (t) => {
  t.match(openOrder(await many([sam]), keyring, { tenant }), { id: body.id, by: sam.publicKey.keyId });
  const bad = openOrder(await many([sam, { ...gone, publicKey: tess.publicKey }]), keyring, { tenant });
  t.notOk('id' in bad);
  t.notOk('by' in bad);
});

await t.test('one flipped bit anywhere, or a cut anywhere, is refused', async (t) => {
  const packet = await many([sam, uma]);
  let refused = 0;
  for (let at = 0; at < packet.byteLength; at += 1) {
    const changed = packet.slice();
    changed[at] = changed[at]! ^ (1 << (at % 8));
    if (!taken(changed).ok) refused += 1;
    if (!taken(packet.subarray(0, at)).ok) refused += 1;
  }
  t.equal(refused, 2 * packet.byteLength);
});

await t.test('whoever signs, it takes two different people who may', async (t) => {
  const people = [sam, samsOther, tess, uma, olga, gone];
  const person = new Map([sam, samsOther, tess, uma].map((key) => [key, key === samsOther ? sam : key]));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...people), { minLength: 1, maxLength: 5 }),
      async (signers) => {
        const packet = await many(signers, disable(signers[0]));
        const persons = new Set(signers.map((key) => person.get(key)));
        const allowed = signers.length > 1 && persons.size === signers.length && !persons.has(undefined);
        return taken(packet).ok === allowed;
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});
