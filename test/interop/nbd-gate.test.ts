import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { ExportDoor } from '../../src/adapters/nbd/export-gate.ts';
import { openNbd } from '../../src/adapters/nbd/nbd-client.ts';
import { serveNbd } from '../../src/adapters/nbd/nbd-server.ts';
import { MiB } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import { temporaryDirectory } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';

const run = promisify(execFile);
const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
let count = 0;
const place = (): string => {
  count += 1;
  return join(directory.path, `place-${count}`);
};
const settled = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.race([promise.then(() => 'settled'), new Promise((resolve) => setTimeout(resolve, 50))])) ===
  'settled';

await t.test('while an export is held back clients wait, and then get what is offered', async (t) => {
  const door = new ExportDoor();
  const socketPath = place();
  const server = await serveNbd(door, { socketPath });
  const opening = openNbd({ socketPath });
  const asking = run('nbdinfo', ['--size', `nbd+unix:///?socket=${socketPath}`]);
  t.equal(await settled(opening), false);
  t.equal(await settled(asking), false);
  door.open(new MemoryDevice('chain', 3 * MiB));
  const device = await opening;
  t.equal(device.capabilities.size, 3 * MiB);
  t.equal(Number((await asking).stdout), 3 * MiB);
  await device.close();
  await server.close();
});

await t.test('nobody waits for ever, and whoever leaves while waiting frees its place', async (t) => {
  const door = new ExportDoor();
  const socketPath = place();
  const server = await serveNbd(door, { socketPath, limits: { holdMilliseconds: 100, connections: 1 } });
  await t.rejects(openNbd({ socketPath }), { code: 'NS_NBD_REFUSED', message: /not ready/ });
  const patient = place();
  const longer = await serveNbd(door, { socketPath: patient, limits: { connections: 1 } });
  const leaving = connect(patient);
  leaving.write(
    Buffer.concat([
      Buffer.from([0, 0, 0, 3]),
      Buffer.from('IHAVEOPT'),
      Buffer.from([0, 0, 0, 3, 0, 0, 0, 0]),
    ]),
  );
  await once(leaving, 'data');
  await new Promise((resolve) => setTimeout(resolve, 50));
  leaving.destroy();
  let device: BlockDevice | undefined;
  door.open(new MemoryDevice('chain', MiB));
  for (let i = 0; device === undefined && i < 100; i += 1) {
    device = await openNbd({ socketPath: patient }).catch(() => undefined);
  }
  t.ok(device);
  await device?.close();
  await longer.close();
  await server.close();
});

await t.test('nothing offered: no client finds an export, and none in the list', async (t) => {
  const door = new ExportDoor();
  door.close();
  const socketPath = place();
  const server = await serveNbd(door, { socketPath, exportName: 'chain' });
  await t.rejects(openNbd({ socketPath, exportName: 'chain' }), { code: 'NS_NBD_REFUSED' });
  const uri = `nbd+unix:///chain?socket=${socketPath}`;
  await t.rejects(run('nbdinfo', [uri]));
  const list = await run('nbdinfo', ['--list', '--json', uri.replace('chain?', '?')]);
  t.same((JSON.parse(list.stdout) as { exports: unknown[] }).exports, []);
  await server.close();
});

await t.test(
  'withdrawn: every connection is cut, what was under way fails, newcomers see the new disk',
  async (t) => {
    const door = new ExportDoor();
    const socketPath = place();
    const server = await serveNbd(door, { socketPath });
    const inner = new MemoryDevice('chain', noise(MiB, 1));
    const aborted: unknown[] = [];
    const stuck: BlockDevice = {
      name: 'chain',
      capabilities: inner.capabilities,
      read: (offset, into, signal) =>
        offset === 0
          ? new Promise((_, reject) => {
              signal?.addEventListener('abort', () => {
                aborted.push(offset);
                reject(signal.reason);
              });
            })
          : inner.read(offset, into),
      write: (offset, data) => inner.write(offset, data),
      flush: () => inner.flush(),
      trim: (offset, length) => inner.trim(offset, length),
      close: () => inner.close(),
    };
    door.open(stuck);
    const clients = await Promise.all([openNbd({ socketPath }), openNbd({ socketPath })]);
    await Promise.all(clients.map((client) => client.read(512, new Uint8Array(512))));
    const underWay = Promise.allSettled(clients.map((client) => client.read(0, new Uint8Array(512))));
    t.equal(await settled(underWay), false, 'they wait for the disk');
    door.open(new MemoryDevice('chain', 2 * MiB));
    for (const outcome of await underWay) {
      t.match(outcome, { status: 'rejected', reason: { code: 'NS_BLOCK_IO' } });
    }
    t.same(aborted, [0, 0], 'the disk was told');
    for (const client of clients) await t.rejects(client.flush(), { code: 'NS_BLOCK_IO' });
    const next = await openNbd({ socketPath });
    t.equal(next.capabilities.size, 2 * MiB);
    door.hold();
    await t.rejects(next.read(0, new Uint8Array(1)), { code: 'NS_BLOCK_IO' });
    const opening = openNbd({ socketPath, connectMilliseconds: 200 });
    await t.rejects(opening, { code: 'NS_NBD_CONNECT' });
    await server.close();
  },
);
