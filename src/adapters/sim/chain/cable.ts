import type { Found, Level, Nanoseconds, Scheduler } from '../../../sata-chain/index.ts';

/** What sits at one end of a cable. */
export interface CableEnd {
  hear(level: Level): void;
  /** A first D2H register FIS came; only the host side hears one. */
  signature(): void;
  /** Who answers IDENTIFY here now; only asked of the device side. */
  identity(): Found | undefined;
}

type Which = 'host' | 'device';

/** A SATA cable in virtual time: levels and signatures arrive in order after a delay. May be pulled and plugged. */
export class SimCable {
  readonly #scheduler: Scheduler;
  readonly #delay: Nanoseconds;
  readonly #ends: { host?: CableEnd; device?: CableEnd } = {};
  readonly #sent: Record<Which, Level> = { host: 'idle', device: 'idle' };
  #plugged = true;
  /** What is under way when the cable is pulled never arrives. */
  #plugging = 0;
  /** COMINITs that the device side sent, answers to COMRESET included. */
  cominits = 0;

  constructor(scheduler: Scheduler, delay: Nanoseconds) {
    this.#scheduler = scheduler;
    this.#delay = delay;
  }

  attach(which: Which, end: CableEnd): void {
    this.#ends[which] = end;
  }

  get plugged(): boolean {
    return this.#plugged;
  }

  transmit(from: Which, level: Level): void {
    if (from === 'device' && level === 'COMINIT') this.cominits += 1;
    this.#sent[from] = level;
    this.#deliver(other(from), (end) => end.hear(level));
  }

  signature(): void {
    this.#deliver('host', (end) => end.signature());
  }

  /** The device's answer to IDENTIFY, as it is when the question arrives. */
  ask(answer: (found: Found | undefined) => void): void {
    const plugging = this.#plugging;
    const reply = (found: Found | undefined) =>
      this.#scheduler.after(this.#delay, () => answer(plugging === this.#plugging ? found : undefined));
    this.#scheduler.after(this.#delay, () => {
      const device = this.#plugged ? this.#ends.device : undefined;
      reply(device?.identity());
    });
  }

  pull(): void {
    if (!this.#plugged) return;
    this.#plugged = false;
    this.#plugging += 1;
    this.#ends.host?.hear('idle');
    this.#ends.device?.hear('idle');
  }

  plug(): void {
    if (this.#plugged) return;
    this.#plugged = true;
    this.#ends.host?.hear(this.#sent.device);
    this.#ends.device?.hear(this.#sent.host);
  }

  #deliver(to: Which, give: (end: CableEnd) => void): void {
    if (!this.#plugged) return;
    const plugging = this.#plugging;
    this.#scheduler.after(this.#delay, () => {
      const end = this.#ends[to];
      if (end && plugging === this.#plugging) give(end);
    });
  }
}

const other = (which: Which): Which => (which === 'host' ? 'device' : 'host');
