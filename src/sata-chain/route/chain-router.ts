import type { DeviceIdentity } from '../ata/identity.ts';
import { type Merge, type MergeOptions, mergeUnit } from '../ata/merge-identities.ts';
import { AtaFault, type Lba, type SataRelay, type SataTarget, type SectorRange } from '../target.ts';
import { type Piece, piecesOf, runPieces } from './pieces.ts';
import { absentTarget, movedBy, relayOf } from './relay.ts';
import { type Borders, bordersOf, type Window } from './window.ts';

/**
 * A member as it is mapped. Its sectors stay in the map while it has no target, and commands for them fault; a member
 * that is left out altogether lets the map close up, so only what was presented anew may leave one out.
 */
export interface RoutedMember {
  readonly identity: DeviceIdentity;
  readonly target?: SataTarget | undefined;
}

/** Each unit on the way is a call within a call, and the stack has an end. */
const MOST_UNITS_ROUTED = 256;
const NOTHING: Borders = { low: 0, high: 0, shift: 0, top: 0 };
const BELOW = 0;
const LOCAL = 1;
const OTHERWISE = 2;

/**
 * The data side of a unit: its drive and whatever hangs below as one disk. Commands go by LBA, those that straddle a
 * border are split and completed once, flush and SMART go to all. A fault names the first failing LBA in the caller's
 * numbering. A command that ends beyond the last sector is NS_ATA_RANGE before anything is touched.
 *
 * Commands under way keep the members that they began with when the members change. A chain of more than 256 units
 * identifies itself, and every other command is aborted.
 */
export class ChainRouter implements SataTarget {
  readonly relay: SataRelay;
  #local: RoutedMember | undefined;
  #below: RoutedMember | undefined;
  #window: Window = { mode: 'relative' };
  #options: MergeOptions;
  #merge: Merge;
  /** Why every command is aborted. */
  #refusal: string | undefined;

  #sectorSize = 512;
  #borders = NOTHING;
  #localTarget: SataTarget | undefined;
  #belowTarget: SataTarget | undefined;
  #localRelay: SataRelay = absentTarget('the drive');
  #belowRelay: SataRelay = absentTarget('the unit below');

  constructor(options: MergeOptions = {}) {
    this.#options = options;
    this.#merge = mergeUnit(undefined, undefined, options);
    this.relay = {
      read: (lba, into, signal) => this.#read(lba, into, signal),
      write: (lba, data, fua, signal) => this.#write(lba, data, fua, signal),
      verify: (lba, count, signal) => this.#verify(lba, count, signal),
    };
  }

  /** The phantom, or why there is none. */
  get merge(): Merge {
    return this.#merge;
  }

  /** Maps these members from now on. Where they cannot stand for one disk, every command is aborted until they change. */
  setMembers(local: RoutedMember | undefined, below: RoutedMember | undefined): Merge {
    return this.#remap(local, below, this.#window);
  }

  /** Throws NS_CHAIN_WINDOW where the drive cannot fill it, and then changes nothing. */
  setWindow(window: Window): Merge {
    return this.#remap(this.#local, this.#below, window);
  }

  /** Changes what the phantom says of the unit itself: epoch, held, degraded, generation, model. */
  describe(options: MergeOptions): Merge {
    this.#options = { ...this.#options, ...options };
    return this.#remap(this.#local, this.#below, this.#window);
  }

  #remap(local: RoutedMember | undefined, below: RoutedMember | undefined, window: Window): Merge {
    const borders = bordersOf(window, local?.identity.sectors ?? 0, below?.identity.sectors ?? 0);
    const served = local && { ...local.identity, sectors: borders.high - borders.low };
    // In absolute mode what is below presents the end of its addresses, not a sum to add to.
    const rest = below && (window.mode === 'relative' ? below.identity : { ...below.identity, sectors: 0 });
    const merged = mergeUnit(served, rest, this.#options);
    this.#merge = merged.ok ? { ok: true, identity: { ...merged.identity, sectors: borders.top } } : merged;
    this.#local = local;
    this.#below = below;
    this.#window = window;
    if (!merged.ok) this.#refusal = merged.sentence;
    else if (merged.identity.chain.depth > MOST_UNITS_ROUTED)
      this.#refusal = 'the chain is too long for commands';
    else this.#refusal = undefined;
    this.#borders = this.#refusal === undefined ? borders : NOTHING;
    this.#sectorSize = merged.ok ? merged.identity.sectorSize : 512;
    this.#localTarget = local && (local.target ?? absentTarget('the drive'));
    this.#belowTarget = below && (below.target ?? absentTarget('the unit below'));
    this.#localRelay = relayOf(this.#localTarget ?? absentTarget('the drive'), this.#sectorSize);
    this.#belowRelay = relayOf(this.#belowTarget ?? absentTarget('the unit below'), this.#sectorSize);
    return this.#merge;
  }

  async identify(): Promise<DeviceIdentity> {
    if (!this.#merge.ok) throw new AtaFault('ABORTED', this.#merge.sentence);
    return this.#merge.identity;
  }

  async read(lba: Lba, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    try {
      await this.#read(lba, into, signal);
    } catch (error) {
      throw movedBy(error, lba);
    }
  }

  async write(lba: Lba, data: Uint8Array, fua: boolean, signal?: AbortSignal): Promise<void> {
    try {
      await this.#write(lba, data, fua, signal);
    } catch (error) {
      throw movedBy(error, lba);
    }
  }

  async verify(lba: Lba, count: number, signal?: AbortSignal): Promise<void> {
    try {
      await this.#verify(lba, count, signal);
    } catch (error) {
      throw movedBy(error, lba);
    }
  }

  async trim(ranges: readonly SectorRange[], signal?: AbortSignal): Promise<void> {
    for (const range of ranges) {
      const fault = this.#outside(range.lba, range.count);
      if (fault !== undefined) throw movedBy(fault, range.lba);
    }
    if (!this.#merge.ok || !this.#merge.identity.features.trim) {
      throw new AtaFault('ABORTED', 'not all members can trim');
    }
    const pieces = ranges.flatMap((range) => piecesOf(this.#borders, range));
    const { low, shift } = this.#borders;
    const part = async (target: SataTarget | undefined, to: Piece['to'], by: number): Promise<void> => {
      const own = pieces.filter((piece) => piece.to === to).map(({ lba, count }) => ({ lba, count }));
      if (target === undefined || own.length === 0) return;
      try {
        await target.trim(own, signal);
      } catch (error) {
        throw movedBy(error, by);
      }
    };
    await allDone([part(this.#localTarget, 'local', low), part(this.#belowTarget, 'below', shift)]);
  }

  /** All members, also after one has failed; of several faults the one nearest the head counts. */
  async flush(signal?: AbortSignal): Promise<void> {
    this.#assertServed();
    await allDone(this.#targets().map(async (target) => target.flush(signal)));
  }

  /** The worst of all members; one that is known to fail outweighs one that does not answer. */
  async smartStatus(signal?: AbortSignal): Promise<'good' | 'failing'> {
    this.#assertServed();
    const ends = await Promise.allSettled(this.#targets().map(async (target) => target.smartStatus(signal)));
    if (ends.some((end) => end.status === 'fulfilled' && end.value !== 'good')) return 'failing';
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return 'good';
  }

  #targets(): SataTarget[] {
    return [this.#localTarget, this.#belowTarget].filter((target) => target !== undefined);
  }

  #assertServed(): void {
    if (this.#refusal !== undefined) throw new AtaFault('ABORTED', this.#refusal);
  }

  // From here on an LBA in a fault counts from the command's first sector.

  #read(lba: Lba, into: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const count = into.byteLength / this.#sectorSize;
    const side = this.#side(lba, count);
    if (side === BELOW) return this.#belowRelay.read(lba - this.#borders.shift, into, signal);
    if (side === LOCAL) return this.#localRelay.read(lba - this.#borders.low, into, signal);
    return this.#split(lba, count, (relay, piece) =>
      relay.read(piece.lba, this.#bytesOf(into, piece), signal),
    );
  }

  #write(lba: Lba, data: Uint8Array, fua: boolean, signal: AbortSignal | undefined): Promise<void> {
    const count = data.byteLength / this.#sectorSize;
    const side = this.#side(lba, count);
    if (side === BELOW) return this.#belowRelay.write(lba - this.#borders.shift, data, fua, signal);
    if (side === LOCAL) return this.#localRelay.write(lba - this.#borders.low, data, fua, signal);
    return this.#split(lba, count, (relay, piece) =>
      relay.write(piece.lba, this.#bytesOf(data, piece), fua, signal),
    );
  }

  #verify(lba: Lba, count: number, signal: AbortSignal | undefined): Promise<void> {
    const side = this.#side(lba, count);
    if (side === BELOW) return this.#belowRelay.verify(lba - this.#borders.shift, count, signal);
    if (side === LOCAL) return this.#localRelay.verify(lba - this.#borders.low, count, signal);
    return this.#split(lba, count, (relay, piece) => relay.verify(piece.lba, piece.count, signal));
  }

  /** Comparisons only: this runs once a hop. What is not a whole number here is refused by the member that it reaches. */
  #side(lba: Lba, count: number): typeof BELOW | typeof LOCAL | typeof OTHERWISE {
    const { low, high, top } = this.#borders;
    const end = lba + count;
    if (!(count > 0 && lba >= 0 && end <= top)) return OTHERWISE;
    if (lba >= high || end <= low) return BELOW;
    return lba >= low && end <= high ? LOCAL : OTHERWISE;
  }

  async #split(
    lba: Lba,
    count: number,
    run: (relay: SataRelay, piece: Piece) => Promise<void>,
  ): Promise<void> {
    const fault = this.#outside(lba, count);
    if (fault !== undefined) throw fault;
    const [local, below] = [this.#localRelay, this.#belowRelay];
    await runPieces(piecesOf(this.#borders, { lba, count }), (piece) =>
      run(piece.to === 'local' ? local : below, piece),
    );
  }

  #outside(lba: Lba, count: number): AtaFault | undefined {
    if (this.#refusal !== undefined) return new AtaFault('ABORTED', this.#refusal);
    if (!Number.isSafeInteger(lba) || !Number.isSafeInteger(count) || lba < 0 || count < 0) {
      return new AtaFault('ABORTED', `${count} sectors at LBA ${lba} are no whole sectors`);
    }
    const { top } = this.#borders;
    if (lba + count <= top) return undefined;
    const first = Math.max(0, top - lba);
    return new AtaFault('RANGE', `${count} sectors at LBA ${lba} end beyond the last of ${top}`, first);
  }

  #bytesOf(buffer: Uint8Array, piece: Piece): Uint8Array {
    const from = piece.at * this.#sectorSize;
    return buffer.subarray(from, from + piece.count * this.#sectorSize);
  }
}

/** Ends when all have ended; throws the first fault in their order. */
async function allDone(parts: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(parts)) if (end.status === 'rejected') throw end.reason;
}
