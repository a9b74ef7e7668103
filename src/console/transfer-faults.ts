import { type Duration, NsError, seconds } from '../base/index.ts';

export interface LineTransferOptions {
  /** Called with the bytes of the file that are over, those of an earlier session among them. */
  readonly onProgress?: (done: number) => void;
  /** How long the other end may be silent before it is asked again. */
  readonly patience?: Duration;
}

export const PATIENCE: Duration = seconds(10);

/** So often in a row, without a byte won, the other end may be silent or damaged. */
const MOST_FAULTS = 12;

/** Counts what goes wrong, and ends a transfer that gets nowhere. */
export class Faults {
  #count = 0;

  /** NS_LINE_STALLED at the last of them. */
  add(what: string): void {
    this.#count += 1;
    if (this.#count < MOST_FAULTS) return;
    throw new NsError('NS_LINE_STALLED', `the transfer gets nowhere: ${what}`, {
      family: 'peer',
      retryable: true,
    });
  }

  progress(): void {
    this.#count = 0;
  }
}

export function cancelled(who: string): NsError {
  return new NsError('NS_LINE_CANCELLED', `${who} has cancelled the transfer`, { family: 'peer' });
}
