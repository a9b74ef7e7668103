import fc from 'fast-check';
import t from 'tap';
import {
  type Commit,
  decodeCommit,
  decodeRecord,
  encodeCommit,
  encodeRecord,
  LONGEST_RECORD,
  RECORD_HEADER,
  sectorChecksums,
  sizeFromHeader,
} from '../../../src/storage/redo-format.ts';

const commit: Commit = {
  disk: 'disk0',
  volume: 'disk0p2',
  volumeStart: 1024 * 1024,
  volumeLength: 2 ** 40,
  bodyLength: 12_345,
  bodyHash: new Uint8Array(32).fill(1),
  effectHash: new Uint8Array(32).fill(2),
};

await t.test('a commit record is one sector and comes back as it was', (t) => {
  const bytes = encodeCommit(commit);
  t.equal(bytes?.byteLength, 512);
  t.same(decodeCommit(bytes!), commit);
  t.equal(encodeCommit({ ...commit, volume: 'x'.repeat(65) }), undefined);
  t.equal(encodeCommit({ ...commit, disk: 'ü'.repeat(33) }), undefined);
  t.end();
});

await t.test('no flipped bit, no cut and no addition passes for a commit record', (t) => {
  const bytes = encodeCommit(commit)!;
  for (let bit = 0; bit < bytes.byteLength * 8; bit += 1) {
    const bad = bytes.slice();
    bad[bit >> 3]! ^= 1 << (bit & 7);
    if (decodeCommit(bad) !== undefined) t.fail(`bit ${bit}`);
  }
  t.equal(decodeCommit(bytes.subarray(0, 511)), undefined);
  t.equal(decodeCommit(Buffer.concat([bytes, Buffer.alloc(1)])), undefined);
  t.equal(decodeCommit(new Uint8Array(512)), undefined);
  t.end();
});

await t.test('records come back as they were, and nothing else does', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 3000 }),
      fc.nat(Number.MAX_SAFE_INTEGER),
      fc.nat(),
      (content, offset, flip) => {
        const bytes = encodeRecord({ offset, content, before: sectorChecksums(content) });
        const back = decodeRecord(bytes);
        if (back === undefined || back.offset !== offset || Buffer.compare(back.content, content) !== 0)
          return false;
        const bad = bytes.slice();
        const bit = flip % (bytes.byteLength * 8);
        bad[bit >> 3]! ^= 1 << (bit & 7);
        const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
        const refused = [bad, bytes.subarray(0, -1), longer].every(
          (wrong) => decodeRecord(wrong) === undefined,
        );
        return refused && sizeFromHeader(bytes) === bytes.byteLength;
      },
    ),
    { numRuns: 200 },
  );
});

await t.test('a header that claims more than a record may hold is no header', (t) => {
  const content = new Uint8Array(LONGEST_RECORD);
  const bytes = encodeRecord({ offset: 0, content, before: sectorChecksums(content) });
  t.equal(sizeFromHeader(bytes.subarray(0, RECORD_HEADER)), bytes.byteLength);
  const view = new DataView(bytes.buffer);
  for (const length of [0, LONGEST_RECORD + 1, 0xffffffff]) {
    view.setUint32(12, length, true);
    t.equal(sizeFromHeader(bytes.subarray(0, RECORD_HEADER)), undefined);
  }
  t.end();
});
