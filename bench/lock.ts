import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemEntropy } from '../src/adapters/entropy.ts';
import { silentLog } from '../src/adapters/log.ts';
import { MqttBus } from '../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../src/adapters/system-clock.ts';
import { Fleet } from '../src/fleet/index.ts';
import type { KeyStore, PublicKey } from '../src/ports/index.ts';
import { publicKeyFromText, publicKeyText, type Role, signToken } from '../src/security/index.ts';
import { makeDisk } from '../test/kit/disk-image.ts';
import { testKey } from '../test/kit/keys.ts';
import { startMosquitto } from '../test/kit/mosquitto.ts';
import { median, note, percentile, report } from './kit.ts';
import type { HostsSetup } from './lock/host.ts';

const TENANT = 'bench';
const HOSTS = Number(process.argv[process.argv.indexOf('--hosts') + 1]) || 1000;
/** Hosts that count for nothing: enough for the compilers of all sides to settle. */
const WARM_UP = Math.min(20, HOSTS);
const VOLUME_MIB = 192;
const FILE_BYTES = 64 << 20;

const sam = testKey();
const tess = testKey();
const governor = testKey();
const devices = new Map<string, PublicKey>();
let counter = 0;
let epoch = 0;

interface Helper {
  readonly process: ChildProcess;
  ask(question: unknown): Promise<string>;
}

async function helper(file: string): Promise<Helper> {
  const child = fork(new URL(file, import.meta.url), { execArgv: ['--import=tsx'] });
  const next = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`${file} ended with ${code}`));
      child.once('exit', onExit);
      child.once('message', (answer: { done?: string; failed?: string }) => {
        child.off('exit', onExit);
        if (answer.done === undefined) reject(new Error(answer.failed));
        else resolve(answer.done);
      });
    });
  await next();
  const ask = (question: unknown): Promise<string> => {
    const answer = next();
    child.send(question as object);
    return answer;
  };
  return { process: child, ask };
}

const entry = (name: string, role: Role, key: KeyStore) => ({
  name,
  role,
  key: publicKeyText(key.publicKey),
});

async function officers(url: string): Promise<Fleet> {
  const bus = new MqttBus(
    { broker: { url }, clientId: 'officers', cleanSession: true },
    systemClock,
    systemEntropy,
    silentLog,
  );
  const fleet = new Fleet({
    bus,
    tenant: TENANT,
    key: sam,
    cosigners: [tess],
    // An epoch for each: a budget is the fleet's, and these hosts are many.
    tokens: async ({ verb, aud }) =>
      verb === 'machine.disable'
        ? signToken(
            { v: 1, epoch: ++epoch, for: 'lock', n: 1, device: aud.name, at: 1_700_000_000 },
            governor,
            TENANT,
          )
        : undefined,
    counter: { next: async () => ++counter },
    devices,
    clock: systemClock,
    entropy: systemEntropy,
  });
  await fleet.connect();
  return fleet;
}

/** Milliseconds from the fleet's order to a verified receipt that says that every level was read back as in force. */
async function disable(fleet: Fleet, name: string): Promise<number> {
  const signal = new AbortController().signal;
  const begin = performance.now();
  const { outcome } = await fleet.order(name, 'machine.disable', { reason: 'stolen' }, { signal });
  const end = await outcome;
  const took = performance.now() - begin;
  if (end.is !== 'receipt' || end.result === undefined || !end.result.changed)
    throw new Error(`${name} was not disabled: ${JSON.stringify(end)}`);
  const slack = end.result.lock.levels?.filter(({ inForce }) => inForce !== 'yes') ?? ['unknown'];
  if (slack.length > 0) throw new Error(`${name} is not held: ${JSON.stringify(slack)}`);
  return took;
}

async function enable(fleet: Fleet, name: string): Promise<void> {
  const signal = new AbortController().signal;
  const { outcome } = await fleet.order(name, 'machine.enable', {}, { signal });
  const end = await outcome;
  if (end.is !== 'receipt' || end.receipt.outcome !== 'succeeded') throw new Error(`${name} was not enabled`);
}

const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const directory = await mkdtemp(join(memory, 'ns-lock-'));
const broker = await startMosquitto();
const helpers: Helper[] = [];
try {
  const disk = await makeDisk(directory, {
    size: VOLUME_MIB,
    fill: (tree) => writeFile(join(tree, 'big'), systemEntropy.randomBytes(FILE_BYTES)),
  });
  const hosts = await helper('./lock/host.ts');
  helpers.push(hosts);
  const bulk = await helper('./lock/bulk.ts');
  helpers.push(bulk);
  const olga = await bulk.ask({ open: { url: broker.url, tenant: TENANT } });
  const setup: HostsSetup = {
    url: broker.url,
    tenant: TENANT,
    directory,
    image: disk.path,
    keyring: [
      { name: 'olga', role: 'operator', key: olga },
      entry('sam', 'security', sam),
      entry('tess', 'security', tess),
      entry('gov', 'governor', governor),
    ],
  };
  await hosts.ask({ setup });
  const fleet = await officers(broker.url);
  const idle: number[] = [];
  const loaded = { get: [] as number[], put: [] as number[] };
  for (let i = -WARM_UP; i < HOSTS; i += 1) {
    const name = `h${i + WARM_UP}`;
    const what = i % 2 === 0 ? 'get' : 'put';
    const key = await hosts.ask({ start: name });
    devices.set(name, publicKeyFromText(key));
    const quiet = await disable(fleet, name);
    await enable(fleet, name);
    await bulk.ask({ flow: { name, key, what } });
    const busy = await disable(fleet, name);
    const end = await bulk.ask({ end: true });
    if (end === 'succeeded') throw new Error(`the ${what} of ${name} was over before it was disabled`);
    await hosts.ask({ stop: true });
    if (i < 0) continue;
    idle.push(quiet);
    loaded[what].push(busy);
  }
  const all = [...loaded.get, ...loaded.put];
  const shape = { bench: 'lock', unit: 'ms', better: 'lower' } as const;
  const figure = (name: string, busy: readonly number[], of: (values: readonly number[]) => number): void =>
    report({ ...shape, figure: name, ours: of(busy), peer: of(idle) });
  const p99 = (values: readonly number[]): number => percentile(values, 0.99);
  note(
    `${HOSTS} hosts, one after the other, each disabled idle and again in the middle of a get or put of 64 MiB`,
  );
  note('from the order of two people to its verified receipt, every level read back as in force');
  note('ours: under load; peer: the same host idle');
  figure('disable to proof, median under bulk load against idle', all, median);
  figure('disable to proof, p99 under bulk load against idle', all, p99);
  for (const what of ['get', 'put'] as const) {
    if (loaded[what].length > 0) figure(`p99 in a ${what} against idle`, loaded[what], p99);
  }
} finally {
  for (const { process } of helpers) process.kill();
  await broker.close();
  await rm(directory, { recursive: true, force: true });
}
process.exit(0);
