import fc from 'fast-check';
import t from 'tap';
import { crc32c, utf8 } from '../../../src/base/index.ts';
import { decodeOrderFile, encodeOrderFile, readOrderFile, showDrafts } from '../../../src/fleet/index.ts';
import type { KeyStore } from '../../../src/ports/index.ts';
import { encode } from '../../../src/protocol/index.ts';
import { sign1, signMany } from '../../../src/security/cose.ts';
import {
  cosignOrder,
  draftOrder,
  Keyring,
  publicKeyText,
  type Role,
  signToken,
  type TokenBody,
} from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const sam = testKey();
const tess = testKey('ES256');
const stranger = testKey();
const entry = (name: string, key: KeyStore, role: Role = 'security', person = name) => ({
  name,
  person,
  role,
  key: publicKeyText(key.publicKey),
});
const people = new Keyring([entry('sam', sam, 'security', 'Sam Miller'), entry('tess', tess)]);
const bodyFor = (host: string, by = sam, change: Record<string, unknown> = {}) =>
  testOrder(by, {
    verb: 'machine.disable',
    args: { reason: 'stolen' },
    exp: undefined,
    aud: { to: 'device', name: host },
    ...change,
  });
const draft = (host: string, by = sam, change: Record<string, unknown> = {}) =>
  draftOrder(bodyFor(host, by, change), by, 'acme');
const enable = { verb: 'machine.enable', exp: 1_800_000_000 };
const view = { now: 1_790_000_000, hosts: new Set(['rack1', 'rack2', 'rack3']), people };
const shown = (packets: readonly Uint8Array[], known = people) =>
  showDrafts('acme', readOrderFile({ tenant: 'acme', packets }, known), view);

/** A file of this map, with a checksum that holds. */
function fileOf(map: unknown): string {
  const bytes = encode(map).slice();
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, crc32c(bytes));
  const base64 = Buffer.concat([bytes, sum]).toString('base64');
  return `-----BEGIN NIGHTSHIFT ORDERS-----\n${base64}\n-----END NIGHTSHIFT ORDERS-----\n`;
}

await t.test('a file comes back as it was, also from mail', async (t) => {
  const file = { tenant: 'acme', packets: [await draft('rack1'), await draft('rack2')] };
  const text = encodeOrderFile(file);
  t.same(decodeOrderFile(text), file);
  t.ok(text.split('\n').every((line) => line.length <= 64));
  const mailed = `\ufeffHi Tess,\r\n\r\n${text.replaceAll('\n', ' \r\n')}\r\n-- \r\nSam`;
  t.same(decodeOrderFile(mailed), file);
});

await t.test('every damaged letter is noticed, as damage', async (t) => {
  const text = encodeOrderFile({ tenant: 'acme', packets: [await draft('rack1')] });
  const first = text.indexOf('\n') + 1;
  const last = text.lastIndexOf('\n-----END');
  for (let at = first; at < last; at += 7) {
    const other = text[at] === 'A' ? 'B' : 'A';
    const code = (() => {
      try {
        decodeOrderFile(text.slice(0, at) + other + text.slice(at + 1));
        return 'taken';
      } catch (error) {
        return (error as { code: string }).code;
      }
    })();
    t.equal(code, 'NS_ORDER_FILE', `letter ${at}`);
  }
});

await t.test('what is no such file is refused, with the reason', async (t) => {
  const one = await draft('rack1');
  const good = { v: 1, tenant: 'acme', orders: [one] };
  const text = fileOf(good);
  const cases: readonly [what: string, text: string, says: RegExp][] = [
    ['nothing', '', /holds no orders/],
    ['another text', 'v: 1\ntenant: acme\n', /holds no orders/],
    ['no end', text.slice(0, text.indexOf('-----END')), /holds no orders/],
    ['two of them', text + text, /twice/],
    ['an answer quoted in mail', text.replaceAll('\n', '\n> '), /damaged/],
    ['no checksum', '-----BEGIN NIGHTSHIFT ORDERS-----\nAAAA\n-----END NIGHTSHIFT ORDERS-----', /damaged/],
    ['another version', fileOf({ ...good, v: 2, more: true }), /version 2/],
    ['an unknown key', fileOf({ ...good, more: true }), /"more" is not known/],
    ['no orders', fileOf({ ...good, orders: [] }), /"orders"/],
    [
      'too many',
      fileOf({ ...good, orders: Array.from({ length: 4097 }, () => new Uint8Array(1)) }),
      /"orders"/,
    ],
    ['no tenant', fileOf({ v: 1, orders: [one] }), /"tenant" is missing/],
    ['an order that is too large', fileOf({ ...good, orders: [new Uint8Array(32 * 1024 + 1)] }), /"orders/],
    ['not a map', fileOf([1]), /holds no orders/],
    ['CBOR of another kind', fileOf('x'), /holds no orders/],
  ];
  for (const [what, from, says] of cases) {
    t.throws(() => decodeOrderFile(from), { code: 'NS_ORDER_FILE', message: says }, what);
  }
  t.throws(() => decodeOrderFile('A'.repeat(17 * 1024 * 1024)), {
    code: 'NS_ORDER_FILE',
    message: /too large/,
  });
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (junk) => {
      try {
        decodeOrderFile(`-----BEGIN NIGHTSHIFT ORDERS-----${junk}-----END NIGHTSHIFT ORDERS-----`);
        return false;
      } catch (error) {
        return (error as { code?: string }).code === 'NS_ORDER_FILE';
      }
    }),
  );
});

await t.test('an order that no device would obey does not get as far as a signature', async (t) => {
  const context = utf8('nightshift/1/order/acme');
  const forged = { ...stranger, publicKey: sam.publicKey };
  const status = testOrder(sam);
  const cases: readonly [what: string, packet: Uint8Array, says: RegExp][] = [
    ['a forged signature', await draftOrder(bodyFor('rack1'), forged, 'acme'), /SIGNATURE_INVALID.*sam/],
    ['another tenant', await draftOrder(bodyFor('rack1'), sam, 'other'), /SIGNATURE_INVALID/],
    ['an order of one person', await sign1(encode(status).slice(), sam, context), /ENVELOPE_INVALID/],
    [
      'one of one person, by two',
      await signMany(encode(status).slice(), [sam, tess], context),
      /single person/,
    ],
    [
      'an issuer who did not sign first',
      await signMany(encode(bodyFor('rack1')).slice(), [tess, sam], context),
      /"iss"/,
    ],
    ['a group', await draft('x', sam, { aud: { to: 'group', name: 'racks' } }), /for a group/],
    ['not CBOR', Uint8Array.from([1, 2, 3]), /CBOR_INVALID/],
    [
      'a wrong shape',
      await signMany(encode({ ...bodyFor('rack1'), args: { level: 9 } }).slice(), [sam], context),
      /"args/,
    ],
  ];
  for (const [what, packet, says] of cases) {
    t.throws(() => readOrderFile({ tenant: 'acme', packets: [packet] }, people), { message: says }, what);
  }
  const twice = [await draft('rack1'), await draft('rack1', sam, enable)];
  t.throws(() => readOrderFile({ tenant: 'acme', packets: twice }, people), {
    message: /two orders for "rack1"/,
  });
});

await t.test('what is signed is said in words, equal orders once', async (t) => {
  t.same(shown([await draft('rack1'), await draft('rack2')]), [
    '2 orders for the tenant acme',
    'destructive: 2 hosts disabled; takes 2 tokens of the budget',
    'rack[1-2]: DISABLE: it cannot be switched on and its disks are held, until two people enable it',
    '  reason: "stolen"',
    '  valid: without end; a device that is away obeys it when it comes back',
    '  WARNING: it has no token of the budget; no device obeys that',
    `  signed by: sam (Sam Miller), security, key ${Buffer.from(sam.publicKey.keyId).toString('hex')}`,
    '  still needs: the signature of another person',
  ]);
  const both = await cosignOrder(await draft('rack1', sam, { ...enable, args: {} }), tess, 'acme');
  const lines = shown([both]);
  t.match(lines[1], /^rack1: ENABLE: a disabled machine is given back$/);
  t.match(lines.join('\n'), /WARNING: no reason is given\n {2}valid: until 2027-01-15 08:00:00Z/);
  t.notMatch(lines.join('\n'), /still needs/);
});

await t.test('the token that an order uses up is named, and all that is wrong with it', async (t) => {
  const gina = testKey();
  const known = new Keyring([
    entry('sam', sam, 'security', 'Sam Miller'),
    entry('tess', tess),
    entry('gina', gina, 'governor'),
  ]);
  const body = { v: 1, epoch: 7, for: 'lock', n: 3, device: 'rack1', at: 1_790_000_000 } as const;
  const token = (change: Partial<TokenBody> = {}, tenant = 'acme') =>
    signToken({ ...body, ...change }, gina, tenant);
  const told = async (token: Uint8Array, keys = known) => {
    const packets = [await draft('rack1', sam, { token })];
    const drafts = readOrderFile({ tenant: 'acme', packets }, keys);
    return showDrafts('acme', drafts, { ...view, people: keys }).join('\n');
  };
  const keyId = Buffer.from(gina.publicKey.keyId).toString('hex');
  const good = await told(await token());
  t.match(good, `  token: lock, epoch 7, signed by gina, governor, key ${keyId}\n`);
  t.match(good, /token numbers: rack1 3$/);
  t.notMatch(good, /WARNING/);
  t.match(await told(await token({ device: 'rack2' })), /WARNING: the token is for rack2/);
  t.match(await told(await token({ for: 'wipe' })), /WARNING: the order needs lock/);
  t.match(await told(await token({}, 'other')), /WARNING: its token is worth nothing: .*for this tenant/);
  t.match(await told(new Uint8Array([1, 2])), /WARNING: its token is worth nothing/);
  t.match(await told(await token(), people), /token: lock, epoch 7, signed by key [0-9a-f]+: NOT KNOWN HERE/);
  const both = new Keyring([
    entry('sam', sam, 'security', 'Sam Miller'),
    entry('gina', gina, 'governor', 'sam miller'),
  ]);
  t.match(await told(await token(), both), /WARNING: whoever signed the token has signed the order too/);
});

await t.test('whatever should make a person stop is a warning', async (t) => {
  const text = async (packet: Promise<Uint8Array>, known = people) => shown([await packet], known).join('\n');
  t.match(await text(draft('rack1', stranger)), /NOT KNOWN HERE/);
  t.match(await text(draft('rack1', sam), new Keyring([])), /NOT KNOWN HERE/);
  t.match(await text(draft('rack9')), /not in your configuration/);
  t.match(await text(draft('rack1', sam, { ...enable, exp: view.now })), /that time has passed/);
  const demoted = new Keyring([entry('sam', sam, 'operator'), entry('tess', tess, 'security', 'Sam')]);
  t.match(await text(draft('rack1'), demoted), /role operator may not/);
  t.match(
    await text(cosignOrder(await draft('rack1'), tess, 'acme'), demoted),
    /one person has signed twice/,
  );
  t.match(
    await text(draft('rack1', sam, { args: { reason: 'a\nvalid: never', dryRun: true } })),
    /"a\\nvalid: never"\n {2}dryRun: true/,
  );
});
