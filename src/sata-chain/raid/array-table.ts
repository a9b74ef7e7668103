import type { Lba, SectorRange } from '../target.ts';

/**
 * What a unit does for the array. `data` holds the content of its stretch of the array and is right by definition;
 * `mirror` holds the same. `spare` holds nothing that counts. `failed` is out.
 */
export type ArrayRole = 'data' | 'mirror' | 'spare' | 'failed';

/**
 * How it stands in that role. Data and mirror: `live`. Spare: `ready` to take over, `copying` while a copy is made
 * onto it, `retired` by the operator and never taken by itself. Failed: `failed` while its stretch waits for a
 * replacement, `replaced` once it has one.
 */
export type MemberState = 'live' | 'ready' | 'copying' | 'retired' | 'failed' | 'replaced';

/** The LBA mapping registers of one unit. */
export interface MappingRegister {
  /** 16 hexadecimal digits. */
  readonly unit: string;
  /** Of the drive that the unit had when it took its role. */
  readonly serial: string;
  /** Where its drive lies in the raw chain: fixed by the stored membership, whether or not the drive answers. */
  readonly window: SectorRange;
  readonly role: ArrayRole;
  readonly state: MemberState;
  /** First LBA of the array that it holds, and how many; 0 and 0 where it holds none. */
  readonly logicalBase: Lba;
  readonly length: number;
}

/** A copy under way onto a spare, after which the mapping registers of two units change at once. */
export interface CopyOrder {
  /** Never used twice in an array, so that a cursor is never taken for that of another copy. */
  readonly id: number;
  /** `rebuild` replaces a failed unit; `relocate` moves a live unit's content, by order of the operator. */
  readonly kind: 'rebuild' | 'relocate';
  readonly logicalBase: Lba;
  readonly length: number;
  readonly source: string;
  readonly target: string;
  /** The unit whose place the target takes. */
  readonly replaces: string;
  /** What becomes of a live unit that was replaced. */
  readonly afterwards: 'ready' | 'retired';
}

/** Everything that an array keeps durably but for cursor and write-intent map. Replaced as a whole. */
export interface ArrayTable {
  /** 16 hexadecimal digits, made once. */
  readonly array: string;
  /** Of the layout document that it was made from: SHA-256, its first 16 hexadecimal digits. */
  readonly layout: string;
  readonly sectorSize: 512 | 4096;
  /** In chain order. */
  readonly registers: readonly MappingRegister[];
  readonly copy: CopyOrder | null;
  readonly nextCopy: number;
  /** Stretches of the array that no unit holds rightly any more; reading one is UNC until it is written. */
  readonly unreadable: readonly SectorRange[];
}

/** One stretch of the array: a drive alone, or a mirror pair. */
export interface MirrorSet {
  readonly logicalBase: Lba;
  readonly length: number;
  /** Live units that hold it; the data role first. Never empty. */
  readonly copies: readonly MappingRegister[];
  /** Units that failed and whose place is still theirs. */
  readonly lost: readonly MappingRegister[];
}

/** More members than this are more than the table's slot holds. */
export const MOST_MEMBERS = 256;
export const MOST_UNREADABLE = 256;

/** The stretches of the array, by logical base, without gaps. */
export function setsOf(table: ArrayTable): readonly MirrorSet[] {
  const byBase = new Map<Lba, MappingRegister[]>();
  for (const register of table.registers) {
    if (register.length === 0) continue;
    const group = byBase.get(register.logicalBase);
    if (group === undefined) byBase.set(register.logicalBase, [register]);
    else group.push(register);
  }
  return [...byBase.entries()]
    .sort(([a], [b]) => a - b)
    .map(([logicalBase, group]) => ({
      logicalBase,
      length: group[0]!.length,
      copies: group
        .filter(({ state }) => state === 'live')
        .sort((a, b) => Number(b.role === 'data') - Number(a.role === 'data')),
      lost: group.filter(({ state }) => state !== 'live'),
    }));
}

/** Sectors that the host sees. It depends on the layout alone: no failure, copy or swap changes it. */
export function capacityOf(table: ArrayTable): number {
  return setsOf(table).reduce((sum, { length }) => sum + length, 0);
}

export function registerOf(table: ArrayTable, unit: string): MappingRegister | undefined {
  return table.registers.find((register) => register.unit === unit);
}

export const isLive = (table: ArrayTable, unit: string): boolean => registerOf(table, unit)?.state === 'live';
