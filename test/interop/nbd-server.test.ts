import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import { temporaryDirectory } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { serveDisk } from '../kit/nbd-export.ts';
import { noise } from '../kit/noise.ts';

const run = promisify(execFile);
const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
const serve = (device: BlockDevice) => serveDisk(directory.path, device);

await t.test('nbdinfo sees the size, the flags and the list', async (t) => {
  const { server, uri } = await serve(new MemoryDevice('disk0', 3 * MiB));
  const { stdout } = await run('nbdinfo', ['--json', uri]);
  const found = JSON.parse(stdout) as { protocol: string; exports: Record<string, unknown>[] };
  t.equal(found.protocol, 'newstyle-fixed');
  t.match(found.exports[0], {
    'export-size': 3 * MiB,
    is_read_only: false,
    can_flush: true,
    can_fua: true,
    can_trim: false,
    block_size_maximum: 32 * MiB,
  });
  const list = await run('nbdinfo', ['--list', uri.replace('/disk0?', '?')]);
  t.match(list.stdout, /export="disk0"/);
  await server.close();
});

await t.test('nbdcopy writes and reads back 16 MiB and an odd end, with requests side by side', async (t) => {
  const device = new MemoryDevice('disk0', 16 * MiB + 1000);
  const content = noise(16 * MiB + 1000, 1);
  const { server, uri } = await serve(device);
  const source = join(directory.path, 'source');
  const target = join(directory.path, 'target');
  await writeFile(source, content);
  await run('nbdcopy', ['--flush', '--requests=16', source, uri]);
  t.ok(Buffer.from(device.bytes).equals(Buffer.from(content)));
  await run('nbdcopy', ['--requests=16', '--request-size=1048576', uri, target]);
  t.ok((await readFile(target)).equals(Buffer.from(content)));
  await server.close();
});

await t.test('a read-only device is offered so, and is not written', async (t) => {
  const { server, uri } = await serve(new MemoryDevice('disk0', MiB, { writable: false }));
  t.match((await run('nbdinfo', [uri])).stdout, /is_read_only: true/);
  const source = join(directory.path, 'small');
  await writeFile(source, noise(MiB, 2));
  await t.rejects(run('nbdcopy', [source, uri]));
  await server.close();
});
