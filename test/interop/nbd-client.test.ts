import { once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openNbd } from '../../src/adapters/nbd/nbd-client.ts';
import { serveNbd } from '../../src/adapters/nbd/nbd-server.ts';
import { MiB } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import { blockDeviceContract } from '../contract/block-device.ts';
import { temporaryDirectory } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { type PeerProgram, startPeer } from '../kit/nbd-peers.ts';
import { noise } from '../kit/noise.ts';

const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
let count = 0;
const place = (): string => {
  count += 1;
  return join(directory.path, `place-${count}`);
};
async function image(size: number): Promise<string> {
  const path = place();
  await writeFile(path, '');
  await truncate(path, size);
  return path;
}

await blockDeviceContract('NBD client of our server', async (size) => {
  const socketPath = place();
  const server = await serveNbd(new MemoryDevice('disk0', size), { socketPath });
  return { device: await openNbd({ socketPath }), done: () => server.close() };
});

await blockDeviceContract('NBD client of our server with blocks of 512', async (size) => {
  const server = await serveNbd(new MemoryDevice('disk0', size), {
    tcp: { host: '127.0.0.1', port: 0 },
    minimumBlock: 512,
  });
  const device = await openNbd({ tcp: { host: '127.0.0.1', port: server.port! } });
  return { device, done: () => server.close() };
});

for (const program of ['nbdkit', 'qemu-nbd'] as const satisfies readonly PeerProgram[]) {
  await blockDeviceContract(`NBD client of ${program}`, async (size) => {
    const peer = await startPeer(program, directory.path, await image(size));
    return { device: await openNbd({ socketPath: peer.socketPath }), done: () => peer.close() };
  });

  await t.test(`${program}: large transfers, holes and trims`, async (t) => {
    const peer = await startPeer(
      program,
      directory.path,
      await image(64 * MiB),
      ['--discard=unmap'].slice(program === 'nbdkit' ? 1 : 0),
    );
    const device = await openNbd({ socketPath: peer.socketPath });
    const content = noise(40 * MiB, 3);
    await device.write(8 * MiB, content);
    await device.flush();
    const back = new Uint8Array(content.byteLength);
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => device.read((8 + i) * MiB, back.subarray(i * MiB, (i + 1) * MiB))),
    );
    t.ok(Buffer.from(back).equals(Buffer.from(content)));
    const runs = await device.extents!(0, 64 * MiB);
    t.match(runs[0], { length: 8 * MiB, allocated: false, zero: true });
    t.match(runs[1], { allocated: true, zero: false });
    t.equal(device.capabilities.trim, true);
    await device.trim(8 * MiB, 8 * MiB);
    t.match((await device.extents!(8 * MiB, MiB))[0], { zero: true });
    await device.close();
    await peer.close();
  });

  await t.test(
    `${program} dies in the middle of writes: each of them fails, and so does all that follows`,
    async (t) => {
      const peer = await startPeer(program, directory.path, await image(64 * MiB));
      const device = await openNbd({ socketPath: peer.socketPath });
      const content = noise(MiB, 4);
      await device.write(0, content);
      peer.process.kill('SIGSTOP');
      const writes = Array.from({ length: 48 }, (_, i) => device.write(i * MiB, content));
      const outcomes = Promise.allSettled(writes);
      peer.process.kill('SIGKILL');
      await once(peer.process, 'exit');
      for (const outcome of await outcomes) {
        t.match(outcome, { status: 'rejected', reason: { code: 'NS_BLOCK_IO' } });
      }
      await t.rejects(device.read(0, new Uint8Array(1)), { code: 'NS_BLOCK_IO' });
      await t.rejects(device.flush(), { code: 'NS_BLOCK_IO' });
      await device.close();
    },
  );
}

await t.test('what a server cannot do or will not do is told apart', async (t) => {
  const socketPath = place();
  const server = await serveNbd(new MemoryDevice('disk0', MiB, { writable: false }), {
    socketPath,
    exportName: 'disk0',
  });
  await t.rejects(openNbd({ socketPath, exportName: 'disk1' }), { code: 'NS_NBD_REFUSED' });
  await t.rejects(openNbd({ socketPath, tls: {} }), { code: 'NS_NBD_REFUSED' });
  await t.rejects(openNbd({ socketPath: `${socketPath}-no` }), { code: 'NS_NBD_CONNECT' });
  await t.rejects(openNbd({}), { code: 'NS_NBD_OPTIONS' });
  const device = await openNbd({ socketPath, exportName: 'disk0' });
  t.equal(device.capabilities.writable, false);
  await t.rejects(device.write(0, new Uint8Array(1)), { code: 'NS_BLOCK_READ_ONLY' });
  await device.close();
  await server.close();
});

await t.test('a disk that is no whole number of blocks is offered without its rest', async (t) => {
  const socketPath = place();
  const server = await serveNbd(new MemoryDevice('disk0', MiB + 700), { socketPath, minimumBlock: 512 });
  const device = await openNbd({ socketPath });
  t.equal(device.capabilities.size, MiB + 512);
  await device.write(MiB + 1, new Uint8Array(511).fill(1));
  await device.close();
  await server.close();
});

await t.test('a read is given up at once, its buffer is left alone, and the next one is right', async (t) => {
  const socketPath = place();
  const inner = new MemoryDevice('disk0', noise(MiB, 5));
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow: BlockDevice = {
    name: 'disk0',
    capabilities: inner.capabilities,
    async read(offset, into) {
      if (offset === 0) await held;
      await inner.read(offset, into);
    },
    write: (offset, data) => inner.write(offset, data),
    flush: () => inner.flush(),
    trim: (offset, length) => inner.trim(offset, length),
    close: () => inner.close(),
  };
  const server = await serveNbd(slow, { socketPath });
  const device = await openNbd({ socketPath });
  const stop = new AbortController();
  const into = new Uint8Array(4096);
  const reading = device.read(0, into, stop.signal);
  const reason = new Error('enough');
  setImmediate(() => stop.abort(reason));
  await t.rejects(reading, reason);
  release();
  const next = new Uint8Array(4096);
  await device.read(8192, next);
  t.same(next, inner.bytes.subarray(8192, 8192 + 4096));
  t.ok(into.every((byte) => byte === 0));
  await device.close();
  await server.close();
});

await t.test('a server that does not answer counts as dead after its time', async (t) => {
  const socketPath = place();
  const inner = new MemoryDevice('disk0', MiB);
  const mute: BlockDevice = {
    name: 'disk0',
    capabilities: inner.capabilities,
    read: () => new Promise(() => {}),
    write: (offset, data) => inner.write(offset, data),
    flush: () => inner.flush(),
    trim: (offset, length) => inner.trim(offset, length),
    close: () => inner.close(),
  };
  const server = await serveNbd(mute, { socketPath });
  const device = await openNbd({ socketPath, answerMilliseconds: 200 });
  await t.rejects(device.read(0, new Uint8Array(1)), { code: 'NS_BLOCK_IO' });
  await device.close();
  void server.close();
});
