import fc from 'fast-check';
import t from 'tap';
import { equalBytes, utf8 } from '../../../src/base/index.ts';
import { encode, LIMITS, type Order } from '../../../src/protocol/index.ts';
import { sign1, signMany } from '../../../src/security/cose.ts';
import { type OrderVerdict, openOrder, signOrder } from '../../../src/security/index.ts';
import { testKey, testKeyring } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const ada = testKey();
const bob = testKey('ES256');
const cleo = testKey();
const stranger = testKey();
const keyring = testKeyring({ ada: [ada, 'operator'], bob: [bob, 'security'], cleo: [cleo, 'security'] });
const rules = { tenant: 'acme' };
const context = utf8('nightshift/1/order/acme');

const open = (packet: Uint8Array) => openOrder(packet, keyring, rules);
const codeOf = (verdict: OrderVerdict) => (verdict.ok ? 'ok' : verdict.refusal.code);
/** Signs any body, also one that signOrder would not. */
const sealed = (body: unknown, key = ada) => sign1(encode(body), key, context);

await t.test('a signed order opens to what was signed, with its signer and hash', async (t) => {
  for (const [key, name] of [
    [ada, 'ada'],
    [bob, 'bob'],
  ] as const) {
    const order = testOrder(key, { verb: 'file.stat', args: { path: '/etc/fstab', volume: undefined } });
    const packet = await signOrder(order, key, 'acme');
    const opened = open(packet);
    if (!opened.ok) throw new Error(opened.refusal.sentence);
    t.equal(opened.value.signer.name, name);
    t.match(opened.value.order, { verb: 'file.stat', args: { path: '/etc/fstab' }, ctr: order.ctr });
    t.equal(opened.value.packetHash.byteLength, 32);
  }
});

await t.test('unsigned, or in another envelope than orders have, is refused as no envelope', async (t) => {
  const body = testOrder(ada);
  t.equal(codeOf(open(encode(body))), 'ENVELOPE_INVALID', 'a bare body');
  t.equal(
    codeOf(open(encode([new Uint8Array(0), {}, encode(body), new Uint8Array(64)]))),
    'ENVELOPE_INVALID',
  );
  const packet = await signOrder(body, ada, 'acme');
  t.equal(codeOf(open(packet.subarray(1))), 'ENVELOPE_INVALID', 'without its tag');
  t.equal(codeOf(open(await signMany(encode(body), [ada, bob], context))), 'ENVELOPE_INVALID', 'two signers');
});

await t.test('an algorithm or key id outside the protected header is refused', async (t) => {
  const packet = await signOrder(testOrder(ada), ada, 'acme');
  const looseKid = Uint8Array.from([0xd2, 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa1, 0x04, 0x48]);
  const tail = packet.subarray(2 + 1 + 13 + 1);
  const changed = new Uint8Array([...looseKid, ...ada.publicKey.keyId, ...tail]);
  t.match(open(changed), { refusal: { code: 'ENVELOPE_INVALID', sentence: /both protected/ } });
});

await t.test('a key that is not enrolled is unknown, and no id is taken from what it signed', async (t) => {
  const verdict = open(await signOrder(testOrder(stranger), stranger, 'acme'));
  t.equal(codeOf(verdict), 'KEY_UNKNOWN');
  t.notOk('id' in verdict);
});

await t.test('a signature by another key, for another tenant or of another class is refused', async (t) => {
  const order = testOrder(ada);
  const impostor = { ...stranger, publicKey: ada.publicKey };
  t.equal(codeOf(open(await signOrder(order, impostor, 'acme'))), 'SIGNATURE_INVALID');
  t.equal(codeOf(open(await signOrder(order, ada, 'other'))), 'SIGNATURE_INVALID');
  const event = await sign1(encode(order), ada, utf8('nightshift/1/event/acme'));
  t.equal(codeOf(open(event)), 'SIGNATURE_INVALID');
});

await t.test('a key is not used with the algorithm of another kind of key', async (t) => {
  const confused = { ...ada, publicKey: { ...ada.publicKey, algorithm: 'ES256' as const } };
  t.equal(codeOf(open(await signOrder(testOrder(ada), confused, 'acme'))), 'SIGNATURE_INVALID');
});

await t.test('an oversized packet is refused before it is read', async (t) => {
  t.equal(codeOf(open(new Uint8Array(LIMITS.order + 1))), 'PACKET_TOO_LARGE');
  t.equal(
    codeOf(openOrder(new Uint8Array(101), keyring, { tenant: 'acme', sizeCap: 100 })),
    'PACKET_TOO_LARGE',
  );
});

await t.test('malformed CBOR is refused in the envelope and in the signed body', async (t) => {
  t.equal(codeOf(open(Uint8Array.from([0xd2, 0x84, 0x43]))), 'CBOR_INVALID');
  const body = Uint8Array.from([0xa2, 0x61, 0x76, 0x01, 0x61, 0x76, 0x01]);
  t.equal(
    codeOf(open(await sign1(body, ada, context))),
    'CBOR_INVALID',
    'a duplicate key under a good signature',
  );
});

await t.test('a wrong shape is refused by the name of the field, and carries the id', async (t) => {
  const good = testOrder(ada);
  const cases: readonly [change: Record<string, unknown>, code: string, says: RegExp][] = [
    [{ v: 2, novel: true }, 'VERSION_UNKNOWN', /version 2/],
    [{ verb: 'machine.explode' }, 'VERB_UNKNOWN', /machine\.explode/],
    [{ verb: 'toString' }, 'VERB_UNKNOWN', /toString/],
    [{ verb: 'file.stat', args: { path: 7 } }, 'MESSAGE_INVALID', /"args\.path"/],
    [{ verb: 'file.stat', args: {} }, 'MESSAGE_INVALID', /"args\.path" is missing/],
    [{ args: { extra: 1 } }, 'MESSAGE_INVALID', /"args\.extra" is not known/],
    [{ extra: 1 }, 'MESSAGE_INVALID', /"extra"/],
    [{ ctr: 0 }, 'MESSAGE_INVALID', /"ctr"/],
    [{ aud: { to: 'all', name: 'x' } }, 'MESSAGE_INVALID', /"aud\.to"/],
    [{ exp: undefined }, 'MESSAGE_INVALID', /"exp"/],
    [{ nonce: new Uint8Array(16) }, 'MESSAGE_INVALID', /"maxAge"/],
    [{ nbf: 4_000_000_000 }, 'MESSAGE_INVALID', /"exp"/],
    [{ iss: stranger.publicKey.keyId }, 'MESSAGE_INVALID', /"iss"/],
  ];
  for (const [change, code, says] of cases) {
    const verdict = open(await sealed({ ...good, ...change }));
    if (verdict.ok) throw new Error(JSON.stringify(change));
    t.equal(verdict.refusal.code, code, JSON.stringify(change));
    t.match(verdict.refusal.sentence, says);
    t.ok(verdict.id !== undefined && equalBytes(verdict.id, good.id));
  }
  t.equal(codeOf(open(await sealed({ ...good, id: new Uint8Array(3) }))), 'MESSAGE_INVALID');
  t.equal(codeOf(open(await sealed(7))), 'MESSAGE_INVALID');
});

await t.test('a disable order needs no end', async (t) => {
  const order = testOrder(bob, { verb: 'machine.disable', args: { reason: 'stolen' }, exp: undefined });
  t.equal(codeOf(open(await signOrder(order, bob, 'acme', [cleo]))), 'ok');
});

await t.test('what every device would refuse is not signed', async (t) => {
  await t.rejects(signOrder({ ...testOrder(ada), ctr: 0 } as Order, ada, 'acme'), {
    code: 'NS_ORDER_INVALID',
  });
  await t.rejects(signOrder(testOrder(stranger), ada, 'acme'), { code: 'NS_ORDER_INVALID' });
});

await t.test('one flipped bit anywhere, or a cut anywhere, is refused', async (t) => {
  const packet = await signOrder(testOrder(ada), ada, 'acme');
  let refused = 0;
  for (let at = 0; at < packet.byteLength; at += 1) {
    const changed = new Uint8Array(packet);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    if (!open(changed).ok) refused += 1;
    if (!open(packet.subarray(0, at)).ok) refused += 1;
  }
  t.equal(refused, 2 * packet.byteLength);
});

await t.test('random bytes never throw', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => !open(bytes).ok));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      (bytes) => !open(new Uint8Array([0xd2, 0x84, ...bytes])).ok,
    ),
  );
  t.pass();
});
