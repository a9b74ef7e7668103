import { type Duration, milliseconds, Waiters } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import {
  type SolEvent,
  type SolFault,
  type SolTerms,
  solDue,
  solEndpoint,
  solRoom,
  solStep,
} from './endpoint.ts';
import { decodeSol, encodeSol } from './packet.ts';

export interface SolLinkParts {
  readonly terms: SolTerms;
  readonly clock: Clock;
  /** Nothing is sent of its own accord for so long. */
  readonly after?: Duration;
  readonly send: (payload: Uint8Array) => void;
  /** True where these flags ask this end to send no characters. */
  readonly holds: (flags: number) => boolean;
  /** How many characters may be taken now. */
  readonly room: () => number;
  /** No more than there was room for. */
  readonly deliver: (characters: Uint8Array) => void;
  /** Of each packet that is not a repetition. */
  readonly onFlags: (flags: number) => void;
  readonly onFault: (fault: SolFault) => void;
}

/** One end of Serial over LAN in time: repeats when it is due, until it is stopped. */
export class SolLink {
  readonly #parts: SolLinkParts;
  readonly #room = new Waiters();
  #state;
  #stopped = false;
  #timer: { readonly at: Duration; readonly cancel: AbortController } | undefined;

  constructor(parts: SolLinkParts) {
    this.#parts = parts;
    const { terms, clock, after } = parts;
    this.#state = solEndpoint(terms, after && milliseconds(clock.monotonic() + after));
  }

  /** Nothing waits, and nothing is under way. */
  get idle(): boolean {
    return this.#state.waiting.length === 0 && this.#state.sending === undefined;
  }

  /** False where there is no room, or it is over: nothing was taken. */
  write(bytes: Uint8Array): boolean {
    if (this.#stopped || !solRoom(this.#state, bytes.byteLength)) return false;
    this.#do({ is: 'write', bytes });
    return true;
  }

  /** Resolves when half of the room is free, or it is over; rejects with the signal's reason. */
  room(signal: AbortSignal): Promise<void> {
    const half = this.#parts.terms.queue / 2;
    return this.#room.wait(signal, () => this.#stopped || this.#state.bytesWaiting <= half);
  }

  /** Resolves when all that was written is acknowledged, or it is over; rejects with the signal's reason. */
  drained(signal: AbortSignal): Promise<void> {
    return this.#room.wait(signal, () => this.#stopped || this.idle);
  }

  /** In order with what was written; false as with write. */
  signal(flags: number): boolean {
    if (this.#stopped || !solRoom(this.#state, 0)) return false;
    this.#do({ is: 'signal', flags });
    return true;
  }

  /** Flags of every packet from now on. */
  stand(flags: number): void {
    this.#do({ is: 'stand', flags });
  }

  /** Flags of the next packet alone. */
  mention(flags: number): void {
    this.#do({ is: 'mention', flags });
  }

  flush(): void {
    this.#do({ is: 'flush' });
  }

  /** What cannot be read is dropped. */
  hear(payload: Uint8Array): void {
    let packet: ReturnType<typeof decodeSol>;
    try {
      packet = decodeSol(payload);
    } catch {
      return;
    }
    const { holds, room } = this.#parts;
    this.#do({ is: 'packet', packet, room: room(), hold: holds(packet.flags) });
  }

  /** Ends it; what waits is lost. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel.abort();
    this.#timer = undefined;
    this.#room.look();
  }

  #do(event: SolEvent): void {
    if (this.#stopped) return;
    const { clock, send, deliver, onFlags, onFault } = this.#parts;
    const { state, ...step } = solStep(this.#state, event, clock.monotonic());
    this.#state = state;
    this.#arm();
    for (const packet of step.send) send(encodeSol(packet));
    if (step.deliver.byteLength > 0) deliver(step.deliver);
    if (step.flags !== undefined) onFlags(step.flags);
    this.#room.look();
    if (state.fault === undefined) return;
    this.stop();
    onFault(state.fault);
  }

  #arm(): void {
    const due = solDue(this.#state);
    if (this.#timer !== undefined && this.#timer.at === due) return;
    this.#timer?.cancel.abort();
    this.#timer = undefined;
    if (due === undefined) return;
    const { clock } = this.#parts;
    const timer = { at: due, cancel: new AbortController() };
    this.#timer = timer;
    clock.sleep(milliseconds(due - clock.monotonic()), timer.cancel.signal).then(
      () => {
        this.#timer = undefined;
        this.#do({ is: 'time' });
      },
      () => undefined,
    );
  }
}
