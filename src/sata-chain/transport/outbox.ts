import { type Fis, MOST_DATA } from '../fis/fis.ts';
import { encodeFis } from '../fis/fis-encode.ts';
import { AtaFault } from '../target.ts';
import type { FisPipe } from './fis-pipe.ts';

/** FISes that may wait for room. More means that the other end has stopped reading. */
const MOST_WAITING = 256;
/** Times that room was promised and not there, before the link counts as dead. */
const MOST_FALSE_HOPES = 1000;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly sent: () => void;
  readonly lost: (fault: AtaFault) => void;
}

/** Sends FISes one after the other, in the order of asking, as the pipe has room. */
export class Outbox {
  /** Most payload bytes of one Data FIS through this pipe. */
  readonly chunk: number;
  readonly #pipe: FisPipe;
  #waiting: Waiting[] = [];
  #pump: AbortController | undefined;

  constructor(pipe: FisPipe) {
    this.#pipe = pipe;
    this.chunk = Math.min(MOST_DATA, Math.floor((pipe.largest - 4) / 4) * 4);
  }

  /** False where too much waits already: nothing was sent. */
  post(fis: Fis): boolean {
    const bytes = encodeFis(fis);
    if (this.#now(bytes)) return true;
    return this.#later({ bytes, sent: nothing, lost: nothing });
  }

  /** Ends when the FIS is handed to the pipe; throws NS_ATA_LINK where it never will be. Undefined: already sent. */
  send(fis: Fis): Promise<void> | undefined {
    const bytes = encodeFis(fis);
    if (this.#now(bytes)) return undefined;
    return new Promise((sent, lost) => {
      if (!this.#later({ bytes, sent, lost })) lost(linkFault());
    });
  }

  /** What waits is dropped. */
  clear(): void {
    this.#pump?.abort();
    this.#pump = undefined;
    const dropped = this.#waiting;
    this.#waiting = [];
    for (const { lost } of dropped) lost(linkFault());
  }

  #now(bytes: Uint8Array): boolean {
    return this.#waiting.length === 0 && this.#pipe.send(bytes);
  }

  #later(waiting: Waiting): boolean {
    if (this.#waiting.length >= MOST_WAITING) return false;
    this.#waiting.push(waiting);
    if (this.#pump === undefined) {
      this.#pump = new AbortController();
      void this.#run(this.#pump);
    }
    return true;
  }

  async #run(own: AbortController): Promise<void> {
    let hopes = 0;
    while (!own.signal.aborted && this.#waiting.length > 0) {
      await this.#pipe.room(own.signal).catch(nothing);
      if (own.signal.aborted) return;
      hopes += 1;
      while (this.#waiting.length > 0 && this.#pipe.send(this.#waiting[0]!.bytes)) {
        this.#waiting.shift()!.sent();
        hopes = 0;
        if (own.signal.aborted) return;
      }
      if (hopes >= MOST_FALSE_HOPES) this.clear();
    }
    if (this.#pump === own) this.#pump = undefined;
  }
}

const linkFault = (): AtaFault => new AtaFault('LINK', 'the link does not take what is to be sent');
const nothing = (): void => {};
