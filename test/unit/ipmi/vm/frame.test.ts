import fc from 'fast-check';
import t from 'tap';
import { toHex } from '../../../../src/base/index.ts';
import {
  decodeVmControl,
  decodeVmRequest,
  encodeVmFrame,
  encodeVmResponse,
  type VmFrame,
  VmFrameReader,
} from '../../../../src/ipmi/index.ts';
import { LONGEST_VM_FRAME } from '../../../../src/ipmi/vm/frame.ts';

const read = (...pieces: readonly Uint8Array[]): VmFrame[] => {
  const reader = new VmFrameReader();
  return pieces.flatMap((piece) => reader.push(piece));
};

await t.test('what QEMU 7.2 says first is read', async (t) => {
  const frames = read(Uint8Array.of(0xff, 0x01, 0xa1, 0x08, 0x3f, 0xa1));
  const said = frames.map((frame) => (frame.is === 'damaged' ? undefined : decodeVmControl(frame.bytes)));
  t.same(said, [
    { is: 'version', version: 1 },
    {
      is: 'capabilities',
      capabilities: {
        powerOff: true,
        reset: true,
        interrupt: true,
        nmi: true,
        attention: true,
        softOff: true,
      },
    },
  ]);
});

await t.test('the first request of a Linux guest is read and answered as it was captured', async (t) => {
  const [frame] = read(Uint8Array.of(0x00, 0x18, 0x01, 0xe7, 0xa0));
  t.equal(frame?.is, 'message');
  const request = decodeVmRequest(frame!.is === 'message' ? frame!.bytes : new Uint8Array(0))!;
  t.match(request, { sequence: 0, netFn: 6, lun: 0, command: 1 });
  t.equal(toHex(encodeVmResponse(request, { completion: 0xc1, data: Uint8Array.of(0xa0) })), '001c01c1a082');
  t.equal(
    toHex(encodeVmFrame('message', Uint8Array.of(0x00, 0x1c, 0x01, 0xc1, 0xa0, 0x82))),
    '001c01c1aab082a0',
    'what looks like a terminator is escaped',
  );
});

await t.test('a request that was changed on its way is none', async (t) => {
  const good = Uint8Array.of(0x00, 0x18, 0x01, 0xe7);
  for (let bit = 0; bit < good.length * 8; bit += 1) {
    const flipped = good.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    t.equal(decodeVmRequest(flipped), undefined);
  }
  for (let length = 0; length < good.length; length += 1) {
    t.equal(decodeVmRequest(good.subarray(0, length)), undefined);
  }
});

await t.test('frames of any content come through any cutting of the stream', async () => {
  const frames = fc.array(
    fc.record({
      is: fc.constantFrom('message', 'control'),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(frames, fc.array(fc.nat({ max: 20 })), (sent, cuts) => {
      const wire = Buffer.concat(
        sent.map(({ is, bytes }) => encodeVmFrame(is as 'message' | 'control', bytes)),
      );
      const pieces: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        pieces.push(wire.subarray(at, at + cut));
        at += cut;
      }
      pieces.push(wire.subarray(at));
      const got = read(...pieces).map((frame) =>
        frame.is === 'damaged' ? frame : { is: frame.is, bytes: toHex(frame.bytes) },
      );
      const expected = sent.map(({ is, bytes }) => ({ is, bytes: toHex(bytes) }));
      return JSON.stringify(got) === JSON.stringify(expected);
    }),
  );
});

await t.test('whatever bytes come, the next whole frame after a terminator is read', async () => {
  const whole = encodeVmFrame('message', Uint8Array.of(1, 2, 0xa0, 0xaa));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (noise) => {
      const frames = read(noise, Uint8Array.of(0xa1), whole);
      for (const frame of frames) {
        if (frame.is !== 'damaged' && frame.bytes.byteLength > LONGEST_VM_FRAME) return false;
        if (frame.is === 'control') decodeVmControl(frame.bytes);
        if (frame.is === 'message') decodeVmRequest(frame.bytes);
      }
      const last = frames.at(-1);
      return last?.is === 'message' && toHex(last.bytes) === '0102a0aa';
    }),
  );
});

await t.test('a frame without an end, and an escape of nothing, are told as damage once', async (t) => {
  const endless = new Uint8Array(100_000);
  t.same(read(endless, Uint8Array.of(0xa0)), [{ is: 'damaged', why: 'too long' }]);
  t.same(read(Uint8Array.of(1, 0xaa, 0xa0)), [{ is: 'damaged', why: 'bad escape' }]);
  t.same(read(Uint8Array.of(1, 0xaa, 0x33, 0xa0)), [{ is: 'damaged', why: 'bad escape' }]);
});
