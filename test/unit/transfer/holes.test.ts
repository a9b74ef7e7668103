import fc from 'fast-check';
import t from 'tap';
import { SeededEntropy } from '../../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { hours, seconds } from '../../../src/base/index.ts';
import type { BlockMessage } from '../../../src/protocol/index.ts';
import {
  type BlockPort,
  ChunkMap,
  chunksOf,
  clearRange,
  type KnownZeros,
  knownZeros,
  receiveFile,
  sendFile,
} from '../../../src/transfer/index.ts';
import { MemoryFile } from '../../kit/memory-file.ts';
import { type LinkFaults, VirtualLink } from '../../kit/virtual-link.ts';

const CHUNK = 100;
const id = new Uint8Array(16).fill(9);

/** Runs of bytes, every other one of zeros. */
type Runs = readonly number[];

function fileOf(runs: Runs): MemoryFile {
  const size = runs.reduce((sum, length) => sum + length, 0);
  const file = MemoryFile.patterned(size, 3);
  let at = 0;
  runs.forEach((length, i) => {
    file.bytes.fill(i % 2 === 0 ? 0 : 7, at, at + length);
    at += length;
  });
  return file;
}

const zerosOf = (runs: Runs, file: MemoryFile): KnownZeros =>
  knownZeros(async (offset) => {
    let at = 0;
    for (const [i, length] of runs.entries()) {
      const zero = i % 2 === 0;
      if (offset < at + length) return [{ length: at + length - offset, allocated: !zero, zero }];
      at += length;
    }
    return [];
  }, file.bytes.byteLength);

interface Options {
  readonly faults?: LinkFaults;
  readonly seed?: number;
  readonly known?: boolean;
  readonly sink?: MemoryFile;
  readonly map?: Uint8Array | undefined;
  readonly cutAfter?: number;
  /** What an older peer does not know does not reach it. */
  readonly sender?: 'older';
  readonly receiver?: 'older';
}

const deaf = (port: BlockPort, to: BlockMessage['t']): BlockPort => ({
  send: (message) => port.send(message),
  onMessage: (which, handler) =>
    port.onMessage(which, (message) => {
      if (message.t !== to) handler(message);
    }),
});

async function move(runs: Runs, o: Options = {}) {
  const clock = new VirtualClock();
  const link = new VirtualLink(clock, new SeededEntropy(o.seed ?? 1), o.faults ?? { latencyMs: 5 });
  const source = fileOf(runs);
  const size = source.bytes.byteLength;
  // Whatever lay there before must not show.
  const sink = o.sink ?? new MemoryFile(new Uint8Array(size).fill(0xee));
  const killed = new AbortController();
  let alive = true;
  let saved = o.map;
  link.cutAfter = o.cutAfter ?? Number.POSITIVE_INFINITY;
  link.onCut = () => {
    alive = false;
    killed.abort(new Error('power cut'));
  };
  const common = { id, size, chunk: CHUNK, clock, signal: killed.signal, noProgress: seconds(120) };
  const total = chunksOf(size, CHUNK);
  const write = async (offset: number, data: Uint8Array) => {
    if (alive) await sink.write(offset, data);
  };
  const ends = Promise.allSettled([
    sendFile({
      ...common,
      read: source.read,
      zeros: o.known === true ? zerosOf(runs, source) : undefined,
      port: o.sender === 'older' ? deaf(link.left, 'sparse') : link.left,
    }),
    receiveFile({
      ...common,
      have: (saved === undefined ? undefined : ChunkMap.fromBytes(saved, total)) ?? new ChunkMap(total),
      sha256: source.sha256,
      write,
      zero:
        o.receiver === 'older'
          ? undefined
          : (offset, length, signal) => clearRange({ read: sink.read, write }, { offset, length }, signal),
      read: sink.read,
      flush: sink.flush,
      saveMap: async (map) => {
        if (alive) saved = map;
      },
      saveEvery: 1,
      port: link.right,
    }),
  ]);
  const [sent, received] = await clock.settle(ends, hours(5));
  const whole = sent.status === 'fulfilled' && received.status === 'fulfilled' && received.value.ok;
  return { link, saved, whole, source, sink, same: Buffer.compare(sink.bytes, source.bytes) === 0 };
}

const someRuns = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 12 });

await t.test('a file with holes arrives whole over a bad line, known or found', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      someRuns,
      fc.boolean(),
      fc.record({
        latencyMs: fc.constantFrom(0, 5),
        jitterMs: fc.constantFrom(0, 50),
        loss: fc.constantFrom(0, 0.2),
        duplicate: fc.constantFrom(0, 0.3),
      }),
      fc.nat(1e6),
      async (runs, known, faults, seed) => {
        const { whole, same } = await move(runs, { faults, seed, known });
        return whole && same;
      },
    ),
    { numRuns: 80 },
  );
  t.pass();
});

await t.test('what is zero takes next to nothing of the line', async (t) => {
  const runs = [4_000_000, 350, 2_000_000, 100];
  for (const known of [true, false]) {
    const { link, whole, same } = await move(runs, { known });
    t.ok(whole && same);
    t.ok(link.chunks.length <= 7, `${link.chunks.length} chunks with data`);
    t.ok(link.sent < (known ? 60 : 1500), `${link.sent} messages for ${4_000_000 / CHUNK} chunks of zeros`);
  }
});

await t.test('an older peer at either end is sent, or sends, the zeros', async (t) => {
  const runs = [5000, 200, 3000];
  for (const older of [{ sender: 'older' }, { receiver: 'older' }] as const) {
    const { link, whole, same } = await move(runs, { known: true, ...older });
    t.ok(whole && same);
    t.equal(link.chunks.length, 82);
  }
});

await t.test('cut at every message it goes on, and no stale byte is left in a hole', async (t) => {
  const runs = [1200, 400, 2500, 300, 1000];
  const { link } = await move(runs, { known: true });
  for (const known of [true, false]) {
    for (let cutAfter = 0; cutAfter < link.sent; cutAfter += 1) {
      const before = await move(runs, { known, cutAfter });
      const after = await move(runs, { known, sink: before.sink, map: before.saved, seed: 2 });
      if (!after.whole || !after.same) t.fail(`not whole after a cut at message ${cutAfter}`);
    }
  }
  t.pass();
});

await t.test('what was not asked for is not taken for zeros', async (t) => {
  const clock = new VirtualClock();
  const link = new VirtualLink(clock, new SeededEntropy(1), { latencyMs: 5 });
  const source = MemoryFile.patterned(2000);
  const sink = MemoryFile.sized(2000);
  const common = { id, size: 2000, chunk: CHUNK, clock, noProgress: seconds(120) };
  const { signal } = new AbortController();
  const receiving = receiveFile({
    ...common,
    have: new ChunkMap(20),
    write: sink.write,
    zero: async (offset, length) => void sink.bytes.fill(0, offset, offset + length),
    read: sink.read,
    flush: sink.flush,
    saveMap: async () => undefined,
    port: link.right,
    signal,
    window: { initial: 2, max: 2 },
  });
  for (const [i, n] of [
    [15, 5],
    [19, 2],
    [0, 2 ** 53 - 1],
    [2 ** 52, 1],
  ] as const) {
    void link.left.send({ t: 'none', id, i, n });
  }
  const sending = sendFile({ ...common, read: source.read, port: link.left, signal });
  const received = await clock.settle(receiving, hours(1));
  await clock.settle(sending, hours(1));
  t.ok(received.ok && received.value.wasted === 4);
  t.same(sink.sha256, source.sha256);
});
