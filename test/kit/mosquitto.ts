import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freeTcpPort } from './free-port.ts';

export interface Mosquitto {
  /** "mqtt://127.0.0.1:PORT"; the same after a restart. */
  readonly url: string;
  readonly port: number;
  /** Ends the broker; its clients see their connections die. */
  stop(): Promise<void>;
  /** Starts it again on the same port, with what it kept where persistence is on. */
  start(): Promise<void>;
  /** Stops it and removes its directory. */
  close(): Promise<void>;
}

export interface MosquittoOptions {
  /** Sessions and queued messages outlive a restart. */
  readonly persistence?: boolean;
  /** Lines for mosquitto.conf. */
  readonly extra?: readonly string[];
  /** What listens on the port, and for whom, instead of a listener for everybody. */
  readonly listener?: (port: number) => readonly string[] | Promise<readonly string[]>;
  /** False leaves Nagle's algorithm on, as the program does by default. */
  readonly noDelay?: boolean;
}

const PROGRAM =
  ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', 'mosquitto'].find(
    (path) => spawnSync(path, ['-h']).error === undefined,
  ) ?? '';

const START_MS = 30_000;

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function started(child: ChildProcess, port: number, output: () => string): Promise<void> {
  const end = performance.now() + START_MS;
  while (performance.now() < end) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended at once:\n${output()}`);
    if (await answers(port)) return;
    await pause(10);
  }
  throw new Error(`mosquitto does not listen:\n${output()}`);
}

/** A real mosquitto on a free loopback port. Throws where the program is missing: scripts/setup installs it. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  if (PROGRAM === '') throw new Error('mosquitto is not installed; run scripts/setup');
  const directory = await mkdtemp(join(tmpdir(), 'ns-mosquitto-'));
  const port = await freeTcpPort();
  const config = join(directory, 'mosquitto.conf');
  await writeFile(
    config,
    [
      ...(options.listener === undefined
        ? [`listener ${port} 127.0.0.1`, 'allow_anonymous true']
        : await options.listener(port)),
      `user ${userInfo().username}`,
      'log_type error',
      `set_tcp_nodelay ${options.noDelay ?? true}`,
      `persistence ${options.persistence ?? false}`,
      ...(options.persistence ? [`persistence_location ${directory}/`, 'autosave_interval 1'] : []),
      ...(options.extra ?? []),
      '',
    ].join('\n'),
  );
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    let output = '';
    const fresh = spawn(PROGRAM, ['-c', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000);
    };
    fresh.stdout.on('data', keep);
    fresh.stderr.on('data', keep);
    child = fresh;
    await started(fresh, port, () => output);
  };
  const stop = async (): Promise<void> => {
    const old = child;
    child = undefined;
    if (old === undefined || old.exitCode !== null || old.signalCode !== null) return;
    const ended = new Promise((resolve) => old.once('exit', resolve));
    old.kill('SIGTERM');
    const late = setTimeout(() => old.kill('SIGKILL'), 3000);
    await ended;
    clearTimeout(late);
  };
  const close = async (): Promise<void> => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `mqtt://127.0.0.1:${port}`, port, start, stop, close };
}
