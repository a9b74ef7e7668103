import {
  allow,
  asNsError,
  type Duration,
  milliseconds,
  orAborted,
  type Refusal,
  refusal,
  refuse,
  type Verdict,
} from '../base/index.ts';
import type { Clock, DriveSwitch, HostPower, LogSink, MeasureSink, PowerReading } from '../ports/index.ts';
import { type HandBackPlan, planHandBack } from './hand-back-plan.ts';
import { HeldLease, type Lease, type LeaseMode, type Lessor } from './lease.ts';
import { judgeAccess } from './power-rules.ts';
import { SwitchHand } from './switch-hand.ts';
import { settledWithin } from './within.ts';

export interface LeaseRequest {
  readonly disk: string;
  readonly mode: LeaseMode;
  /** For people: the task and its order. */
  readonly holder: string;
  /** The lease ends by itself after this. */
  readonly duration: Duration;
  /** Reading may be allowed from a suspended or hibernated host. */
  readonly staleOk?: boolean;
  readonly signal: AbortSignal;
}

export interface DiskCustodyParts {
  readonly drive: DriveSwitch;
  readonly power: HostPower;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly measures?: MeasureSink | undefined;
  /** How long the disk is kept after the last lease, for the next one. */
  readonly linger: Duration;
  /** The longest to wait for the switch to hand the disk over. */
  readonly takeLimit: Duration;
  /** Why nobody may have the disk now, if so. */
  readonly door: () => Refusal | undefined;
  /** How often the host was seen awake, or not known to be asleep. */
  readonly unrests: () => number;
}

/** How a disk was handed back. */
export interface HandBack {
  readonly disk: string;
  readonly took: Duration;
  /** False where the switch had not confirmed within the board's time. */
  readonly inTime: boolean;
  /** Holders that were still in a critical section or in a call when their time was over. */
  readonly cutOff: readonly string[];
}

interface Seat {
  readonly mode: LeaseMode;
  readonly holder: string;
  readonly since: Duration;
  readonly until: number;
  lease: HeldLease | undefined;
}

/** One disk: one writer or many readers, and the switch taken for the first and given back after the last. */
export class DiskCustody implements Lessor {
  readonly #parts: DiskCustodyParts;
  readonly #hand: SwitchHand;
  readonly #plan: HandBackPlan;
  readonly #seats = new Set<Seat>();
  #lingering: AbortController | undefined;

  constructor(parts: DiskCustodyParts) {
    this.#parts = parts;
    this.#plan = planHandBack(parts.drive.capabilities.handBack);
    this.#hand = new SwitchHand(parts);
  }

  get disk(): string {
    return this.#parts.drive.disk;
  }

  get criticalBudget(): Duration {
    return this.#plan.quietBy;
  }

  get drive(): DriveSwitch {
    return this.#parts.drive;
  }

  /** Who has the disk, or waits for the switch to move: "put 3f…, ls 77…". */
  holders(): string | undefined {
    return this.#seats.size === 0 ? undefined : [...this.#seats].map((seat) => seat.holder).join(', ');
  }

  /** How long the disk has been lent, and how long it may be; nothing while it is not. */
  times(): { readonly heldForMs: number; readonly leaseLeftMs: number } | undefined {
    const lent = [...this.#seats].filter(({ lease }) => lease);
    if (lent.length === 0) return undefined;
    const now = this.#parts.clock.monotonic();
    const most = (all: number[]) => Math.max(0, Math.round(Math.max(...all)));
    return {
      heldForMs: most(lent.map(({ since }) => now - since)),
      leaseLeftMs: most(lent.map(({ until }) => until - now)),
    };
  }

  unrests(): number {
    return this.#parts.unrests();
  }

  power(): Promise<PowerReading> {
    const { clock, power } = this.#parts;
    const deadline = clock.deadline(milliseconds(2000), "reading the host's power");
    return orAborted(power.read(deadline.signal), deadline.signal).finally(() => deadline.release());
  }

  isOurs(): Promise<boolean> {
    return this.#hand.isOurs();
  }

  async lease(request: LeaseRequest): Promise<Verdict<Lease>> {
    request.signal.throwIfAborted();
    const refused = this.#parts.door() ?? this.#conflict(request.mode);
    if (refused) return { ok: false, refusal: refused };
    const since = this.#parts.clock.monotonic();
    const until = since + request.duration;
    const seat: Seat = { mode: request.mode, holder: request.holder, since, until, lease: undefined };
    this.#seats.add(seat);
    this.#lingering?.abort();
    try {
      return await this.#seated(seat, request);
    } finally {
      if (!seat.lease) await this.#leave(seat);
    }
  }

  async released(lease: HeldLease): Promise<void> {
    const limit = milliseconds(this.#parts.clock.monotonic() + this.#plan.quietBy);
    if (!(await settledWithin(this.#parts.clock, lease.device.quiet(), limit))) {
      this.#parts.log.log('warn', 'custody.release-slow', { disk: this.disk, holder: lease.holder });
    }
    if (lease.device.wrote) this.#hand.touched();
    for (const seat of this.#seats) if (seat.lease === lease) await this.#leave(seat);
  }

  /**
   * Ends every lease for this reason and brings the switch to where it belongs, within the board's time, whatever the
   * holders do. Safe to call at any time and more than once.
   */
  async handBack(why: Refusal, to: 'host' | 'held'): Promise<HandBack> {
    const { clock } = this.#parts;
    const start = clock.monotonic();
    const at = (part: Duration) => milliseconds(start + part);
    this.#lingering?.abort();
    const leases = [...this.#seats].flatMap((seat) => (seat.lease ? [seat.lease] : []));
    for (const lease of leases) lease.end(why);
    this.#hand.giveUpTaking(why);
    const busy = new Set(leases);
    const quiet = Promise.all(leases.map((lease) => lease.device.quiet().then(() => busy.delete(lease))));
    await settledWithin(clock, quiet, at(this.#plan.quietBy));
    const cutOff = [...busy].map((lease) => lease.holder);
    for (const lease of leases) {
      lease.revoke(why);
      if (lease.device.wrote) this.#hand.touched();
    }
    for (const seat of this.#seats) if (seat.lease) this.#seats.delete(seat);
    const moved = this.#hand.moveTo(to, at(this.#plan.flushBy));
    const inTime = await settledWithin(clock, moved, at(this.#plan.limit));
    const took = milliseconds(clock.monotonic() - start);
    const back: HandBack = { disk: this.disk, took, inTime: inTime && (await this.#hand.isAt(to)), cutOff };
    this.#parts.measures?.take({ of: 'hand-back', took, inTime: back.inTime });
    this.#parts.log.log(back.inTime ? 'info' : 'error', 'custody.handed-back', {
      disk: this.disk,
      to,
      tookMs: Math.round(took),
      inTime: back.inTime,
      cutOff: cutOff.join(', '),
      reason: why.code,
    });
    return back;
  }

  #conflict(mode: LeaseMode): Refusal | undefined {
    for (const seat of this.#seats) {
      if (mode === 'write' || seat.mode === 'write') {
        return refusal(
          'DISK_BUSY',
          `${this.disk} is held for ${seat.mode === 'write' ? 'writing' : 'reading'} by ${seat.holder}.`,
        );
      }
    }
    return undefined;
  }

  async #seated(seat: Seat, request: LeaseRequest): Promise<Verdict<Lease>> {
    const before = await this.#judge(request);
    if (!before.ok) return before;
    let device: Awaited<ReturnType<SwitchHand['take']>>;
    try {
      device = await this.#hand.take(request.signal);
    } catch (error) {
      request.signal.throwIfAborted();
      const refused = this.#parts.door();
      if (refused) return { ok: false, refusal: refused };
      return refuse('CUSTODY_UNAVAILABLE', `${this.disk}: ${asNsError(error, 'NS_SWITCH').message}`);
    }
    // The switch took its time: everything is looked at again, and the door last, with no wait after it.
    const after = await this.#judge(request);
    if (!after.ok) return after;
    request.signal.throwIfAborted();
    const refused = this.#parts.door();
    if (refused) return { ok: false, refusal: refused };
    if (!this.#hand.holds(device)) return refuse('HOST_WAKING');
    seat.lease = new HeldLease(this, device, { ...seat, stale: after.value.stale, power: after.value.power });
    this.#startExpiry(seat, seat.lease, request.duration);
    return allow(seat.lease);
  }

  async #judge(request: LeaseRequest): Promise<Verdict<{ stale: boolean; power: PowerReading }>> {
    let power: PowerReading;
    try {
      power = await this.power();
    } catch (error) {
      return refuse('HOST_STATE_UNKNOWN', `The host's power could not be read: ${asNsError(error).message}`);
    }
    const { ownPower } = this.#parts.drive.capabilities;
    const verdict = judgeAccess({ power, want: request.mode, staleOk: request.staleOk === true, ownPower });
    return verdict.ok ? allow({ stale: verdict.value.stale, power }) : verdict;
  }

  #startExpiry(seat: Seat, lease: HeldLease, duration: Duration): void {
    const { clock } = this.#parts;
    void clock.sleep(duration, lease.over).then(
      async () => {
        const why = refusal('CUSTODY_EXPIRED', `${lease.holder} held ${this.disk} for its whole time.`);
        lease.end(why);
        await settledWithin(
          clock,
          lease.device.quiet(),
          milliseconds(clock.monotonic() + this.#plan.quietBy),
        );
        lease.revoke(why);
        if (lease.device.wrote) this.#hand.touched();
        await this.#leave(seat);
      },
      () => {},
    );
  }

  async #leave(seat: Seat): Promise<void> {
    if (!this.#seats.delete(seat) || this.#seats.size > 0) return;
    const { clock, linger } = this.#parts;
    if (linger > 0 && this.#hand.hasDevice) {
      const lingering = new AbortController();
      this.#lingering = lingering;
      void clock.sleep(linger, lingering.signal).then(
        () => (this.#seats.size === 0 ? this.#letGo() : undefined),
        () => {},
      );
      return;
    }
    await this.#letGo();
  }

  /** Only what is ours goes back: a drive that is held, or on its way, stays where it was brought. */
  async #letGo(): Promise<void> {
    const { clock } = this.#parts;
    this.#hand.giveUpTaking(refusal('CUSTODY_UNAVAILABLE', 'Nobody waits for the disk any more.'));
    if (!this.#hand.hasDevice) return;
    const start = clock.monotonic();
    const moved = this.#hand.moveTo('host', milliseconds(start + this.#plan.flushBy));
    await settledWithin(clock, moved, milliseconds(start + this.#plan.limit));
  }
}
