import type { ConsoleClaim, HostConsole, Stop } from '../../ports/index.ts';
import type { ConsoleLog } from './log.ts';
import { Scrollback } from './scrollback.ts';

export interface HostUartOptions {
  readonly console: HostConsole;
  /** Bytes of what the host said that are kept in memory. */
  readonly scrollback: number;
  /** Absent where nothing is to be kept on own storage. */
  readonly log?: Pick<ConsoleLog, 'hear' | 'read' | 'close'>;
}

/** One who writes, and how he is told that somebody takes it from him. */
interface Holder {
  readonly who: string;
  readonly onTaken: (by: string) => void;
}

/** The host's console, heard all the time; any number watch, and one at a time writes, at whichever door. */
export class HostUart {
  readonly console: HostConsole;
  readonly scrollback: Scrollback;
  readonly log: HostUartOptions['log'];
  readonly #listeners = new Set<() => void>();
  readonly #stop: Stop;
  #holder: Holder | undefined;

  constructor({ console, scrollback, log }: HostUartOptions) {
    this.console = console;
    this.scrollback = new Scrollback(scrollback);
    this.log = log;
    this.#stop = console.onData((bytes) => {
      this.scrollback.push(bytes);
      this.log?.hear(bytes);
      for (const listener of [...this.#listeners]) listener();
    });
  }

  /** Who may write now. */
  get holder(): string | undefined {
    return this.#holder?.who;
  }

  /** Called when there is more in the scrollback. */
  onMore(listener: () => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The right to write. `take` takes it from whoever has it, who is told by whom. */
  claim(who: string, onTaken: (by: string) => void, take = false): ConsoleClaim {
    const before = this.#holder;
    if (before !== undefined && !take) return { ok: false, holder: before.who };
    const holder: Holder = { who, onTaken };
    this.#holder = holder;
    before?.onTaken(who);
    return {
      ok: true,
      release: () => {
        if (this.#holder === holder) this.#holder = undefined;
      },
    };
  }

  /** As another door has it: with a claim, and nothing kept for it. */
  get door(): HostConsole {
    const { console } = this;
    return {
      write: (bytes) => console.write(bytes),
      onData: (listener) => console.onData(listener),
      ...(console.sendBreak === undefined ? {} : { sendBreak: async () => console.sendBreak?.() }),
      ...(console.onAvailable === undefined
        ? {}
        : { onAvailable: (listener: (available: boolean) => void) => console.onAvailable!(listener) }),
      claim: (who, onTaken) => this.claim(who, onTaken),
    };
  }

  async close(): Promise<void> {
    this.#stop();
    await this.log?.close();
  }
}
