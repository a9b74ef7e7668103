import { asNsError, fromHex, Turns, toHex } from '../base/index.ts';
import type { LogSink, StateStore } from '../ports/index.ts';
import type { Custody } from './custody.ts';
import { type LockSenses, readLockFacts } from './lock-facts.ts';
import { LockHands } from './lock-hands.ts';
import { judgeLevels, type LevelReport, type LockLevel, slackLevels } from './lock-levels.ts';
import {
  countsWith,
  follow,
  LOCK_COPIES,
  type LockChange,
  type LockPlan,
  type LockStep,
  planOrder,
  planStart,
} from './lock-plan.ts';
import { decodeLockCopy, encodeLockRecord, type LockCopy, type LockRecord } from './lock-record.ts';

/** Names of the two copies in the state store. */
export const LOCK_DOCUMENTS = ['lock-a', 'lock-b'] as const;
/** The name of the third, kept elsewhere. */
export const LOCK_WITNESS = 'lock-witness';

export type InForce = 'power-button-masked' | 'drive-held';

/** The lock as stored, and what of it holds right now as read back from the board. */
export interface LockReport {
  readonly state: 'enabled' | 'disabled';
  readonly version: number;
  readonly since?: number;
  readonly by?: Uint8Array;
  readonly reason?: string;
  readonly inForce: InForce[];
  readonly levels: LevelReport[];
}

export interface LockoutOptions extends LockSenses {
  readonly store: StateStore;
  readonly custody: Custody;
  readonly log: LogSink;
  /** A third copy of the record, on another medium: the newest wins, so that putting an older state directory back frees nothing. */
  readonly witness?: Pick<StateStore, 'readDocument' | 'writeDocument'>;
  /** Called whenever the lock was brought into force: by then every level is as far as it comes. */
  readonly onEnforced?: () => void;
}

/**
 * Disabling a machine and giving it back. What is to be done is decided in lock-plan.ts, by the same functions as in the table of
 * lock-machine.ts, and carried out here: the record is on stable storage before anything acts on it, in two copies of which one
 * that says `disabled` suffices, and is made good again at every start. Call `reassert` before any task runs.
 */
export class Lockout {
  readonly #options: LockoutOptions;
  readonly #hands: LockHands;
  #record: LockRecord | undefined;
  /** Enabled, and something of the board would not let go. */
  #stuck = false;
  readonly #turns = new Turns();

  constructor(options: LockoutOptions) {
    this.#options = options;
    this.#hands = new LockHands(options);
  }

  /** False before `reassert`: what is not known to be free is not let wake. */
  get enabled(): boolean {
    return this.#record?.state === 'enabled';
  }

  /** Enabled, and nothing is held any more: there is nothing to look after. */
  get free(): boolean {
    return this.enabled && !this.#stuck && this.#options.driveLocks?.waiting !== true;
  }

  /** Reads the record, mends its copies, and brings the board to what it says. */
  reassert(): Promise<LockReport> {
    return this.#turns.take(async () => {
      const record = await this.#load();
      await this.#step(record, follow(record));
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

  /** Of a disabled machine: the levels of which something could be held and is not. */
  slack(): Promise<readonly LockLevel[]> {
    return this.#turns.take(async () =>
      this.enabled ? [] : slackLevels(await readLockFacts(this.#options)),
    );
  }

  /** Holds again what has slipped from a disabled machine, and releases again what an enabled one was not let go of. */
  hold(): Promise<LockReport> {
    return this.#turns.take(async () => {
      const record = this.#record ?? (await this.#load());
      if (record.state === 'disabled' || this.#stuck) await this.#step(record, follow(record));
      else await this.#hands.openDrives();
      return this.#report(record);
    });
  }

  status(): Promise<LockReport> {
    return this.#turns.take(async () => this.#report(this.#record ?? (await this.#load())));
  }

  #change(state: LockRecord['state'], change: LockChange) {
    return this.#turns.take(async () => {
      const now = this.#record ?? (await this.#load());
      const plan = planOrder(now, state, change, this.#options.clock.wallSeconds());
      if (state === 'enabled') await this.#options.driveLocks?.renew();
      await this.#carryOut(plan);
      return { lock: await this.#report(plan.record), changed: plan.changed };
    });
  }

  async #load(): Promise<LockRecord> {
    const { store, log } = this.#options;
    const [a, b] = await Promise.all(
      LOCK_DOCUMENTS.map(async (name) => decodeLockCopy(await store.readDocument(name))),
    );
    const plan = planStart(a!, b!, await this.#readWitness());
    const { state, version } = plan.record;
    if (a!.is === 'damaged' || b!.is === 'damaged') {
      log.log('error', 'lock.damaged', { a: a!.is, b: b!.is, state });
    }
    if (plan.rolledBack) log.log('error', 'lock.rolled-back', { state, version });
    await this.#carryOut(plan);
    this.#record = plan.record;
    return plan.record;
  }

  async #carryOut({ record, steps }: LockPlan): Promise<void> {
    for (const step of steps) await this.#step(record, step);
  }

  async #step(record: LockRecord, step: LockStep): Promise<void> {
    switch (step.do) {
      case 'store':
        await this.#options.store.writeDocument(
          LOCK_DOCUMENTS[LOCK_COPIES.indexOf(step.copy)]!,
          encodeLockRecord(record),
        );
        if (countsWith(step.copy, record.state)) this.#record = record;
        return;
      case 'witness':
        return this.#tellWitness(record);
      case 'hold':
        await this.#hands.hold(record.reason);
        this.#options.onEnforced?.();
        return;
      case 'release':
        this.#stuck = await this.#hands.release();
        await this.#hands.openDrives();
        return;
    }
  }

  async #readWitness(): Promise<LockCopy> {
    const { witness, log } = this.#options;
    if (witness === undefined) return { is: 'absent' };
    const copy: LockCopy = await witness
      .readDocument(LOCK_WITNESS)
      .then(decodeLockCopy, () => ({ is: 'damaged' }));
    if (copy.is === 'damaged') log.log('error', 'lock.witness-damaged');
    return copy;
  }

  /** A witness that fails keeps nobody from disabling or enabling. */
  async #tellWitness(record: LockRecord): Promise<void> {
    const { witness, log } = this.#options;
    await witness?.writeDocument(LOCK_WITNESS, encodeLockRecord(record)).catch((error: unknown) => {
      log.log('error', 'lock.witness-failed', { error: asNsError(error, 'NS_STATE_IO').message });
    });
  }

  async #report(record: LockRecord): Promise<LockReport> {
    const facts = await readLockFacts(this.#options);
    const inForce: InForce[] = [];
    if (facts.masked === true) inForce.push('power-button-masked');
    if (facts.disks.length > 0 && facts.disks.every((disk) => disk.position === 'held'))
      inForce.push('drive-held');
    return {
      state: record.state,
      version: record.version,
      ...(record.since === undefined ? {} : { since: record.since }),
      ...(record.by === undefined ? {} : { by: fromHex(record.by) }),
      ...(record.reason === undefined ? {} : { reason: record.reason }),
      inForce,
      levels: [...judgeLevels(record.state === 'disabled', facts)],
    };
  }
}
