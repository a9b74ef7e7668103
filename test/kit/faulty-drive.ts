import {
  AtaFault,
  type DeviceIdentity,
  type Lba,
  type Nanoseconds,
  type SataTarget,
  type Scheduler,
  type SectorRange,
} from '../../src/sata-chain/index.ts';

/** What is wrong with a drive. It outlives the drive's being opened, as the drive outlives a loss of power. */
export class DriveFaults {
  /** No answer at all, at once. */
  dead = false;
  /** Commands never end, not even by abort. */
  hung = false;
  /** Before each command, as it is then. */
  delay: Nanoseconds | (() => Nanoseconds) | undefined;
  /** Does not hear that a command is given up. */
  deaf = false;
  flushFails = false;
  smart: 'good' | 'failing' = 'good';
  /** Sectors that are UNC until they are written. */
  readonly unreadable = new Set<Lba>();
  /** Sectors that cannot be written. */
  readonly unwritable = new Set<Lba>();
  readonly calls: { readonly verb: string; readonly lba: Lba; readonly count: number }[] = [];

  countOf(verb: string): number {
    return this.calls.filter((call) => call.verb === verb).length;
  }
}

/** A drive with faults in front of it. */
export class FaultyDrive implements SataTarget {
  readonly faults: DriveFaults;
  readonly #drive: SataTarget;
  readonly #scheduler: Scheduler;
  readonly #sectorSize: number;

  constructor(drive: SataTarget, faults: DriveFaults, scheduler: Scheduler, sectorSize = 512) {
    this.#drive = drive;
    this.faults = faults;
    this.#scheduler = scheduler;
    this.#sectorSize = sectorSize;
  }

  identify(): Promise<DeviceIdentity> {
    return this.#drive.identify();
  }

  async read(lba: Lba, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#begin('read', lba, into.byteLength / this.#sectorSize, this.faults.unreadable, signal);
    await this.#drive.read(lba, into, this.faults.deaf ? undefined : signal);
  }

  async write(lba: Lba, data: Uint8Array, fua: boolean, signal?: AbortSignal): Promise<void> {
    const count = data.byteLength / this.#sectorSize;
    await this.#begin(fua ? 'write-fua' : 'write', lba, count, this.faults.unwritable, signal);
    await this.#drive.write(lba, data, fua, signal);
    for (let at = lba; at < lba + count; at += 1) this.faults.unreadable.delete(at);
  }

  async verify(lba: Lba, count: number, signal?: AbortSignal): Promise<void> {
    await this.#begin('verify', lba, count, this.faults.unreadable, signal);
    await this.#drive.verify(lba, count, signal);
  }

  async trim(ranges: readonly SectorRange[], signal?: AbortSignal): Promise<void> {
    for (const { lba, count } of ranges) await this.#begin('trim', lba, count, NONE, signal);
    await this.#drive.trim(ranges, signal);
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await this.#begin('flush', 0, 0, NONE, signal);
    if (this.faults.flushFails) throw new AtaFault('MEDIUM', 'the cache was lost', 7);
    await this.#drive.flush(signal);
  }

  async smartStatus(signal?: AbortSignal): Promise<'good' | 'failing'> {
    await this.#begin('smart', 0, 0, NONE, signal);
    return this.faults.smart;
  }

  async #begin(
    verb: string,
    lba: Lba,
    count: number,
    bad: ReadonlySet<Lba>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { faults } = this;
    faults.calls.push({ verb, lba, count });
    if (faults.dead) throw new AtaFault('LINK', 'the drive is gone');
    if (faults.hung) await new Promise<never>(() => {});
    const delay = typeof faults.delay === 'function' ? faults.delay() : faults.delay;
    if (delay !== undefined) await new Promise<void>((done) => this.#scheduler.after(delay, done));
    if (faults.dead) throw new AtaFault('LINK', 'the drive is gone');
    if (!faults.deaf) signal?.throwIfAborted();
    for (let at = lba; bad.size > 0 && at < lba + count; at += 1) {
      if (bad.has(at)) throw new AtaFault('MEDIUM', 'a bad sector', at);
    }
  }
}

const NONE: ReadonlySet<Lba> = new Set();
