import type { DeviceIdentity } from '../ata/identity.ts';
import { AtaFault, type Lba, type SataTarget, type SectorRange } from '../target.ts';
import type { Nanoseconds } from '../time.ts';
import type { ArrayCore } from './array-core.ts';
import { capacityOf } from './array-table.ts';
import { piecesOf } from './mapping.ts';
import { flushAll } from './mirror-flush.ts';
import { equalize, readInto, type Take, takeCopies } from './mirror-read.ts';
import { asHostFault, type Send, writeCopies } from './mirror-write.ts';

/** More ranges in one TRIM than ATA can say in the largest DATA SET MANAGEMENT command. */
const MOST_TRIMS = 65_535 * 64;

/**
 * An array as one disk: what stands at the head of a chain in the place of the chain itself. Its size and serial
 * number stay the same through failures, copies and swaps.
 */
export class ArrayTarget implements SataTarget {
  readonly #core: ArrayCore;
  readonly #capacity: number;

  constructor(core: ArrayCore) {
    this.#core = core;
    this.#capacity = capacityOf(core.table);
  }

  async identify(signal?: AbortSignal): Promise<DeviceIdentity> {
    const chain = await this.#core.chain.target.identify(signal);
    // The chain's own serial number follows its drives; a host must not take a rebuilt array for another disk.
    return { ...chain, serial: `NSA${this.#core.table.array}`, sectors: this.#capacity };
  }

  async read(lba: Lba, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    const count = this.#sectorsIn(into);
    this.#check(lba, count);
    await this.#timed(() => this.#each({ lba, count }, (range) => this.#readRange(lba, range, into, signal)));
  }

  async write(lba: Lba, data: Uint8Array, fua: boolean, signal?: AbortSignal): Promise<void> {
    const count = this.#sectorsIn(data);
    this.#check(lba, count);
    const core = this.#core;
    await this.#timed(() =>
      this.#each({ lba, count }, (range) => {
        const at = (range.lba - lba) * core.sectorSize;
        const part = data.subarray(at, at + range.count * core.sectorSize);
        const send: Send = (by, force, cut) => core.chain.target.write(range.lba + by, part, force, cut);
        return writeCopies(core, range, send, { fua, advisory: false, signal });
      }),
    );
  }

  async verify(lba: Lba, count: number, signal?: AbortSignal): Promise<void> {
    this.#check(lba, count);
    const take: Take = (rawLba, range, cut) => this.#core.chain.target.verify(rawLba, range.count, cut);
    await this.#timed(() =>
      this.#each({ lba, count }, async (range) => {
        await takeCopies(this.#core, range, take, signal);
      }),
    );
  }

  async trim(ranges: readonly SectorRange[], signal?: AbortSignal): Promise<void> {
    if (ranges.length > MOST_TRIMS) throw new AtaFault('ABORTED', 'too many ranges in one TRIM');
    for (const { lba, count } of ranges) this.#check(lba, count);
    const core = this.#core;
    for (const whole of ranges) {
      await this.#each(whole, (range) => {
        const send: Send = (by, _, cut) =>
          core.chain.target.trim([{ lba: range.lba + by, count: range.count }], cut);
        return writeCopies(core, range, send, { fua: false, advisory: true, signal });
      });
    }
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await flushAll(this.#core, signal);
  }

  /** Of the worst live member; a mirrored one that does not answer counts as failing. */
  async smartStatus(signal?: AbortSignal): Promise<'good' | 'failing'> {
    const core = this.#core;
    const states = await Promise.all(
      core.sets.flatMap(({ copies }) =>
        copies.map(async ({ unit }): Promise<'good' | 'failing'> => {
          try {
            return await core.chain.member(unit).smartStatus(signal);
          } catch (error) {
            if (copies.length > 1 && signal?.aborted !== true) return 'failing';
            throw asHostFault(error, 0);
          }
        }),
      ),
    );
    return states.includes('failing') ? 'failing' : 'good';
  }

  async #readRange(
    from: Lba,
    range: SectorRange,
    into: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const core = this.#core;
    const set = core.setAt(range.lba);
    if (set.copies.length > 1 && core.isUnequal(range)) {
      const data = await equalize(core, range, signal);
      into.set(data, (range.lba - from) * core.sectorSize);
      return;
    }
    await takeCopies(core, range, readInto(core, from, into), signal);
  }

  /** Every stretch that a command touches, side by side; the fault of the lowest LBA wins. */
  async #each(range: SectorRange, run: (part: SectorRange) => Promise<void>): Promise<void> {
    const pieces = piecesOf(this.#core.sets, range.lba, range.count);
    const [only] = pieces;
    if (only === undefined) return;
    if (pieces.length === 1) return run(range);
    const results = await Promise.allSettled(pieces.map(({ lba, count }) => run({ lba, count })));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #timed(run: () => Promise<void>): Promise<void> {
    const { load, scheduler } = this.#core;
    const begun = scheduler.now();
    load.inFlight += 1;
    try {
      await run();
    } finally {
      load.inFlight -= 1;
      const took = scheduler.now() - begun;
      load.latency = (load.latency === undefined ? took : load.latency * 0.875 + took * 0.125) as Nanoseconds;
    }
  }

  #sectorsIn(data: Uint8Array): number {
    const count = data.byteLength / this.#core.sectorSize;
    if (!Number.isInteger(count)) throw new AtaFault('ABORTED', 'a buffer that is not whole sectors');
    return count;
  }

  #check(lba: Lba, count: number): void {
    const sane = Number.isSafeInteger(lba) && Number.isSafeInteger(count) && lba >= 0 && count >= 0;
    if (!sane || lba + count > this.#capacity) {
      throw new AtaFault('RANGE', `${count} sectors at ${lba} do not lie within ${this.#capacity}`, lba);
    }
  }
}
