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
    let stopped: string | undefined;
    const stop = (why: string): void => {
      stopped ??= why;
      kill(child);
    };
    const heard = listen(child, start.binary === true, () => stop(`said more than ${MOST_SAID} bytes`));
    const ended = start.sandbox ? sandboxStatus(child, start.users ?? '') : undefined;
    const aborted = (): void => kill(child);
    const timer = setTimeout(
      () => stop(`did not end within ${formatDuration(start.deadline)}`),
      start.deadline,
    );
    start.signal.addEventListener('abort', aborted);
    const settle = (): void => {
      clearTimeout(timer);
      start.signal.removeEventListener('abort', aborted);
    };
    const fail = (text: string, cause?: unknown): void => {
      reject(new NsError('NS_TOOL_FAILED', `${start.tool} ${text}`, cause === undefined ? {} : { cause }));
    };
    child.on('error', (cause) => {
      settle();
      fail('cannot be run', cause);
    });
    child.on('exit', () => clearAway(child));
    child.on('close', (status) => {
      settle();
      if (start.signal.aborted) reject(start.signal.reason as Error);
      else if (stopped !== undefined) fail(stopped);
      else {
        const code = ended === undefined ? (status ?? undefined) : ended();
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

/** What the sandbox says of how the tool ended; undefined where it never ran. */
function sandboxStatus(child: ChildProcess, users: string): () => number | undefined {
  const status = child.stdio[STATUS_FD] as Duplex | null | undefined;
  const list = child.stdio[USERS_FD] as Duplex | null | undefined;
  let said = '';
  status?.setEncoding('utf8');
  status?.on('error', () => {});
  status?.on('data', (text: string) => {
    said = (said + text).slice(0, KiB);
  });
  list?.resume().on('error', () => {});
  list?.end(users);
  return () => {
    const code = /"exit-code"\s*:\s*(\d+)/.exec(said)?.[1];
    return code === undefined ? undefined : Number(code);
  };
}

export const firstLine = (said: string): string =>
  said.trim().split('\n')[0]?.slice(0, 300) || 'no reason given';

/** The whole group: where it has no process namespace it may have children. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

/** The tool is gone; whoever still holds its output is nothing that we wait for. */
function clearAway(child: ChildProcess): void {
  const timer = setTimeout(() => {
    kill(child);
    for (const stream of child.stdio) stream?.destroy();
  }, LEFT_BEHIND);
  child.on('close', () => clearTimeout(timer));
}
