import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { MiB } from '../src/base/index.ts';
import { median, note, report } from './kit.ts';

/** Small enough to lie in the page cache: what is compared is the servers, not a disk. */
const SIZE = 512 * MiB;
const REPETITIONS = 5;
const SECONDS = 1;
const PEERS = ['nbdkit', 'qemu-nbd'] as const;
type Name = 'ours' | (typeof PEERS)[number];

interface Load {
  readonly rw: 'randread' | 'randwrite' | 'read' | 'write';
  readonly size: '4k' | '1m';
  readonly depth: number;
}

const LOADS: readonly Load[] = [
  ...(['randread', 'randwrite'] as const).flatMap((rw) =>
    [1, 4, 16, 64].map((depth): Load => ({ rw, size: '4k', depth })),
  ),
  ...(['read', 'write'] as const).map((rw): Load => ({ rw, size: '1m', depth: 4 })),
];

const run = promisify(execFile);
const directory = await mkdtemp(join(tmpdir(), 'ns-bench-nbd-'));
const image = join(directory, 'image');
const program = join(directory, 'serve.mjs');
const socketOf = (name: Name): string => join(directory, `${name}.socket`);

const COMMANDS: Record<Name, readonly [string, readonly string[]]> = {
  ours: [process.execPath, [program, image, socketOf('ours')]],
  nbdkit: ['nbdkit', ['-f', '-U', socketOf('nbdkit'), 'file', image]],
  'qemu-nbd': [
    'qemu-nbd',
    ['-t', '-f', 'raw', '--cache=writeback', '-e', '8', '-k', socketOf('qemu-nbd'), image],
  ],
};

async function makeImage(): Promise<void> {
  const file = await open(image, 'w');
  const piece = new Uint8Array(16 * MiB);
  for (let done = 0; done < SIZE; done += piece.byteLength) {
    randomFillSync(piece);
    await file.write(piece);
  }
  await file.sync();
  await file.close();
}

async function listens(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function start(name: Name): Promise<ChildProcess> {
  const [command, args] = COMMANDS[name];
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore'] });
  for (let tries = 0; !(await listens(socketOf(name))); tries += 1) {
    if (tries > 200 || child.exitCode !== null) throw new Error(`${name} does not listen`);
    await sleep(50);
  }
  return child;
}

/** Requests a second. */
async function measure(name: Name, { rw, size, depth }: Load): Promise<number> {
  const { stdout } = await run('fio', [
    ...['--name=bench', '--ioengine=nbd', `--uri=nbd+unix:///?socket=${socketOf(name)}`],
    ...[`--rw=${rw}`, `--bs=${size}`, `--iodepth=${depth}`, `--size=${SIZE}`],
    ...['--time_based', `--runtime=${SECONDS}`, '--randrepeat=1', '--output-format=json'],
  ]);
  const { jobs } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
    jobs: Record<'read' | 'write', { iops: number }>[];
  };
  return jobs[0]![rw.endsWith('read') ? 'read' : 'write'].iops;
}

const children: ChildProcess[] = [];
try {
  await makeImage();
  await build({
    entryPoints: [fileURLToPath(new URL('./nbd/serve.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  });
  const names: readonly Name[] = ['ours', ...PEERS];
  for (const name of names) children.push(await start(name));
  for (const load of LOADS) {
    const rates: Record<Name, number[]> = { ours: [], nbdkit: [], 'qemu-nbd': [] };
    for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
      // Whoever is first in one round is last in another: no one always follows the same neighbour.
      for (let i = 0; i < names.length; i += 1) {
        const name = names[(i + repetition) % names.length]!;
        rates[name].push(await measure(name, load));
      }
    }
    const [better] = [...PEERS].sort((a, b) => median(rates[b]) - median(rates[a]));
    const figure = `${load.rw} ${load.size} depth ${load.depth}`;
    for (const name of names) {
      note(`${figure}: ${name}: ${rates[name].map((rate) => rate.toFixed(0)).join(' ')}`);
    }
    report({
      bench: 'nbd',
      figure: `${figure}, ${better}`,
      ours: median(rates.ours),
      peer: median(rates[better!]),
      unit: 'requests/s',
      better: 'higher',
    });
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
}
