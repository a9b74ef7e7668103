import fc from 'fast-check';
import t from 'tap';
import {
  decodeSeen,
  encode,
  encodeSeen,
  isFullSeen,
  LIMITS,
  seenFilter,
  seenTeller,
  seenThatFit,
} from '../../../src/protocol/index.ts';

const code = (packet: Uint8Array): string => {
  const decoded = decodeSeen(packet);
  return decoded.ok ? 'ok' : decoded.refusal.code;
};

await t.test('tokens come out as they went in', async () => {
  const token = fc.uint8Array({ maxLength: LIMITS.token });
  fc.assert(
    fc.property(fc.array(token, { maxLength: 120 }), (tokens) => {
      const decoded = decodeSeen(encodeSeen(seenThatFit(tokens)));
      return (
        decoded.ok &&
        decoded.value.tokens.every((each, i) => Buffer.compare(each, tokens[i]!) === 0) &&
        decoded.value.tokens.length === seenThatFit(tokens).length
      );
    }),
    { numRuns: 50 },
  );
});

await t.test('as many as fit never make too large a message, and one more would', async (t) => {
  for (const size of [1, 23, 24, 150, 255, 256, 257, 511, 512]) {
    const tokens = Array.from({ length: 600 }, () => new Uint8Array(size));
    const fit = seenThatFit(tokens);
    const packet = encodeSeen(fit);
    t.ok(packet.byteLength <= LIMITS.seen, `${fit.length} of ${size}`);
    // A byte for each token may be left, and the room for one more.
    t.ok(fit.length === 512 || packet.byteLength + fit.length + size + 19 > LIMITS.seen, `used: ${size}`);
    t.ok(isFullSeen({ v: 1, tokens: [...fit] }));
  }
  t.notOk(isFullSeen({ v: 1, tokens: [] }));
  t.notOk(isFullSeen({ v: 1, tokens: [new Uint8Array(512)] }));
});

await t.test('anything else is refused', async (t) => {
  const one = new Uint8Array(150).fill(7);
  const packet = encodeSeen([one]);
  t.equal(code(packet), 'ok');
  t.equal(code(packet.subarray(0, -1)), 'CBOR_INVALID');
  t.equal(code(Uint8Array.of(...packet, 0)), 'CBOR_INVALID');
  t.equal(code(new Uint8Array(LIMITS.seen + 1)), 'PACKET_TOO_LARGE');
  t.equal(code(new Uint8Array(0)), 'CBOR_INVALID');
  for (const wrong of [
    { v: 2, tokens: [] },
    { v: 1 },
    { v: 1, tokens: one },
    { v: 1, tokens: ['text'] },
    { v: 1, tokens: [new Uint8Array(LIMITS.token + 1)] },
    { v: 1, tokens: Array.from({ length: 513 }, () => new Uint8Array(1)) },
    { v: 1, tokens: [], who: 'me' },
    [],
  ]) {
    t.equal(code(encode(wrong).slice()), 'MESSAGE_INVALID');
  }
  t.equal(code(encode({ v: 1, tokens: [[one]] }).slice()), 'CBOR_INVALID', 'deeper than it may be');
  t.equal(code(encode({ v: 1, tokens: new Array(600).fill(1) }).slice()), 'CBOR_INVALID', 'too many items');
});

await t.test('the topic says whose it is, and only this tenant is listened to', async (t) => {
  t.equal(seenFilter('acme'), 'ns/1/acme/d/+/seen');
  t.equal(seenTeller('acme', 'ns/1/acme/d/rack.1/seen'), 'rack.1');
  for (const topic of [
    'ns/1/other/d/rack1/seen',
    'ns/1/acme/d/rack1/evt',
    'ns/1/acme/d/a/b/seen',
    'ns/1/acme/d//seen',
    'ns/1/acme/d/operator:olga/seen',
    'ns/1/acme/d/seen',
    '',
  ]) {
    t.equal(seenTeller('acme', topic), undefined, topic);
  }
});
