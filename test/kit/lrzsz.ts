import { type ChildProcess, spawn } from 'node:child_process';
import type { TransferLine } from '../../src/console/line-bytes.ts';

export interface LrzszLine extends TransferLine {
  /** Bytes that came from the program, and that went to it. */
  readonly count: { came: number; went: number };
  /** As if the cable was pulled; the program is ended by it, as by a terminal that hangs up. */
  pull(): Promise<void>;
  /** The exit status, once the program has ended. */
  readonly ended: Promise<number | null>;
}

export interface LrzszOptions {
  readonly cwd: string;
  /** May change what comes or goes: noise, or a pull at some byte. */
  readonly onCame?: (bytes: Uint8Array, line: LrzszLine) => Uint8Array;
  readonly onWent?: (bytes: Uint8Array, line: LrzszLine) => Uint8Array;
}

const MOST_WAITING = 64 * 1024;

/** A real program of lrzsz at the other end of a line. */
export function startLrzsz(
  program: 'sz' | 'rz' | 'sx' | 'rx',
  args: readonly string[],
  options: LrzszOptions,
): LrzszLine {
  const child = spawn(program, args, { cwd: options.cwd, stdio: ['pipe', 'pipe', 'ignore'] });
  return new ChildLine(child, options);
}

class ChildLine implements LrzszLine {
  readonly count = { came: 0, went: 0 };
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #options: LrzszOptions;
  readonly #hear = new Set<(bytes: Uint8Array) => void>();
  readonly #early: Uint8Array[] = [];
  readonly #hangUps = new Set<(reason: string) => void>();
  #gone: string | undefined;

  constructor(child: ChildProcess, options: LrzszOptions) {
    this.#child = child;
    this.#options = options;
    child.stdin?.on('error', () => undefined);
    child.stdout?.on('data', (bytes: Buffer) => {
      if (this.#gone !== undefined) return;
      const came = options.onCame?.(bytes, this) ?? bytes;
      this.count.came += bytes.byteLength;
      if (this.#hear.size === 0) this.#early.push(came);
      for (const listener of this.#hear) listener(came);
    });
    this.ended = new Promise((resolve) => {
      child.on('close', (status) => {
        this.#hangUp('the program has ended');
        resolve(status);
      });
    });
  }

  write(bytes: Uint8Array): boolean {
    const { stdin } = this.#child;
    if (this.#gone !== undefined || stdin === null || stdin.writableLength > MOST_WAITING) return false;
    const went = this.#options.onWent?.(bytes, this) ?? bytes;
    this.count.went += bytes.byteLength;
    if (this.#gone === undefined) stdin.write(went);
    return true;
  }

  room(signal: AbortSignal): Promise<void> {
    const { stdin } = this.#child;
    if (this.#gone !== undefined || stdin === null || stdin.writableLength <= MOST_WAITING)
      return Promise.resolve();
    return new Promise((resolve, reject) => {
      stdin.once('drain', resolve);
      this.#hangUps.add(() => resolve());
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  onData(listener: (bytes: Uint8Array) => void): () => void {
    this.#hear.add(listener);
    for (const bytes of this.#early.splice(0)) listener(bytes);
    return () => this.#hear.delete(listener);
  }

  onHangUp(listener: (reason: string) => void): () => void {
    if (this.#gone !== undefined) listener(this.#gone);
    else this.#hangUps.add(listener);
    return () => this.#hangUps.delete(listener);
  }

  async pull(): Promise<void> {
    this.#hangUp('pulled');
    this.#child.kill('SIGHUP');
    await this.ended;
  }

  #hangUp(reason: string): void {
    if (this.#gone !== undefined) return;
    this.#gone = reason;
    for (const listener of this.#hangUps) listener(reason);
    this.#hangUps.clear();
  }
}
