import { hasCode, NsError } from '../../base/index.ts';
import type { ChainLink, Stop } from '../../ports/index.ts';
import type { Nanoseconds, Scheduler } from '../time.ts';
import type { Side, SyncFinding } from './findings.ts';
import { encodeMessage, roomIn, type Sender, SMALLEST_FRAME, type SyncBody } from './message.ts';

/** Records that wait to be passed on; beyond these an exchange of digests finds what is missing. */
const MOST_WAITING = 64;

/** The unit at the other end of one link, as far as it is known. */
export class Neighbour {
  readonly side: Side;
  readonly link: ChainLink;
  readonly room: ReturnType<typeof roomIn>;
  connected = false;
  /** Undefined until it was heard, and again once it fell silent. */
  unit: string | undefined;
  chain: string | undefined;
  stranger = false;
  heardAt: Nanoseconds;
  /** Whether it knew exactly what we know when it last said so. */
  inStep: boolean | undefined;
  malformed = 0;
  /** Messages in a row with a position that cannot be. */
  misplaced = 0;
  /** An opening is due. */
  talk = false;
  readonly #waiting = new Set<string>();
  #stops: readonly Stop[] = [];

  constructor(side: Side, link: ChainLink, scheduler: Scheduler) {
    if (link.capabilities.largestFrame < SMALLEST_FRAME) {
      throw new NsError('NS_SYNC_LINK', `${link.name} carries frames of ${SMALLEST_FRAME} bytes at least`, {
        family: 'caller',
      });
    }
    this.side = side;
    this.link = link;
    this.room = roomIn(link.capabilities.largestFrame);
    this.heardAt = scheduler.now();
  }

  listen(onBytes: (bytes: Uint8Array) => void, onConnection: (connected: boolean) => void): void {
    this.#stops = [
      this.link.onFrame((frame) => {
        if (frame.channel === 'state') onBytes(frame.bytes);
      }),
      this.link.onConnection(onConnection),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }

  /** True where the neighbour answers and is of our chain. */
  get heard(): boolean {
    return this.connected && this.unit !== undefined && !this.stranger;
  }

  findings(): SyncFinding[] {
    const { side, unit, chain, stranger, malformed } = this;
    return [
      ...(stranger && unit !== undefined ? [{ is: 'stranger', side, unit, chain } as const] : []),
      ...(malformed > 0 ? [{ is: 'malformed', side, messages: malformed } as const] : []),
    ];
  }

  silent(): void {
    this.unit = undefined;
    this.chain = undefined;
    this.stranger = false;
    this.inStep = undefined;
    this.misplaced = 0;
    this.#waiting.clear();
  }

  /** This unit's record is to be passed on with the next flush. */
  passOn(unit: string): void {
    if (this.#waiting.size < MOST_WAITING) this.#waiting.add(unit);
    else this.talk = true;
  }

  takeWaiting(): readonly string[] {
    const units = [...this.#waiting];
    this.#waiting.clear();
    return units;
  }

  /** Lost where the link has no room: the next exchange finds what is missing. */
  send(from: Sender, bodies: readonly SyncBody[]): void {
    if (!this.connected) return;
    for (const body of bodies) {
      try {
        if (!this.link.send({ channel: 'state', bytes: encodeMessage({ from, body }) })) return;
      } catch (error) {
        // A link that went away between two calls is one that is not connected.
        if (hasCode(error, 'NS_LINK_FRAME')) throw error;
        return;
      }
    }
  }
}
