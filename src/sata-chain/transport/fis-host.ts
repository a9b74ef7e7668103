import { sentenceOf } from '../../base/index.ts';
import type { Stop } from '../../ports/index.ts';
import { COMMAND } from '../ata/commands.ts';
import { decodeIdentity } from '../ata/identify-decode.ts';
import { IDENTIFY_BYTES, LBA_LIMIT } from '../ata/identify-words.ts';
import type { DeviceIdentity } from '../ata/identity.ts';
import { SMART_FAILING, SMART_GOOD, SMART_RETURN_STATUS, smartKey } from '../ata/smart.ts';
import { DEVICE, type RegisterD2H } from '../fis/fis.ts';
import { AtaFault, type Lba, type SataTarget, type SectorRange } from '../target.ts';
import { millis, type Nanoseconds, type Scheduler } from '../time.ts';
import { whenAborted } from '../when-aborted.ts';
import type { FisPipe } from './fis-pipe.ts';
import { detach, type HostRequest } from './host-command.ts';
import { HostEngine, type HostEngineOptions } from './host-engine.ts';
import { encodeTrim } from './trim-ranges.ts';

export interface FisHostOptions extends HostEngineOptions {
  /** How long a device may have a command; 30 s by default. Past it everything that the device has ends, with a reset. */
  readonly deadline?: Nanoseconds;
  /** Most bytes of one read or write command; longer ones are split. 1 MiB by default; slow links want less. */
  readonly largestCommand?: number;
}

/** Sectors of one 48-bit command. */
const MOST_SECTORS = 65_536;
/** Commands that may wait; whoever asks for more gets NS_ATA_ABORTED. */
const MOST_WAITING = 4096;

/**
 * A SATA device at the far end of a FisPipe, as a target. A command that an abort signal ends keeps its place at the
 * device, and the caller's buffer is free at once. Where it writes, its promise still settles only when the device has
 * ended it: who then writes anew must not be overtaken by what is old. Whatever the link loses, the device holds no command past its deadline.
 */
export class FisHost implements SataTarget {
  readonly #engine: HostEngine;
  readonly #scheduler: Scheduler;
  readonly #deadline: Nanoseconds;
  readonly #largest: number;

  constructor(pipe: FisPipe, scheduler: Scheduler, options: FisHostOptions = {}) {
    this.#engine = new HostEngine(pipe, scheduler, options);
    this.#scheduler = scheduler;
    this.#deadline = options.deadline ?? millis(30_000);
    this.#largest = options.largestCommand ?? 1024 * 1024;
  }

  /** Called when the device has become ready after a reset that this host did not ask for. */
  onSignature(listener: () => void): Stop {
    return this.#engine.onSignature(listener);
  }

  /** The phy was reset (COMRESET) or lost: all that is under way has ended, and the device will send its signature. */
  comreset(): void {
    this.#engine.goDown('the device was reset');
  }

  close(): void {
    this.#engine.close();
  }

  async identify(signal?: AbortSignal): Promise<DeviceIdentity> {
    const buffer = new Uint8Array(IDENTIFY_BYTES);
    await this.#run(
      { registers: { command: COMMAND.identifyDevice }, data: { toHost: true, buffer } },
      signal,
    );
    try {
      return decodeIdentity(buffer);
    } catch (error) {
      throw new AtaFault('LINK', sentenceOf(error), undefined, error);
    }
  }

  async read(lba: Lba, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#pieces(lba, into, signal, (range, buffer) => ({
      registers: { command: COMMAND.readDmaExt, lba: range.lba, count: range.count % MOST_SECTORS },
      queued: { command: COMMAND.readFpdmaQueued, lba: range.lba, features: range.count % MOST_SECTORS },
      data: { toHost: true, buffer },
      range,
    }));
  }

  /** Where the device has no FUA, a flush follows. */
  async write(lba: Lba, data: Uint8Array, fua: boolean, signal?: AbortSignal): Promise<void> {
    const { features } = this.#engine.identity ?? (await this.#ready(signal));
    const through = fua && features.fua;
    await this.#pieces(lba, data, signal, (range, buffer) => ({
      registers: {
        command: through ? COMMAND.writeDmaFuaExt : COMMAND.writeDmaExt,
        lba: range.lba,
        count: range.count % MOST_SECTORS,
      },
      queued: {
        command: COMMAND.writeFpdmaQueued,
        lba: range.lba,
        features: range.count % MOST_SECTORS,
        device: DEVICE.lba | (through ? DEVICE.fua : 0),
      },
      data: { toHost: false, buffer },
      range,
    }));
    if (fua && !through) await this.flush(signal);
  }

  async verify(lba: Lba, count: number, signal?: AbortSignal): Promise<void> {
    checkRange(lba, count);
    for (let done = 0; done < count; done += MOST_SECTORS) {
      const range = { lba: lba + done, count: Math.min(MOST_SECTORS, count - done) };
      const registers = { command: COMMAND.readVerifyExt, lba: range.lba, count: range.count % MOST_SECTORS };
      await this.#run({ registers, range }, signal);
    }
  }

  async trim(ranges: readonly SectorRange[], signal?: AbortSignal): Promise<void> {
    for (const { lba, count } of ranges) checkRange(lba, count);
    const ends = ranges.map(({ lba, count }) => lba + count);
    const first = Math.min(...ranges.map(({ lba }) => lba));
    for (const buffer of encodeTrim(ranges)) {
      const registers = { command: COMMAND.dataSetManagement, features: 1, count: buffer.byteLength / 512 };
      const range = { lba: first, count: Math.max(...ends) - first };
      await this.#run({ registers, data: { toHost: false, buffer }, range }, signal);
    }
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await this.#run({ registers: { command: COMMAND.flushCacheExt } }, signal);
  }

  async smartStatus(signal?: AbortSignal): Promise<'good' | 'failing'> {
    const registers = { command: COMMAND.smart, features: SMART_RETURN_STATUS, lba: SMART_GOOD };
    const answer = await this.#run({ registers }, signal);
    const key = smartKey(answer?.lba ?? 0);
    if (key === SMART_GOOD) return 'good';
    if (key === SMART_FAILING) return 'failing';
    throw new AtaFault('LINK', 'the device answered SMART with junk');
  }

  async #pieces(
    lba: Lba,
    buffer: Uint8Array,
    signal: AbortSignal | undefined,
    request: (range: SectorRange, buffer: Uint8Array) => HostRequest,
  ): Promise<void> {
    const { sectorSize } = this.#engine.identity ?? (await this.#ready(signal));
    const count = buffer.byteLength / sectorSize;
    checkRange(lba, count);
    const step = Math.min(MOST_SECTORS, Math.max(1, Math.floor(this.#largest / sectorSize)));
    for (let done = 0; done < count; done += step) {
      const range = { lba: lba + done, count: Math.min(step, count - done) };
      const part = buffer.subarray(done * sectorSize, (done + range.count) * sectorSize);
      await this.#run(request(range, part), signal);
    }
  }

  /** Asks for nothing but that the device gets ready. */
  async #ready(signal: AbortSignal | undefined): Promise<DeviceIdentity> {
    await this.#run({ registers: { command: COMMAND.checkPowerMode } }, signal);
    const identity = this.#engine.identity;
    if (identity === undefined) throw new AtaFault('LINK', 'the device was reset');
    return identity;
  }

  async #run(request: HostRequest, signal: AbortSignal | undefined): Promise<RegisterD2H | undefined> {
    signal?.throwIfAborted();
    if (this.#engine.waiting >= MOST_WAITING)
      throw new AtaFault('ABORTED', 'too many commands wait for the device');
    return new Promise((resolve, reject) => {
      let cancelTimer: (() => void) | undefined;
      const leave = whenAborted(signal, () => {
        const isAtDevice = !this.#engine.withdraw(command);
        // The device keeps what it has, and its deadline stays.
        if (isAtDevice) detach(command);
        if (!isAtDevice || request.data?.toHost !== false) reject(signal?.reason as Error);
      });
      const end = (): void => {
        cancelTimer?.();
        leave();
        // Heard by nobody where it was rejected before.
        if (signal?.aborted) reject(signal.reason as Error);
      };
      const command = this.#engine.run(request, {
        given: () => {
          cancelTimer?.();
          cancelTimer = this.#scheduler.after(this.#deadline, () =>
            this.#engine.recover('the device does not answer'),
          );
        },
        done: (answer) => {
          end();
          resolve(answer);
        },
        fail: (fault) => {
          end();
          reject(fault);
        },
      });
    });
  }
}

function checkRange(lba: Lba, count: number): void {
  const whole = Number.isSafeInteger(lba) && Number.isSafeInteger(count) && lba >= 0 && count >= 0;
  if (!whole) throw new AtaFault('ABORTED', `${count} sectors at LBA ${lba} are no whole sectors`);
  if (lba + count > LBA_LIMIT)
    throw new AtaFault('RANGE', `LBA ${lba} is beyond 48 bits`, Math.max(lba, LBA_LIMIT));
}
