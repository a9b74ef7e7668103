import { asNsError, type Duration, milliseconds, NsError, orAborted, type Refusal } from '../base/index.ts';
import type {
  BlockDevice,
  Clock,
  DriveSwitch,
  LogSink,
  MeasureSink,
  SwitchPosition,
} from '../ports/index.ts';
import { LeaseEnded } from './lease.ts';
import { settledWithin } from './within.ts';

type Hold =
  /** Not ours. `at` is where we last brought it, as the switch confirmed. */
  | { readonly is: 'away'; readonly at: 'host' | 'held' | 'unknown' }
  | { readonly is: 'taking'; readonly abort: AbortController; readonly done: Promise<BlockDevice> }
  | { readonly is: 'ours'; readonly device: BlockDevice }
  | { readonly is: 'moving'; readonly to: 'host' | 'held'; readonly done: Promise<void> };

const TRIES = 3;
const PAUSE = milliseconds(50);
const LOOK_LIMIT = milliseconds(1000);

export interface SwitchHandParts {
  readonly drive: DriveSwitch;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly takeLimit: Duration;
  readonly measures?: MeasureSink | undefined;
}

/** The one hand on a drive switch: one movement at a time, and never two ideas of whose the drive is. */
export class SwitchHand {
  readonly #drive: DriveSwitch;
  readonly #clock: Clock;
  readonly #log: LogSink;
  readonly #takeLimit: Duration;
  readonly #measures: MeasureSink | undefined;
  #hold: Hold = { is: 'away', at: 'unknown' };
  #unflushed = false;

  constructor({ drive, clock, log, takeLimit, measures }: SwitchHandParts) {
    this.#drive = drive;
    this.#clock = clock;
    this.#log = log;
    this.#takeLimit = takeLimit;
    this.#measures = measures;
  }

  /** Somebody wrote: flush before giving back. */
  touched(): void {
    this.#unflushed = true;
  }

  get hasDevice(): boolean {
    return this.#hold.is === 'ours';
  }

  holds(device: BlockDevice): boolean {
    return this.#hold.is === 'ours' && this.#hold.device === device;
  }

  async isOurs(): Promise<boolean> {
    return this.#hold.is === 'ours' && (await this.#position()) === 'ours' && this.#hold.is === 'ours';
  }

  /** Whether the switch itself says that it is there; a switch that cannot hold is at home with the host. */
  async isAt(to: 'host' | 'held'): Promise<boolean> {
    return (await this.#position()) === this.#reachable(to);
  }

  /** The device, taking it from the host where nobody has it yet. Rejects where the switch does not hand it over. */
  async take(signal: AbortSignal): Promise<BlockDevice> {
    const deadline = this.#clock.deadline(this.#takeLimit, `taking ${this.#drive.disk}`);
    const both = AbortSignal.any([signal, deadline.signal]);
    try {
      while (this.#hold.is === 'moving') await orAborted(this.#hold.done, both);
      both.throwIfAborted();
      if (this.#hold.is === 'ours') return this.#hold.device;
      const taking = this.#hold.is === 'taking' ? this.#hold.done : this.#startTaking();
      return await orAborted(taking, both);
    } finally {
      deadline.release();
    }
  }

  /** Stops a movement towards us; the drive goes back to the host once it has stopped. */
  giveUpTaking(why: Refusal): void {
    if (this.#hold.is === 'taking') this.#hold.abort.abort(new LeaseEnded(this.#drive.disk, why));
  }

  /**
   * Brings the drive to the host, or keeps it from both. Flushes first where anything was written, until `flushBy`.
   * Never rejects: where the switch fails three times, its place is unknown and the log says so.
   */
  async moveTo(to: 'host' | 'held', flushBy: Duration): Promise<void> {
    for (let under = this.#movement(); under; under = this.#movement()) {
      await under.done;
      if (under.to === to) return;
    }
    if (await this.#restsAt(to)) return;
    if (this.#movement()) return this.moveTo(to, flushBy);
    const device = this.#hold.is === 'ours' ? this.#hold.device : undefined;
    if (this.#hold.is === 'taking') this.#hold.abort.abort(new NsError('NS_SWITCH', 'the drive goes back'));
    const done = this.#move(to, device, flushBy);
    this.#hold = { is: 'moving', to, done };
    await done;
  }

  #startTaking(): Promise<BlockDevice> {
    const abort = new AbortController();
    const deadline = this.#clock.deadline(this.#takeLimit, `the switch of ${this.#drive.disk}`);
    const signal = AbortSignal.any([abort.signal, deadline.signal]);
    const asked = this.#drive.take(signal);
    const done = orAborted(asked, signal)
      .then(
        (device) => {
          if (!mine()) throw new NsError('NS_SWITCH', `${this.#drive.disk} went back before it was here`);
          this.#hold = { is: 'ours', device };
          this.#cameTo('ours');
          return device;
        },
        async (error: unknown) => {
          // A switch that moves after all, too late, must not leave the drive with us.
          asked.then(
            () => this.#undoLateTake(),
            () => {},
          );
          if (mine()) {
            const back = this.#move('host', undefined, this.#clock.monotonic());
            this.#hold = { is: 'moving', to: 'host', done: back };
            await back;
          }
          throw asNsError(error, 'NS_SWITCH');
        },
      )
      .finally(() => deadline.release());
    done.catch(() => {});
    const taking: Hold = { is: 'taking', abort, done };
    const mine = () => this.#hold === taking;
    this.#hold = taking;
    return done;
  }

  async #undoLateTake(): Promise<void> {
    const under = this.#movement();
    await under?.done;
    if (this.#hold.is !== 'away') return;
    const to = under?.to ?? (this.#hold.at === 'held' ? 'held' : 'host');
    this.#hold = { is: 'away', at: 'unknown' };
    await this.moveTo(to, this.#clock.monotonic());
  }

  #movement(): Extract<Hold, { is: 'moving' }> | undefined {
    return this.#hold.is === 'moving' ? this.#hold : undefined;
  }

  async #restsAt(to: 'host' | 'held'): Promise<boolean> {
    const rests = this.#hold.is === 'away' && this.#hold.at === this.#reachable(to);
    return rests && (await this.isAt(to)) && this.#hold.is === 'away';
  }

  async #move(to: 'host' | 'held', device: BlockDevice | undefined, flushBy: Duration): Promise<void> {
    if (device && this.#unflushed) await this.#flush(device, flushBy);
    const home = this.#reachable(to);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await (home === 'held' ? this.#drive.hold() : this.#drive.giveBack());
        this.#hold = { is: 'away', at: home };
        this.#cameTo(home);
        return;
      } catch (error) {
        const { message } = asNsError(error, 'NS_SWITCH');
        this.#log.log('error', 'custody.switch-failed', {
          disk: this.#drive.disk,
          to: home,
          attempt,
          error: message,
        });
        if (attempt === TRIES) break;
        await this.#clock.sleep(PAUSE, new AbortController().signal);
      }
    }
    this.#hold = { is: 'away', at: 'unknown' };
    this.#cameTo('unknown');
  }

  #cameTo(at: SwitchPosition): void {
    this.#measures?.take({ of: 'disk', disk: this.#drive.disk, at });
  }

  async #flush(device: BlockDevice, flushBy: Duration): Promise<void> {
    const deadline = new AbortController();
    const flushed = device.flush(deadline.signal).then(
      () => undefined,
      (error: unknown) => asNsError(error, 'NS_BLOCK_IO').message,
    );
    const inTime = await settledWithin(this.#clock, flushed, flushBy);
    deadline.abort(new NsError('NS_DEADLINE', 'no time is left for flushing'));
    const failure = inTime ? await flushed : 'no time is left for flushing';
    if (failure !== undefined) {
      this.#log.log('error', 'custody.flush-failed', { disk: this.#drive.disk, error: failure });
    }
    this.#unflushed = false;
  }

  #reachable(to: 'host' | 'held'): 'host' | 'held' {
    return to === 'held' && this.#drive.capabilities.hold ? 'held' : 'host';
  }

  async #position() {
    const deadline = this.#clock.deadline(LOOK_LIMIT, `the position of ${this.#drive.disk}`);
    try {
      return await orAborted(this.#drive.position(deadline.signal), deadline.signal);
    } catch {
      return 'unknown' as const;
    } finally {
      deadline.release();
    }
  }
}
