import fc from 'fast-check';
import t from 'tap';
import { type BlockMessage, decodeBlock, encode, encodeBlock, LIMITS } from '../../../src/protocol/index.ts';

const id = new Uint8Array(16).fill(7);
const codeOf = (packet: Uint8Array) => {
  const verdict = decodeBlock(packet);
  return verdict.ok ? 'ok' : verdict.refusal.code;
};

await t.test('each block message comes out as it went in', async (t) => {
  const messages: readonly BlockMessage[] = [
    {
      t: 'ask',
      id,
      want: [
        [0, 64],
        [2 ** 40, 1],
      ],
    },
    { t: 'data', id, i: 3, d: new Uint8Array(LIMITS.blockData).fill(1) },
    { t: 'sparse', id },
    { t: 'none', id, i: 3, n: 2 ** 40 },
    { t: 'end', id },
    { t: 'stop', id, why: 'the volume is gone' },
  ];
  for (const message of messages) {
    const decoded = decodeBlock(encodeBlock(message));
    t.strictSame(decoded, { ok: true, value: message });
  }
});

await t.test('a block message in the wrong shape is refused', async (t) => {
  t.equal(codeOf(new Uint8Array(LIMITS.block + 1)), 'PACKET_TOO_LARGE');
  t.equal(codeOf(new Uint8Array(0)), 'CBOR_INVALID');
  t.equal(
    codeOf(encode({ t: 'data', id, i: 0, d: new Uint8Array(LIMITS.blockData + 1) })),
    'MESSAGE_INVALID',
  );
  t.equal(codeOf(encode({ t: 'ask', id, want: [] })), 'MESSAGE_INVALID');
  t.equal(codeOf(encode({ t: 'ask', id, want: [[0, 65]] })), 'MESSAGE_INVALID');
  t.equal(codeOf(encode({ t: 'end', id: new Uint8Array(15) })), 'MESSAGE_INVALID');
  t.equal(codeOf(encode({ t: 'end', id, more: 1 })), 'MESSAGE_INVALID');
  t.equal(codeOf(encode({ t: 'none', id, i: 0, n: 0 })), 'MESSAGE_INVALID');
  t.equal(codeOf(encode({ t: 'go', id })), 'MESSAGE_INVALID');
});

await t.test('random and damaged bytes never throw', async (t) => {
  const good = encodeBlock({ t: 'ask', id, want: [[1, 2]] });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.nat(good.byteLength - 1),
      fc.nat(255),
      (bytes, at, byte) => {
        const changed = new Uint8Array(good);
        changed[at] = byte;
        decodeBlock(changed);
        decodeBlock(bytes);
      },
    ),
  );
  t.pass();
});
