import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const BANNER = "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);";
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** The device's program as one file, as it is shipped, with the boards where it looks for them. */
export async function buildAgent(directory: string): Promise<string> {
  const outfile = join(directory, 'dist', 'nightshift-agent.mjs');
  await mkdir(join(directory, 'dist'));
  await symlink(resolve('boards'), join(directory, 'boards'));
  await build({
    entryPoints: ['src/programs/agent/main.ts'],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: BANNER },
    external: ['cbor-extract', 'bufferutil', 'utf-8-validate', 'serialport'],
    logLevel: 'error',
  });
  return outfile;
}

/** Runs the program to its end and gives what it printed. */
export async function askAgent(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`nightshift-agent ${args.join(' ')} ended with ${String(code)}`);
  return output;
}

/** One life of the agent. */
export interface AgentLife {
  readonly process: ChildProcess;
  /** Exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Starts the agent in this directory, whose agent.yaml it reads; what it prints is added to agent.log there. */
export function startAgent(program: string, directory: string): AgentLife {
  const child = spawn(process.execPath, [program, '--board', 'sim-host', '--config', 'agent.yaml'], {
    cwd: directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(join(directory, 'agent.log'), { flags: 'a' });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = new Promise<number | NodeJS.Signals | null>((done) => {
    child.once('close', (code, signal) => {
      log.end();
      done(signal ?? code);
    });
  });
  return { process: child, ended };
}
