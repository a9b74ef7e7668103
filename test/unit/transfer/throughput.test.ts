import t from 'tap';
import { SeededEntropy } from '../../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { hours, seconds } from '../../../src/base/index.ts';
import { ChunkMap, chunksOf, receiveFile, sendFile } from '../../../src/transfer/index.ts';
import { MemoryFile } from '../../kit/memory-file.ts';
import { type LinkFaults, VirtualLink } from '../../kit/virtual-link.ts';

const id = new Uint8Array(16).fill(3);
const CHUNK = 65_536;
const SIZE = 64 * 1024 * 1024;

/** Virtual milliseconds that 64 MiB take. */
async function time(faults: LinkFaults) {
  const clock = new VirtualClock();
  const link = new VirtualLink(clock, new SeededEntropy(5), faults);
  const source = MemoryFile.sized(SIZE);
  const common = { id, size: SIZE, chunk: CHUNK, clock, signal: new AbortController().signal };
  const sending = sendFile({ ...common, read: source.read, port: link.left, noProgress: seconds(60) });
  const receiving = receiveFile({
    ...common,
    have: new ChunkMap(chunksOf(SIZE, CHUNK)),
    write: async () => undefined,
    read: source.read,
    flush: async () => undefined,
    saveMap: async () => undefined,
    port: link.right,
    noProgress: seconds(60),
  });
  await clock.settle(receiving, hours(1));
  const took = clock.monotonic();
  await clock.settle(sending, hours(1));
  return { took, chunks: link.chunks.length, asks: link.sent - link.chunks.length };
}

await t.test('64 MiB at 12.5 MB/s take hardly longer over 200 ms of round trip than over none', async (t) => {
  const line = 12_500;
  const near = await time({ latencyMs: 0, bytesPerMs: line });
  const far = await time({ latencyMs: 100, bytesPerMs: line });
  t.comment(`0 ms: ${near.took} ms, 200 ms: ${far.took} ms, ratio ${(far.took / near.took).toFixed(2)}`);
  t.comment(`asks: ${near.asks} and ${far.asks} for ${near.chunks} chunks`);
  t.ok(far.took / near.took < 1.35);
  t.equal(near.chunks, SIZE / CHUNK);
  t.equal(far.chunks, SIZE / CHUNK, 'and no chunk is sent twice');
});

await t.test('a slow line is not taken for a lossy one', async (t) => {
  const slow = await time({ latencyMs: 20, bytesPerMs: 100 });
  t.equal(slow.chunks, SIZE / CHUNK);
});

await t.test('one lost message in a hundred costs little', async (t) => {
  const clean = await time({ latencyMs: 50, bytesPerMs: 12_500 });
  const lossy = await time({ latencyMs: 50, bytesPerMs: 12_500, loss: 0.01 });
  t.comment(`clean ${clean.took} ms, 1 % lost ${lossy.took} ms, chunks ${lossy.chunks}`);
  t.ok(lossy.took < 3 * clean.took);
  t.ok(lossy.chunks < 1.1 * clean.chunks);
});
