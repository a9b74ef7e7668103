import { ATA_ERROR, AtaFault, type AtaFaultKind, type Lba, type SectorRange } from '../target.ts';

/** In the LBA registers where no sector is to blame: no command reaches there. */
const NO_LBA = 2 ** 48 - 1;

/** A fault as the error and LBA registers carry it. */
interface FaultRegisters {
  readonly error: number;
  readonly lba: Lba;
}

export function registersOf(error: unknown): FaultRegisters {
  if (!(error instanceof AtaFault)) return { error: ATA_ERROR.abort, lba: NO_LBA };
  const { lba } = error;
  const fits = lba !== undefined && Number.isSafeInteger(lba) && lba >= 0 && lba < NO_LBA;
  return { error: error.error, lba: fits ? lba : NO_LBA };
}

/** The fault that a device reports of this command. An LBA outside the command blames no sector. */
export function faultFrom({ error, lba }: FaultRegisters, command: SectorRange | undefined): AtaFault {
  const kind = kindOf(error);
  const blamed = kind === 'MEDIUM' || kind === 'RANGE';
  const inside = command !== undefined && lba >= command.lba && lba < command.lba + command.count;
  return new AtaFault(kind, SENTENCES[kind], blamed && inside ? lba : undefined);
}

function kindOf(error: number): AtaFaultKind {
  if ((error & ATA_ERROR.uncorrectable) !== 0) return 'MEDIUM';
  if ((error & ATA_ERROR.idNotFound) !== 0) return 'RANGE';
  return (error & ATA_ERROR.interfaceCrc) !== 0 ? 'LINK' : 'ABORTED';
}

const SENTENCES: Readonly<Record<AtaFaultKind, string>> = {
  ABORTED: 'the device aborted the command',
  RANGE: 'the device has no such sector',
  MEDIUM: 'the device cannot read or keep a sector',
  LINK: 'the device lost data on its link',
};
