import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, createReadStream, openSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileDevice } from '../src/adapters/file-device.ts';
import { GiB, MiB } from '../src/base/index.ts';
import { openFileSystem } from '../src/storage/index.ts';
import { median, note, report } from './kit.ts';

const SIZE = 1 * GiB;
const PIECE = 4 * MiB;
const REPETITIONS = 5;
const TYPES = ['ext4', 'vfat', 'ntfs'] as const;
type Type = (typeof TYPES)[number];
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

function run(program: string, args: readonly string[], out: number | 'ignore' = 'ignore'): void {
  execFileSync(program, [...args], { env, stdio: ['ignore', out, 'pipe'] });
}

/** Makes a volume that holds one file. */
const make: Readonly<Record<Type, (image: string, tree: string) => void>> = {
  ext4: (image, tree) => run('mkfs.ext4', ['-q', '-F', '-b', '4096', '-d', tree, image]),
  vfat: (image, tree) => {
    run('mkfs.vfat', ['-F', '32', image]);
    run('mcopy', ['-i', image, join(tree, 'big'), '::big']);
  },
  ntfs: (image, tree) => {
    run('mkntfs', ['-F', '-Q', '-q', image]);
    run('ntfscp', ['-q', '-f', image, join(tree, 'big'), 'big']);
  },
};

/** Its program's own way to get the file. */
const native: Readonly<
  Record<Type, { readonly name: string; readonly read: (image: string, out: string) => void }>
> = {
  ext4: { name: 'debugfs', read: (image, out) => run('debugfs', ['-R', `dump /big ${out}`, image]) },
  vfat: { name: 'mcopy', read: (image, out) => run('mcopy', ['-n', '-i', image, '::big', out]) },
  ntfs: {
    name: 'ntfscat',
    read: (image, out) => {
      const to = openSync(out, 'w');
      run('ntfscat', ['-f', image, 'big'], to);
      closeSync(to);
    },
  },
};

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
async function ours(type: Type, image: string, out: string): Promise<void> {
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const fs = await openFileSystem(device, type);
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

async function bench(type: Type, dir: string, sink: string, truth: string): Promise<void> {
  const image = join(dir, 'image');
  const mountPoint = join(dir, 'mnt');
  await mkdir(mountPoint, { recursive: true });
  await rm(image, { force: true });
  await writeFile(image, '');
  await truncate(image, SIZE + 256 * MiB);
  make[type](image, join(dir, 'tree'));
  const mount =
    type === 'ext4' ? spawnSync('mount', ['-o', 'loop,ro,noload', image, mountPoint], { env }) : undefined;
  const mounted = mount?.status === 0;
  if (mount !== undefined && !mounted) note(`no kernel figure: ${String(mount.stderr).trim()}`);
  try {
    const { name: peer, read } = native[type];
    const ways: Record<string, (out: string) => Promise<void> | void> = {
      ours: (out) => ours(type, image, out),
      [peer]: (out) => read(image, out),
      ...(mounted ? { kernel: (out: string) => run('cp', [join(mountPoint, 'big'), out]) } : {}),
    };
    const rates: Record<string, number[]> = {};
    const out = join(sink, 'out');
    for (let repetition = -1; repetition < REPETITIONS; repetition += 1) {
      for (const [name, way] of Object.entries(ways)) {
        await rm(out, { force: true });
        const rate = await timed(() => way(out));
        // The first round only warms the page cache, and shows that all read the same.
        if (repetition >= 0) rates[name] = [...(rates[name] ?? []), rate];
        else if ((await hashOf(out)) !== truth) throw new Error(`${name} read something else`);
      }
    }
    for (const [name, all] of Object.entries(rates)) {
      note(`${type}: ${name}: ${all.map((rate) => rate.toFixed(0)).join(' ')} MB/s`);
    }
    for (const other of [peer, 'kernel']) {
      if (rates[other] === undefined) continue;
      report({
        bench: 'read',
        figure: `${type} 1GiB, ${other}`,
        ours: median(rates.ours ?? []),
        peer: median(rates[other]),
        unit: 'MB/s',
        better: 'higher',
      });
    }
  } finally {
    if (mounted) spawnSync('umount', [mountPoint], { env });
  }
}

const dir = await mkdtemp(join(tmpdir(), 'ns-bench-'));
const sink = await sinkDirectory(dir);
try {
  await mkdir(join(dir, 'tree'));
  await makeRandomFile(join(dir, 'tree', 'big'));
  const truth = await hashOf(join(dir, 'tree', 'big'));
  const asked = TYPES.filter((type) => process.argv.includes(type));
  for (const type of asked.length === 0 ? TYPES : asked) await bench(type, dir, sink, truth);
} finally {
  await rm(dir, { recursive: true, force: true });
  await rm(sink, { recursive: true, force: true });
}
