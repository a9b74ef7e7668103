import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 10;
const PATIENCE_MS = 60_000;

export interface StartUpCost {
  /** Processor time from the start until it says that it has started, its children's with it. */
  readonly cpuMs: number;
  /** Resident some time later, with nothing to do. */
  readonly rssMiB: number;
}

export interface StartUpCosts {
  readonly agent: StartUpCost;
  /** A Node of the same kind with nothing to run. */
  readonly empty: StartUpCost;
}

/** Medians of so many starts of the built agent and of an empty Node, in turn. `home` is empty, and is written into. */
export async function startUpCosts(
  home: string,
  brokerUrl: string,
  { rounds, idleMs }: { readonly rounds: number; readonly idleMs: number },
): Promise<StartUpCosts> {
  const bundle = resolve('dist/nightshift-agent.mjs');
  const [, flags = ''] = /^#!.*\bnode\b(.*)\n/.exec(await readFile(bundle, 'utf8')) ?? [];
  await mkdir(home, { recursive: true });
  const disk = join(home, 'disk0.img');
  await writeFile(disk, '');
  await truncate(disk, 16 * 1024 * 1024);
  const config = join(home, 'agent.yaml');
  await writeFile(
    config,
    `device: host1\nbroker: ${brokerUrl}\nstate: ./state\nkeyring: []\nsim: { disks: [{ image: ./disk0.img }] }\n`,
  );
  const nothing = join(home, 'nothing.mjs');
  await writeFile(nothing, 'setInterval(() => {}, 1 << 30);\nprocess.stdout.write("started\\n");\n');
  const agentArgs = [...flags.split(' ').filter(Boolean), bundle, '--board', 'sim-host', '--config', config];
  // The first start also makes the key and the journal.
  await costOf(agentArgs, 0);
  const agent: StartUpCost[] = [];
  const empty: StartUpCost[] = [];
  for (let round = 0; round < rounds; round += 1) {
    empty.push(await costOf([nothing], idleMs));
    agent.push(await costOf(agentArgs, idleMs));
  }
  return { agent: medians(agent), empty: medians(empty) };
}

async function costOf(args: readonly string[], idleMs: number): Promise<StartUpCost> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  });
  const ended = new Promise((done) => child.on('close', done));
  try {
    await started(child);
    const cpuMs = await processorTime(child.pid ?? 0);
    await sleep(idleMs);
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
    return { cpuMs, rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024 };
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    let said = '';
    const timer = setTimeout(() => fail(new Error(`it never started: ${said}`)), PATIENCE_MS);
    child.stdout?.on('data', (text) => {
      said += String(text);
      if (!/started/.test(said)) return;
      clearTimeout(timer);
      done();
    });
    child.on('exit', () => fail(new Error(`it ended: ${said}`)));
  });
}

/** Of all its threads, in milliseconds, and of children that have ended, by ticks. */
async function processorTime(pid: number): Promise<number> {
  let nanoseconds = 0;
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const [ran = '0'] = (await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8')).split(' ');
    nanoseconds += Number(ran);
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  // cutime and cstime are fields 16 and 17 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return nanoseconds / 1e6 + (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

function medians(costs: readonly StartUpCost[]): StartUpCost {
  const of = (key: keyof StartUpCost): number =>
    costs.map((each) => each[key]).sort((a, b) => a - b)[Math.floor(costs.length / 2)] ?? Number.NaN;
  return { cpuMs: of('cpuMs'), rssMiB: of('rssMiB') };
}
