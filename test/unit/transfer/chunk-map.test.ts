import fc from 'fast-check';
import t from 'tap';
import { ChunkMap, chunkLength, chunksOf } from '../../../src/transfer/index.ts';

await t.test('says of every chunk whether it is there, whatever the order they came in', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 300 }), (order) => {
      const map = new ChunkMap(180);
      const expected = new Set<number>();
      for (const index of order) {
        const fresh = index < 180 && !expected.has(index);
        if (map.add(index) !== fresh) return false;
        if (index < 180) expected.add(index);
      }
      for (let i = 0; i < 180; i += 1) if (map.has(i) !== expected.has(i)) return false;
      for (let from = 0; from <= 180; from += 1) {
        let next: number | undefined = from;
        while (next < 180 && expected.has(next)) next += 1;
        if (map.nextMissing(from) !== (next < 180 ? next : undefined)) return false;
      }
      return map.count === expected.size && map.complete === (expected.size === 180);
    }),
  );
  t.pass();
});

await t.test('takes runs as it takes each chunk of them', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(120), fc.nat(130)), { maxLength: 40 }), (runs) => {
      const [byRun, byOne] = [new ChunkMap(120), new ChunkMap(120)];
      for (const [first, end] of runs) {
        byRun.addRun(first, end);
        if (end <= 120) for (let i = first; i < end; i += 1) byOne.add(i);
        const missing = byOne.nextMissing(0);
        if (missing !== undefined) {
          let until = missing;
          while (until < 120 && !byOne.has(until)) until += 1;
          if (byRun.endOfMissing(missing) !== until) return false;
        }
      }
      return byRun.count === byOne.count && byRun.toBytes().join() === byOne.toBytes().join();
    }),
  );
  const large = new ChunkMap(2 ** 40);
  large.addRun(5, 2 ** 40);
  t.equal(large.nextMissing(0), 0);
  t.equal(large.count, 2 ** 40 - 5);
});

await t.test('comes back from its bytes', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(99)), (order) => {
      const map = new ChunkMap(100);
      for (const index of order) map.add(index);
      const again = ChunkMap.fromBytes(map.toBytes(), 100);
      return (
        again !== undefined && again.count === map.count && again.toBytes().join() === map.toBytes().join()
      );
    }),
  );
  t.pass();
});

await t.test('refuses bytes that are short, long, altered or of another file', async (t) => {
  const map = new ChunkMap(1000);
  for (const index of [1, 2, 3, 7, 900]) map.add(index);
  const bytes = map.toBytes();
  t.ok(ChunkMap.fromBytes(bytes, 1000));
  t.equal(ChunkMap.fromBytes(bytes, 1001), undefined);
  t.equal(ChunkMap.fromBytes(bytes.subarray(0, bytes.length - 1), 1000), undefined);
  t.equal(ChunkMap.fromBytes(new Uint8Array([...bytes, 0]), 1000), undefined);
  t.equal(ChunkMap.fromBytes(new Uint8Array(), 1000), undefined);
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const altered = bytes.slice();
    altered[bit >> 3]! ^= 1 << (bit & 7);
    if (ChunkMap.fromBytes(altered, 1000) !== undefined) t.fail(`bit ${bit} went unnoticed`);
  }
});

await t.test('a file of 2^53 bytes needs no more room than its gaps', async (t) => {
  const total = chunksOf(Number.MAX_SAFE_INTEGER, 65_536);
  const map = new ChunkMap(total);
  for (let i = 0; i < 10_000; i += 1) map.add(i);
  t.ok(map.add(total - 1));
  t.notOk(map.add(total));
  t.equal(map.nextMissing(5), 10_000);
  t.equal(map.toBytes().length, 16 + 2 * 16 + 4);
  t.equal(chunkLength(total - 1, Number.MAX_SAFE_INTEGER, 65_536), 65_535);
});
