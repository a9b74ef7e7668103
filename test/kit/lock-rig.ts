import { SimBootGuard } from '../../src/adapters/sim/boot-guard.ts';
import { SimDriveBay, SimDriveLock } from '../../src/adapters/sim/drive-bay.ts';
import { SimDriveSwitch } from '../../src/adapters/sim/drive-switch.ts';
import { SimHost } from '../../src/adapters/sim/host.ts';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { seconds } from '../../src/base/index.ts';
import {
  Custody,
  DriveLocks,
  DriveNotebook,
  LOCK_DOCUMENTS,
  LockGuard,
  Lockout,
  PowerWatch,
} from '../../src/bmc/index.ts';
import { LOCK_LEVELS, type LockLevel } from '../../src/bmc/lock-levels.ts';
import type { LockCopyState, LockState } from '../../src/bmc/lock-machine.ts';
import { decodeLockCopy, type LockWish } from '../../src/bmc/lock-record.ts';
import type { BootGuard, HostPower, StateStore } from '../../src/ports/index.ts';
import { MemoryDevice } from './memory-device.ts';
import { MemoryState } from './memory-state.ts';

const LIMIT = seconds(60);

/** The real lock over a board that outlives it: agents come and go, hands break, copies rot. */
export class LockRig {
  readonly clock = new VirtualClock();
  readonly host = new SimHost({ clock: this.clock, state: 'S5' });
  readonly boot = new SimBootGuard(this.host, 'always-on');
  readonly drive = new SimDriveSwitch({
    disk: 'disk0',
    clock: this.clock,
    open: async () => new MemoryDevice('disk0', 4096),
  });
  /** Two drives, of which one is in the bay; a disk that slips is the other one put in. */
  readonly locks = [new SimDriveLock('A'), new SimDriveLock('B')] as const;
  readonly bay = new SimDriveBay('disk0', this.locks[0]);
  readonly store = new MemoryState();
  /** Apart, so that its writes do not count among the cuts of the record. */
  readonly driveStore = new MemoryState();
  readonly broken = new Set<LockLevel>();
  #lockout: Lockout | undefined;
  #guard: LockGuard | undefined;
  /** Of the agent that runs: documents that it may still write. */
  #writes = Number.POSITIVE_INFINITY;

  /** Starts an agent and lets it come to rest. */
  async start(): Promise<void> {
    const { clock, drive } = this;
    const log = { log: () => undefined };
    const power = new PowerWatch(this.#power());
    const custody = new Custody({ power, drives: [drive], clock, log });
    const boot = this.#bootGuard();
    const store = this.#cutStore();
    const entropy = new SeededEntropy(1);
    const notebook = await DriveNotebook.open({ store: this.driveStore, entropy, log });
    const driveLocks = new DriveLocks({ drives: [this.bay], notebook, arms: true, clock, log });
    const lockout: Lockout = new Lockout({
      store,
      power,
      custody,
      clock,
      log,
      boot,
      driveLocks,
      canSwitchOff: true,
      onEnforced: () => this.#guard?.look(),
    });
    this.#lockout = lockout;
    this.#guard = new LockGuard({ power, control: this.host, lockout, clock, log });
    await this.#settle(lockout.reassert());
    this.#guard.start();
    await this.rest();
  }

  /** An order; rejects where the power goes at this write of it. */
  async order(what: 'disable' | 'enable', cutAtWrite = Number.POSITIVE_INFINITY): Promise<void> {
    this.#writes = cutAtWrite - 1;
    await this.#settle(this.#lockout![what]({}));
    this.#writes = Number.POSITIVE_INFINITY;
    await this.rest();
  }

  /** What the keeper does, once. */
  async look(): Promise<void> {
    if (!this.#lockout) return;
    if (!this.#lockout.free) await this.#settle(this.#lockout.hold());
    await this.rest();
  }

  /** The guard finishes what it is at. */
  async rest(): Promise<void> {
    if (this.#guard) await this.#settle(this.#guard.idle());
  }

  kill(): void {
    this.#guard?.stop();
    this.#guard = undefined;
    this.#lockout = undefined;
    this.#writes = Number.POSITIVE_INFINITY;
  }

  async cutPower(): Promise<void> {
    this.kill();
    await this.host.maskPowerOn(false);
    this.bay.drive?.powerOn();
    await this.slip('disk');
  }

  /** Whether the drive that is here has our password. */
  get armed(): boolean {
    return this.bay.drive?.state.user !== undefined;
  }

  async slip(level: LockLevel): Promise<void> {
    if (level === 'power') await this.host.maskPowerOn(false);
    if (level === 'boot') this.boot.policy = 'always-on';
    if (level === 'disk' && this.drive.at !== 'host') {
      this.drive.setFault(undefined);
      await this.#settle(this.drive.giveBack());
      this.bay.insert(this.locks.find((one) => one !== this.bay.drive));
      if (this.broken.has('disk')) this.drive.setFault('stuck');
    }
  }

  setBroken(level: LockLevel, is: boolean): void {
    if (is) this.broken.add(level);
    else this.broken.delete(level);
    if (level === 'disk') this.drive.setFault(is ? 'stuck' : undefined);
  }

  async damage(copy: 'a' | 'b'): Promise<void> {
    await this.store.writeDocument(LOCK_DOCUMENTS[copy === 'a' ? 0 : 1], Uint8Array.of(1, 2, 3));
  }

  /** What the model says of the same. */
  async state(): Promise<Pick<LockState, 'a' | 'b' | 'believed' | 'held' | 'hostRuns'>> {
    const [a, b] = await Promise.all(LOCK_DOCUMENTS.map((name) => this.#copy(name)));
    const held: Record<LockLevel, boolean> = {
      power: await this.host.powerOnMasked(),
      boot: (await this.boot.guarded()) === 'yes',
      disk: this.drive.at === 'held',
    };
    const believed: LockWish | undefined = this.#lockout && (this.#lockout.enabled ? 'enabled' : 'disabled');
    return {
      a: a!,
      b: b!,
      believed,
      held: LOCK_LEVELS.filter((level) => held[level]),
      hostRuns: this.host.state === 'S0',
    };
  }

  async #copy(name: string): Promise<LockCopyState> {
    const copy = decodeLockCopy(await this.store.readDocument(name));
    return copy.is === 'whole' ? copy.record.state : copy.is;
  }

  #settle<T>(work: Promise<T>): Promise<T> {
    return this.clock.settle(work, LIMIT);
  }

  #power(): HostPower {
    const { host, broken } = this;
    return {
      capabilities: host.capabilities,
      read: (signal) => host.read(signal),
      onChange: (listener) => host.onChange(listener),
      onWakeRequest: (listener) => host.onWakeRequest(listener),
      allowWake: () => host.allowWake(),
      maskPowerOn: async (masked) => {
        if (broken.has('power')) throw new Error('the mask does not answer');
        await host.maskPowerOn(masked);
      },
      powerOnMasked: (signal) => host.powerOnMasked(signal),
    };
  }

  #bootGuard(): BootGuard {
    const { boot, broken } = this;
    const check = (): void => {
      if (broken.has('boot')) throw new Error('the BMC does not answer');
    };
    return {
      setting: async () => boot.setting(),
      guard: async (signal) => {
        check();
        await boot.guard(signal);
      },
      release: async (setting, signal) => {
        check();
        await boot.release(setting, signal);
      },
      guarded: () => boot.guarded(),
    };
  }

  /** Own storage of one agent: what it writes after the cut is lost. */
  #cutStore(): StateStore {
    const { store } = this;
    const write = async (name: string, bytes: Uint8Array): Promise<void> => {
      this.#writes -= 1;
      if (this.#writes < 0) throw new Error('the power is cut');
      await store.writeDocument(name, bytes);
    };
    return new Proxy(store, {
      get(target, key) {
        if (key === 'writeDocument') return write;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}
