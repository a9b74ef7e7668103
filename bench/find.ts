import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileDevice } from '../src/adapters/file-device.ts';
import { GiB } from '../src/base/index.ts';
import type { ArgsOf } from '../src/protocol/index.ts';
import { openFileSystem } from '../src/storage/index.ts';
import { Find } from '../src/tasks/file/find-search.ts';
import { ColdHost } from '../test/kit/cold-host.ts';
import { median, note, report } from './kit.ts';

const DIRECTORIES = 1000;
const FILES = 99;
/** Every so many directories one whose files have something in them. */
const FULL = 10;
const NEEDLE = 'the needle in it';
const REPETITIONS = 3;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' };

interface Search {
  readonly figure: string;
  readonly args: ArgsOf<'file.find'>;
  /** The peer's command, on the mounted volume. */
  readonly peer: (root: string) => readonly string[];
}

const SEARCHES: readonly Search[] = [
  {
    figure: '--name, 100,000 files',
    args: { path: '/', name: '*-of-777.log', kind: 'file' },
    peer: (root) => ['find', root, '-type', 'f', '-name', '*-of-777.log'],
  },
  {
    figure: '--size, 100,000 files',
    args: { path: '/', size: { min: 2900 } },
    peer: (root) => ['find', root, '-type', 'f', '-size', '+2899c'],
  },
  {
    figure: '--contains, 9,900 files',
    args: { path: '/', size: { min: 1 }, contains: Buffer.from(NEEDLE) },
    peer: (root) => [
      'find',
      root,
      ...['-type', 'f', '-size', '+0', '-exec', 'grep', '-lF', NEEDLE, '{}', '+'],
    ],
  },
];

async function fill(tree: string): Promise<void> {
  for (let d = 0; d < DIRECTORIES; d += 1) {
    const at = join(tree, `directory-${d}`);
    await mkdir(at);
    const files = Array.from({ length: FILES }, (_, f) => {
      const text = f % 9 === 0 && d % 4 === 0 ? NEEDLE : '';
      const size = d % FULL === 0 ? 1000 + ((d * FILES + f) % 2000) : 0;
      return writeFile(join(at, `${f}-of-${d}.log`), size === 0 ? '' : text.padStart(size, '.'));
    });
    await Promise.all(files);
  }
}

/** All pages of a search, over the engine alone. */
async function ours(image: string, args: ArgsOf<'file.find'>): Promise<string[]> {
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const fs = await openFileSystem(device, 'ext4');
  const paths: string[] = [];
  const { signal } = new AbortController();
  let after: ArgsOf<'file.find'>['after'];
  do {
    const page = await new Find(fs, args.path, { ...args, after }, async () => undefined, signal).run();
    if (!page.ok) throw new Error(page.refusal.sentence);
    paths.push(...page.value.matches.map(({ path }) => path));
    after = page.value.next;
  } while (after !== undefined);
  await device.close();
  return paths;
}

/** The same by the whole agent: an order and a receipt a page. */
async function byAgent(host: ColdHost, args: ArgsOf<'file.find'>): Promise<string[]> {
  const paths: string[] = [];
  let after: ArgsOf<'file.find'>['after'];
  do {
    const end = await host.give('file.find', { ...args, after });
    if (end.result === undefined) throw new Error(end.sentence ?? end.outcome);
    paths.push(...end.result.matches.map(({ path }) => path));
    after = end.result.next;
  } while (after !== undefined);
  return paths;
}

const dir = await mkdtemp(join(tmpdir(), 'ns-bench-'));
const image = join(dir, 'image');
const at = join(dir, 'mnt');
const mount = () => spawnSync('mount', ['-o', 'loop,ro,noload', image, at], { env });
const unmount = () => spawnSync('umount', [at], { env });

/** On a volume mounted anew, so that the kernel has only its page cache, as we have. */
function kernel(command: readonly string[]): { readonly paths: string[]; readonly ms: number } {
  mount();
  try {
    const start = performance.now();
    const [program = '', ...args] = command;
    const said = execFileSync(program, args, { env, maxBuffer: 64 << 20 }).toString();
    const ms = performance.now() - start;
    return { paths: said.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(at.length)])), ms };
  } finally {
    unmount();
  }
}

/** debugfs looks at nothing but names and the facts of each: its `ls -l` of every directory. */
function debugfsWalk(): number {
  const start = performance.now();
  const commands = Array.from({ length: DIRECTORIES }, (_, d) => `ls -l /directory-${d}`).join('\n');
  execFileSync('debugfs', ['-f', '-', image], { env, input: commands, stdio: ['pipe', 'ignore', 'ignore'] });
  return performance.now() - start;
}

let host: ColdHost | undefined;
try {
  await mkdir(join(dir, 'tree'));
  await mkdir(at);
  await fill(join(dir, 'tree'));
  await writeFile(image, '');
  await truncate(image, 1 * GiB);
  execFileSync('mkfs.ext4', ['-q', '-F', '-b', '4096', '-N', '131072', '-d', join(dir, 'tree'), image], {
    env,
  });
  await rm(join(dir, 'tree'), { recursive: true });
  const tried = mount();
  const mounted = tried.status === 0;
  if (mounted) unmount();
  else note(`no kernel figure: ${String(tried.stderr).trim()}; the peer is debugfs`);
  host = await ColdHost.start({ image });
  for (const { figure, args, peer } of SEARCHES) {
    const times = { ours: [] as number[], agent: [] as number[], peer: [] as number[] };
    const timed = async (who: 'ours' | 'agent', run: () => Promise<string[]>): Promise<string[]> => {
      const start = performance.now();
      const paths = await run();
      times[who].push(performance.now() - start);
      return paths;
    };
    for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
      const found = await timed('ours', () => ours(image, args));
      const agent = host;
      const asked = await timed('agent', () => byAgent(agent, args));
      const said = mounted ? kernel(peer(at)) : { paths: found, ms: debugfsWalk() };
      times.peer.push(said.ms);
      const truth = said.paths.sort().join('\n');
      if (found.sort().join('\n') !== truth || asked.sort().join('\n') !== truth) {
        throw new Error(
          `${figure}: ${found.length} and ${asked.length} found, ${said.paths.length} by the peer`,
        );
      }
      if (repetition === 0) note(`${figure}: ${found.length} found`);
    }
    const name = mounted ? 'kernel' : 'debugfs';
    const rate = (ms: readonly number[]): number => 1000 / median(ms);
    const common = { bench: 'find', unit: 'searches/s', better: 'higher' } as const;
    report({ ...common, figure: `${name}, ${figure}`, ours: rate(times.ours), peer: rate(times.peer) });
    const whole = `${name}, ${figure}, whole agent`;
    report({ ...common, figure: whole, ours: rate(times.agent), peer: rate(times.peer) });
  }
} finally {
  await host?.close();
  await rm(dir, { recursive: true, force: true });
}
