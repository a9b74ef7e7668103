import { systemEntropy } from '../src/adapters/entropy.ts';
import { ipmiClient } from '../src/adapters/ipmi-client.ts';
import { systemClock } from '../src/adapters/system-clock.ts';
import { type Duration, milliseconds, seconds } from '../src/base/index.ts';
import { type IpmiClient, Sweeper } from '../src/ipmi/index.ts';
import { type IpmiSim, SIM_USERS, startIpmiSim } from '../test/kit/ipmi-sim.ts';
import { sweepManyResponders } from './ipmi/many.ts';
import { countingRelay, silentPort } from './ipmi/relay.ts';
import { openTools, sessionless, type Tools } from './ipmi/tools.ts';
import { median, note, percentile, report } from './kit.ts';

const BMCS = 64;
const STARTED_AT_ONCE = 8;
const ROUNDS = 9;
const STATUSES = 1500;
const DEAD_ROUNDS = 12;
const DEAD_WITHIN = milliseconds(300);
const password = SIM_USERS.admin;

const clientOf = (port: number, timeout: Duration = seconds(5)): IpmiClient =>
  ipmiClient('127.0.0.1', 'admin', password, { port, suites: [3], timeout });

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

async function startAll(): Promise<readonly IpmiSim[]> {
  const sims: IpmiSim[] = [];
  while (sims.length < BMCS) {
    const batch = Array.from({ length: STARTED_AT_ONCE }, () => startIpmiSim({ program: false }));
    sims.push(...(await Promise.all(batch)));
  }
  return sims;
}

async function countDatagrams(port: number, tools: Tools): Promise<void> {
  const relay = await countingRelay(port);
  await tools.ipmipower([relay.port]);
  const theirs = relay.take();
  await tools.ipmitool(relay.port);
  const others = relay.take();
  const client = clientOf(relay.port);
  await client.chassisStatus();
  const cold = relay.take();
  await client.chassisStatus();
  const warm = relay.take();
  await client.close();
  const closing = relay.take();
  relay.close();
  const figure = (name: string, ours: number, peer: number): void =>
    report({ bench: 'ipmi', figure: name, ours, peer, unit: 'round trips', better: 'lower' });
  figure('cold power status, closing included, by ipmipower', cold.asked + closing.asked, theirs.asked);
  figure('cold power status, closing included, by ipmitool', cold.asked + closing.asked, others.asked);
  figure('warm power status, by ipmipower', warm.asked, theirs.asked);
  if (cold.asked > 5 || cold.asked !== cold.answered) throw new Error(`cold took ${cold.asked} round trips`);
  if (warm.asked !== 1 || warm.answered !== 1) throw new Error(`warm took ${warm.asked} round trips`);
  if (closing.asked !== 1) throw new Error('the session was not closed');
}

/** In turn, so that both have the same machine. */
async function warmStatus(port: number, tools: Tools): Promise<void> {
  const client = clientOf(port);
  const bare = await sessionless(port);
  const [ours, theirs, calls]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < STATUSES; i += 1) {
    const [status, round] = [await timed(() => client.chassisStatus()), await timed(() => bare.ask())];
    if (i < STATUSES / 3) continue;
    ours.push(status);
    theirs.push(round);
  }
  for (let i = 0; i < ROUNDS; i += 1) calls.push(await timed(() => tools.ipmitool(port)));
  await client.close();
  bare.close();
  const shape = { bench: 'ipmi', unit: 'ms', better: 'lower' } as const;
  report({
    ...shape,
    figure: 'warm power status, by a sessionless round trip',
    ours: median(ours),
    peer: median(theirs),
  });
  report({
    ...shape,
    figure: 'warm power status, by one call of ipmitool',
    ours: median(ours),
    peer: median(calls),
  });
}

const sweeperOf = (within: Duration = seconds(5)): Sweeper =>
  new Sweeper({ clock: systemClock, entropy: systemEntropy, window: BMCS, within });
const never = new AbortController().signal;

/** How long each answer took; throws where one is missing. */
async function sweep(sweeper: Sweeper, clients: ReadonlyMap<string, IpmiClient>): Promise<readonly number[]> {
  const ask = (host: string, signal: AbortSignal) => clients.get(host)!.chassisStatus(signal);
  const results = await sweeper.sweep([...clients.keys()], ask, never);
  return results.map((result) => {
    if (result.is !== 'answer') throw new Error(`${result.host} gave no answer: ${String(result.fault)}`);
    return result.took;
  });
}

async function sweeps(ports: readonly number[], tools: Tools): Promise<void> {
  const open = (): Map<string, IpmiClient> => new Map(ports.map((port) => [String(port), clientOf(port)]));
  const closeAll = (clients: ReadonlyMap<string, IpmiClient>): Promise<unknown> =>
    Promise.all([...clients.values()].map((client) => client.close()));
  const warm = open();
  const sweeper = sweeperOf();
  const [colds, warms, theirs]: [number[], number[], number[]] = [[], [], []];
  for (let round = -2; round < ROUNDS; round += 1) {
    const cold = open();
    const times = [
      await timed(() => sweep(sweeperOf(), cold)),
      await timed(() => sweep(sweeper, warm)),
      await timed(() => tools.ipmipower(ports)),
    ] as const;
    await closeAll(cold);
    if (round < 0) continue;
    for (const [i, list] of [colds, warms, theirs].entries()) list.push(times[i]!);
  }
  await closeAll(warm);
  const figure = (name: string, ours: readonly number[]): void =>
    report({
      bench: 'ipmi',
      figure: name,
      ours: median(ours),
      peer: median(theirs),
      unit: 'ms',
      better: 'lower',
    });
  note('ours: in a process that is there already; ipmipower with its start, as it is used');
  figure(`warm sweep of ${BMCS}, by ipmipower`, warms);
  figure(`cold sweep of ${BMCS}, by ipmipower`, colds);
}

/** A sweeper that knows nothing of the dead one yet: a sweep set it aside long ago is no feat. */
async function oneDead(ports: readonly number[]): Promise<void> {
  const dead = await silentPort();
  const living = new Map(ports.slice(1).map((port) => [String(port), clientOf(port)]));
  const all = new Map([['dead', clientOf(dead.port, DEAD_WITHIN)], ...living]);
  await sweep(sweeperOf(), living);
  const [without, beside, ends]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < DEAD_ROUNDS; round += 1) {
    without.push(...(await sweep(sweeperOf(DEAD_WITHIN), living)));
    const ask = (host: string, signal: AbortSignal) => all.get(host)!.chassisStatus(signal);
    for (const result of await sweeperOf(DEAD_WITHIN).sweep([...all.keys()], ask, never)) {
      if (result.is === 'answer') beside.push(result.took);
      else if (result.is === 'fault') ends.push(result.took);
    }
  }
  if (ends.length !== DEAD_ROUNDS)
    throw new Error(`${ends.length} of ${DEAD_ROUNDS} sweeps found the dead one`);
  await Promise.all([...all.values()].map((client) => client.close()));
  dead.close();
  const shape = { bench: 'ipmi', unit: 'ms', better: 'lower' } as const;
  report({
    ...shape,
    figure: `p99 of ${living.size} beside a dead one, by the same without it`,
    ours: percentile(beside, 0.99),
    peer: percentile(without, 0.99),
  });
  report({ ...shape, figure: 'end of the dead one, by its deadline', ours: median(ends), peer: DEAD_WITHIN });
}

const sims = await startAll();
const tools = await openTools('admin', password);
try {
  const ports = sims.map(({ port }) => port);
  await countDatagrams(ports[0]!, tools);
  await warmStatus(ports[0]!, tools);
  await sweeps(ports, tools);
  await oneDead(ports);
  await sweepManyResponders(tools, 'admin', password);
} finally {
  await tools.close();
  await Promise.all(sims.map((sim) => sim.close()));
}
process.exit(0);
