import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { equalBytes, fromHex, milliseconds, utf8 } from '../../src/base/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { encode, LIMITS } from '../../src/protocol/index.ts';
import { sign1, signMany } from '../../src/security/cose.ts';
import { signOrder } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { testKey } from '../kit/keys.ts';
import { testOrder } from '../kit/orders.ts';

const host = await ColdHost.start({
  fill: async (tree) => {
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'etc/keep'), 'kept\n');
  },
});
t.teardown(() => host.close());
const before = await host.disk.hash();

/** Every order of this file would remove a file, were it obeyed. */
const remove = { verb: 'file.delete', args: { path: '/etc/keep' } };
const now = systemClock.wallSeconds();
const context = utf8('nightshift/1/order/acme');
const seal = (body: Uint8Array, key: KeyStore = host.operator, bound = context) => sign1(body, key, bound);
const base = (change: Record<string, unknown> = {}) =>
  testOrder(host.operator, { ctr: 1_000_000, exp: now + 600, ...remove, ...change });

const rejectionOf = (packet: Uint8Array) => {
  const hash = createHash('sha256').update(packet).digest();
  return host.said('rejected').find((event) => equalBytes(event.packet, hash));
};

/** At the door: one signed answer with this code, no task, and not a byte of the disk. */
async function turnedAway(t: Test, what: string, packet: Uint8Array, code: string): Promise<void> {
  host.send(packet);
  await eventually(() => rejectionOf(packet) !== undefined);
  const rejected = rejectionOf(packet);
  t.equal(rejected?.refusal.code, code, what);
  t.ok(rejected?.refusal.sentence !== '' && rejected?.refusal.remedy !== '', 'with a sentence and a remedy');
  // Answers to what nobody vouches for are rationed.
  await systemClock.sleep(milliseconds(100), new AbortController().signal);
}

async function nothingDone(t: Test): Promise<void> {
  t.same(host.said('accepted'), []);
  t.same(host.said('receipt'), []);
  t.equal(await host.disk.hash(), before, 'the disk is as it was');
}

await t.test('what is not signed, or not by whom it says, is turned away', async (t) => {
  const stranger = testKey();
  const order = base();
  const good = await signOrder(order, host.operator, 'acme');
  const flipped = good.slice();
  flipped[flipped.length - 1]! ^= 1;
  const inside = good.slice();
  inside[inside.length - 80]! ^= 1;
  const cases: [string, Uint8Array, string][] = [
    ['unsigned', encode(order), 'ENVELOPE_INVALID'],
    [
      'an empty signature',
      encode([new Uint8Array(0), {}, encode(order), new Uint8Array(0)]),
      'ENVELOPE_INVALID',
    ],
    [
      'two signers',
      await signMany(encode(order), [host.operator, host.officer], context),
      'ENVELOPE_INVALID',
    ],
    ['a flipped bit in the signature', flipped, 'SIGNATURE_INVALID'],
    ['a flipped bit in the body', inside, 'SIGNATURE_INVALID'],
    [
      'a key that nobody enrolled',
      await signOrder(testOrder(stranger, remove), stranger, 'acme'),
      'KEY_UNKNOWN',
    ],
    ['another tenant', await signOrder(order, host.operator, 'other'), 'SIGNATURE_INVALID'],
    [
      'a receipt’s context',
      await seal(encode(order), host.operator, utf8('nightshift/1/event/acme')),
      'SIGNATURE_INVALID',
    ],
    [
      'another issuer than the signer',
      await seal(encode({ ...order, iss: host.officer.publicKey.keyId })),
      'MESSAGE_INVALID',
    ],
    ['a role that may not', await host.packet(remove, host.officer), 'NOT_PERMITTED'],
  ];
  for (const [what, packet, code] of cases) await turnedAway(t, what, packet, code);
  await nothingDone(t);
});

await t.test('what is for another, too late, too early or retained is turned away', async (t) => {
  const cases: [string, Uint8Array, string][] = [
    [
      'another device',
      await host.packet({ ...remove, aud: { to: 'device', name: 'host2' } }),
      'WRONG_AUDIENCE',
    ],
    [
      'another group',
      await host.packet({ ...remove, aud: { to: 'group', name: 'rack2' } }),
      'WRONG_AUDIENCE',
    ],
    [
      'a group of the name of the device',
      await host.packet({ ...remove, aud: { to: 'group', name: 'host1' } }),
      'WRONG_AUDIENCE',
    ],
    ['expired', await host.packet({ ...remove, exp: now - 1 }), 'EXPIRED'],
    ['expired long ago', await host.packet({ ...remove, exp: 1 }), 'EXPIRED'],
    ['not yet valid', await host.packet({ ...remove, nbf: now + 500, exp: now + 600 }), 'NOT_YET_VALID'],
  ];
  for (const [what, packet, code] of cases) await turnedAway(t, what, packet, code);
  await nothingDone(t);
});

await t.test('malformed CBOR is turned away, in the envelope and under a right signature', async (t) => {
  const tidy = encode(base());
  const hex = (text: string) => fromHex(text.replaceAll(' ', ''));
  const classes: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['cut short', tidy.subarray(0, -1)],
    ['bytes after the end', new Uint8Array([...tidy, 0])],
    ['an indefinite map', hex('bf 61 76 01 ff')],
    ['an indefinite string', hex('a1 61 76 7f 61 61 ff')],
    ['a key twice', hex('a2 61 76 01 61 76 01')],
    ['a number in a long form', hex('a1 61 76 18 01')],
    ['a length in a long form', hex('a1 78 01 76 01')],
    ['bad UTF-8', hex('a1 61 76 61 ff')],
    ['a bignum', hex('a1 61 76 c2 41 01')],
    ['a tag', hex('a1 61 76 c1 01')],
    ['a number past 2^53', hex('a1 61 76 1b ff ff ff ff ff ff ff ff')],
    ['not a number', hex('a1 61 76 f9 7e 00')],
    ['undefined', hex('a1 61 76 f7')],
    ['too deep', new Uint8Array([...new Uint8Array(4000).fill(0x81), 0])],
    ['a million items promised', hex('9a 00 0f 42 40')],
    ['a huge string promised', hex('5b 00 00 00 7f ff ff ff ff')],
    ['__proto__', hex('a1 69 5f 5f 70 72 6f 74 6f 5f 5f a0')],
  ];
  for (const [what, bytes] of classes) {
    const signed = await seal(bytes);
    host.send(signed);
    await eventually(() => rejectionOf(signed) !== undefined);
    t.match(
      rejectionOf(signed)?.refusal.code,
      /^(CBOR_INVALID|MESSAGE_INVALID|VERSION_UNKNOWN|ENVELOPE_INVALID)$/,
      `${what}, signed`,
    );
    await systemClock.sleep(milliseconds(100), new AbortController().signal);
    await turnedAwayAs(t, `${what}, bare`, bytes, /^(CBOR_INVALID|ENVELOPE_INVALID)$/);
  }
  await nothingDone(t);
});

async function turnedAwayAs(t: Test, what: string, packet: Uint8Array, codes: RegExp): Promise<void> {
  host.send(packet);
  await eventually(() => rejectionOf(packet) !== undefined);
  t.match(rejectionOf(packet)?.refusal.code, codes, what);
  await systemClock.sleep(milliseconds(100), new AbortController().signal);
}

await t.test('an unknown verb, version, field or size is turned away by name', async (t) => {
  const padding = 'x'.repeat(LIMITS.order);
  const cases: [string, Uint8Array, string][] = [
    ['version 2', await seal(encode(base({ v: 2 }))), 'VERSION_UNKNOWN'],
    ['no version', await seal(encode(base({ v: undefined }))), 'MESSAGE_INVALID'],
    ['a verb of tomorrow', await seal(encode(base({ verb: 'file.shred' }))), 'VERB_UNKNOWN'],
    ['a verb from the prototype', await seal(encode(base({ verb: 'constructor' }))), 'VERB_UNKNOWN'],
    ['__proto__ as a verb', await seal(encode(base({ verb: '__proto__' }))), 'VERB_UNKNOWN'],
    [
      'a field too many',
      await seal(encode(base({ args: { path: '/etc/keep', force: true } }))),
      'MESSAGE_INVALID',
    ],
    ['a short id', await seal(encode(base({ id: new Uint8Array(15) }))), 'MESSAGE_INVALID'],
    ['a counter below zero', await seal(encode(base({ ctr: -1 }))), 'MESSAGE_INVALID'],
    ['oversized, signed', await seal(encode(base({ args: { path: padding } }))), 'PACKET_TOO_LARGE'],
    ['oversized junk', new Uint8Array(5_000_000), 'PACKET_TOO_LARGE'],
  ];
  for (const [what, packet, code] of cases) await turnedAway(t, what, packet, code);
  await nothingDone(t);
});

await t.test('a retained order is turned away when the agent finds it', async (t) => {
  const packet = await host.packet(remove);
  await host.stop();
  host.broker.forget();
  host.send(packet, true);
  await host.boot();
  await eventually(() => rejectionOf(packet) !== undefined);
  t.equal(rejectionOf(packet)?.refusal.code, 'RETAINED');
  await nothingDone(t);
});

await t.test('an order counts once: again it brings the same receipt, changed it is refused', async (t) => {
  const id = new Uint8Array(16).fill(9);
  const args = { path: '/etc/keep', dryRun: true };
  const first = await host.packet({ ...remove, args, id, ctr: 2_000_000 });
  const receipts = () => host.said('receipt').filter((receipt) => equalBytes(receipt.id, id));
  host.send(first);
  await eventually(() => receipts().length === 1);
  host.send(first);
  await eventually(() => receipts().length === 2);
  t.same(receipts()[1], receipts()[0]);

  await turnedAway(
    t,
    'same id, other bytes',
    await host.packet({ ...remove, id, ctr: 2_000_001 }),
    'ID_CONFLICT',
  );
  await turnedAway(t, 'same counter', await host.packet({ ...remove, ctr: 2_000_000 }), 'REPLAYED');
  await turnedAway(t, 'an old counter', await host.packet({ ...remove, ctr: 5 }), 'REPLAYED');

  await host.restart();
  host.send(first);
  await eventually(() => receipts().length === 3);
  t.same(receipts()[2], receipts()[0], 'also over a restart');
  await turnedAway(
    t,
    'same id, after a restart',
    await host.packet({ ...remove, id, ctr: 2_000_002 }),
    'ID_CONFLICT',
  );
  await turnedAway(
    t,
    'same counter, after a restart',
    await host.packet({ ...remove, ctr: 2_000_000 }),
    'REPLAYED',
  );
  t.equal(await host.disk.hash(), before);
  t.equal(await host.disk.faults(), '');
});

await t.test('behind all this a good order is obeyed', async (t) => {
  const packet = await host.packet({ ...remove, ctr: 3_000_000 });
  const count = host.said('receipt').length;
  host.send(packet);
  await eventually(() => host.said('receipt').length > count);
  t.match(host.said('receipt').at(-1), { outcome: 'succeeded' });
  t.equal(await host.disk.text('/etc/keep'), undefined);
  t.equal(await host.disk.faults(), '');
});
