import { hasCode, sentenceOf } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { LBA_LIMIT } from '../ata/identify-words.ts';
import type { DeviceIdentity } from '../ata/identity.ts';
import { AtaFault, type AtaFaultKind, type Lba, type SataTarget, type SectorRange } from '../target.ts';
import { firstFailing } from './first-failing.ts';

export interface BlockDriveOptions {
  /** At most 20 characters of printable ASCII; tells the drive from others of its chain. */
  readonly serial: string;
  readonly model?: string;
  readonly firmware?: string;
  /** Word 217; 1 (solid state) by default. */
  readonly rotation?: number;
  readonly physicalSectorSize?: number;
  /** 32 by default. */
  readonly ncqDepth?: number;
  readonly generation?: 1 | 2 | 3;
  /** SMART says failing after as many commands that failed for the medium; 10 by default. */
  readonly failingAfter?: number;
}

/** Bytes that a verify reads at once. */
const VERIFY_STEP = 256 * 1024;

/**
 * A SATA drive over an image file or a block device: whole sectors, LBAs from 0. Bytes behind the last whole sector are
 * out of reach. A command that the device fails is NS_ATA_MEDIUM at the first sector that fails by itself, found with at
 * most log2 of its sectors more reads or writes.
 *
 * After a flush has failed, nobody can tell what the device lost: each later flush and each write with FUA fails too, and
 * SMART says failing, for as long as this object lives.
 */
export class BlockDrive implements SataTarget {
  readonly identity: DeviceIdentity;
  readonly #device: BlockDevice;
  readonly #sectorSize: number;
  readonly #sectors: number;
  readonly #failingAfter: number;
  #mediumErrors = 0;
  #toldFailing = false;
  #lost: AtaFault | undefined;

  constructor(device: BlockDevice, options: BlockDriveOptions) {
    const { capabilities } = device;
    const sectorSize = capabilities.sectorSize === 4096 ? 4096 : 512;
    this.#device = device;
    this.#sectorSize = sectorSize;
    this.#sectors = Math.min(Math.floor(capabilities.size / sectorSize), LBA_LIMIT - 1);
    this.#failingAfter = options.failingAfter ?? 10;
    this.identity = {
      serial: options.serial,
      firmware: options.firmware ?? 'NS1',
      model: options.model ?? 'NIGHTSHIFT BLOCK DRIVE',
      sectors: this.#sectors,
      sectorSize,
      physicalSectorSize: options.physicalSectorSize ?? Math.max(sectorSize, 4096),
      features: {
        ncqDepth: options.ncqDepth ?? 32,
        trim: capabilities.trim,
        fua: true,
        writeCache: true,
        smart: true,
      },
      rotation: options.rotation ?? 1,
      generation: options.generation ?? 3,
    };
  }

  async identify(): Promise<DeviceIdentity> {
    return this.identity;
  }

  async read(lba: Lba, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    const count = this.#check(lba, into.byteLength / this.#sectorSize);
    const part = (from: number, n: number): Promise<void> =>
      this.#device.read(this.#offset(lba + from), this.#sectorsOf(into, from, n), signal);
    await this.#attempt(lba, count, part, signal);
  }

  async write(lba: Lba, data: Uint8Array, fua: boolean, signal?: AbortSignal): Promise<void> {
    const count = this.#check(lba, data.byteLength / this.#sectorSize);
    const part = (from: number, n: number): Promise<void> =>
      this.#device.write(this.#offset(lba + from), this.#sectorsOf(data, from, n), signal);
    await this.#attempt(lba, count, part, signal);
    if (fua) await this.flush(signal);
  }

  async verify(lba: Lba, count: number, signal?: AbortSignal): Promise<void> {
    this.#check(lba, count);
    const step = VERIFY_STEP / this.#sectorSize;
    const scratch = new Uint8Array(Math.min(count, step) * this.#sectorSize);
    for (let done = 0; done < count; done += step) {
      await this.read(lba + done, this.#sectorsOf(scratch, 0, Math.min(step, count - done)), signal);
    }
  }

  async trim(ranges: readonly SectorRange[], signal?: AbortSignal): Promise<void> {
    if (!this.identity.features.trim) throw new AtaFault('ABORTED', `${this.#device.name} cannot trim`);
    for (const { lba, count } of ranges) this.#check(lba, count);
    for (const { lba, count } of ranges) {
      const whole = (): Promise<void> =>
        this.#device.trim(this.#offset(lba), count * this.#sectorSize, signal);
      await whole().catch((error: unknown) => {
        throw this.#fault(error, lba, signal);
      });
    }
  }

  async flush(signal?: AbortSignal): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    try {
      await this.#device.flush(signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      this.#lost ??= new AtaFault('MEDIUM', `${this.#device.name}: ${sentenceOf(error)}`, undefined, error);
    }
    if (this.#lost !== undefined) throw this.#lost;
  }

  async smartStatus(): Promise<'good' | 'failing'> {
    const failing = this.#toldFailing || this.#lost !== undefined || this.#mediumErrors >= this.#failingAfter;
    return failing ? 'failing' : 'good';
  }

  /** What SMART says from now on; counted errors make it failing all the same. */
  tellHealth(health: 'good' | 'failing'): void {
    this.#toldFailing = health === 'failing';
  }

  /** The count, where the sectors are whole and there. */
  #check(lba: Lba, count: number): number {
    if (!Number.isSafeInteger(lba) || !Number.isSafeInteger(count) || lba < 0 || count < 0) {
      throw new AtaFault('ABORTED', `${count} sectors at LBA ${lba} are no whole sectors`);
    }
    if (lba + count > this.#sectors) {
      const first = Math.max(lba, this.#sectors);
      throw new AtaFault('RANGE', `LBA ${first} is beyond the last of ${this.#sectors}`, first);
    }
    return count;
  }

  async #attempt(
    lba: Lba,
    count: number,
    part: (from: number, count: number) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (count === 0) return;
    try {
      await part(0, count);
    } catch (error) {
      if (signal?.aborted || kindOf(error) !== 'MEDIUM') throw this.#fault(error, lba, signal);
      const at = await firstFailing(count, part, signal);
      throw this.#fault(error, lba + at, signal);
    }
  }

  #fault(error: unknown, lba: Lba, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted || error instanceof AtaFault) return error;
    const kind = kindOf(error);
    if (kind === 'MEDIUM') this.#mediumErrors += 1;
    return new AtaFault(
      kind,
      `${this.#device.name}: ${sentenceOf(error)}`,
      kind === 'ABORTED' ? undefined : lba,
      error,
    );
  }

  #offset(lba: Lba): number {
    return lba * this.#sectorSize;
  }

  #sectorsOf(buffer: Uint8Array, from: number, count: number): Uint8Array {
    return buffer.subarray(from * this.#sectorSize, (from + count) * this.#sectorSize);
  }
}

/** A device that got smaller since it was opened fails by range: its sectors are gone like unreadable ones. */
const kindOf = (error: unknown): AtaFaultKind =>
  hasCode(error, 'NS_BLOCK_READ_ONLY') ? 'ABORTED' : hasCode(error, 'NS_BLOCK_RANGE') ? 'RANGE' : 'MEDIUM';
