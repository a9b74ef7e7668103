import { asNsError, fromHex, refusal, seconds, toHex } from '../base/index.ts';
import type { LogSink, StateStore } from '../ports/index.ts';
import { BOOT_BEFORE, holdBoot, releaseBoot } from './boot-hold.ts';
import type { Custody } from './custody.ts';
import { type LockSenses, readLockFacts } from './lock-facts.ts';
import { judgeLevels, type LevelReport, type LockLevel, slackLevels } from './lock-levels.ts';
import {
  decodeLockCopy,
  encodeLockRecord,
  heedWitness,
  judgeLock,
  type LockCopy,
  type LockRecord,
} from './lock-record.ts';
import { orAborted } from './within.ts';

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

/** Who asks for a change of the lock, and why. */
export interface LockChange {
  readonly by?: Uint8Array;
  /** Of the order, among those of this key. */
  readonly counter?: number;
  readonly reason?: string;
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
 * Disabling a machine and giving it back. The record is on stable storage before anything acts on it, in two copies of
 * which one that says `disabled` suffices, and is made good again at every start. Call `reassert` before any task runs.
 */
export class Lockout {
  readonly #options: LockoutOptions;
  #record: LockRecord | undefined;
  /** Enabled, and something of the board would not let go. */
  #stuck = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LockoutOptions) {
    this.#options = options;
  }

  /** False before `reassert`: what is not known to be free is not let wake. */
  get enabled(): boolean {
    return this.#record?.state === 'enabled';
  }

  /** Enabled, and nothing is held any more: there is nothing to look after. */
  get free(): boolean {
    return this.enabled && !this.#stuck;
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

  /** Of a disabled machine: the levels of which something could be held and is not. */
  slack(): Promise<readonly LockLevel[]> {
    return this.#inTurn(async () => (this.enabled ? [] : slackLevels(await readLockFacts(this.#options))));
  }

  /** Holds again what has slipped from a disabled machine, and releases again what an enabled one was not let go of. */
  hold(): Promise<LockReport> {
    return this.#inTurn(async () => {
      const record = this.#record ?? (await this.#load());
      if (record.state === 'disabled') await this.#enforce(record);
      else if (this.#stuck) await this.#free();
      return this.#report(record);
    });
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
    const { store, log, witness } = this.#options;
    const [a, b] = await Promise.all(
      LOCK_DOCUMENTS.map(async (name) => decodeLockCopy(await store.readDocument(name))),
    );
    const elsewhere = await this.#readWitness();
    const { record, rewrite, rolledBack } = heedWitness(judgeLock(a!, b!), elsewhere);
    if (a!.is === 'damaged' || b!.is === 'damaged') {
      log.log('error', 'lock.damaged', { a: a!.is, b: b!.is, state: record.state });
    }
    if (rolledBack) log.log('error', 'lock.rolled-back', { state: record.state, version: record.version });
    if (rewrite) await this.#save(record);
    else if (witness !== undefined && record.version > 0 && versionOf(elsewhere) !== record.version) {
      await this.#tellWitness(record);
    }
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
    await this.#tellWitness(record);
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

  async #enforce(record: LockRecord): Promise<void> {
    const { custody, power, boot, store } = this.#options;
    const why = refusal('DISABLED', record.reason && `The machine is disabled: ${record.reason}`);
    custody.close('disabled', why);
    await this.#attempt('masking the power button', () => power.maskPowerOn(true));
    await Promise.all([
      custody.handBack(why),
      boot && this.#attempt('guarding the boot', (signal) => holdBoot(store, boot, signal)),
    ]);
    this.#options.onEnforced?.();
  }

  async #free(): Promise<void> {
    const { custody, power, boot, store } = this.#options;
    const why = refusal('CUSTODY_UNAVAILABLE', 'The machine is being enabled, and its disks go back to it.');
    custody.close('enabling', why);
    custody.open('disabled');
    await Promise.all([
      custody.handBack(why),
      boot && this.#attempt('releasing the boot', (signal) => releaseBoot(store, boot, signal)),
    ]);
    custody.open('enabling');
    await this.#attempt('freeing the power button', () => power.maskPowerOn(false));
    this.#stuck = await this.#anythingHeld();
  }

  /** What fails here shows in the levels; the record stands, and it is tried again. */
  async #attempt(what: string, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    const deadline = clock.deadline(seconds(5), what);
    try {
      await orAborted(act(deadline.signal), deadline.signal);
    } catch (error) {
      log.log('error', 'lock.not-in-force', { what, error: asNsError(error, 'NS_POWER').message });
    } finally {
      deadline.release();
    }
  }

  async #anythingHeld(): Promise<boolean> {
    const { boot, store } = this.#options;
    const { masked, disks } = await readLockFacts(this.#options);
    if (masked === true || disks.some((disk) => disk.position === 'held')) return true;
    return boot !== undefined && (await store.readDocument(BOOT_BEFORE)) !== undefined;
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

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

const versionOf = (copy: LockCopy): number => (copy.is === 'whole' ? copy.record.version : 0);

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
