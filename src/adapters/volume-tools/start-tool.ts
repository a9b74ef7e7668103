import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { type Duration, formatDuration, KiB, MiB, milliseconds, NsError } from '../../base/index.ts';
import { CLEAN_ENV } from './environment.ts';
import { STATUS_FD, USERS_FD } from './sandbox.ts';

/** A command line, and what it is expected to keep to. */
export interface ToolStart {
  /** What it is called in a failure. */
  readonly tool: string;
  readonly command: string;
  readonly args: readonly string[];
  /** It is started by programs that confine it, and killed with all of its group. */
  readonly confined: boolean;
  /** The command is a sandbox, with STATUS_FD; with USERS_FD where there are `users`. */
  readonly sandbox: boolean;
  /** The list of users that the tool sees, of a sandbox alone. */
  readonly users?: string;
  readonly deadline: Duration;
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array;
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
/** Who says more than this is stopped. */
const MOST_SAID = 16 * MiB;
/** Exit statuses of what starts a confined tool, where it could not. */
const NOT_STARTED = [125, 126, 127];
/** A sandbox adds the signal that ended the tool to this. */
const SIGNALLED = 128;
/** How long something that a tool left behind may keep its output open. */
const LEFT_BEHIND = milliseconds(500);

/** Starts a tool and waits for its end; see `runTool`. */
export function startTool(start: ToolStart): Promise<ToolResult> {
  return new Promise<ToolResult>((resolve, reject) => {
    const child = spawn(start.command, [...start.args], {
      env: { ...CLEAN_ENV, ...start.env },
      stdio: [
        start.input === undefined ? 'ignore' : 'pipe',
        'pipe',
        'pipe',
        ...(start.sandbox ? (['pipe'] as const) : []),
        ...(start.users === undefined ? [] : (['pipe'] as const)),
      ],
      cwd: '/',
      detached: start.confined,
    });
    // A tool that ends without reading it says why itself.
    child.stdin?.on('error', () => {});
    child.stdin?.end(start.input);
    const sandbox = start.sandbox ? followSandbox(child, start.users ?? '') : undefined;
    const kill = (): void => {
      killGroup(child);
      sandbox?.kill();
    };
    let stopped: string | undefined;
    const stop = (why: string): void => {
      stopped ??= why;
      kill();
    };
    const heard = listen(child, start.binary === true, () => stop(`said more than ${MOST_SAID} bytes`));
    const timer = setTimeout(
      () => stop(`did not end within ${formatDuration(start.deadline)}`),
      start.deadline,
    );
    start.signal.addEventListener('abort', kill);
    const settle = (): void => {
      clearTimeout(timer);
      start.signal.removeEventListener('abort', kill);
    };
    const fail = (text: string, cause?: unknown): void => {
      reject(new NsError('NS_TOOL_FAILED', `${start.tool} ${text}`, cause === undefined ? {} : { cause }));
    };
    child.on('error', (cause) => {
      settle();
      fail('cannot be run', cause);
    });
    child.on('exit', () => clearAway(child, kill));
    child.on('close', (status) => {
      settle();
      if (start.signal.aborted) reject(start.signal.reason as Error);
      else if (stopped !== undefined) fail(stopped);
      else {
        const code = sandbox === undefined ? (status ?? undefined) : sandbox.code();
        if (start.sandbox && code === undefined) fail(`cannot be confined: ${firstLine(heard.stderr)}`);
        else if (start.confined && NOT_STARTED.includes(code ?? 0))
          fail(`cannot be run: ${firstLine(heard.stderr)}`);
        else resolve({ status: start.sandbox && (code ?? 0) > SIGNALLED ? undefined : code, ...heard });
      }
    });
  });
}

/** The first of what it says on each channel; `tooMuch` is called once it says more than any tool has to. */
function listen(child: ChildProcess, binary: boolean, tooMuch: () => void) {
  const heard = { stdout: '', stderr: '' };
  let said = 0;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding(name === 'stdout' && binary ? 'latin1' : 'utf8');
    child[name]?.on('data', (text: string) => {
      heard[name] += text.slice(0, MOST_OUTPUT - heard[name].length);
      said += text.length;
      if (said > MOST_SAID) tooMuch();
    });
  }
  return heard;
}

interface Sandbox {
  /** Exit status of the tool; undefined where it never ran, or has not ended. */
  readonly code: () => number | undefined;
  readonly kill: () => void;
}

/**
 * What a sandbox says of itself. It names its first process before it lets that leave the process group, and binds it to
 * its own end only later: so this one is killed by its id, as soon as that is known.
 */
function followSandbox(child: ChildProcess, users: string): Sandbox {
  const status = child.stdio[STATUS_FD] as Duplex | null | undefined;
  const list = child.stdio[USERS_FD] as Duplex | null | undefined;
  let said = '';
  let killed = false;
  const number = (name: string): number | undefined => {
    const found = new RegExp(`"${name}"\\s*:\\s*(\\d+)\\s*[,}]`).exec(said)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const code = () => number('exit-code');
  const kill = (): void => {
    killed = true;
    const first = number('child-pid');
    if (first !== undefined && code() === undefined) killProcess(first);
  };
  status?.setEncoding('utf8');
  status?.on('error', () => {});
  status?.on('data', (text: string) => {
    said = (said + text).slice(0, KiB);
    if (killed) kill();
  });
  list?.resume().on('error', () => {});
  list?.end(users);
  return { code, kill };
}

export const firstLine = (said: string): string =>
  said.trim().split('\n')[0]?.slice(0, 300) || 'no reason given';

/** The whole group: where it has no process namespace it may have children. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || !killProcess(-child.pid)) child.kill('SIGKILL');
}

function killProcess(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** The tool is gone; whoever still holds its output is nothing that we wait for. */
function clearAway(child: ChildProcess, kill: () => void): void {
  const timer = setTimeout(() => {
    kill();
    for (const stream of child.stdio) stream?.destroy();
  }, LEFT_BEHIND);
  child.on('close', () => clearTimeout(timer));
}
