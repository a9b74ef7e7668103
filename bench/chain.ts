import { execFileSync, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { access, mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MiB } from '../src/base/index.ts';
import { buildChainProgram } from '../test/kit/chain-program.ts';
import { median, note, report } from './kit.ts';

const SIZE = 1024 * MiB;
const MEMBERS = 4;
const DEEP = 32;
const ROUNDS = 5;
const SECONDS = 1;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** As in the first line of the program that is shipped. */
const FLAGS = JSON.parse(
  await readFile(new URL('../scripts/chain-node-flags.json', import.meta.url), 'utf8'),
) as string[];

/** One way to use a disk: what fio is told, and which of its figures counts. */
interface Load {
  readonly name: string;
  readonly rw: 'randread' | 'randwrite' | 'read' | 'write';
  readonly bs: string;
  readonly depth: number;
}

const LOADS: readonly Load[] = [
  ...(['randread', 'randwrite'] as const).flatMap((rw) =>
    [1, 4, 16, 64].map((depth) => ({ name: `${rw} 4KiB depth ${depth}`, rw, bs: '4k', depth })),
  ),
  ...(['read', 'write'] as const).map((rw) => ({ name: `${rw} 1MiB depth 4`, rw, bs: '1m', depth: 4 })),
];

interface FioSide {
  readonly iops: number;
  readonly bw_bytes: number;
  readonly clat_ns: { readonly percentile: Readonly<Record<string, number>> };
}

/** Runs fio once against an export. */
function fio(socket: string, { rw, bs, depth }: Load): FioSide {
  const output = execFileSync(
    'fio',
    [
      '--name=load',
      '--ioengine=nbd',
      `--uri=nbd+unix:///?socket=${socket}`,
      `--rw=${rw}`,
      `--bs=${bs}`,
      `--iodepth=${depth}`,
      ...['--time_based', `--runtime=${SECONDS}`, '--ramp_time=0.2', `--size=${SIZE}`],
      ...['--output-format=json', '--group_reporting'],
    ],
    { env, encoding: 'utf8', maxBuffer: 16 * MiB },
  );
  const { jobs } = JSON.parse(output.slice(output.indexOf('{'))) as {
    jobs: { read: FioSide; write: FioSide }[];
  };
  return rw.endsWith('read') ? jobs[0]!.read : jobs[0]!.write;
}

async function fill(path: string, size: number): Promise<void> {
  const file = await open(path, 'w');
  const piece = new Uint8Array(Math.min(size, 16 * MiB));
  for (let done = 0; done < size; done += piece.byteLength) {
    randomFillSync(piece);
    await file.write(piece);
  }
  await file.sync();
  await file.close();
}

const children: { kill(): boolean }[] = [];

/** Starts a server and waits for its socket. */
async function start(socket: string, program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, [...args], { env, stdio: 'ignore' });
  children.push(child);
  for (let tries = 0; tries < 200; tries += 1) {
    await new Promise((done) => setTimeout(done, 50));
    if (
      await access(socket).then(
        () => true,
        () => false,
      )
    )
      return socket;
    if (child.exitCode !== null) break;
  }
  throw new Error(`${program} did not start`);
}

/** Has the page cache hold them: some kernels drop what was not used for a while. */
async function warm(paths: readonly string[]): Promise<void> {
  const piece = new Uint8Array(4 * MiB);
  for (const path of paths) {
    const file = await open(path);
    while ((await file.read(piece)).bytesRead > 0);
    await file.close();
  }
}

const membersOf = (dir: string, name: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => join(dir, `${name}-${i}.img`));

async function chainOf(program: string, dir: string, name: string, count: number): Promise<string> {
  const members = membersOf(dir, name, count);
  for (const path of members) await fill(path, SIZE / count);
  const socket = join(dir, `${name}.sock`);
  const args = [
    ...FLAGS,
    program,
    'serve',
    '--quiet',
    '--socket',
    socket,
    ...members.flatMap((m) => ['--member', m]),
  ];
  return start(socket, process.execPath, args);
}

const figureOf = (load: Load, side: FioSide): number => (load.bs === '1m' ? side.bw_bytes / 1e6 : side.iops);

async function compare(
  servers: Readonly<Record<'ours' | 'nbdkit' | 'qemu-nbd', string>>,
  images: readonly string[],
): Promise<void> {
  const all = Object.entries(servers);
  for (const load of LOADS) {
    const seen = { ours: [] as number[], nbdkit: [] as number[], 'qemu-nbd': [] as number[] };
    await warm(images);
    for (let round = 0; round < ROUNDS; round += 1) {
      // Whoever is first in one round is last in another.
      for (let i = 0; i < all.length; i += 1) {
        const [name, socket] = all[(i + round) % all.length]!;
        seen[name as keyof typeof seen].push(figureOf(load, fio(socket, load)));
      }
    }
    const peers = (['nbdkit', 'qemu-nbd'] as const).map((name) => ({ name, value: median(seen[name]) }));
    const best = peers[0]!.value >= peers[1]!.value ? peers[0]! : peers[1]!;
    report({
      bench: 'chain',
      figure: `${load.name}, ${MEMBERS} members against ${best.name}`,
      ours: median(seen.ours),
      peer: best.value,
      unit: load.bs === '1m' ? 'MB/s' : 'IOPS',
      better: 'higher',
    });
  }
}

/** What the way through 31 more units costs. */
function depthCost(deep: string, shallow: string): void {
  const load = LOADS[0]!;
  const p50 = { deep: [] as number[], shallow: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    p50.deep.push(fio(deep, load).clat_ns.percentile['50.000000']! / 1000);
    p50.shallow.push(fio(shallow, load).clat_ns.percentile['50.000000']! / 1000);
  }
  report({
    bench: 'chain',
    figure: `${DEEP} members against 1, randread 4KiB p50`,
    ours: median(p50.deep),
    peer: median(p50.shallow),
    unit: 'us',
    better: 'lower',
  });
}

const dir = await mkdtemp(join(tmpdir(), 'ns-bench-'));
try {
  await mkdir(join(dir, 'program'));
  const program = await buildChainProgram(join(dir, 'program'));
  const image = join(dir, 'one.img');
  await fill(image, SIZE);
  const [kit, qemu] = [join(dir, 'nbdkit.sock'), join(dir, 'qemu.sock')];
  note(`all images in ${tmpdir()}, warm; ${ROUNDS} rounds of ${SECONDS} s, each server in turn, medians`);
  const servers = {
    ours: await chainOf(program, dir, 'four', MEMBERS),
    nbdkit: await start(kit, 'nbdkit', ['--foreground', '--unix', kit, 'file', image]),
    'qemu-nbd': await start(qemu, 'qemu-nbd', ['--persistent', '--socket', qemu, '--format', 'raw', image]),
  };
  await compare(servers, [image, ...membersOf(dir, 'four', MEMBERS)]);
  depthCost(await chainOf(program, dir, 'deep', DEEP), await chainOf(program, dir, 'single', 1));
} finally {
  for (const child of children) child.kill();
  await rm(dir, { recursive: true, force: true });
}
