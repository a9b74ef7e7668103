import { asNsError, fromHex, refusal, seconds, toHex } from '../base/index.ts';
import type { Clock, HostPower, LogSink, StateStore } from '../ports/index.ts';
import type { Custody } from './custody.ts';
import { decodeLockCopy, encodeLockRecord, judgeLock, type LockRecord } from './lock-record.ts';
import { orAborted } from './within.ts';

/** Names of the two copies in the state store. */
export const LOCK_DOCUMENTS = ['lock-a', 'lock-b'] as const;

export type InForce = 'power-button-masked' | 'drive-held';

/** The lock as stored, and what of it holds right now as read back from the board. */
export interface LockReport {
  readonly state: 'enabled' | 'disabled';
  readonly version: number;
  readonly since?: number;
  readonly by?: Uint8Array;
  readonly reason?: string;
  readonly inForce: InForce[];
}

/** Who asks for a change of the lock, and why. */
export interface LockChange {
  readonly by?: Uint8Array;
  /** Of the order, among those of this key. */
  readonly counter?: number;
  readonly reason?: string;
}

export interface LockoutOptions {
  readonly store: StateStore;
  readonly power: HostPower;
  readonly custody: Custody;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Called whenever the lock was brought into force: by then the mask and the drives are as far as they come. */
  readonly onEnforced?: () => void;
}

/**
 * Disabling a machine and giving it back. The record is on stable storage before anything acts on it, in two copies of
 * which one that says `disabled` suffices, and is made good again at every start. Call `reassert` before any task runs.
 */
export class Lockout {
  readonly #options: LockoutOptions;
  #record: LockRecord | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LockoutOptions) {
    this.#options = options;
  }

  /** False before `reassert`: what is not known to be free is not let wake. */
  get enabled(): boolean {
    return this.#record?.state === 'enabled';
  }

  /** Reads the record, mends its copies, and brings the board to what it says. */
  reassert(): Promise<LockReport> {
    return this.#inTurn(async () => {
      const record = await this.#load();
      if (record.state === 'disabled') await this.#enforce(record);
      else if (await this.#anythingHeld()) await this.#free();
      return this.#report(record);
    });
  }

  /** A machine that is disabled already is held again, and keeps its record. */
  disable(change: LockChange): Promise<{ readonly lock: LockReport; readonly changed: boolean }> {
    return this.#change('disabled', change);
  }

  /**
   * The record first; then the button is freed and the drives go back to the host. A machine that is enabled already is
   * left alone, with whoever works on it.
   */
  enable(change: LockChange): Promise<{ readonly lock: LockReport; readonly changed: boolean }> {
    return this.#change('enabled', change);
  }

  /** The counter of the latest order of this key that changed the lock; 0 where there is none. */
  latestOrder(by: Uint8Array): number {
    return this.#record?.orders?.[toHex(by)] ?? 0;
  }

  status(): Promise<LockReport> {
    return this.#inTurn(async () => this.#report(this.#record ?? (await this.#load())));
  }

  #change(state: LockRecord['state'], change: LockChange) {
    return this.#inTurn(async () => {
      const now = this.#record ?? (await this.#load());
      const changed = now.state !== state;
      const record: LockRecord = changed
        ? {
            state,
            version: now.version + 1,
            since: this.#options.clock.wallSeconds(),
            ...(change.by === undefined ? {} : { by: toHex(change.by) }),
            ...(change.reason === undefined ? {} : { reason: change.reason }),
            orders: withOrder(now.orders ?? {}, change),
          }
        : now;
      if (changed) await this.#save(record);
      if (state === 'disabled') await this.#enforce(record);
      else if (changed || (await this.#anythingHeld())) await this.#free();
      return { lock: await this.#report(record), changed };
    });
  }

  async #load(): Promise<LockRecord> {
    const { store, log } = this.#options;
    const [a, b] = await Promise.all(
      LOCK_DOCUMENTS.map(async (name) => decodeLockCopy(await store.readDocument(name))),
    );
    const { record, rewrite } = judgeLock(a!, b!);
    if (a!.is === 'damaged' || b!.is === 'damaged') {
      log.log('error', 'lock.damaged', { a: a!.is, b: b!.is, state: record.state });
    }
    if (rewrite) await this.#save(record);
    this.#record = record;
    return record;
  }

  async #save(record: LockRecord): Promise<void> {
    // At every moment memory holds what a restart would find: one copy makes `disabled` count, both make `enabled`.
    const bytes = encodeLockRecord(record);
    for (const name of LOCK_DOCUMENTS) {
      await this.#options.store.writeDocument(name, bytes);
      if (record.state === 'disabled') this.#record = record;
    }
    this.#record = record;
  }

  async #enforce(record: LockRecord): Promise<void> {
    const { custody } = this.#options;
    const why = refusal('DISABLED', record.reason && `The machine is disabled: ${record.reason}`);
    custody.close('disabled', why);
    await this.#attempt('masking the power button', (power) => power.maskPowerOn(true));
    await custody.handBack(why);
    this.#options.onEnforced?.();
  }

  async #free(): Promise<void> {
    const { custody } = this.#options;
    const why = refusal('CUSTODY_UNAVAILABLE', 'The machine is being enabled, and its disks go back to it.');
    custody.close('enabling', why);
    custody.open('disabled');
    await custody.handBack(why);
    custody.open('enabling');
    await this.#attempt('freeing the power button', (power) => power.maskPowerOn(false));
  }

  /** What fails here shows in `inForce`; the record stands, and the next start tries again. */
  async #attempt(what: string, act: (power: HostPower) => Promise<void>): Promise<void> {
    const { clock, power, log } = this.#options;
    const deadline = clock.deadline(seconds(5), what);
    try {
      await orAborted(act(power), deadline.signal);
    } catch (error) {
      log.log('error', 'lock.not-in-force', { what, error: asNsError(error, 'NS_POWER').message });
    } finally {
      deadline.release();
    }
  }

  async #masked(): Promise<boolean> {
    let masked = false;
    await this.#attempt('reading the power mask', async (power) => {
      masked = await power.powerOnMasked();
    });
    return masked;
  }

  async #anythingHeld(): Promise<boolean> {
    const disks = await this.#options.custody.report();
    return disks.some((disk) => disk.position === 'held') || (await this.#masked());
  }

  async #report(record: LockRecord): Promise<LockReport> {
    const inForce: InForce[] = [];
    const disks = await this.#options.custody.report();
    if (await this.#masked()) inForce.push('power-button-masked');
    if (disks.length > 0 && disks.every((disk) => disk.position === 'held')) inForce.push('drive-held');
    return {
      state: record.state,
      version: record.version,
      ...(record.since === undefined ? {} : { since: record.since }),
      ...(record.by === undefined ? {} : { by: fromHex(record.by) }),
      ...(record.reason === undefined ? {} : { reason: record.reason }),
      inForce,
    };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

/** Keys remembered; far more than have a say about one machine. */
const ORDERS_KEPT = 64;

function withOrder(
  orders: Readonly<Record<string, number>>,
  { by, counter }: LockChange,
): Record<string, number> {
  if (by === undefined || counter === undefined) return { ...orders };
  const others = Object.entries(orders).filter(([key]) => key !== toHex(by));
  return Object.fromEntries([...others.slice(-(ORDERS_KEPT - 1)), [toHex(by), counter]]);
}
