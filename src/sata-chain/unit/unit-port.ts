import type { DeviceIdentity } from '../ata/identity.ts';
import type { Level } from '../phy/level.ts';
import type { Plug } from '../plug.ts';
import { foundIn } from '../pttrsm/found.ts';
import type { RoutedMember } from '../route/chain-router.ts';
import { millis, type Scheduler } from '../time.ts';
import type { UnitInput } from './unit.ts';

const ASK_AGAIN = millis(1000);

/** A host port of a unit: what is plugged in, and what it said that it is. */
export class UnitPort {
  readonly #port: 'pto' | 'ddi';
  readonly #scheduler: Scheduler;
  readonly #give: (input: UnitInput) => void;
  #plug: Plug | undefined;
  #sent: Level = 'idle';
  #leave: () => void = () => {};
  #question: AbortController | undefined;
  #identity: DeviceIdentity | undefined;
  #again: () => void = () => {};

  constructor(port: 'pto' | 'ddi', scheduler: Scheduler, give: (input: UnitInput) => void) {
    this.#port = port;
    this.#scheduler = scheduler;
    this.#give = give;
  }

  /** The device hears at once what the port sends at present; the other way round, silence until it says something. */
  attach(plug: Plug | undefined, sent: Level): void {
    this.#leave();
    this.#plug?.wire.transmit('idle');
    this.forget();
    this.#plug = plug;
    this.#sent = sent;
    this.#give({ is: 'level', port: this.#port, level: 'idle' });
    if (plug === undefined) {
      this.#leave = () => {};
      return;
    }
    const port = this.#port;
    const leaves = [
      plug.wire.onLevel((level) => this.#give({ is: 'level', port, level })),
      plug.onSignature(() => this.#give({ is: 'signature', port })),
    ];
    this.#leave = () => {
      for (const leave of leaves) leave();
    };
    plug.wire.transmit(this.#sent);
  }

  transmit(level: Level): void {
    this.#sent = level;
    this.#plug?.wire.transmit(level);
  }

  /**
   * Asks who is there, again and again while the device refuses to say: it may be at something else for a moment, and
   * would not tell when that is over. An answer to a question that was replaced or forgotten is dropped.
   */
  identify(): void {
    this.forget();
    const question = new AbortController();
    this.#question = question;
    void this.#ask(question);
  }

  /** Whoever was asked is gone, or has answered. */
  forget(): void {
    this.#question?.abort();
    this.#question = undefined;
    this.#again();
    this.#again = () => {};
  }

  /** As the router maps it; without a target while it is away, and then as it is remembered. */
  member(there: boolean, remembered: DeviceIdentity | undefined): RoutedMember | undefined {
    const identity = there ? this.#identity : remembered;
    return identity && { identity, target: there ? this.#plug?.target : undefined };
  }

  async #ask(question: AbortController): Promise<void> {
    let identity: DeviceIdentity | undefined;
    try {
      identity = await this.#plug?.target.identify(question.signal);
    } catch {
      // A refusal is no answer yet; T_spin ends the wait for one.
    }
    if (question.signal.aborted) return;
    if (identity === undefined) {
      this.#again = this.#scheduler.after(ASK_AGAIN, () => void this.#ask(question));
      return;
    }
    const found = foundIn(identity);
    if (found) this.#identity = identity;
    this.#give({ is: 'identity', port: this.#port, found });
  }
}
