import { type ChildProcess, fork } from 'node:child_process';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { ipmiClient } from '../../src/adapters/ipmi-client.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { seconds } from '../../src/base/index.ts';
import { type IpmiClient, Sweeper } from '../../src/ipmi/index.ts';
import { median, report } from '../kit.ts';
import type { Tools } from './tools.ts';

const RESPONDERS = 1000;
const ROUNDS = 5;
const COLD_ROUNDS = 3;
const MIB = 1024 * 1024;
const never = new AbortController().signal;

interface Usage {
  readonly cpu: NodeJS.CpuUsage;
  readonly rss: number;
}

const messageOf = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the responders ended with ${code}`)));
  });

async function usageOf(child: ChildProcess): Promise<Usage> {
  const answer = messageOf(child);
  child.send('usage');
  return (await answer) as Usage;
}

/** All of them in one other process, and ours in this one: cold, then over sessions that are open. */
export async function sweepManyResponders(tools: Tools, user: string, password: string): Promise<void> {
  const args = [String(RESPONDERS), user, password];
  const child = fork(new URL('./responders.ts', import.meta.url), args, { execArgv: ['--import=tsx'] });
  try {
    const { ports } = (await messageOf(child)) as { readonly ports: readonly number[] };
    const open = (): Map<string, IpmiClient> =>
      new Map(
        ports.map((port) => [
          String(port),
          ipmiClient('127.0.0.1', user, password, { port, timeout: seconds(10) }),
        ]),
      );
    const sweep = async (sweeper: Sweeper, clients: ReadonlyMap<string, IpmiClient>): Promise<number> => {
      const begin = performance.now();
      const ask = (host: string, signal: AbortSignal) => clients.get(host)!.chassisStatus(signal);
      const results = await sweeper.sweep([...clients.keys()], ask, never);
      const wrong = results.findIndex(
        (result, n) => result.is !== 'answer' || result.answer.powerOn !== (n % 2 === 1),
      );
      if (wrong >= 0) throw new Error(`responder ${wrong}: ${JSON.stringify(results[wrong])}`);
      return performance.now() - begin;
    };
    const fresh = (): Sweeper =>
      new Sweeper({ clock: systemClock, entropy: systemEntropy, within: seconds(10) });
    const closeAll = (clients: ReadonlyMap<string, IpmiClient>): Promise<unknown> =>
      Promise.all([...clients.values()].map((client) => client.close()));
    const colds: number[] = [];
    for (let round = 0; round < COLD_ROUNDS; round += 1) {
      const clients = open();
      colds.push(await sweep(fresh(), clients));
      await closeAll(clients);
    }
    const clients = open();
    const sweeper = fresh();
    await sweep(sweeper, clients);
    const theirs: number[] = [];
    const warms: number[] = [];
    const before = { ours: process.cpuUsage(), theirs: (await usageOf(child)).cpu };
    for (let round = 0; round < ROUNDS; round += 1) warms.push(await sweep(sweeper, clients));
    const ours = process.cpuUsage(before.ours);
    const there = await usageOf(child);
    for (let round = 0; round < ROUNDS; round += 1) {
      const begin = performance.now();
      await tools.ipmipower(ports, 17);
      theirs.push(performance.now() - begin);
    }
    const shape = { bench: 'ipmi', unit: 'ms', better: 'lower', peer: median(theirs) } as const;
    report({
      ...shape,
      figure: `warm sweep of ${RESPONDERS} of our own BMC sides, suite 17, by ipmipower`,
      ours: median(warms),
    });
    report({
      ...shape,
      figure: `cold sweep of ${RESPONDERS} of our own BMC sides, suite 17, by ipmipower`,
      ours: median(colds),
    });
    const each = ({ user: own, system }: NodeJS.CpuUsage): number => (own + system) / ROUNDS / RESPONDERS;
    const responders = {
      user: there.cpu.user - before.theirs.user,
      system: there.cpu.system - before.theirs.system,
    };
    const both = { bench: 'ipmi', better: 'lower' } as const;
    report({
      ...both,
      figure: 'CPU of the client for a warm status, by that of the BMC side',
      ours: each(ours),
      peer: each(responders),
      unit: 'µs',
    });
    report({
      ...both,
      figure: `RSS of the client with ${RESPONDERS} sessions, by that of ${RESPONDERS} BMC sides`,
      ours: process.memoryUsage().rss / MIB,
      peer: there.rss / MIB,
      unit: 'MiB',
    });
    await closeAll(clients);
  } finally {
    child.disconnect();
  }
}
