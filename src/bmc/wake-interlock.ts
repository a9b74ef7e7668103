import { allow, asNsError, type Duration, refusal, refuse, seconds, type Verdict } from '../base/index.ts';
import type { Clock, HostPower, LogSink, PowerReading, Stop } from '../ports/index.ts';
import type { Custody } from './custody.ts';

export interface WakeInterlockOptions {
  readonly power: HostPower;
  readonly custody: Custody;
  readonly clock: Clock;
  readonly log: LogSink;
  /** False while the machine is disabled: the host then stays down, and its drives stay held. */
  readonly mayWake: () => boolean;
  /** How long a host that was let wake may take to show as awake, before it counts as still asleep; 30 s. */
  readonly settle?: Duration;
}

/** Somebody who switches the host on by our hand, and waits for how it ends. */
interface Waker {
  readonly go: () => Promise<void>;
  readonly done: (verdict: Verdict<void>) => void;
  readonly failed: (error: unknown) => void;
}

/** How far a wake request has come. `allowed` ends when the host shows as awake, or has not for too long. */
type Wake = 'none' | 'pending' | 'allowed';

/**
 * Gives the disks back before the host is awake: at a wake request, at any change towards S0 or the unknown, and when a
 * reading shows that the host was awake unseen. After the hand-back, and never before, a waiting host is let go on.
 * The door stays closed until the host is certainly down again with no wake on its way.
 */
export class WakeInterlock {
  readonly #options: WakeInterlockOptions;
  readonly #settle: Duration;
  #stops: Stop[] = [];
  #reading: PowerReading | undefined;
  #wake: Wake = 'none';
  #working: Promise<void> | undefined;
  /** Something happened since the hand-back under way began: one more round is due. */
  #again = false;
  #settling: AbortController | undefined;
  /** The host itself asked, and waits for an answer. */
  #asked = false;
  #wakers: Waker[] = [];

  constructor(options: WakeInterlockOptions) {
    this.#options = options;
    this.#settle = options.settle ?? seconds(30);
  }

  start(): void {
    const { power, log } = this.#options;
    this.stop();
    this.#stops = [
      power.onWakeRequest((reason) => {
        log.log('info', 'wake.requested', { reason });
        this.#wake = 'pending';
        this.#asked = true;
        this.#begin(`The host asked to wake (${reason}), so its disk was given back.`);
      }),
      power.onChange((reading) => this.#onChange(reading)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#settling?.abort();
    for (const waker of this.#takeWakers()) waker.done(STOPPING);
  }

  /**
   * Has the host switched on by `go`, once its disks are home. DISABLED while it may not wake; throws what `go` throws.
   * One that is on its way already is joined, and `go` is called once.
   */
  switchOn(reason: string, go: () => Promise<void>): Promise<Verdict<void>> {
    if (!this.#options.mayWake()) return Promise.resolve(refuse('DISABLED'));
    if (this.#stops.length === 0) return Promise.resolve(STOPPING);
    this.#options.log.log('info', 'wake.ordered', { reason });
    return new Promise((done, failed) => {
      this.#wakers.push({ go, done, failed });
      this.#wake = 'pending';
      this.#begin(`The host is being switched on (${reason}), so its disk was given back.`);
    });
  }

  /** Resolves when no hand-back is under way. */
  async idle(): Promise<void> {
    while (this.#working) await this.#working;
  }

  #onChange(reading: PowerReading): void {
    const before = this.#reading;
    this.#reading = reading;
    // One that still waits is let go on after the hand-back all the same: a board may have stopped its host in between.
    if (reading.state === 'S0' && this.#wake === 'allowed') this.#wake = 'none';
    // To the disk, off with mains and off without are the same.
    if (before && isOff(before) && isOff(reading)) return;
    this.#begin(`The host's power went to ${reading.state}, so its disk was given back.`);
  }

  #begin(sentence: string): void {
    this.#settling?.abort();
    this.#options.custody.close('waking', refusal('HOST_WAKING', sentence));
    this.#again = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      this.#settleDoor();
    });
  }

  async #work(): Promise<void> {
    const { custody, log } = this.#options;
    while (this.#again) {
      this.#again = false;
      const back = await custody.handBack(custody.closedBy() ?? refusal('HOST_WAKING'));
      for (const { disk, took, inTime } of back) {
        if (!inTime) log.log('error', 'wake.hand-back-late', { disk, tookMs: Math.round(took) });
      }
      if (this.#wake === 'pending' && !this.#again) await this.#letWake();
    }
  }

  async #letWake(): Promise<void> {
    const { power, log, mayWake } = this.#options;
    const wakers = this.#takeWakers();
    const asked = this.#asked;
    this.#asked = false;
    if (!mayWake()) {
      this.#wake = 'none';
      log.log('warn', 'wake.refused', { reason: 'disabled' });
      for (const waker of wakers) waker.done(refuse('DISABLED'));
      return;
    }
    // Also where a switch did not move: our devices are dead by now, so nobody shares the disk with the host, and a host
    // without its disk can say so, while one kept down by our fault cannot.
    this.#wake = 'allowed';
    this.#startSettling();
    try {
      if (this.#reading?.state !== 'S0') await wakers[0]?.go();
      if (asked) await power.allowWake();
      for (const waker of wakers) waker.done(allow(undefined));
    } catch (error) {
      log.log('error', 'wake.allow-failed', { error: asNsError(error, 'NS_POWER').message });
      for (const waker of wakers) waker.failed(error);
    }
    if (this.#reading?.state === 'S0') {
      this.#wake = 'none';
      this.#settling?.abort();
    }
  }

  #takeWakers(): readonly Waker[] {
    const wakers = this.#wakers;
    this.#wakers = [];
    return wakers;
  }

  #startSettling(): void {
    const { clock, power } = this.#options;
    // A hand-back that outlives a stop leaves no timer behind.
    if (this.#stops.length === 0) return;
    const settling = new AbortController();
    this.#settling = settling;
    void clock
      .sleep(this.#settle, settling.signal)
      .then(() => power.read(settling.signal))
      .then(
        (reading) => {
          if (settling.signal.aborted) return;
          this.#reading = reading;
          if (this.#wake === 'allowed') this.#wake = 'none';
          this.#settleDoor();
        },
        () => {},
      );
  }

  /** Once the host has its disks: what is refused while it is up, and nothing where it is down. */
  #settleDoor(): void {
    if (this.#working || this.#wake !== 'none') return;
    const { custody } = this.#options;
    const reading = this.#reading;
    // Before the first change nothing was heard to the contrary; every lease reads the power for itself.
    if (reading === undefined) custody.open('waking');
    else if (reading.certain && reading.state === 'S0') custody.close('waking', refusal('HOST_AWAKE'));
    else if (reading.certain) custody.open('waking');
  }
}

const STOPPING = refuse('CUSTODY_UNAVAILABLE', 'The agent is stopping.');

function isOff(reading: PowerReading): boolean {
  return reading.certain && (reading.state === 'S5' || reading.state === 'G3');
}
