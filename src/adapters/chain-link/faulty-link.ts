import { type Duration, milliseconds } from '../../base/index.ts';
import type { ChainFrame, ChainLink, Entropy, Stop } from '../../ports/index.ts';
import { checkFrameSize, millis, nanoseconds, type Scheduler } from '../../sata-chain/index.ts';
import { LinkListeners } from './link-listeners.ts';

export interface LinkFaults {
  /** Part of the frames that is lost, 0 to 1. */
  readonly loss?: number;
  /** Each frame comes later by something up to this; they do not overtake each other. */
  readonly delay?: Duration;
}

/** Frames on the faulty way in one direction; more are lost. */
const UNDER_WAY = 1024;

/** A bad cable in one direction: frames sent at this end are lost or late, and it can be cut here. For tests and demonstrations. */
export class FaultyLink implements ChainLink {
  readonly name: string;
  readonly capabilities: ChainLink['capabilities'];
  readonly #inner: ChainLink;
  readonly #scheduler: Scheduler;
  readonly #entropy: Entropy;
  readonly #faults: LinkFaults;
  readonly #listeners = new LinkListeners();
  readonly #stops: Stop[];
  #underWay: ChainFrame[] = [];
  #arrives = 0;
  #inside = false;
  #cut = false;
  /** Frames lost by us. */
  lost = 0;

  constructor(inner: ChainLink, scheduler: Scheduler, entropy: Entropy, faults: LinkFaults) {
    this.name = inner.name;
    const delay = faults.delay ?? milliseconds(0);
    this.capabilities = {
      ...inner.capabilities,
      lossless: inner.capabilities.lossless && (faults.loss ?? 0) === 0,
      roundTrip: milliseconds(inner.capabilities.roundTrip + 2 * delay),
    };
    this.#inner = inner;
    this.#scheduler = scheduler;
    this.#entropy = entropy;
    this.#faults = faults;
    this.#stops = [
      inner.onFrame((frame) => {
        if (!this.#cut) this.#listeners.frame(frame);
      }),
      inner.onConnection((connected) => {
        this.#inside = connected;
        this.#tell();
      }),
    ];
  }

  /** This end is disconnected, and what is under way from it is lost. Cut the other end's too. */
  cut(): void {
    this.#cut = true;
    this.#tell();
  }

  restore(): void {
    this.#cut = false;
    this.#tell();
  }

  send(frame: ChainFrame): boolean {
    checkFrameSize(frame, this.capabilities.largestFrame, this.name);
    if (this.#cut) return false;
    const { loss = 0, delay = milliseconds(0) } = this.#faults;
    if (this.#entropy.fraction() < loss || this.#underWay.length >= UNDER_WAY) {
      this.lost += 1;
      return this.#listeners.connected;
    }
    if (delay === 0) return this.#inner.send(frame);
    if (!this.#listeners.connected) return false;
    const now = this.#scheduler.now();
    this.#arrives = Math.max(this.#arrives, now + Math.ceil(this.#entropy.fraction() * millis(delay)));
    const underWay = this.#underWay;
    underWay.push(frame);
    this.#scheduler.after(nanoseconds(this.#arrives - now), () => {
      // A cut puts another list in the place of the one that this frame was in.
      if (underWay !== this.#underWay) return;
      const oldest = underWay.shift();
      if (oldest !== undefined && !this.#inner.send(oldest)) this.lost += 1;
    });
    return true;
  }

  room(signal: AbortSignal): Promise<void> {
    return this.#inner.room(signal);
  }

  onFrame(listener: (frame: ChainFrame) => void): Stop {
    return this.#listeners.onFrame(listener);
  }

  onConnection(listener: (connected: boolean) => void): Stop {
    return this.#listeners.onConnection(listener);
  }

  async close(): Promise<void> {
    this.#underWay = [];
    await this.#inner.close();
    for (const stop of this.#stops) stop();
  }

  #tell(): void {
    const connected = this.#inside && !this.#cut;
    if (!connected) this.#underWay = [];
    this.#listeners.connection(connected);
  }
}
