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
  const found = JSON.parse(stdout) as {
    protocol: string;
    structured: boolean;
    exports: Record<string, unknown>[];
  };
  t.equal(found.structured, true);
  t.equal(found.protocol, 'newstyle-fixed');
  t.match(found.exports[0], {
    'export-size': 3 * MiB,
    is_read_only: false,
    can_flush: true,
    can_fua: true,
    can_trim: false,
    can_df: true,
    can_zero: true,
    can_cache: true,
    can_multi_conn: true,
    block_size_minimum: 1,
    block_size_maximum: 32 * MiB,
    contexts: ['base:allocation'],
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

await t.test(
  'nbdinfo maps what a device tells of its blocks, and all of one that tells nothing as data',
  async (t) => {
    const plain = new MemoryDevice('disk0', MiB);
    const telling: BlockDevice = Object.assign(new MemoryDevice('disk0', MiB), {
      extents: async (offset: number, length: number) => [
        { length: Math.min(length, 4096), allocated: false, zero: true },
        { length: 0, allocated: true, zero: false },
        ...(length > 4096 ? [{ length: length - 4096, allocated: true, zero: offset > 0 }] : []),
      ],
    });
    const mapOf = async (device: BlockDevice) => {
      const { server, uri } = await serve(device);
      const { stdout } = await run('nbdinfo', ['--json', '--map', uri]);
      await server.close();
      return JSON.parse(stdout) as unknown;
    };
    t.match(await mapOf(plain), [{ offset: 0, length: MiB, type: 0 }]);
    t.match(await mapOf(telling), [
      { offset: 0, length: 4096, type: 3 },
      { offset: 4096, length: MiB - 4096, type: 0 },
    ]);
  },
);

await t.test('qemu-img converts, compares and reads; holes in the content stay right', async (t) => {
  const device = new MemoryDevice('disk0', 8 * MiB);
  const { server, uri } = await serve(device);
  const source = join(directory.path, 'image');
  const content = noise(8 * MiB, 6);
  content.fill(0, MiB, 3 * MiB);
  content.fill(0, 5 * MiB + 70_000, 6 * MiB);
  await writeFile(source, content);
  await run('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', source, uri]);
  t.ok(Buffer.from(device.bytes).equals(Buffer.from(content)));
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', source, uri]);
  const target = join(directory.path, 'image.qcow2');
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', uri, target]);
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', source, target]);
  const { stdout } = await run('qemu-img', ['info', '--output=json', uri]);
  t.equal((JSON.parse(stdout) as { 'virtual-size': number })['virtual-size'], 8 * MiB);
  await server.close();
});

await t.test('qemu-io finds each pattern where it wrote it, aligned or not', async (t) => {
  const device = new MemoryDevice('disk0', 4 * MiB);
  const { server, uri } = await serve(device);
  const commands = [
    'write -P 0x11 0 1M',
    'write -P 0x22 1000 777',
    'write -f -P 0x33 2M 64k',
    'write -z 2099200 4096',
    'read -P 0x11 0 1000',
    'read -P 0x22 1000 777',
    'read -P 0x11 1777 100000',
    'read -P 0x33 2M 2048',
    'read -P 0 2099200 4096',
    'discard 3M 64k',
    'flush',
    'aio_write -P 0x44 3M 128k',
    'aio_flush',
    'read -P 0x44 3M 128k',
  ];
  const args = commands.flatMap((command) => ['-c', command]);
  const { stdout } = await run('qemu-io', ['-f', 'raw', ...args, uri]);
  t.notMatch(stdout, /failed|Error/);
  t.ok(device.bytes.subarray(3 * MiB, 3 * MiB + 128 * 1024).every((byte) => byte === 0x44));
  t.ok(device.bytes.subarray(2_099_200, 2_103_296).every((byte) => byte === 0));
  await server.close();
});

await t.test('fio verifies checksums of what it wrote in random order, with four connections', async (t) => {
  const { server, uri } = await serve(new MemoryDevice('disk0', 16 * MiB));
  const { stdout } = await run('fio', [
    ...['--name=a', '--ioengine=nbd', `--uri=${uri}`, '--rw=randwrite', '--bsrange=512-64k', '--iodepth=16'],
    ...[
      '--size=4m',
      '--numjobs=4',
      '--offset_increment=4m',
      '--verify=crc32c',
      '--verify_fatal=1',
      '--verify_state_save=0',
    ],
    ...['--do_verify=1', '--randseed=7', '--output-format=json'],
  ]);
  const { jobs } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
    jobs: { error: number; read: { io_bytes: number }; write: { io_bytes: number } }[];
  };
  t.equal(jobs.length, 4);
  for (const { error, read, write } of jobs) {
    t.equal(error, 0);
    t.equal(write.io_bytes, 4 * MiB);
    t.equal(read.io_bytes, 4 * MiB);
  }
  await server.close();
});
