import fc from 'fast-check';
import t from 'tap';
import { equalBytes, toHex } from '../../../../src/base/index.ts';
import {
  ANY_GATEWAY,
  decodeRelayMessage,
  type Envelope,
  encodeRelayMessage,
  envelopeId,
  LARGEST_PACKET,
} from '../../../../src/sata-chain/index.ts';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
const envelope: fc.Arbitrary<Envelope> = fc.record({
  kind: fc.constantFrom('order', 'event'),
  from: name,
  to: fc.oneof(name, fc.constant(ANY_GATEWAY)),
  created: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  nonce: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  packet: fc.uint8Array({ maxLength: 500 }),
  hops: fc.integer({ min: 0, max: 64 }),
  ttl: fc.integer({ min: 0, max: 86_400 }),
});
const SAMPLE: Envelope = {
  kind: 'order',
  from: 'gate',
  to: 'host1',
  created: 1_790_000_000,
  nonce: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  packet: Uint8Array.of(0xd2, 0x84),
  hops: 64,
  ttl: 3600,
};
const offer = (change: Partial<Envelope> = {}) =>
  encodeRelayMessage({ is: 'offer', envelope: { ...SAMPLE, ...change } });

await t.test('what is offered or answered is read as it was written', async (t) => {
  fc.assert(
    fc.property(envelope, (sent) => {
      t.same(decodeRelayMessage(encodeRelayMessage({ is: 'offer', envelope: sent })), {
        is: 'offer',
        envelope: sent,
      });
    }),
  );
  for (const verdict of ['kept', 'later', 'never'] as const) {
    const answer = { is: 'answer', id: envelopeId(SAMPLE), verdict } as const;
    t.same(decodeRelayMessage(encodeRelayMessage(answer)), answer);
  }
});

await t.test('what breaks a bound, or is cut short, is no message', async (t) => {
  const good = offer();
  t.ok(decodeRelayMessage(good));
  for (let length = 0; length < good.length - SAMPLE.packet.length; length += 1) {
    t.equal(decodeRelayMessage(good.subarray(0, length)), undefined, `${length} bytes`);
  }
  for (const bad of [
    offer({ hops: 65 }),
    offer({ ttl: 86_401 }),
    offer({ from: '' }),
    offer({ from: ANY_GATEWAY }),
    offer({ to: 'a/b' }),
    offer({ to: 'é' }),
    offer({ packet: new Uint8Array(LARGEST_PACKET + 1) }),
    Uint8Array.of(2, 3, ...envelopeId(SAMPLE)),
    Uint8Array.of(2, 0, ...envelopeId(SAMPLE), 0),
    Uint8Array.of(3, ...good.subarray(1)),
    Uint8Array.of(1, 2, ...good.subarray(2)),
  ]) {
    t.equal(decodeRelayMessage(bad), undefined, toHex(bad.subarray(0, 40)));
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => void decodeRelayMessage(junk)));
});

await t.test('an envelope is known by all that it carries, and not by what changes on the way', async (t) => {
  const id = envelopeId(SAMPLE);
  t.ok(equalBytes(id, envelopeId({ ...SAMPLE, hops: 1, ttl: 1 })));
  const others: Partial<Envelope>[] = [
    { kind: 'event' },
    { from: 'gateh' },
    { to: 'host2' },
    // The same letters, cut elsewhere.
    { from: 'gateh', to: 'ost1' },
    { created: 1 },
    { nonce: new Uint8Array(8) },
    { packet: Uint8Array.of(0xd2, 0x85) },
  ];
  for (const change of others) t.notOk(equalBytes(id, envelopeId({ ...SAMPLE, ...change })));
});
