import { spawn } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultyLine, type LineFaults } from '../../src/adapters/chain-link/faulty-line.ts';
import { FaultyLink, type LinkFaults } from '../../src/adapters/chain-link/faulty-link.ts';
import { inProcessPair } from '../../src/adapters/chain-link/in-process.ts';
import { serialLink } from '../../src/adapters/chain-link/serial-link.ts';
import { connectSocketLink, listenSocketLink } from '../../src/adapters/chain-link/socket-link.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { systemScheduler } from '../../src/adapters/system-scheduler.ts';
import { milliseconds } from '../../src/base/index.ts';
import type { ChainLink } from '../../src/ports/index.ts';
import { eventually } from './eventually.ts';

/** Two ends of a link that a test can cut. */
export interface LinkBench {
  readonly a: ChainLink;
  readonly b: ChainLink;
  /** Whatever kind it is, both ends find themselves disconnected by and by. */
  cut(): void;
  restore(): void;
  done(): Promise<void>;
}

export interface BenchFaults {
  readonly seed: number;
  readonly line?: LineFaults;
  readonly link?: LinkFaults;
}

const parts = { scheduler: systemScheduler(), clock: systemClock, log: silentLog };
const quick = {
  keepAlive: milliseconds(25),
  retry: { first: milliseconds(5), longest: milliseconds(50) },
};

/** Wraps both ends' sending, and gives the two with a common cut. */
function withLinkFaults(bench: LinkBench, faults: BenchFaults | undefined): LinkBench {
  if (faults?.link === undefined) return bench;
  const entropy = new SeededEntropy(faults.seed + 1000);
  const a = new FaultyLink(bench.a, parts.scheduler, entropy, faults.link);
  const b = new FaultyLink(bench.b, parts.scheduler, entropy, faults.link);
  const each = (act: (link: FaultyLink) => void) => () => [a, b].forEach(act);
  return {
    a,
    b,
    cut: each((link) => link.cut()),
    restore: each((link) => link.restore()),
    done: async () => {
      await Promise.all([a.close(), b.close()]);
      await bench.done();
    },
  };
}

export async function inProcessBench(faults?: BenchFaults): Promise<LinkBench> {
  const pair = inProcessPair(parts.scheduler, {
    delay: milliseconds(1),
    queue: { frames: 64, bytes: 1 << 20 },
  });
  const [a, b] = pair.ends;
  const done = async () => void (await Promise.all([a.close(), b.close()]));
  return withLinkFaults({ a, b, cut: () => pair.cut(), restore: () => pair.restore(), done }, faults);
}

/** The lines that a link gets, one after the other, with faults and a common cut. */
class Lines {
  readonly #entropy: SeededEntropy;
  readonly #faults: LineFaults;
  readonly #hangUp: boolean;
  #lines: FaultyLine[] = [];
  #cut = false;

  /** With `hangUp` a cut also closes the lines that are there. */
  constructor(faults: BenchFaults | undefined, hangUp: boolean) {
    this.#entropy = new SeededEntropy(faults?.seed ?? 0);
    this.#faults = faults?.line ?? {};
    this.#hangUp = hangUp;
  }

  readonly wrap = (inner: ConstructorParameters<typeof FaultyLine>[0]): FaultyLine => {
    const line = new FaultyLine(inner, this.#entropy, this.#faults);
    line.cut = this.#cut;
    this.#lines.push(line);
    return line;
  };

  readonly cut = (): void => {
    this.#cut = true;
    for (const line of this.#lines) {
      line.cut = true;
      if (this.#hangUp) void line.close();
    }
    if (this.#hangUp) this.#lines = [];
  };

  readonly restore = (): void => {
    this.#cut = false;
    for (const line of this.#lines) line.cut = false;
  };
}

export async function socketBench(faults?: BenchFaults): Promise<LinkBench> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-link-'));
  const socketPath = join(directory, 'link');
  const { wrap, cut, restore } = new Lines(faults, true);
  const options = { ...quick, socketPath, wrap, lossless: faults?.line === undefined };
  const a = await listenSocketLink(options, parts);
  const b = connectSocketLink(options, parts);
  const done = async () => {
    await Promise.all([a.close(), b.close()]);
    await rm(directory, { recursive: true, force: true });
  };
  return withLinkFaults({ a, b, cut, restore, done }, faults);
}

/** Two pseudo terminals, joined as by a cable. */
export async function ptyPair(): Promise<{ paths: [string, string]; unplug(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-pty-'));
  const paths: [string, string] = [join(directory, 'a'), join(directory, 'b')];
  const socat = spawn(
    'socat',
    paths.map((path) => `pty,raw,echo=0,link=${path}`),
    { stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => socat.once('exit', resolve));
  const there = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );
  await eventually(async () => (await there(paths[0])) && (await there(paths[1])));
  return {
    paths,
    unplug: async () => {
      socat.kill('SIGKILL');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function serialBench(faults?: BenchFaults): Promise<LinkBench> {
  const pty = await ptyPair();
  const { wrap, cut, restore } = new Lines(faults, false);
  // Another process carries the bytes, and may have to wait for its turn.
  const patient = { ...quick, keepAlive: milliseconds(80) };
  const open = (path: string) => serialLink({ ...patient, path, baudRate: 115_200, wrap }, parts);
  const [a, b] = [open(pty.paths[0]), open(pty.paths[1])];
  const done = async () => {
    await Promise.all([a.close(), b.close()]);
    await pty.unplug();
  };
  return withLinkFaults({ a, b, cut, restore, done }, faults);
}
