import { allow, type Duration, NsError, type Refusal, refuse, type Verdict } from '../base/index.ts';
import type { BlockDevice, PowerReading } from '../ports/index.ts';
import { RevocableDevice } from './revocable-device.ts';

export type LeaseMode = 'read' | 'write';

/** A disk lent to one holder, for a time. It ends by release, by expiry, or because the host wants its disk. */
export interface Lease {
  readonly disk: string;
  readonly mode: LeaseMode;
  readonly holder: string;
  /** What is read may be older than what the sleeping host holds in its memory. */
  readonly stale: boolean;
  /** Every call throws NS_LEASE_ENDED once the lease has ended. Read-only for a lease in mode `read`. */
  readonly device: BlockDevice;
  /** Aborted with NS_LEASE_ENDED when the lease ends before its release; `leaseRefusal` of the reason says why. */
  readonly signal: AbortSignal;
  /** The longest that a critical section can count on before the disk is taken away. */
  readonly criticalBudget: Duration;
  /** Looks again, just before a commit: lease alive, host's power certain and as it was, switch on our side. */
  confirm(): Promise<Verdict<void>>;
  /**
   * Runs what should not be cut in two: committing the redo log and applying it. A hand-back waits for it, for
   * `criticalBudget` at most; then the device throws under it. Throws NS_LEASE_ENDED where the lease has ended already.
   */
  critical<T>(work: () => Promise<T>): Promise<T>;
  /** Gives the disk up. Resolves when the disk is with the host again, or lent on to somebody else. */
  release(): Promise<void>;
}

/** NS_LEASE_ENDED, with the answer that the holder's task ends in. */
export class LeaseEnded extends NsError {
  readonly refusal: Refusal;

  constructor(disk: string, refusal: Refusal) {
    super('NS_LEASE_ENDED', `${disk} was taken back: ${refusal.sentence}`);
    this.refusal = refusal;
  }
}

/** Why a lease ended early, dug out of what its signal or device threw. */
export function leaseRefusal(error: unknown): Refusal | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    if (at instanceof LeaseEnded) return at.refusal;
  }
  return undefined;
}

/** What a lease asks of the disk that it is of. */
export interface Lessor {
  readonly disk: string;
  readonly criticalBudget: Duration;
  power(): Promise<PowerReading>;
  /** Rises whenever the host was awake or may have been. */
  unrests(): number;
  isOurs(): Promise<boolean>;
  released(lease: HeldLease): Promise<void>;
}

export class HeldLease implements Lease {
  readonly mode: LeaseMode;
  readonly holder: string;
  readonly stale: boolean;
  readonly device: RevocableDevice;
  readonly #lessor: Lessor;
  readonly #power: PowerReading;
  readonly #unrests: number;
  readonly #abort = new AbortController();
  readonly #over = new AbortController();
  #end: { readonly refusal: Refusal } | 'released' | undefined;

  constructor(
    lessor: Lessor,
    device: BlockDevice,
    terms: { mode: LeaseMode; holder: string; stale: boolean; power: PowerReading },
  ) {
    this.#lessor = lessor;
    this.mode = terms.mode;
    this.holder = terms.holder;
    this.stale = terms.stale;
    this.#power = terms.power;
    this.#unrests = lessor.unrests();
    this.device = new RevocableDevice(device, terms.mode === 'write');
  }

  get disk(): string {
    return this.#lessor.disk;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Aborted when the lease is over in whatever way. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  get criticalBudget(): Duration {
    return this.#lessor.criticalBudget;
  }

  async confirm(): Promise<Verdict<void>> {
    const now = await this.#lessor.power();
    const ours = await this.#lessor.isOurs();
    if (this.#end === 'released') {
      throw new NsError('NS_LEASE_RELEASED', `the lease of ${this.disk} was released`, { family: 'caller' });
    }
    if (this.#end) return { ok: false, refusal: this.#end.refusal };
    if (!now.certain || now.state === 'unknown') return refuse('HOST_STATE_UNKNOWN');
    if (now.state !== this.#power.state) {
      return refuse('HOST_WAKING', `The host went from ${this.#power.state} to ${now.state}.`);
    }
    if (this.#lessor.unrests() !== this.#unrests) {
      return refuse('HOST_WAKING', 'The host was awake, or may have been, since its disk was taken.');
    }
    if (!ours) return refuse('CUSTODY_UNAVAILABLE', `The drive switch no longer holds ${this.disk} for us.`);
    return allow(undefined);
  }

  critical<T>(work: () => Promise<T>): Promise<T> {
    return this.device.critical(work);
  }

  async release(): Promise<void> {
    if (this.#end) return;
    this.#end = 'released';
    this.#over.abort();
    this.device.end(
      new NsError('NS_LEASE_ENDED', `the lease of ${this.disk} was released`, { family: 'caller' }),
    );
    await this.#lessor.released(this);
  }

  /** Ends the lease for this reason; a critical section under way goes on until `revoke`. */
  end(refusal: Refusal): void {
    if (this.#end) return;
    this.#end = { refusal };
    const error = new LeaseEnded(this.disk, refusal);
    this.device.end(error);
    this.#abort.abort(error);
    this.#over.abort();
  }

  revoke(refusal: Refusal): void {
    this.end(refusal);
    this.device.revoke(new LeaseEnded(this.disk, refusal));
  }
}
