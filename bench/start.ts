import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMosquitto } from '../test/kit/mosquitto.ts';
import { startUpCosts } from '../test/kit/start-up-cost.ts';
import { report } from './kit.ts';

/** The built agent against an empty Node: `npm run build` first. Idle is ten seconds after the start. */
const home = await mkdtemp(join(tmpdir(), 'ns-start-'));
const broker = await startMosquitto();
try {
  const { agent, empty } = await startUpCosts(home, broker.url, { rounds: 3, idleMs: 10_000 });
  const figure = (name: string, key: 'cpuMs' | 'rssMiB', unit: string): void =>
    report({ bench: 'start', figure: name, ours: agent[key], peer: empty[key], unit, better: 'lower' });
  figure('processor time until it has started, against an empty Node', 'cpuMs', 'ms');
  figure('idle RSS after 10 s, against an empty Node', 'rssMiB', 'MiB');
} finally {
  await broker.close();
  await rm(home, { recursive: true });
}
