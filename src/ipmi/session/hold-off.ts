import {
  type Duration,
  formatDuration,
  hasCode,
  milliseconds,
  minutes,
  NsError,
  seconds,
} from '../../base/index.ts';

/** How long nothing is asked after which failure: doubled each time, up to the longest. */
const PAUSES = {
  // Each try takes one of the places that the BMC lacks, for a minute.
  NS_IPMI_BUSY: { first: seconds(2), longest: seconds(60) },
  // Each try counts towards the user's being locked out.
  NS_IPMI_CREDENTIALS: { first: minutes(1), longest: minutes(60) },
} as const;
type Held = keyof typeof PAUSES;
const CODES = Object.keys(PAUSES) as Held[];

/** Keeps a client from opening sessions again and again where that does harm. */
export class HoldOff {
  #until = 0;
  #pause = 0;
  #code: Held | undefined;
  #sentence = '';

  /** The same failure again, while it is too soon to try. */
  check(now: Duration): void {
    if (this.#code === undefined || now >= this.#until) return;
    const left = formatDuration(milliseconds(this.#until - now));
    throw new NsError(this.#code, `${this.#sentence}; not asked again for ${left}`, {
      family: this.#code === 'NS_IPMI_CREDENTIALS' ? 'caller' : 'peer',
      retryable: this.#code === 'NS_IPMI_BUSY',
    });
  }

  failed(error: unknown, now: Duration): void {
    const code = CODES.find((each) => hasCode(error, each));
    if (code === undefined) return;
    const { first, longest } = PAUSES[code];
    this.#pause = this.#code === code ? Math.min(2 * this.#pause, longest) : first;
    this.#code = code;
    this.#until = now + this.#pause;
    this.#sentence = (error as NsError).sentence;
  }

  opened(): void {
    this.#code = undefined;
  }
}
