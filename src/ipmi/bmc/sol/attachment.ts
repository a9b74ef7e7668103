import { LineQueue, milliseconds, minutes, seconds } from '../../../base/index.ts';
import type { Clock, Stop } from '../../../ports/index.ts';
import type { SolFault, SolTerms } from '../../sol/endpoint.ts';
import { SolLink } from '../../sol/link.ts';
import { SOL_HEADER, SOL_OPERATION, SOL_STATUS } from '../../sol/packet.ts';
import { PAYLOAD } from '../../wire/packet.ts';
import type { CallerSession } from '../command.ts';
import type { HostConsole } from '../machine.ts';

/** The largest SOL payloads, header included, that this BMC takes and gives. */
export const LARGEST_SOL = { inbound: 200, outbound: 200 } as const;

/** Why a session has the console no more. */
export type SolOver = SolFault | 'session over' | 'given back' | 'taken away';

const TERMS: SolTerms = {
  most: LARGEST_SOL.outbound - SOL_HEADER,
  queue: 32 * 1024,
  first: milliseconds(250),
  longest: seconds(2),
  total: seconds(30),
  breath: milliseconds(50),
  // A terminal may stand still; what the host says meanwhile is lost beyond the queue, and the console is told that it is.
  stall: minutes(30),
};
const TO_HOST = { capacity: 4096, breaks: 16 };
/** So that the answer to Activate Payload is there before the first characters. */
const START = milliseconds(50);

export interface AttachmentParts {
  readonly session: CallerSession;
  readonly console: HostConsole;
  readonly clock: Clock;
  /** Once. */
  readonly onOver: (why: SolOver) => void;
}

/** A session that has the host's console. It begins to hear the host when it is made; what was said before is not repeated. */
export class Attachment {
  readonly session: CallerSession;
  readonly #link: SolLink;
  readonly #toHost: LineQueue;
  readonly #stops: Stop[];
  readonly #onOver: (why: SolOver) => void;
  #available = true;
  #over = false;

  constructor({ session, console, clock, onOver }: AttachmentParts) {
    this.session = session;
    this.#onOver = onOver;
    this.#toHost = new LineQueue(console, clock, TO_HOST);
    this.#link = new SolLink({
      terms: TERMS,
      clock,
      after: START,
      send: (payload) => session.send(PAYLOAD.sol, payload),
      holds: (flags) => (flags & SOL_OPERATION.pause) !== 0,
      room: () => (this.#available ? this.#toHost.room : 0),
      deliver: (characters) => this.#toHost.push(characters),
      onFlags: (flags) => this.#obey(flags),
      onFault: (fault) => this.#end(fault),
    });
    this.#stops = [
      console.onData((bytes) => this.#say(bytes)),
      session.onPayload(PAYLOAD.sol, (payload) => this.#link.hear(payload)),
    ];
    const stopAvailable = console.onAvailable?.((available) => {
      this.#available = available;
      this.#link.stand(available ? 0 : SOL_STATUS.unavailable);
    });
    if (stopAvailable !== undefined) this.#stops.push(stopAvailable);
    this.#stops.push(session.onClose(() => this.#end('session over')));
  }

  /** Takes the console from the session, which is told so where it was not its own wish. */
  deactivate(own: boolean): void {
    this.#end(own ? 'given back' : 'taken away');
  }

  #say(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; at += TERMS.most) {
      if (this.#link.write(bytes.subarray(at, at + TERMS.most))) continue;
      this.#link.mention(SOL_STATUS.overrun);
      return;
    }
  }

  #obey(flags: number): void {
    if ((flags & SOL_OPERATION.flushInbound) !== 0) this.#toHost.clear();
    if ((flags & SOL_OPERATION.flushOutbound) !== 0) this.#link.flush();
    if ((flags & SOL_OPERATION.sendBreak) !== 0) this.#toHost.pushBreak();
  }

  #end(why: SolOver): void {
    if (this.#over) return;
    this.#over = true;
    if (why !== 'session over' && why !== 'given back') this.session.send(PAYLOAD.sol, DEACTIVATING);
    this.#link.stop();
    this.#toHost.stop();
    for (const stop of this.#stops) stop();
    this.#onOver(why);
  }
}

const DEACTIVATING = Uint8Array.of(0, 0, 0, SOL_STATUS.deactivating);
