import { asNsError, orAborted, refusal, seconds } from '../base/index.ts';
import type { LogSink, StateStore } from '../ports/index.ts';
import { BOOT_BEFORE, holdBoot, releaseBoot } from './boot-hold.ts';
import type { Custody } from './custody.ts';
import { type LockSenses, readHostRuns, readLockFacts } from './lock-facts.ts';

export interface LockHandsOptions extends LockSenses {
  readonly store: StateStore;
  readonly custody: Custody;
  readonly log: LogSink;
}

const ONE_LEVEL = seconds(5);

/** Holds every level of the lock and lets go of them. Never rejects for a level: what fails shows when it is read back. */
export class LockHands {
  readonly #options: LockHandsOptions;

  constructor(options: LockHandsOptions) {
    this.#options = options;
  }

  /** Ends whatever works on the machine's disks. */
  async hold(reason: string | undefined): Promise<void> {
    const { custody, power, boot, store } = this.#options;
    const why = refusal('DISABLED', reason && `The machine is disabled: ${reason}`);
    custody.close('disabled', why);
    await this.#attempt('masking the power button', () => power.maskPowerOn(true));
    await Promise.all([
      custody.handBack(why),
      boot && this.#attempt('guarding the boot', (signal) => holdBoot(store, boot, signal)),
    ]);
    await this.#arm();
  }

  /** True where something would not let go. Where nothing is held, nobody who works on the machine is disturbed. */
  async release(): Promise<boolean> {
    if (!(await this.anythingHeld())) return false;
    const { custody, power, boot, store } = this.#options;
    const why = refusal('CUSTODY_UNAVAILABLE', 'The machine is being enabled, and its disks go back to it.');
    custody.close('enabling', why);
    custody.open('disabled');
    // Before the host can have its drives: it could read nothing of a locked one.
    await this.openDrives();
    await Promise.all([
      custody.handBack(why),
      boot && this.#attempt('releasing the boot', (signal) => releaseBoot(store, boot, signal)),
    ]);
    custody.open('enabling');
    await this.#attempt('freeing the power button', () => power.maskPowerOn(false));
    return this.anythingHeld();
  }

  /** Takes our passwords from drives of an enabled machine, also one that comes back later; not while the host has them. */
  async openDrives(): Promise<void> {
    const { driveLocks } = this.#options;
    if (driveLocks?.waiting && (await this.#hostIsDown())) await driveLocks.open();
  }

  /** Only drives that the host does not have. */
  async #arm(): Promise<void> {
    const { driveLocks, custody } = this.#options;
    if (!driveLocks?.arms) return;
    const down = await this.#hostIsDown();
    const disks = (await custody.report()).filter(({ position }) => down || position === 'held');
    await driveLocks.arm(disks.map(({ name }) => name));
  }

  async #hostIsDown(): Promise<boolean> {
    return (await readHostRuns(this.#options)) === false;
  }

  async anythingHeld(): Promise<boolean> {
    const { boot, store, custody } = this.#options;
    if (custody.closedBy()?.code === 'DISABLED') return true;
    const { masked, disks } = await readLockFacts(this.#options);
    if (masked === true || disks.some((disk) => disk.position === 'held')) return true;
    return boot !== undefined && (await store.readDocument(BOOT_BEFORE)) !== undefined;
  }

  async #attempt(what: string, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    const deadline = clock.deadline(ONE_LEVEL, what);
    try {
      await orAborted(act(deadline.signal), deadline.signal);
    } catch (error) {
      log.log('error', 'lock.not-in-force', { what, error: asNsError(error, 'NS_POWER').message });
    } finally {
      deadline.release();
    }
  }
}
