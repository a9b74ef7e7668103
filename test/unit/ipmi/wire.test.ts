import fc from 'fast-check';
import t from 'tap';
import { NsError } from '../../../src/base/index.ts';
import { userKey } from '../../../src/ipmi/session/rakp.ts';
import { nextSequence, SequenceWindow } from '../../../src/ipmi/session/sequence-window.ts';
import { CIPHER_SUITES, suiteOf } from '../../../src/ipmi/wire/cipher-suite.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../../src/ipmi/wire/message.ts';
import { decodePacket, encodeSession } from '../../../src/ipmi/wire/packet.ts';
import { deriveKeys } from '../../../src/ipmi/wire/protection.ts';

const byte = fc.integer({ min: 0, max: 255 });

void t.test('a message is read back as it was written', async () => {
  fc.assert(
    fc.property(
      fc.record({
        netFn: fc.integer({ min: 0, max: 62 }),
        command: byte,
        sequence: fc.integer({ min: 0, max: 63 }),
        data: fc.uint8Array({ maxLength: 64 }),
        completion: byte,
      }),
      (m) => {
        const request = decodeRequest(encodeRequest({ ...m, lun: 2 }));
        const response = decodeResponse(encodeResponse(m));
        const same = (r: { netFn: number; command: number; sequence: number; data: Uint8Array }): boolean =>
          r.netFn === m.netFn &&
          r.command === m.command &&
          r.sequence === m.sequence &&
          Buffer.compare(r.data, m.data) === 0;
        return same(request) && request.lun === 2 && same(response) && response.completion === m.completion;
      },
    ),
  );
});

void t.test('a datagram of junk is one clear error', async () => {
  const keys = deriveKeys(CIPHER_SUITES[17], new Uint8Array(32));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, plausible) => {
      if (plausible) bytes.set([6, 0, 0xff, 7, 6, 0xc0].slice(0, bytes.length));
      try {
        return decodePacket(bytes, () => keys).is !== 'session';
      } catch (error) {
        return error instanceof NsError && error.family === 'peer';
      }
    }),
    { numRuns: 2000 },
  );
});

void t.test('any payload survives encryption', async () => {
  const keys = deriveKeys(CIPHER_SUITES[3], new Uint8Array(20).fill(7));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 512 }),
      fc.integer({ min: 1, max: 0xffff_ffff }),
      (payload, sequence) => {
        const packet = { payloadType: 0, sessionId: 9, sequence, payload };
        const opened = decodePacket(encodeSession(packet, keys, new Uint8Array(16)), (id) =>
          id === 9 ? keys : undefined,
        );
        return (
          opened.is === 'session' &&
          opened.sequence === sequence &&
          Buffer.compare(opened.payload, payload) === 0
        );
      },
    ),
  );
});

void t.test('a packet in the clear is not taken for one of a session', async (t) => {
  const keys = deriveKeys(CIPHER_SUITES[17], new Uint8Array(32));
  const plain = Uint8Array.from([6, 0, 255, 7, 6, 0x00, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 42]);
  t.throws(() => decodePacket(plain, () => keys), { code: 'NS_IPMI_PACKET' });
});

void t.test('three algorithms make a suite only together', async (t) => {
  t.equal(suiteOf(1, 1, 1)?.id, 3);
  t.equal(suiteOf(3, 4, 1)?.id, 17);
  const mixes: [number, number, number][] = [
    [3, 1, 1],
    [1, 4, 1],
    [0, 0, 0],
    [3, 4, 0],
    [1, 0, 0],
  ];
  for (const mix of mixes) {
    t.equal(suiteOf(...mix), undefined);
  }
});

void t.test('a password that BMCs would cut is refused', async (t) => {
  t.equal(userKey(new Uint8Array(20)).byteLength, 20);
  t.throws(() => userKey(new Uint8Array(21)), { code: 'NS_IPMI_CREDENTIALS' });
});

void t.test('a sequence number is taken once, near the highest, in any order', async () => {
  const near = fc.array(fc.integer({ min: -40, max: 40 }), { maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), near, (start, steps) => {
      const window = new SequenceWindow();
      window.take(start);
      const used = new Set([start]);
      let highest = start;
      for (const step of steps) {
        const sequence = (highest + step) >>> 0;
        const fresh = sequence !== 0 && !used.has(sequence) && step > -32 && step <= 32;
        if (window.take(sequence) !== fresh) return false;
        if (!fresh) continue;
        used.add(sequence);
        if (step > 0) highest = sequence;
      }
      return true;
    }),
  );
});

void t.test('the number after the last is 1', async (t) => {
  t.equal(nextSequence(0xffff_ffff), 1);
  t.equal(nextSequence(1), 2);
});
