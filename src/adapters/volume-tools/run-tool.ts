import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { type Duration, formatDuration, KiB, NsError } from '../../base/index.ts';

export interface ToolRun {
  readonly tool: string;
  readonly args: readonly string[];
  readonly deadline: Duration;
  readonly signal: AbortSignal;
  /** Takes from the tool what it does not need: new privileges, and all of root's but reading and writing files ("raw-io": and SCSI commands). */
  readonly confined?: true | 'raw-io' | false;
  /** Added to a clean environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Given to its standard input, which is empty otherwise: secrets go this way, never by `args` or `env`. */
  readonly input?: Uint8Array;
  /** Its standard output is bytes: one character each, code 0 to 255. */
  readonly binary?: boolean;
}

export interface ToolResult {
  /** Exit status; undefined where a signal ended it. */
  readonly status: number | undefined;
  /** The first 64 KiB of each; what comes after is dropped, for a hostile disk can make a tool say anything. */
  readonly stdout: string;
  readonly stderr: string;
}

const MOST_OUTPUT = 64 * KiB;
const TOOL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What every tool sees of us: nothing but this. */
export const CLEAN_ENV: Readonly<Record<string, string>> = {
  PATH: TOOL_PATH,
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  HOME: '/nonexistent',
  DEBUGFS_PAGER: '__none__',
};

const ENDS_WITH_US = ['--pdeathsig', 'KILL'];
/** Ways to confine a tool, strictest first; only root may give up capabilities. */
const CONFINEMENTS: readonly (readonly string[])[] = [
  [
    ...ENDS_WITH_US,
    '--no-new-privs',
    '--bounding-set=-all,+dac_override,+dac_read_search',
    '--inh-caps=-all',
  ],
  [...ENDS_WITH_US, '--no-new-privs'],
];

/** A command line that ends with us even where we are killed, if this system has a way to ask for that. */
export function boundToUs(
  tool: string,
  args: readonly string[],
  signal: 'TERM' | 'KILL',
): [string, string[]] {
  return hasSetpriv() ? ['setpriv', ['--pdeathsig', signal, tool, ...args]] : [tool, [...args]];
}

/** Runs a tool to its end. NS_TOOL_FAILED where it cannot start or does not end in time; the signal's reason otherwise. */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  run.signal.throwIfAborted();
  const flags = run.confined ? await confinementFor(run.confined) : undefined;
  const [command, args] =
    flags === undefined
      ? boundToUs(run.tool, run.args, 'KILL')
      : ['setpriv', [...flags, run.tool, ...run.args]];
  return await new Promise<ToolResult>((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...CLEAN_ENV, ...run.env },
      stdio: [run.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      cwd: '/',
    });
    // A tool that ends without reading it says why itself.
    child.stdin?.on('error', () => {});
    child.stdin?.end(run.input);
    let late = false;
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding(name === 'stdout' && run.binary === true ? 'latin1' : 'utf8');
      child[name]?.on('data', (text: string) => {
        output[name] += text.slice(0, MOST_OUTPUT - output[name].length);
      });
    }
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, run.deadline);
    run.signal.addEventListener('abort', kill);
    const settle = (): void => {
      clearTimeout(timer);
      run.signal.removeEventListener('abort', kill);
    };
    child.on('error', (cause) => {
      settle();
      reject(new NsError('NS_TOOL_FAILED', `${run.tool} cannot be run`, { cause }));
    });
    child.on('close', (status) => {
      settle();
      if (run.signal.aborted) reject(run.signal.reason as Error);
      else if (late) {
        const text = `${run.tool} did not end within ${formatDuration(run.deadline)}`;
        reject(new NsError('NS_TOOL_FAILED', text));
      } else resolve({ status: status ?? undefined, ...output });
    });
  });
}

async function confinementFor(need: true | 'raw-io'): Promise<readonly string[] | undefined> {
  const flags = await strictestConfinement();
  if (need === true) return flags;
  return flags?.map((flag) => (flag.startsWith('--bounding-set=') ? `${flag},+sys_rawio` : flag));
}

let confinement: Promise<readonly string[] | undefined> | undefined;
/** The strictest way that this system lets us use; undefined where it has none. */
function strictestConfinement(): Promise<readonly string[] | undefined> {
  confinement ??= (async () => {
    if (!hasSetpriv()) return undefined;
    for (const flags of CONFINEMENTS) {
      const trial = new Promise<boolean>((resolve) => {
        const child = spawn('setpriv', [...flags, 'true'], { env: CLEAN_ENV, stdio: 'ignore', cwd: '/' });
        child.on('error', () => {
          resolve(false);
        });
        child.on('close', (status) => {
          resolve(status === 0);
        });
      });
      if (await trial) return flags;
    }
    return undefined;
  })();
  return confinement;
}

let setprivFound: boolean | undefined;
function hasSetpriv(): boolean {
  setprivFound ??= TOOL_PATH.split(':').some((directory) => {
    try {
      accessSync(`${directory}/setpriv`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return setprivFound;
}
