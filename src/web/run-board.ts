import { MiB, milliseconds, toHex } from '../base/index.ts';
import type { Clock, Entropy, Stop } from '../ports/index.ts';
import { frameRun, STILL_THERE } from './event-stream.ts';
import type { Sending } from './order-door.ts';
import type { HostEnd, RunNote } from './order-wire.ts';
import { deskFault } from './prepared-shelf.ts';

const MOST = 16;
/** Of all runs that have ended; the oldest go first. */
const MOST_BYTES = 32 * MiB;
/** Progress is told this often at most, of each host what is newest. */
const TELL_EVERY = milliseconds(250);
const SIGN_OF_LIFE = milliseconds(20_000);
const LONGEST_LINE = 200;
const ID_BYTES = 16;

type Send = (text: string) => boolean;

interface Ended {
  readonly end: HostEnd;
  readonly receipt: Uint8Array | undefined;
}

/** Orders on their way, and how they ended. They go on whoever looks or leaves. */
class OrderRun {
  readonly commandLine: string;
  readonly hosts: readonly string[];
  readonly ends = new Map<string, Ended>();
  readonly #clock: Clock;
  readonly #progress = new Map<string, string>();
  readonly #changed = new Set<string>();
  readonly #readers = new Set<Send>();
  #stops: readonly Stop[] = [];
  over = false;
  bytes = 0;

  constructor(clock: Clock, commandLine: string, hosts: readonly string[]) {
    this.#clock = clock;
    this.commandLine = commandLine;
    this.hosts = hosts;
  }

  note(run: string): RunNote {
    return { run, commandLine: this.commandLine, hosts: this.hosts.length, ended: this.ends.size };
  }

  progress(host: string, text: string): void {
    if (this.ends.has(host) || !this.hosts.includes(host)) return;
    this.#progress.set(host, text.slice(0, LONGEST_LINE));
    this.#changed.add(host);
  }

  ended(end: HostEnd, receipt: Uint8Array | undefined): void {
    if (this.ends.has(end.host) || !this.hosts.includes(end.host)) return;
    this.ends.set(end.host, { end, receipt });
    this.bytes += (receipt?.byteLength ?? 0) + end.lines.reduce((sum, line) => sum + line.length, 0);
    this.#progress.delete(end.host);
    this.#changed.delete(end.host);
    this.#tell(frameRun('ended', end));
  }

  finish(): void {
    this.over = true;
    this.#tell(frameRun('over', { hosts: this.ends.size }));
    for (const send of [...this.#readers]) this.#leave(send);
  }

  open(run: string, send: Send, gone: AbortSignal): void {
    if (gone.aborted) return;
    const told = [
      frameRun('run', this.note(run)),
      ...[...this.ends.values()].map(({ end }) => frameRun('ended', end)),
      ...[...this.#progress].map(([host, text]) => frameRun('progress', { host, text })),
      ...(this.over ? [frameRun('over', { hosts: this.ends.size })] : []),
    ];
    if (!told.every(send) || this.over) return;
    this.#readers.add(send);
    if (this.#readers.size === 1) this.#start();
    gone.addEventListener('abort', () => this.#leave(send), { once: true });
  }

  #start(): void {
    this.#stops = [
      this.#clock.every(TELL_EVERY, () => {
        for (const host of this.#changed) {
          this.#tell(frameRun('progress', { host, text: this.#progress.get(host) ?? '' }));
        }
        this.#changed.clear();
      }),
      this.#clock.every(SIGN_OF_LIFE, () => this.#tell(STILL_THERE)),
    ];
  }

  #tell(text: string): void {
    for (const send of [...this.#readers]) if (!send(text)) this.#leave(send);
  }

  #leave(send: Send): void {
    if (!this.#readers.delete(send) || this.#readers.size > 0) return;
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }
}

/** The runs of a session, the latest ones. */
export class RunBoard {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #signal: AbortSignal;
  readonly #runs = new Map<string, OrderRun>();

  constructor(clock: Clock, entropy: Entropy, signal: AbortSignal) {
    this.#clock = clock;
    this.#entropy = entropy;
    this.#signal = signal;
  }

  notes(): readonly RunNote[] {
    return [...this.#runs].map(([id, run]) => run.note(id));
  }

  /** NS_RUNS_FULL where as many go on as may at once: before anything is signed. */
  checkRoom(): void {
    if ([...this.#runs.values()].filter(({ over }) => !over).length < MOST) return;
    throw deskFault('NS_RUNS_FULL', `${MOST} orders are on their way already; wait until one has ended`);
  }

  /** Begins to send, and gives the run's id at once. */
  begin(
    commandLine: string,
    hosts: readonly string[],
    send: Sending,
    after: () => void = () => undefined,
  ): string {
    this.checkRoom();
    const id = toHex(this.#entropy.randomBytes(ID_BYTES));
    const run = new OrderRun(this.#clock, commandLine, hosts);
    this.#runs.set(id, run);
    const watch = {
      progress: (host: string, text: string) => run.progress(host, text),
      ended: (end: HostEnd, receipt: Uint8Array | undefined) => run.ended(end, receipt),
    };
    void send(watch, this.#signal)
      // Only because all of it ends: each host's fault is its end.
      .catch(() => undefined)
      .finally(() => {
        run.finish();
        after();
        this.#makeRoom();
      });
    this.#makeRoom();
    return id;
  }

  /** False where there is no such run. */
  open(id: string, send: Send, gone: AbortSignal): boolean {
    const run = this.#runs.get(id);
    run?.open(id, send, gone);
    return run !== undefined;
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  receipt(id: string, host: string): { readonly file: string; readonly content: Uint8Array } | undefined {
    const found = this.#runs.get(id)?.ends.get(host);
    const file = found?.end.receipt?.file;
    return found?.receipt === undefined || file === undefined ? undefined : { file, content: found.receipt };
  }

  #makeRoom(): void {
    const over = [...this.#runs].filter(([, run]) => run.over);
    let bytes = over.reduce((sum, [, run]) => sum + run.bytes, 0);
    for (const [id, run] of over) {
      if (this.#runs.size <= MOST && bytes <= MOST_BYTES) return;
      this.#runs.delete(id);
      bytes -= run.bytes;
    }
  }
}
