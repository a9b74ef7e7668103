import fc from 'fast-check';
import t from 'tap';
import { SeededEntropy } from '../../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { type Duration, hasCode, hours, seconds } from '../../../src/base/index.ts';
import {
  ChunkMap,
  chunksOf,
  type ReceiveOptions,
  receiveFile,
  type SendOptions,
  sendFile,
} from '../../../src/transfer/index.ts';
import { MemoryFile } from '../../kit/memory-file.ts';
import { type LinkFaults, VirtualLink } from '../../kit/virtual-link.ts';

const CHUNK = 1000;
const id = new Uint8Array(16).fill(7);

interface Bench {
  readonly clock: VirtualClock;
  readonly link: VirtualLink;
  readonly source: MemoryFile;
  readonly sink: MemoryFile;
  send(more?: Partial<SendOptions>): ReturnType<typeof sendFile>;
  receive(more?: Partial<ReceiveOptions>): ReturnType<typeof receiveFile>;
  settle<T>(promise: Promise<T>, limit?: Duration): Promise<T>;
}

function bench(size: number, faults: LinkFaults = {}, seed = 1): Bench {
  const clock = new VirtualClock();
  const link = new VirtualLink(clock, new SeededEntropy(seed), faults);
  const source = MemoryFile.patterned(size, seed);
  const sink = MemoryFile.sized(size);
  const common = {
    id,
    size,
    chunk: CHUNK,
    clock,
    signal: new AbortController().signal,
    noProgress: seconds(120),
  };
  return {
    clock,
    link,
    source,
    sink,
    send: (more = {}) => sendFile({ ...common, read: source.read, port: link.left, ...more }),
    receive: (more = {}) =>
      receiveFile({
        ...common,
        have: new ChunkMap(chunksOf(size, CHUNK)),
        write: sink.write,
        read: sink.read,
        flush: sink.flush,
        saveMap: async () => undefined,
        port: link.right,
        ...more,
      }),
    settle: (promise, limit = hours(5)) => clock.settle(promise, limit),
  };
}

await t.test('a file arrives whole over a line that loses, doubles and reorders', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(60_000),
      fc.record({
        latencyMs: fc.constantFrom(0, 1, 50, 300),
        jitterMs: fc.constantFrom(0, 5, 400),
        loss: fc.constantFrom(0, 0.02, 0.2),
        duplicate: fc.constantFrom(0, 0.3),
      }),
      fc.nat(1e6),
      async (size, faults, seed) => {
        const b = bench(size, faults, seed);
        const sending = b.send();
        const received = await b.settle(b.receive({ sha256: b.source.sha256 }));
        const sent = await b.settle(sending);
        t.ok(received.ok && Buffer.compare(b.sink.bytes, b.source.bytes) === 0);
        t.same(Buffer.from(sent.sha256), Buffer.from(b.source.sha256));
        if (received.ok) t.same(Buffer.from(received.value.sha256), Buffer.from(b.source.sha256));
      },
    ),
    { numRuns: 40 },
  );
});

await t.test('an empty file is a transfer too', async (t) => {
  const b = bench(0);
  const sending = b.send();
  t.ok((await b.settle(b.receive())).ok);
  t.equal(
    Buffer.from((await b.settle(sending)).sha256)
      .toString('hex')
      .slice(0, 8),
    'e3b0c442',
  );
});

await t.test('progress never says whole before the whole is verified', async (t) => {
  const b = bench(5000);
  const seen: number[] = [];
  let verified = false;
  const sending = b.send({ onProgress: ({ done, total }) => t.ok(done < total || verified) });
  const receiving = b.receive({
    sha256: b.source.sha256,
    onProgress: ({ done }) => seen.push(done),
  });
  await b.settle(receiving);
  verified = true;
  await b.settle(sending);
  t.same(seen.slice(-2), [4999, 5000]);
  t.same(
    seen,
    [...seen].sort((x, y) => x - y),
  );
});

await t.test('reading back what an earlier try brought counts as progress', async (t) => {
  const b = bench(20 * CHUNK);
  const have = new ChunkMap(20);
  for (let index = 0; index < 20; index += 1) have.add(index);
  b.sink.bytes.set(b.source.bytes);
  let told = 0;
  const receiving = b.receive({
    have,
    read: async (offset, into) => {
      await b.clock.sleep(seconds(10), new AbortController().signal);
      await b.sink.read(offset, into);
    },
    onProgress: () => {
      told += 1;
    },
  });
  await b.settle(receiving);
  t.ok(told >= 20, `told ${told} times in 200 s`);
});

await t.test('other bytes than announced are refused, and nothing of them is kept', async (t) => {
  const b = bench(5000);
  const saved: Uint8Array[] = [];
  const sending = b.send().catch((error: unknown) => error);
  const verdict = await b.settle(
    b.receive({ sha256: new Uint8Array(32), saveMap: async (map) => void saved.push(map) }),
  );
  t.match(verdict, { ok: false, refusal: { code: 'TRANSFER_CORRUPT' } });
  t.equal(ChunkMap.fromBytes(saved.at(-1)!, 5)?.count, 0);
  t.ok(hasCode(await b.settle(sending), 'NS_TRANSFER_STOPPED'));
});

await t.test('chunks that nobody asked for, or of a wrong size, change nothing', async (t) => {
  const b = bench(20_000);
  const forged: Promise<void>[] = [];
  for (const i of [3, 19, 20, 2 ** 40]) {
    for (const length of [0, 999, 1001]) {
      forged.push(b.link.left.send({ t: 'data', id, i, d: new Uint8Array(length) }));
    }
  }
  forged.push(b.link.left.send({ t: 'data', id, i: 19, d: new Uint8Array(CHUNK) }));
  const sending = b.send();
  const receiving = b.receive({ sha256: b.source.sha256, window: { initial: 4, max: 4 } });
  const verdict = await b.settle(receiving);
  await b.settle(Promise.all([sending, ...forged]));
  t.ok(verdict.ok && verdict.value.wasted === 13);
});

await t.test('asks beyond the file, or too many of them, are not answered', async (t) => {
  const b = bench(3000);
  const sending = b.send({ noProgress: seconds(10) }).catch((error: unknown) => error);
  for (let i = 0; i < 50; i += 1) {
    await b.link.right.send({
      t: 'ask',
      id,
      want: [
        [0, 64],
        [2 ** 50, 64],
        [2, 64],
      ],
    });
  }
  t.ok(hasCode(await b.settle(sending), 'NS_TRANSFER_STALLED'));
  t.ok(b.link.chunks.every((i) => i < 3));
});

await t.test('silence ends both ends, and the fault may be tried again', async (t) => {
  const b = bench(50_000, { loss: 1 });
  const sending = b.send().catch((error: unknown) => error);
  const receiving = b.receive().catch((error: unknown) => error);
  for (const fault of await b.settle(Promise.all([sending, receiving]))) {
    t.match(fault, { code: 'NS_TRANSFER_STALLED', retryable: true });
  }
  await b.clock.advance(hours(1));
  t.equal(b.clock.waiting, 0, 'no timer is left behind');
});

await t.test('a cancel ends an end at once, keeps what it has, and tells the other end', async (t) => {
  const b = bench(50_000, { latencyMs: 20 });
  const cancel = new AbortController();
  let saved: ChunkMap | undefined;
  const sending = b.send().catch((error: unknown) => error);
  const receiving = b
    .receive({
      signal: cancel.signal,
      saveMap: async (map) => {
        saved = ChunkMap.fromBytes(map, 50);
      },
      onProgress: ({ done }) => done >= 20_000 && cancel.abort(new Error('operator')),
    })
    .catch((error: unknown) => error);
  t.match(await b.settle(receiving), { message: 'operator' });
  t.ok(hasCode(await b.settle(sending), 'NS_TRANSFER_STOPPED'));
  t.equal(saved?.count, 20);
});

await t.test('a source that fails ends both ends', async (t) => {
  const b = bench(50_000);
  const sending = b
    .send({
      read: async (offset, into) => {
        if (offset > 9000) throw new Error('unreadable');
        await b.source.read(offset, into);
      },
    })
    .catch((error: unknown) => error);
  const receiving = b.receive().catch((error: unknown) => error);
  t.match(await b.settle(sending), { message: 'unreadable' });
  t.match(await b.settle(receiving), { code: 'NS_TRANSFER_STOPPED' });
});
