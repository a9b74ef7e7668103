import { encodeIdentity } from '../ata/identify-encode.ts';
import type { DeviceIdentity } from '../ata/identity.ts';
import { AtaFault, type Lba, type SataTarget } from '../target.ts';
import type { Budget } from './budget.ts';
import type { DataPhases, Opening } from './data-phases.ts';
import type { DeviceCommand } from './device-command.ts';
import { decodeTrim, TRIM_BLOCK_BYTES } from './trim-ranges.ts';

/** Bytes that a command moves at a time, whole sectors. */
const PIECE = 256 * 1024;

export type Transfer = Extract<DeviceCommand, { readonly kind: 'read' | 'write' }>;

/** Carries out commands against a target, by pieces of bounded memory. */
export class DeviceWork {
  /** Set by SET FEATURES; back at its default with COMRESET. */
  writeCache = true;
  readonly #target: SataTarget;
  readonly #phases: DataPhases;
  readonly #memory: Budget;
  #identity: DeviceIdentity | undefined;

  constructor(target: SataTarget, phases: DataPhases, memory: Budget) {
    this.#target = target;
    this.#phases = phases;
    this.#memory = memory;
  }

  get #sectorSize(): number {
    return this.#identity?.sectorSize ?? 512;
  }

  /** To be called after a signal was aborted: ends what it stopped. */
  sweep(): void {
    this.#memory.sweep();
    this.#phases.sweep();
  }

  /** Forgets what the target said of itself. */
  forget(): void {
    this.#identity = undefined;
  }

  async identify(signal: AbortSignal): Promise<Uint8Array> {
    const identity = await this.#target.identify(signal);
    this.#identity = identity;
    const writeCache = identity.features.writeCache && this.writeCache;
    return encodeIdentity({ ...identity, features: { ...identity.features, writeCache } });
  }

  async lastLba(signal: AbortSignal): Promise<Lba> {
    const { sectors } = await this.#target.identify(signal);
    if (sectors === 0) throw new AtaFault('ABORTED', 'there is no sector');
    return sectors - 1;
  }

  /** Moves the data of a read or write; `after` runs right behind the last data of a read. */
  async transfer(command: Transfer, signal: AbortSignal, after?: () => void): Promise<void> {
    this.#identity ??= await this.#target.identify(signal);
    const { sectors } = this.#identity;
    const sectorSize = this.#sectorSize;
    if (command.lba + command.count > sectors) {
      throw new AtaFault('RANGE', 'beyond the last sector', Math.max(command.lba, sectors));
    }
    const step = PIECE / sectorSize;
    for (let done = 0; done < command.count; done += step) {
      const count = Math.min(step, command.count - done);
      const free = await this.#memory.take(count * sectorSize, signal);
      try {
        signal.throwIfAborted();
        const bytes = new Uint8Array(count * sectorSize);
        const last = done + count === command.count;
        if (command.kind === 'read') {
          await this.#target.read(command.lba + done, bytes, signal);
          await this.#move(command, bytes, done, signal, last ? after : undefined);
        } else {
          await this.#move(command, bytes, done, signal);
          const fua = command.fua || !this.writeCache;
          await this.#target.write(command.lba + done, bytes, fua, signal);
          if (last) after?.();
        }
      } finally {
        free();
      }
    }
  }

  /** Between the link and the bytes of a piece that begins `done` sectors into its command. */
  async #move(
    command: Transfer,
    bytes: Uint8Array,
    done: number,
    signal: AbortSignal,
    after?: () => void,
  ): Promise<void> {
    const toHost = command.kind === 'read';
    const phase = (part: Uint8Array, opening: Opening): Promise<void> =>
      toHost
        ? this.#phases.toHost(part, opening, signal, after)
        : this.#phases.fromHost(part, opening, signal);
    if (command.pio !== true) {
      const offset = done * this.#sectorSize;
      await phase(
        bytes,
        command.tag === undefined ? { by: 'dma' } : { by: 'queue', tag: command.tag, offset },
      );
      return;
    }
    for (let at = 0; at < bytes.byteLength; at += this.#sectorSize) {
      const last = done + at / this.#sectorSize + 1 === command.count;
      await phase(bytes.subarray(at, at + this.#sectorSize), { by: 'pio', last });
    }
  }

  async trim(blocks: number, signal: AbortSignal): Promise<void> {
    const data = new Uint8Array(blocks * TRIM_BLOCK_BYTES);
    await this.#phases.fromHost(data, { by: 'dma' }, signal);
    await this.#target.trim(decodeTrim(data), signal);
  }
}
