import { execFileSync, fork } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { copyFile, mkdtemp, open, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { openFileDevice } from '../src/adapters/file-device.ts';
import { openFileStateStore } from '../src/adapters/file-state-store.ts';
import { GiB, MiB } from '../src/base/index.ts';
import { median, note, report } from './kit.ts';
import type { Put } from './write/put.ts';

const SIZE = 256 * MiB;
const VOLUME = 1 * GiB;
const REPETITIONS = 3;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const KINDS = { ext4: 'debugfs -w', vfat: 'mcopy' } as const;
type Kind = keyof typeof KINDS;
const TYPES = ['ext4', 'vfat'] as const;

function run(program: string, args: readonly string[]): void {
  execFileSync(program, [...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** In one file, as the agent is: what loads sources on the way takes memory of its own. */
async function bundlePut(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'write', 'put.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
}

function putInChild(dir: string, type: Kind): Promise<Put> {
  return new Promise((resolve, reject) => {
    const child = fork(join(dir, 'put.mjs'), [dir, type, String(SIZE / MiB)], { execArgv: [] });
    let put: Put | undefined;
    child.on('message', (message) => {
      put = message as Put;
    });
    child.on('error', reject);
    child.on('exit', (code) => (put === undefined ? reject(new Error(`ended with ${code}`)) : resolve(put)));
  });
}

async function makeContent(path: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  const piece = new Uint8Array(16 * MiB);
  for (let done = 0; done < SIZE; done += piece.byteLength) {
    randomFillSync(piece);
    await file.write(piece);
  }
  await file.close();
}

/** What staging does beside the network: writes the bytes to own storage and hashes them. */
async function stage(dir: string): Promise<number> {
  const store = await openFileStateStore(join(dir, 'state'));
  const from = await openFileDevice(join(dir, 'content'), { name: 'content', writable: false });
  const since = now();
  const staged = await store.stagedFile('content', SIZE);
  const hash = createHash('sha256');
  const piece = new Uint8Array(MiB);
  for (let at = 0; at < SIZE; at += piece.byteLength) {
    await from.read(at, piece);
    hash.update(piece);
    await staged.data.write(at, piece);
  }
  await staged.data.flush();
  await staged.data.close();
  await from.close();
  return now() - since;
}

async function makeVolume(path: string, type: Kind): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, '');
  await truncate(path, VOLUME);
  if (type === 'ext4') run('mkfs.ext4', ['-q', '-F', '-b', '4096', path]);
  else run('mkfs.vfat', ['-F', '32', path]);
}

/** The same file by the native tool, onto the image itself. */
function native(dir: string, type: Kind): number {
  const [source, image] = [join(dir, 'state', 'content'), join(dir, 'image')];
  const since = now();
  if (type === 'ext4') run('debugfs', ['-w', '-R', `write ${source} /big`, image]);
  else run('mcopy', ['-i', image, source, '::big']);
  // Both leave the change on the disk itself.
  run('sync', ['-d', image]);
  return now() - since;
}

async function bench(dir: string, type: Kind): Promise<void> {
  const ours: Put[] = [];
  const peer: number[] = [];
  const fresh = join(dir, 'fresh');
  await makeVolume(fresh, type);
  for (let repetition = -1; repetition < REPETITIONS; repetition += 1) {
    const renew = async (): Promise<void> => {
      await copyFile(fresh, join(dir, 'image'));
      run('sync', []);
    };
    await renew();
    const put = await putInChild(dir, type);
    if (type === 'ext4') run('e2fsck', ['-fn', join(dir, 'image')]);
    await renew();
    const took = native(dir, type);
    // The first round only warms the page cache.
    if (repetition < 0) continue;
    ours.push(put);
    peer.push(took);
  }
  const total = ({ steps }: Put): number => Object.values(steps).reduce((sum, took) => sum + took, 0);
  for (const step of Object.keys(ours[0]?.steps ?? {})) {
    note(`${type}: ${step}: ${median(ours.map(({ steps }) => steps[step] ?? 0)).toFixed(0)} ms`);
  }
  note(
    `${type}: ours ${ours.map((put) => total(put).toFixed(0)).join(' ')} ms; native ${peer.map((took) => took.toFixed(0)).join(' ')} ms`,
  );
  note(
    `${type}: ${(Math.max(...ours.map((put) => put.memoryBefore)) / 1e6).toFixed(0)} MB of memory before the put`,
  );
  const rate = (took: number): number => SIZE / 1e6 / (took / 1e3);
  report({
    bench: 'write',
    figure: `${type} 256MiB, ${KINDS[type]}`,
    ours: rate(median(ours.map(total))),
    peer: rate(median(peer)),
    unit: 'MB/s',
    better: 'higher',
  });
  report({
    bench: 'write',
    figure: `${type} peak memory of the process, 120 MB allowed`,
    ours: Math.max(...ours.map(({ peakMemory }) => peakMemory)) / 1e6,
    peer: 120,
    unit: 'MB',
    better: 'lower',
  });
}

/** Memory where there is room: otherwise each pays for the writing back of what the others wrote. */
async function workDirectory(): Promise<string> {
  const room = await statfs('/dev/shm').then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  if (room > 4 * SIZE) return await mkdtemp('/dev/shm/ns-bench-');
  note('no room in /dev/shm: the volume is on the disk, and its write-back makes the figures noisy');
  return await mkdtemp(join(tmpdir(), 'ns-bench-'));
}

const dir = await workDirectory();
try {
  await bundlePut(join(dir, 'put.mjs'));
  await makeContent(join(dir, 'content'));
  note(`stage: ${(await stage(dir)).toFixed(0)} ms without the network`);
  await rm(join(dir, 'content'));
  const asked = TYPES.filter((type) => process.argv.includes(type));
  for (const type of asked.length === 0 ? TYPES : asked) await bench(dir, type);
} finally {
  await rm(dir, { recursive: true, force: true });
}
