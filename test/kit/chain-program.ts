import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const BANNER = "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);";
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const run = promisify(execFile);

/** nightshift-chain as one file, as it is shipped. */
export async function buildChainProgram(directory: string): Promise<string> {
  const outfile = join(directory, 'nightshift-chain.mjs');
  await build({
    entryPoints: ['src/programs/chain/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: BANNER },
    external: ['cbor-extract', 'bufferutil', 'utf-8-validate', 'serialport'],
    logLevel: 'error',
  });
  return outfile;
}

/** Sparse images of these sizes in bytes, named member0.img and so on. */
export async function makeMembers(directory: string, sizes: readonly number[]): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  return Promise.all(
    sizes.map(async (size, i) => {
      const path = join(directory, `member${i}.img`);
      await writeFile(path, '');
      await truncate(path, size);
      return path;
    }),
  );
}

export interface ServedChain {
  readonly socket: string;
  readonly uri: string;
  readonly process: ChildProcess;
  /** Gives an order over the control socket; what it printed. Rejects where it is refused. */
  order(...words: readonly string[]): Promise<string>;
  /** Ends it in order; the exit code. */
  stop(): Promise<number | NodeJS.Signals | null>;
  /** Pulls its power. */
  kill(): Promise<void>;
}

/** Starts `nightshift-chain serve` in this directory; clients that come before the chain is ready wait. */
export async function serveChain(
  program: string,
  directory: string,
  members: readonly string[],
  options: readonly string[] = [],
): Promise<ServedChain> {
  const socket = join(directory, 'nbd.sock');
  const control = join(directory, 'control.sock');
  const child = spawn(
    process.execPath,
    [
      program,
      'serve',
      ...members.flatMap((path) => ['--member', path]),
      ...['--socket', socket, '--control', control],
      ...options,
    ],
    { env: environment, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  process.once('exit', () => child.kill('SIGKILL'));
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-600);
  });
  const ended = new Promise<number | NodeJS.Signals | null>((done) => {
    child.once('close', (code, signal) => done(signal ?? code));
  });
  const uri = `nbd+unix:///?socket=${socket}`;
  const order = async (...words: readonly string[]): Promise<string> => {
    const { stdout } = await run(process.execPath, [program, ...words, '--control', control], {
      env: environment,
    });
    return stdout;
  };
  const ready = async (): Promise<void> => {
    for (let tries = 0; ; tries += 1) {
      if (child.exitCode !== null) throw new Error(`nightshift-chain ended: ${said}`);
      try {
        await order('status');
        return;
      } catch (error) {
        if (tries >= 50) throw error;
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  };
  await ready();
  return {
    socket,
    uri,
    process: child,
    order,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs a program to its end; rejects with what it said where it fails. At most two minutes. */
export async function tool(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(program, [...args], {
    env: environment,
    timeout: 120_000,
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

export interface UnitProcess {
  readonly process: ChildProcess;
  stop(): Promise<number | NodeJS.Signals | null>;
  kill(): Promise<void>;
}

/** Starts `nightshift-chain unit` with these arguments. */
export function startUnit(program: string, args: readonly string[]): UnitProcess {
  const child = spawn(process.execPath, [program, 'unit', '--quiet', ...args], {
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const ended = new Promise<number | NodeJS.Signals | null>((done) => {
    child.once('close', (code, signal) => done(signal ?? code));
  });
  return {
    process: child,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Asks for the status until it says so; twenty seconds at most. What it said last. */
export async function untilStatus(chain: ServedChain, wanted: RegExp): Promise<string> {
  for (let tries = 0; ; tries += 1) {
    const status = await chain.order('status');
    if (wanted.test(status) || tries >= 60) return status;
    await new Promise((done) => setTimeout(done, 200));
  }
}
