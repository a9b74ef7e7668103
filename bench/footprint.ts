import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMosquitto } from '../test/kit/mosquitto.ts';
import { median, note, report } from './kit.ts';

const ROOT = join(import.meta.dirname, '..');
const BUNDLE = join(ROOT, 'dist/nightshift-agent.mjs');
const RUNS = 7;
const IDLE_MS = 2500;
const BUDGET_KB = 600;
/** What the device's bundle may hold; anything else was pulled in by mistake. */
const NEEDED = ['mqtt', 'mqtt-packet', 'cbor-x', 'valibot', 'yaml'];

interface Sample {
  /** User and system time since the start. */
  readonly cpuMs: number;
  readonly rssMiB: number;
}

async function sample(child: ChildProcess): Promise<Sample> {
  const [status, stats] = await Promise.all([
    readFile(`/proc/${child.pid}/status`, 'utf8'),
    readFile(`/proc/${child.pid}/stat`, 'utf8'),
  ]);
  const fields = stats.slice(stats.lastIndexOf(')') + 2).split(' ');
  // utime and stime are fields 14 and 15 of proc(5), in ticks of 10 ms.
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * 10;
  return { cpuMs, rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024 };
}

async function measured(
  program: string,
  args: readonly string[],
  ready: RegExp | undefined,
): Promise<Sample> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    if (ready !== undefined) {
      await new Promise<void>((resolve, reject) => {
        let seen = '';
        child.stdout.on('data', (chunk) => {
          seen += String(chunk);
          if (ready.test(seen)) resolve();
        });
        child.on('exit', () => reject(new Error(`the agent ended early: ${seen}`)));
      });
    }
    await sleep(IDLE_MS);
    return await sample(child);
  } finally {
    child.kill('SIGKILL');
  }
}

/** Names of the npm packages whose code is in the bundle, by the bundler's own account. */
async function packagesInBundle(): Promise<string[]> {
  const { rollup } = await import('rollup');
  const { default: configs } = (await import(join(ROOT, 'rollup.config.js'))) as {
    default: import('rollup').RollupOptions[];
  };
  const agent = configs.find(({ input }) =>
    Object.values(input ?? {}).includes('src/programs/agent/main.ts'),
  );
  if (agent === undefined) throw new Error('no program src/programs/agent/main.ts');
  const bundle = await rollup(agent);
  const { output } = await bundle.generate({ format: 'es' });
  await bundle.close();
  const names = new Set<string>();
  for (const [id, { renderedLength }] of Object.entries(output[0].modules)) {
    const found = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id);
    if (found?.[1] !== undefined && renderedLength > 0) names.add(found[1]);
  }
  return [...names].sort();
}

process.chdir(ROOT);
const built = spawnSync(join(ROOT, 'node_modules/.bin/rollup'), ['-c', '--silent'], {
  cwd: ROOT,
  stdio: ['ignore', 'ignore', 'inherit'],
});
if (built.status !== 0) throw new Error('the build failed');
const dir = await mkdtemp(join(tmpdir(), 'ns-footprint-'));
const broker = await startMosquitto();
try {
  const size = (await stat(BUNDLE)).size / 1000;
  report({
    bench: 'footprint',
    figure: 'bundle against its budget',
    ours: size,
    peer: BUDGET_KB,
    unit: 'KB',
    better: 'lower',
  });
  const packages = await packagesInBundle();
  note(`packages in the bundle: ${packages.join(', ')}`);
  const missing = NEEDED.filter((name) => !packages.includes(name));
  const foreign = packages.filter((name) =>
    ['aedes', 'commander', 'serialport', 'tap', 'esbuild'].includes(name),
  );
  if (missing.length + foreign.length > 0)
    throw new Error(`bundle: missing ${missing.join(' ')}, unwanted ${foreign.join(' ')}`);

  await writeFile(join(dir, 'disk0.img'), '');
  await truncate(join(dir, 'disk0.img'), 16 * 1024 * 1024);
  await writeFile(
    join(dir, 'agent.yaml'),
    `device: host1\nbroker: ${broker.url}\nstate: ./state\nkeyring: []\nsim:\n  disks: [{ image: ./disk0.img }]\n`,
  );
  await writeFile(join(dir, 'empty.mjs'), 'setInterval(() => {}, 1 << 30);\n');
  const agentArgs = ['--board', 'sim-host', '--config', join(dir, 'agent.yaml')];
  // The first start also makes the key and preallocates the journal.
  await measured(BUNDLE, agentArgs, /device\.started/);
  const ours: Sample[] = [];
  const peer: Sample[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    peer.push(await measured(process.execPath, [join(dir, 'empty.mjs')], undefined));
    ours.push(await measured(BUNDLE, agentArgs, /device\.started/));
  }
  const of = (samples: readonly Sample[], key: keyof Sample) => median(samples.map((each) => each[key]));
  report({
    bench: 'footprint',
    figure: 'start-up CPU against an empty Node',
    ours: of(ours, 'cpuMs'),
    peer: of(peer, 'cpuMs'),
    unit: 'ms',
    better: 'lower',
  });
  report({
    bench: 'footprint',
    figure: 'idle connected RSS against an empty Node',
    ours: of(ours, 'rssMiB'),
    peer: of(peer, 'rssMiB'),
    unit: 'MiB',
    better: 'lower',
  });
} finally {
  await broker.stop();
  await rm(dir, { recursive: true });
}
