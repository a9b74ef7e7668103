import { type ChildProcess, fork } from 'node:child_process';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { ipmiClient } from '../../src/adapters/ipmi-client.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { seconds } from '../../src/base/index.ts';
import { type IpmiClient, Sweeper } from '../../src/ipmi/index.ts';
import { median, note, report } from '../kit.ts';
import type { Tools } from './tools.ts';

const RESPONDERS = 1000;
const ROUNDS = 5;
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
    const clients = new Map<string, IpmiClient>(
      ports.map((port) => [
        String(port),
        ipmiClient('127.0.0.1', user, password, { port, timeout: seconds(10) }),
      ]),
    );
    const sweeper = new Sweeper({ clock: systemClock, entropy: systemEntropy, within: seconds(10) });
    const sweep = async (): Promise<number> => {
      const begin = performance.now();
      const ask = (host: string, signal: AbortSignal) => clients.get(host)!.chassisStatus(signal);
      const results = await sweeper.sweep([...clients.keys()], ask, never);
      const wrong = results.findIndex(
        (result, n) => result.is !== 'answer' || result.answer.powerOn !== (n % 2 === 1),
      );
      if (wrong >= 0) throw new Error(`responder ${wrong}: ${JSON.stringify(results[wrong])}`);
      return performance.now() - begin;
    };
    const theirs: number[] = [];
    const warms: number[] = [];
    const cold = await sweep();
    await sweep();
    const before = { ours: process.cpuUsage(), theirs: (await usageOf(child)).cpu };
    for (let round = 0; round < ROUNDS; round += 1) warms.push(await sweep());
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
      ours: cold,
    });
    const each = ({ user: own, system }: NodeJS.CpuUsage): string =>
      ((own + system) / ROUNDS / RESPONDERS).toFixed(0);
    const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
    const responders = {
      user: there.cpu.user - before.theirs.user,
      system: there.cpu.system - before.theirs.system,
    };
    note(`CPU a warm status: client ${each(ours)} µs, BMC side ${each(responders)} µs`);
    note(
      `RSS: client with ${RESPONDERS} sessions ${mib(process.memoryUsage().rss)} MiB, ${RESPONDERS} BMC sides ${mib(there.rss)} MiB`,
    );
    await Promise.all([...clients.values()].map((client) => client.close()));
  } finally {
    child.disconnect();
  }
}
