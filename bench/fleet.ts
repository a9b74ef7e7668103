import { type ChildProcess, fork, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { createKeyFile } from '../src/adapters/operator-keys.ts';
import { HOSTS_AT_ONCE } from '../src/fleet/index.ts';
import { publicKeyText } from '../src/security/index.ts';
import { startMosquitto } from '../test/kit/mosquitto.ts';
import type { FleetSetup } from './fleet/setup.ts';
import { median, note, report } from './kit.ts';

const ROOT = join(import.meta.dirname, '..');
const USAGE = new URL('fleet/usage.mjs', import.meta.url).href;
const TENANT = 'bench';
const HOSTS = Number(process.argv[process.argv.indexOf('--hosts') + 1]) || 5000;
const SIZES = [HOSTS, HOSTS / 10, HOSTS / 100].map((size) => Math.max(1, Math.round(size)));
const ROUNDS = 3;

interface Run {
  /** From the start of the process to its end. */
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
  readonly output: string;
}

/** Runs a program from its start to its end. */
async function run(program: string, args: readonly string[], cwd: string): Promise<Run> {
  const begin = performance.now();
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, NODE_OPTIONS: `--import=${USAGE}` },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const texts = [1, 2, 3].map((descriptor) => {
    const chunks: string[] = [];
    child.stdio[descriptor]?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    return chunks;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const wallMs = performance.now() - begin;
  const [output, errors, usage] = texts.map((chunks) => chunks.join('')) as [string, string, string];
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors}${output.slice(0, 2000)}`);
  return { wallMs, output, ...(JSON.parse(usage) as { cpuMs: number; rssMiB: number }) };
}

/** The command as it is shipped, built beside whatever lies in dist. */
async function buildCommand(directory: string): Promise<string> {
  const { rollup } = await import('rollup');
  const { default: configs } = (await import(join(ROOT, 'rollup.config.js'))) as {
    default: import('rollup').RollupOptions[];
  };
  const config = configs.find(({ input }) =>
    Object.values(input ?? {}).includes('src/programs/command/main.ts'),
  );
  if (config === undefined) throw new Error('no program src/programs/command/main.ts');
  const bundle = await rollup(config);
  await bundle.write({ ...(config.output as import('rollup').OutputOptions), dir: directory });
  await bundle.close();
  return join(directory, 'nightshift.mjs');
}

async function buildPeer(directory: string): Promise<string> {
  const outfile = join(directory, 'ask.mjs');
  await build({
    entryPoints: [join(ROOT, 'bench/fleet/ask.ts')],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    alias: { 'readable-stream': 'node:stream' },
    banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
    external: ['cbor-extract', 'bufferutil', 'utf-8-validate'],
    logLevel: 'error',
  });
  return outfile;
}

const children: ChildProcess[] = [];

async function startFleet<T>(file: string, setup: FleetSetup): Promise<T & { readonly rss: number }> {
  const child = fork(new URL(file, import.meta.url), [JSON.stringify(setup)], {
    execArgv: ['--import=tsx', '--max-old-space-size=8192'],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as T & { readonly rss: number }));
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
  });
}

process.chdir(ROOT);
const directory = await mkdtemp(join(tmpdir(), 'ns-fleet-'));
const inMemory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ns-fleet-'));
const broker = await startMosquitto();
try {
  const command = await buildCommand(directory);
  const asker = await buildPeer(directory);
  const olga = await createKeyFile(join(directory, 'olga.pem'), undefined);
  const pair = generateKeyPairSync('ed25519');
  const peerKey = pair.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  const peerPublic = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const setup = { url: broker.url, port: broker.port, tenant: TENANT, hosts: HOSTS };
  const agents = await startFleet<{ keys: string[] }>('./fleet/agents.ts', {
    ...setup,
    operator: publicKeyText(olga.publicKey),
  });
  const echoes = await startFleet<{ key: string }>('./fleet/echo.ts', { ...setup, operator: peerPublic });
  const configOf = (receipts: string): string =>
    [
      `broker: { url: '${broker.url}' }`,
      `tenant: ${TENANT}`,
      'key: olga.pem',
      `receipts: ${receipts}`,
      'devices:',
      ...agents.keys.map((key, index) => `  h${index + 1}: ${key}`),
      '',
    ].join('\n');
  await writeFile(join(directory, 'disk.yaml'), configOf('receipts'));
  await writeFile(join(directory, 'memory.yaml'), configOf(inMemory));

  const ask = (size: number): Promise<Run> =>
    run(
      process.execPath,
      [asker, String(broker.port), String(size), String(HOSTS_AT_ONCE), peerKey, echoes.key],
      directory,
    );
  const status = (size: number, receipts: 'disk' | 'memory' = 'disk'): Promise<Run> =>
    run(command, ['--config', `${receipts}.yaml`, 'status', `h[1-${size}]`], directory);
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  note(
    `ours: the nightshift command from its start to its end: "status" of h[1-N], ${HOSTS_AT_ONCE} at a time;`,
  );
  note(
    'each receipt verified and kept on stable storage; each agent with its own key, journal and connection',
  );
  note(
    'peer: a process that signs a CBOR map for each echo and verifies its signed answer, as many at a time,',
  );
  note('through the same broker, in turn; the echoes verify, sign, and do nothing else');
  note(
    `${HOSTS} agents in ${mib(agents.rss)} MiB, ${HOSTS} echoes in ${mib(echoes.rss)} MiB, one process each`,
  );
  const load = loadavg()[0]!.toFixed(1);
  await ask(HOSTS);
  await status(HOSTS);
  for (const size of SIZES) {
    const ours: Run[] = [];
    const unkept: Run[] = [];
    const peer: Run[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      peer.push(await ask(size));
      ours.push(await status(size));
      unkept.push(await status(size, 'memory'));
    }
    type Part = 'wallMs' | 'cpuMs' | 'rssMiB';
    const of = (runs: readonly Run[], part: Part): number => median(runs.map((each) => each[part]));
    const figure = (name: string, runs: readonly Run[], part: Part, unit: string): void =>
      report({
        bench: 'fleet',
        figure: `${name}, ${size} hosts`,
        ours: of(runs, part),
        peer: of(peer, part),
        unit,
        better: 'lower',
      });
    figure('status of all', ours, 'wallMs', 'ms');
    figure('the same with receipts in memory', unkept, 'wallMs', 'ms');
    figure('processor time of the command', ours, 'cpuMs', 'ms');
    figure('peak RSS of the command', ours, 'rssMiB', 'MiB');
  }
  note(`load average ${load} before, ${loadavg()[0]!.toFixed(1)} after`);
} finally {
  for (const child of children) child.kill();
  await broker.close();
  for (const made of [directory, inMemory]) await rm(made, { recursive: true, force: true });
}
process.exit(0);
