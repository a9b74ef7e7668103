import { CSI, DSI, ISR } from '../registers/chain-registers.ts';
import { type BitField, register } from '../registers/layout.ts';
import { SCONTROL, SERROR, SSTATUS } from '../registers/scr.ts';
import type { UnitOrder } from '../unit/orders.ts';
import { STATUS } from './status-word.ts';

/** RO read only; RW as written; W1C reads as it is, and 1 clears; WO an order, reads as 0. */
export type RegisterAccess = 'RO' | 'RW' | 'W1C' | 'WO';

export interface MapEntry {
  readonly name: string;
  /** From the start of the unit's registers, in bytes. */
  readonly offset: number;
  /** Of 32 bits. Of several, reading the first keeps the others as they are at that moment until it is read again. */
  readonly words: number;
  readonly access: RegisterAccess;
  readonly meaning: string;
  readonly fields?: Readonly<Record<string, BitField>>;
}

/** Orders; exactly one bit may be written. */
export const CONTROL = register({ own: 0, handBack: 1, disable: 2, enable: 3, goDegraded: 4, resync: 5 });

export const ORDER_WORDS: Readonly<Record<UnitOrder, number>> = {
  own: CONTROL.encode({ own: true }),
  'hand-back': CONTROL.encode({ handBack: true }),
  disable: CONTROL.encode({ disable: true }),
  enable: CONTROL.encode({ enable: true }),
  'go-degraded': CONTROL.encode({ goDegraded: true }),
  resync: CONTROL.encode({ resync: true }),
};

/** Causes of an interrupt; the same bits enable and show them. */
export const INTERRUPT = register({
  /** STATUS is another one. */
  status: 0,
  /** DSI, SECTORS, SERIAL or MODEL changed. */
  drive: 1,
  /** CSI, SECTORS_BELOW or PRESENTED changed. */
  chain: 2,
  /** An ISR or SStatus changed. */
  port: 3,
  /** An order was refused. */
  refused: 4,
});

/** How the unit maps LBAs of its PTI: see `Window`. */
export const MAP_CONTROL = register({ absolute: 0, limited: 1, apply: 31 });

export const MAGIC = 0x43445450;
export const MAP_VERSION = 0x0001_0000;

export const REGISTER = {
  magic: 0x000,
  version: 0x004,
  unitId: 0x008,
  chainId: 0x010,
  control: 0x018,
  status: 0x01c,
  interruptEnable: 0x020,
  interruptStatus: 0x024,
  epoch: 0x028,
  dsi: 0x040,
  csi: 0x044,
  sectors: 0x048,
  sectorsBelow: 0x050,
  presented: 0x058,
  sectorSize: 0x060,
  serial: 0x064,
  model: 0x080,
  mapControl: 0x100,
  mapBase: 0x108,
  mapLength: 0x110,
  enrolledSerial: 0x120,
  enrolledSectors: 0x138,
  enrolledUnits: 0x140,
  enrolledBelow: 0x148,
} as const;

/** Each port has four registers: ISR, SStatus, SControl, SError. */
export const PORT_REGISTERS = { pti: 0x0c0, pto: 0x0d0, ddi: 0x0e0 } as const;
export const PORT_OFFSET = { isr: 0x0, sstatus: 0x4, scontrol: 0x8, serror: 0xc } as const;

/** A unit's registers take so many bytes of address space. */
export const UNIT_BYTES = 0x1000;

const one = (
  name: string,
  offset: number,
  access: RegisterAccess,
  meaning: string,
  fields?: Readonly<Record<string, BitField>>,
): MapEntry => ({ name, offset, words: 1, access, meaning, ...(fields === undefined ? {} : { fields }) });

const many = (
  name: string,
  offset: number,
  words: number,
  access: RegisterAccess,
  meaning: string,
): MapEntry => ({
  name,
  offset,
  words,
  access,
  meaning,
});

const PORT_NAMES = {
  pti: 'PTI, towards the host',
  pto: 'PTO, towards the next unit',
  ddi: 'DDI, to the drive',
};

function portEntries(port: keyof typeof PORT_REGISTERS): MapEntry[] {
  const at = PORT_REGISTERS[port];
  const name = port.toUpperCase();
  const of = `of ${PORT_NAMES[port]}`;
  return [
    one(`${name}_ISR`, at + PORT_OFFSET.isr, 'RO', `Internal state of the machine ${of}.`, ISR.fields),
    one(`${name}_SSTATUS`, at + PORT_OFFSET.sstatus, 'RO', `SStatus ${of}.`, SSTATUS.fields),
    one(
      `${name}_SCONTROL`,
      at + PORT_OFFSET.scontrol,
      'RW',
      `SControl ${of}. SPM reads as 0; reserved values change nothing.${port === 'pti' ? ' DET is ignored: PTTRSM alone says when this port is silent.' : ''}`,
      SCONTROL.fields,
    ),
    one(`${name}_SERROR`, at + PORT_OFFSET.serror, 'W1C', `SError ${of}.`, SERROR.fields),
  ];
}

/** Every register of a unit, by offset. docs/register-map.md is made of this. */
export const REGISTER_MAP: readonly MapEntry[] = [
  one('MAGIC', REGISTER.magic, 'RO', `0x${MAGIC.toString(16)}, "PTDC" in memory: there is a unit.`),
  one('VERSION', REGISTER.version, 'RO', 'Of this map: major in the upper half, minor in the lower.'),
  many('UNIT_ID', REGISTER.unitId, 2, 'RO', "The unit's id for life, low word first."),
  many(
    'CHAIN_ID',
    REGISTER.chainId,
    2,
    'RO',
    'The chain that it is enrolled in, low word first; 0 in a blank unit.',
  ),
  one(
    'CONTROL',
    REGISTER.control,
    'WO',
    'Gives an order: exactly one bit, when STATUS is not busy.',
    CONTROL.fields,
  ),
  one(
    'STATUS',
    REGISTER.status,
    'RO',
    'PTTRSM, why the unit shows nothing, and the last order.',
    STATUS.fields,
  ),
  one('INT_ENABLE', REGISTER.interruptEnable, 'RW', 'Causes that raise an interrupt.', INTERRUPT.fields),
  one(
    'INT_STATUS',
    REGISTER.interruptStatus,
    'W1C',
    'Causes since they were cleared last.',
    INTERRUPT.fields,
  ),
  one('EPOCH', REGISTER.epoch, 'RO', 'Raised by each power-on and by each change of what is presented.'),
  one('DSI', REGISTER.dsi, 'RO', 'Drive state information.', DSI.fields),
  one('CSI', REGISTER.csi, 'RO', 'Chain state information.', CSI.fields),
  many('SECTORS', REGISTER.sectors, 2, 'RO', 'Of the drive, low word first; 0 without one.'),
  many('SECTORS_BELOW', REGISTER.sectorsBelow, 2, 'RO', 'Of all units below, low word first.'),
  many(
    'PRESENTED',
    REGISTER.presented,
    2,
    'RO',
    'Sectors shown at PTI, low word first; 0 while nothing is shown.',
  ),
  one('SECTOR_SIZE', REGISTER.sectorSize, 'RO', 'Bytes in a logical sector of the drive; 0 without one.'),
  many(
    'SERIAL',
    REGISTER.serial,
    5,
    'RO',
    'Of the drive: 20 characters, the first in the lowest byte, blanks behind.',
  ),
  many('MODEL', REGISTER.model, 10, 'RO', 'Of the drive: 40 characters likewise.'),
  ...portEntries('pti'),
  ...portEntries('pto'),
  ...portEntries('ddi'),
  one(
    'MAP_CONTROL',
    REGISTER.mapControl,
    'RW',
    'Which LBAs of PTI the own drive serves. MAP_BASE and MAP_LENGTH count from the moment that `apply` is written with 1, all at once; it reads as 0. Relative (the default): it serves the first ones, all that it has or, if `limited`, MAP_LENGTH; what is above goes below, less by that. Absolute: it serves MAP_LENGTH from MAP_BASE; all others go below unchanged.',
    MAP_CONTROL.fields,
  ),
  many(
    'MAP_BASE',
    REGISTER.mapBase,
    2,
    'RW',
    'First LBA of the own drive, where `absolute` is set; low word first.',
  ),
  many(
    'MAP_LENGTH',
    REGISTER.mapLength,
    2,
    'RW',
    'Sectors of the own drive, where `absolute` or `limited` is set; low word first.',
  ),
  many(
    'ENROLLED_SERIAL',
    REGISTER.enrolledSerial,
    5,
    'RO',
    'Of the drive that belongs here by the stored membership, there or not; blanks where none does.',
  ),
  many('ENROLLED_SECTORS', REGISTER.enrolledSectors, 2, 'RO', 'Of that drive, low word first.'),
  one('ENROLLED_UNITS', REGISTER.enrolledUnits, 'RO', 'Units that belong below this one.'),
  many('ENROLLED_BELOW', REGISTER.enrolledBelow, 2, 'RO', 'Sectors of those, low word first.'),
];
