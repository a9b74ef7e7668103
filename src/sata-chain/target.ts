import { NsError } from '../base/index.ts';
import type { DeviceIdentity } from './ata/identity.ts';

/** A logical block address or a number of logical sectors: a whole number below 2^48. */
export type Lba = number;

export interface SectorRange {
  readonly lba: Lba;
  readonly count: number;
}

/**
 * Whatever answers ATA commands at the far end of a SATA cable: a drive, a unit with all below it, a whole chain, a peer
 * in another process. LBAs are its own, from 0. Buffers are whole sectors. Commands run side by side up to its queue
 * depth; two that overlap have no defined order. A command that cannot be done throws AtaFault. Implementations on the
 * way pass promises through and add none, so that a deep chain costs no more than a shallow one.
 */
export interface SataTarget {
  identify(signal?: AbortSignal): Promise<DeviceIdentity>;
  read(lba: Lba, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** With `fua` the data are on stable storage on return. */
  write(lba: Lba, data: Uint8Array, fua: boolean, signal?: AbortSignal): Promise<void>;
  verify(lba: Lba, count: number, signal?: AbortSignal): Promise<void>;
  trim(ranges: readonly SectorRange[], signal?: AbortSignal): Promise<void>;
  /** On return everything written before is on stable storage. */
  flush(signal?: AbortSignal): Promise<void>;
  /** SMART RETURN STATUS. */
  smartStatus(signal?: AbortSignal): Promise<'good' | 'failing'>;
  /** The same commands for a unit above, where there is a cheaper way than translating each fault at each hop. */
  readonly relay?: SataRelay;
}

/**
 * Commands on their way through a unit: as those of SataTarget, but the LBA of a fault counts from the command's first
 * sector. So a hop has nothing to translate, and passes on the promise that it got.
 */
export type SataRelay = Pick<SataTarget, 'read' | 'write' | 'verify'>;

/** Bits of the ATA error register. */
export const ATA_ERROR = { abort: 0x04, idNotFound: 0x10, uncorrectable: 0x40, interfaceCrc: 0x80 } as const;

/**
 * A command that ended with an error, as a drive reports it. Codes: NS_ATA_ABORTED (not supported, or reset meanwhile),
 * NS_ATA_RANGE (IDNF: beyond the last sector), NS_ATA_MEDIUM (UNC), NS_ATA_LINK (ICRC or no answer).
 */
export class AtaFault extends NsError {
  /** The error register. */
  readonly error: number;
  /** First sector that failed, in the numbering of whoever gave the command; absent where no sector is to blame. */
  readonly lba: Lba | undefined;

  constructor(kind: AtaFaultKind, sentence: string, lba?: Lba, cause?: unknown) {
    super(`NS_ATA_${kind}`, sentence, { family: kind === 'RANGE' ? 'caller' : 'world', cause });
    this.error = ERROR_OF[kind];
    this.lba = lba;
  }

  get kind(): AtaFaultKind {
    return this.code.slice('NS_ATA_'.length) as AtaFaultKind;
  }

  /** The same fault as the unit above must report it: its LBAs begin `by` sectors earlier. */
  shifted(by: number): AtaFault {
    return new AtaFault(this.kind, this.sentence, this.lba === undefined ? undefined : this.lba + by, this);
  }
}

export type AtaFaultKind = 'ABORTED' | 'RANGE' | 'MEDIUM' | 'LINK';

const ERROR_OF: Readonly<Record<AtaFaultKind, number>> = {
  ABORTED: ATA_ERROR.abort,
  RANGE: ATA_ERROR.idNotFound,
  MEDIUM: ATA_ERROR.uncorrectable,
  LINK: ATA_ERROR.interfaceCrc | ATA_ERROR.abort,
};
