import type { Found } from '../../../src/sata-chain/pttrsm/found.ts';
import { foundIn } from '../../../src/sata-chain/pttrsm/found.ts';

/** What may lie in a bay, by number; 0 is an empty bay. */
export interface DriveKind {
  readonly serial: string;
  readonly sectors: number;
  readonly sectorSize: 512 | 4096;
  /** Its electronics answer out-of-band signals; a signature never comes. */
  readonly dead: boolean;
}

const drive = (serial: string, sectors: number, more: Partial<DriveKind> = {}): DriveKind => ({
  serial,
  sectors,
  sectorSize: 512,
  dead: false,
  ...more,
});

/** 1 to 4 belong to the units 0 to 3; the others are strangers. */
export const DRIVES: readonly (DriveKind | undefined)[] = [
  undefined,
  drive('A', 1000),
  drive('B', 2000),
  drive('C', 1000),
  drive('D', 2000),
  drive('X', 1000),
  drive('A', 3000),
  drive('L', 1000, { sectorSize: 4096 }),
  drive('Z', 1000, { dead: true }),
];
export const STRANGER = 5;
export const OTHER_SIZE = 6;
export const LONG_SECTORS = 7;
export const DEAD = 8;

const FOUND = DRIVES.map((kind) => (kind && !kind.dead ? foundOf(kind) : undefined));

/** What IDENTIFY finds in a bay. */
export const foundInBay = (kind: number): Found | undefined => FOUND[kind];

/** Which of them IDENTIFY has found. */
export const kindOf = (found: Found): number =>
  FOUND.findIndex((each) => each !== undefined && each.membership === found.membership);

function foundOf({ serial, sectors, sectorSize }: DriveKind): Found | undefined {
  return foundIn({
    serial,
    sectors,
    sectorSize,
    physicalSectorSize: sectorSize,
    firmware: '',
    model: '',
    features: { ncqDepth: 0, trim: false, fua: false, writeCache: false, smart: false },
    rotation: 1,
    generation: 3,
  });
}
