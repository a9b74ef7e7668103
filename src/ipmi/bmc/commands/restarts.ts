import { type Duration, seconds } from '../../../base/index.ts';
import type { Clock } from '../../../ports/index.ts';
import type { RestartCause } from '../../commands/get-system-restart-cause.ts';
import type { HostChange } from '../machine.ts';

export interface Restart {
  readonly cause: RestartCause;
  /** By which the command came; 0 where none did. */
  readonly channel: number;
}

/** A host that starts later than this after an order did not start because of it. */
const BECAUSE_OF_ORDER = seconds(60);
const UNKNOWN: Restart = { cause: 'unknown', channel: 0 };

/** Why the host last started: by an order that went before, or for a reason that this BMC cannot see. */
export class Restarts {
  readonly #clock: Clock;
  #ordered: (Restart & { readonly at: Duration }) | undefined;
  #last: Restart = UNKNOWN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get last(): Restart {
    return this.#last;
  }

  /** Before an order that starts the host; a call of what is given takes it back, where it was refused. */
  ordered(restart: Restart): () => void {
    const before = this.#ordered;
    this.#ordered = { ...restart, at: this.#clock.monotonic() };
    return () => {
      this.#ordered = before;
    };
  }

  host(change: HostChange): void {
    if (change === 'down') return;
    const ordered = this.#ordered;
    this.#ordered = undefined;
    const inTime = ordered !== undefined && this.#clock.monotonic() - ordered.at <= BECAUSE_OF_ORDER;
    this.#last = inTime ? { cause: ordered.cause, channel: ordered.channel } : UNKNOWN;
  }
}
