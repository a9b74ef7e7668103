import { spawn } from 'node:child_process';
import { NsError } from '../../base/index.ts';

export interface OpensslRun {
  /** The program's working directory; file names in its configuration are relative to it. */
  readonly directory: string;
  /** Of the key that it opens or seals: told by a pipe ("fd:3"), never on the command line. */
  readonly passphrase?: string;
  readonly input?: string;
}

const LONGEST_MS = 30_000;
const MOST_OUTPUT = 1 << 20;

/**
 * Runs the openssl program and gives what it printed. NS_PKI_OPENSSL with its own first word where it fails, or where it
 * is not installed. A private key goes in and out by pipes and files of the working directory only.
 */
export async function openssl(args: readonly string[], run: OpensslRun): Promise<string> {
  const child = spawn('openssl', [...args], {
    cwd: run.directory,
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    timeout: LONGEST_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < MOST_OUTPUT) output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MOST_OUTPUT) said += text;
  });
  const secret = child.stdio[3];
  // A program that ends early closes its pipes; its exit status tells the rest.
  for (const pipe of [child.stdin, secret]) pipe?.on('error', () => undefined);
  child.stdin.end(run.input ?? '');
  if (secret !== null && secret !== undefined && 'end' in secret) {
    secret.end(run.passphrase === undefined ? '' : `${run.passphrase}\n`);
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new NsError('NS_PKI_OPENSSL', 'the program openssl cannot be started; install it', { cause })),
    );
    child.once('close', resolve);
  });
  if (code === 0) return output;
  const [verb = ''] = args;
  throw new NsError('NS_PKI_OPENSSL', `openssl ${verb} failed: ${firstFault(said)}`);
}

function firstFault(said: string): string {
  const lines = said.split('\n').filter((line) => line !== '' && !line.startsWith('Using configuration'));
  return (
    lines.find((line) => /error|unable|could not|cannot/i.test(line)) ??
    lines[0] ??
    'it said nothing'
  ).slice(0, 300);
}
