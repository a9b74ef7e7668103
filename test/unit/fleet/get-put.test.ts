import t from 'tap';
import { seconds } from '../../../src/base/index.ts';
import type { Order } from '../../../src/protocol/index.ts';
import { ChunkMap, chunksOf, receiveFile, sendFile } from '../../../src/transfer/index.ts';
import type { Answer, DeviceTools } from '../../kit/fake-device.ts';
import { fleetBench, MemorySink, memorySource } from '../../kit/fleet-bench.ts';
import { MemoryFile } from '../../kit/memory-file.ts';

const signal = new AbortController().signal;
const CHUNK = 64 * 1024;
const volume = { name: 'disk0p2', type: 'ext4', label: '', uuid: 'u', stale: false, notes: [] };
const effect = { hash: new Uint8Array(32), blocks: 1, bytes: 4096, changes: [] };
const facts = { kind: 'file', mode: 0o644, uid: 0, gid: 0, links: 1, inode: 12, mtime: 1_700_000_000 };

type Bench = Awaited<ReturnType<typeof fleetBench>>;

/** An upload as a device does it; `claim` is the hash that its receipt names. */
function uploads(
  b: Bench,
  file: MemoryFile,
  claim: Uint8Array = file.sha256,
  onRead: () => void = () => undefined,
) {
  return async (order: Order, { say, blocks, signal: life }: DeviceTools): Promise<Answer> => {
    const size = file.bytes.byteLength;
    const mtime = facts.mtime;
    await say({ event: 'offer', id: order.id, size, chunk: CHUNK, inode: 12, mtime });
    try {
      await sendFile({
        id: order.id,
        size,
        chunk: CHUNK,
        read: async (offset, into) => {
          onRead();
          await file.read(offset, into);
        },
        port: blocks,
        clock: b.clock,
        signal: life,
        noProgress: seconds(60),
      });
    } catch {
      return { outcome: 'failed', failure: { code: 'NS_TRANSFER_STOPPED', sentence: 's' } };
    }
    const sha256 = new Uint8Array(claim);
    return { result: { volume, path: '/big', file: { ...facts, size }, sha256 } };
  };
}

await t.test('a file of the host arrives under its name with the hash in the receipt', async (t) => {
  const b = await fleetBench();
  const file = MemoryFile.patterned(5 * CHUNK + 77);
  b.device.answer = uploads(b, file);
  const sink = new MemorySink();
  const seen: number[] = [];
  const got = await b.settle(
    b.fleet.get('host1', { path: '/big' }, sink, { signal, onProgress: ({ done }) => seen.push(done) }),
  );
  t.match(got, { outcome: { is: 'receipt' }, file: { resumedAt: 0 }, fault: undefined });
  t.ok(sink.finished !== undefined && Buffer.compare(sink.finished, file.bytes) === 0);
  t.equal(sink.mtime, facts.mtime);
  t.equal(seen.at(-1), file.bytes.byteLength);
});

await t.test('a get that was cut goes on where it was', async (t) => {
  const b = await fleetBench();
  const file = MemoryFile.patterned(100 * CHUNK);
  const sink = new MemorySink();
  const stop = new AbortController();
  let reads = 0;
  b.device.answer = uploads(b, file, file.sha256, () => {
    reads += 1;
    if (reads === 60) stop.abort(new Error('Ctrl-C'));
  });
  await t.rejects(b.settle(b.fleet.get('host1', { path: '/big' }, sink, { signal: stop.signal })), {
    message: 'Ctrl-C',
  });
  t.equal(sink.finished, undefined);
  b.device.answer = uploads(b, file);
  const got = await b.settle((await b.otherFleet()).get('host1', { path: '/big' }, sink, { signal }));
  t.ok(got.file !== undefined && got.file.resumedAt >= 40 * CHUNK, `went on at ${got.file?.resumedAt}`);
  t.ok(sink.finished !== undefined && Buffer.compare(sink.finished, file.bytes) === 0);
  t.ok(sink.written < 1.3 * file.bytes.byteLength);
});

await t.test('another hash in the receipt than the bytes have means no file', async (t) => {
  const b = await fleetBench();
  b.device.answer = uploads(b, MemoryFile.patterned(3 * CHUNK), new Uint8Array(32));
  const sink = new MemorySink();
  const got = await b.settle(b.fleet.get('host1', { path: '/big' }, sink, { signal }));
  t.match(got, { file: undefined, fault: { code: 'NS_GET_CORRUPT' } });
  t.equal(sink.finished, undefined);
  t.equal(sink.discarded, 1);
});

await t.test('a local disk that is full stops the device and is told as our fault', async (t) => {
  const b = await fleetBench();
  b.device.answer = uploads(b, MemoryFile.patterned(3 * CHUNK));
  const sink = new MemorySink();
  const part = await sink.open('', 0);
  sink.open = async () => ({
    ...part,
    write: async () => {
      throw new Error('ENOSPC');
    },
  });
  const got = await b.settle(b.fleet.get('host1', { path: '/big' }, sink, { signal }));
  t.match(got, {
    outcome: { is: 'receipt', receipt: { outcome: 'failed' } },
    fault: { code: 'NS_LOCAL_FILE' },
  });
});

await t.test('a refused get leaves nothing behind', async (t) => {
  const b = await fleetBench();
  b.device.answer = async () => ({
    outcome: 'refused',
    refusal: { code: 'NO_SUCH_FILE', sentence: 'There is no such file.', remedy: 'Look.' },
  });
  const sink = new MemorySink();
  const got = await b.settle(b.fleet.get('host1', { path: '/big' }, sink, { signal }));
  t.match(got, {
    outcome: { is: 'receipt', receipt: { refusal: { code: 'NO_SUCH_FILE' } } },
    file: undefined,
  });
  t.equal(sink.written, 0);
});

/** A download as a device does it: what it has of a content outlives the order, under the content's hash. */
function downloads(
  b: Bench,
  kept: Map<string, { file: MemoryFile; map: Uint8Array | undefined }>,
  writes = Infinity,
) {
  let left = writes;
  return async (order: Order, { blocks, signal: life }: DeviceTools): Promise<Answer> => {
    if (order.verb !== 'file.download') return { outcome: 'failed' };
    const { size, sha256 } = order.args;
    const key = Buffer.from(sha256).toString('hex');
    const entry = kept.get(key) ?? { file: MemoryFile.sized(size), map: undefined };
    kept.set(key, entry);
    const total = chunksOf(size, CHUNK);
    await receiveFile({
      id: order.id,
      size,
      chunk: CHUNK,
      sha256,
      have: (entry.map && ChunkMap.fromBytes(entry.map, total)) ?? new ChunkMap(total),
      write: async (offset, data) => {
        left -= 1;
        if (left < 0) {
          b.device.cut();
          throw new Error('power cut');
        }
        await entry.file.write(offset, data);
      },
      read: entry.file.read,
      flush: entry.file.flush,
      saveMap: async (map) => {
        entry.map = map;
      },
      port: blocks,
      clock: b.clock,
      signal: life,
      noProgress: seconds(60),
    }).then(
      (verdict) => verdict.ok && verdict.value.release(),
      () => undefined,
    );
    return { result: { volume, path: '/new', effect, dryRun: false } };
  };
}

await t.test('a file of ours arrives on the device, named by its hash', async (t) => {
  const b = await fleetBench();
  const file = MemoryFile.patterned(7 * CHUNK + 1);
  const kept = new Map();
  b.device.answer = downloads(b, kept);
  const put = await b.settle(
    b.fleet.put('host1', { path: '/new', mode: 0o600 }, memorySource(file.bytes), { signal }),
  );
  t.match(put, { outcome: { is: 'receipt', receipt: { outcome: 'succeeded' } }, fault: undefined });
  const [entry] = [...kept.values()];
  t.equal(Buffer.compare(entry.file.bytes, file.bytes), 0);
  t.match(b.device.orders, [{ verb: 'file.download', args: { size: 7 * CHUNK + 1, mode: 0o600 } }]);
});

await t.test('a source that cannot be read any more is told as our fault', async (t) => {
  const b = await fleetBench();
  const file = MemoryFile.patterned(7 * CHUNK + 1);
  b.device.answer = async (order, tools) => {
    await downloads(b, new Map())(order, tools);
    return { outcome: 'failed', failure: { code: 'NS_TRANSFER_STOPPED', sentence: 's' } };
  };
  const source = memorySource(file.bytes);
  const put = await b.settle(
    b.fleet.put(
      'host1',
      { path: '/new' },
      { ...source, read: async () => Promise.reject(new Error('EIO')) },
      { signal },
    ),
  );
  t.match(put, {
    outcome: { is: 'receipt', receipt: { outcome: 'failed' } },
    fault: { code: 'NS_LOCAL_FILE' },
  });
});

await t.test('an abort ends a put at once', async (t) => {
  const b = await fleetBench();
  b.device.answer = async () => 'silence';
  const stop = new AbortController();
  const putting = b.fleet.put('host1', { path: '/new' }, memorySource(new Uint8Array(10)), {
    signal: stop.signal,
  });
  setImmediate(() => stop.abort(new Error('Ctrl-C')));
  await t.rejects(b.settle(putting), { message: 'Ctrl-C' });
});
