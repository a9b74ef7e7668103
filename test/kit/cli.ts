import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { faultOfJsonLine } from '../../src/fleet/index.ts';
import { faultBySchema } from './json-schema.ts';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const BANNER = "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);";

/** The operator's command as one file, as it is shipped. */
export async function buildCli(directory: string): Promise<string> {
  const outfile = join(directory, 'nightshift.mjs');
  await build({
    entryPoints: ['src/programs/command/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: BANNER },
    external: ['cbor-extract', 'bufferutil', 'utf-8-validate'],
    logLevel: 'error',
  });
  chmodSync(outfile, 0o755);
  return outfile;
}

/** Every line of --json is as docs/json.md and the published schema say, whatever is tested. */
function checkJson(args: readonly string[], stdout: string): void {
  if (!args.includes('--json') || args[0] === '__complete') return;
  // What was killed may have stopped within a line.
  for (const line of stdout.split('\n').slice(0, -1)) {
    const fault = faultOfJsonLine(line) ?? faultBySchema(line);
    if (fault !== undefined) throw new Error(`nightshift ${args.join(' ')} printed ${line}: ${fault}`);
  }
}

/** Runs the command in a pipe, without a terminal. `started` gets the process, to be stopped on the way. */
export function runCli(
  cli: string,
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: NodeJS.ProcessEnv;
    /** What it reads on standard input; nothing where absent. */
    readonly input?: string;
    readonly started?: (child: ChildProcess) => void;
  },
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH, HOME: options.cwd, ...options.env };
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: options.cwd,
      env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdin?.end(options.input);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      try {
        checkJson(args, stdout);
        resolve({ code, stdout, stderr });
      } catch (error) {
        reject(error as Error);
      }
    });
    options.started?.(child);
  });
}
