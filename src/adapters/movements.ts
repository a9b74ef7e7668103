import { asNsError, NsError, Turns } from '../base/index.ts';
import type { LogSink } from '../ports/index.ts';

export interface MovementsOptions {
  /** "disk0". */
  readonly disk: string;
  /** Where the drive is to be when nobody has it: its host. */
  readonly home: () => Promise<void>;
  readonly log: LogSink;
  /** Of what goes wrong on the way home: "linux.switch-failed". */
  readonly event: string;
}

/** The ways of one drive switch, one after another; the last that was asked for is where it ends. */
export class Movements {
  readonly #options: MovementsOptions;
  #latest = 0;
  readonly #turns = new Turns();

  constructor(options: MovementsOptions) {
    this.#options = options;
  }

  /**
   * The way to us. Its steps call `check` between them, which throws where the wait was given up or the drive was sent
   * elsewhere meanwhile. Where it fails the drive goes home, unless somebody overtook it, who brings it where it is to go.
   * NS_SWITCH, or why the wait was given up.
   */
  take<T>(signal: AbortSignal, steps: (check: () => void) => Promise<T>): Promise<T> {
    this.#latest += 1;
    const mine = this.#latest;
    const check = (): void => {
      signal.throwIfAborted();
      if (mine !== this.#latest)
        throw new NsError('NS_SWITCH', `the drive of ${this.#options.disk} was sent elsewhere meanwhile`);
    };
    return this.#turns.take(async () => {
      signal.throwIfAborted();
      try {
        check();
        return await steps(check);
      } catch (error) {
        if (mine === this.#latest) await this.#options.home().catch((failed: unknown) => this.note(failed));
        throw signal.aborted ? signal.reason : asNsError(error, 'NS_SWITCH');
      }
    });
  }

  /** Any other way: overtakes whatever is on its way to us. */
  async send(way: () => Promise<void>): Promise<void> {
    this.#latest += 1;
    await this.#turns.take(way);
  }

  /** Logs what went wrong where nobody can be told. */
  note(error: unknown): void {
    const { disk, event, log } = this.#options;
    log.log('error', event, { disk, error: asNsError(error, 'NS_SWITCH').message });
  }
}
