import t from 'tap';
import { SeededEntropy } from '../../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { hours, seconds } from '../../../src/base/index.ts';
import { ChunkMap, receiveFile, sendFile } from '../../../src/transfer/index.ts';
import { MemoryFile } from '../../kit/memory-file.ts';
import { VirtualLink } from '../../kit/virtual-link.ts';

const id = new Uint8Array(16).fill(9);
const CHUNK = 100;
const TOTAL = 40;
const WINDOW = 8;

/** One run of both ends; after `cutAfter` messages neither end can do anything more. */
async function run(sink: MemoryFile, savedMap: Uint8Array | undefined, cutAfter: number, seed: number) {
  const clock = new VirtualClock();
  const link = new VirtualLink(clock, new SeededEntropy(seed), { latencyMs: 10, jitterMs: 5 });
  const source = MemoryFile.patterned(TOTAL * CHUNK);
  const killed = new AbortController();
  let alive = true;
  let saved = savedMap;
  link.cutAfter = cutAfter;
  link.onCut = () => {
    alive = false;
    killed.abort(new Error('power cut'));
  };
  const common = {
    id,
    size: TOTAL * CHUNK,
    chunk: CHUNK,
    clock,
    signal: killed.signal,
    noProgress: seconds(60),
  };
  const have = saved === undefined ? new ChunkMap(TOTAL) : ChunkMap.fromBytes(saved, TOTAL)!;
  const ends = Promise.allSettled([
    sendFile({ ...common, read: source.read, port: link.left }),
    receiveFile({
      ...common,
      have,
      sha256: source.sha256,
      write: async (offset, data) => {
        if (alive) await sink.write(offset, data);
      },
      read: sink.read,
      flush: sink.flush,
      saveMap: async (map) => {
        if (alive) saved = map;
      },
      saveEvery: 1,
      window: { initial: WINDOW, max: WINDOW },
      port: link.right,
    }),
  ]);
  const [sent, received] = await clock.settle(ends, hours(1));
  return { link, saved, sent, received, source };
}

await t.test('cut at every message, both ends go on and send no more than one window again', async (t) => {
  const whole = await run(MemoryFile.sized(TOTAL * CHUNK), undefined, Number.POSITIVE_INFINITY, 1);
  t.equal(whole.link.chunks.length, TOTAL);
  let worst = 0;
  for (let cut = 0; cut < whole.link.sent; cut += 1) {
    const sink = MemoryFile.sized(TOTAL * CHUNK);
    const before = await run(sink, undefined, cut, 1);
    const after = await run(sink, before.saved, Number.POSITIVE_INFINITY, 2);
    if (after.sent.status !== 'fulfilled' || after.received.status !== 'fulfilled') {
      t.fail(`not whole after a cut at message ${cut}`);
      continue;
    }
    t.ok(after.received.value.ok && Buffer.compare(sink.bytes, after.source.bytes) === 0);
    t.same(Buffer.from(after.sent.value.sha256), Buffer.from(after.source.sha256));
    worst = Math.max(worst, before.link.chunks.length + after.link.chunks.length - TOTAL);
  }
  t.ok(worst <= WINDOW, `${worst} chunks twice at worst, window ${WINDOW}`);
});
