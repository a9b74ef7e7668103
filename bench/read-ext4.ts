import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileDevice } from '../src/adapters/file-device.ts';
import { GiB, MiB } from '../src/base/index.ts';
import { openExt4 } from '../src/storage/index.ts';
import { median, note, report } from './kit.ts';

const SIZE = 1 * GiB;
const PIECE = 4 * MiB;
const REPETITIONS = 7;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

function run(program: string, args: readonly string[]): void {
  execFileSync(program, [...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
}

async function makeRandomFile(path: string): Promise<void> {
  const file = await open(path, 'w');
  const piece = new Uint8Array(16 * MiB);
  for (let done = 0; done < SIZE; done += piece.byteLength) {
    randomFillSync(piece);
    await file.write(piece);
  }
  await file.close();
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: PIECE })) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Reads the file through our reader and writes it out: one piece is read while the one before is written. */
async function ours(image: string, out: string): Promise<void> {
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const fs = await openExt4(device);
  const file = await fs.open('/big');
  if (!file.ok) throw new Error(file.refusal.sentence);
  const target = await open(out, 'w');
  let reading = new Uint8Array(PIECE);
  let writing = new Uint8Array(PIECE);
  let written: Promise<unknown> = Promise.resolve();
  for (let at = 0; ; ) {
    const count = await file.value.read(at, reading);
    await written;
    if (count === 0) break;
    [reading, writing] = [writing, reading];
    written = target.write(writing, 0, count, at);
    at += count;
  }
  await target.close();
  await device.close();
}

async function timed(step: () => Promise<void> | void): Promise<number> {
  const start = process.hrtime.bigint();
  await step();
  return SIZE / 1e6 / (Number(process.hrtime.bigint() - start) / 1e9);
}

/** Where copies go: memory where there is room, so that no one's turn pays for writing back another's copy. */
async function sinkDirectory(otherwise: string): Promise<string> {
  const room = await statfs('/dev/shm').then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  if (room > SIZE + 256 * MiB) return await mkdtemp('/dev/shm/ns-bench-');
  note('no room in /dev/shm: copies go to the disk, and their write-back makes the figures noisy');
  return otherwise;
}

const dir = await mkdtemp(join(tmpdir(), 'ns-bench-'));
const sink = await sinkDirectory(dir);
const image = join(dir, 'image');
const mountPoint = join(dir, 'mnt');
let mounted = false;
try {
  await mkdir(join(dir, 'tree'));
  await mkdir(mountPoint);
  await makeRandomFile(join(dir, 'tree', 'big'));
  const truth = await hashOf(join(dir, 'tree', 'big'));
  await writeFile(image, '');
  await truncate(image, SIZE + 256 * MiB);
  run('mkfs.ext4', ['-q', '-F', '-b', '4096', '-d', join(dir, 'tree'), image]);
  await rm(join(dir, 'tree'), { recursive: true });
  const mount = spawnSync('mount', ['-o', 'loop,ro,noload', image, mountPoint], { env });
  mounted = mount.status === 0;
  if (!mounted) note(`no kernel figure: ${String(mount.stderr).trim()}`);

  const ways: Record<string, (out: string) => Promise<void> | void> = {
    ours: (out) => ours(image, out),
    debugfs: (out) => run('debugfs', ['-R', `dump /big ${out}`, image]),
    ...(mounted ? { kernel: (out: string) => run('cp', [join(mountPoint, 'big'), out]) } : {}),
  };
  const rates: Record<string, number[]> = {};
  const out = join(sink, 'out');
  for (let repetition = -1; repetition < REPETITIONS; repetition += 1) {
    for (const [name, way] of Object.entries(ways)) {
      await rm(out, { force: true });
      const rate = await timed(() => way(out));
      // The first round only warms the page cache, and shows that all three read the same.
      if (repetition >= 0) rates[name] = [...(rates[name] ?? []), rate];
      else if ((await hashOf(out)) !== truth) throw new Error(`${name} read something else`);
    }
  }
  for (const [name, all] of Object.entries(rates)) {
    note(`${name}: ${all.map((rate) => rate.toFixed(0)).join(' ')} MB/s`);
  }
  for (const peer of ['debugfs', 'kernel']) {
    if (rates[peer] === undefined) continue;
    report({
      bench: 'read-ext4',
      figure: `${peer} 1GiB`,
      ours: median(rates.ours ?? []),
      peer: median(rates[peer]),
      unit: 'MB/s',
      better: 'higher',
    });
  }
} finally {
  if (mounted) spawnSync('umount', [mountPoint], { env });
  await rm(dir, { recursive: true, force: true });
  await rm(sink, { recursive: true, force: true });
}
