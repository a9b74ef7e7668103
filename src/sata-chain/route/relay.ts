import { AtaFault, type Lba, type SataRelay, type SataTarget } from '../target.ts';

/** The relay of a target, or one made over it; `sectorSize` in bytes. */
export const relayOf = (target: SataTarget, sectorSize: number): SataRelay =>
  target.relay ?? relayOver(target, sectorSize);

/**
 * A relay over a target that has none. A fault's LBA that is outside the command is not believed: the fault stays, the
 * LBA goes.
 */
function relayOver(target: SataTarget, sectorSize: number): SataRelay {
  return {
    async read(lba, into, signal) {
      try {
        await target.read(lba, into, signal);
      } catch (error) {
        throw countedFrom(error, lba, into.byteLength / sectorSize);
      }
    },
    async write(lba, data, fua, signal) {
      try {
        await target.write(lba, data, fua, signal);
      } catch (error) {
        throw countedFrom(error, lba, data.byteLength / sectorSize);
      }
    },
    async verify(lba, count, signal) {
      try {
        await target.verify(lba, count, signal);
      } catch (error) {
        throw countedFrom(error, lba, count);
      }
    },
  };
}

function countedFrom(error: unknown, lba: Lba, count: number): unknown {
  if (!(error instanceof AtaFault) || error.lba === undefined) return error;
  const index = error.lba - lba;
  const inside = Number.isSafeInteger(index) && index >= 0 && index < count;
  return inside ? error.shifted(-lba) : new AtaFault(error.kind, error.sentence, undefined, error);
}

/** What was thrown below, with a fault's LBA moved into the numbering of whoever began `by` sectors earlier. */
export const movedBy = (error: unknown, by: number): unknown =>
  error instanceof AtaFault && error.lba !== undefined && by !== 0 ? error.shifted(by) : error;

/** A member that belongs here and does not answer. */
export function absentTarget(what: string): SataTarget {
  const fails = (): Promise<never> => Promise.reject(new AtaFault('LINK', `${what} does not answer`));
  const relay: SataRelay = { read: fails, write: fails, verify: fails };
  return { ...relay, relay, identify: fails, trim: fails, flush: fails, smartStatus: fails };
}
