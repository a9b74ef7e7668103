import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startMosquitto } from '../kit/mosquitto.ts';
import { startUpCosts } from '../kit/start-up-cost.ts';

t.setTimeout(300_000);

/** Of an empty Node beside it: it was 7.1 with Node 20 and 24. A quarter more is too much. */
const MOST_CPU = 8.6;
/** It was 1.44 with Node 20, 1.64 with Node 24. */
const MOST_RSS = 1.75;

await t.test('a start costs no more than it did, in processor time and in memory', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'ns-start-'));
  t.teardown(() => rm(home, { recursive: true }));
  const broker = await startMosquitto();
  t.teardown(() => broker.close());
  const { agent, empty } = await startUpCosts(home, broker.url, { rounds: 5, idleMs: 500 });
  const cpu = agent.cpuMs / empty.cpuMs;
  const rss = agent.rssMiB / empty.rssMiB;
  t.comment(
    `figure: start-up ${cpu.toFixed(2)} times an empty Node's processor time, ${rss.toFixed(2)} times its memory`,
  );
  t.ok(cpu <= MOST_CPU, `processor time ${agent.cpuMs.toFixed(0)} ms against ${empty.cpuMs.toFixed(0)} ms`);
  t.ok(rss <= MOST_RSS, `memory ${agent.rssMiB.toFixed(1)} MiB against ${empty.rssMiB.toFixed(1)} MiB`);
});
