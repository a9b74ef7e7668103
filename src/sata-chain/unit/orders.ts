/**
 * What the management controller may ask of a unit, by its control register. `own` and `hand-back` move the chain
 * between T4 and T8/T9; `disable` and `enable` set and clear the persisted lock (T7); `go-degraded` accepts what is
 * there as the whole membership; `resync` discovers anew.
 */
export type UnitOrder = 'own' | 'hand-back' | 'disable' | 'enable' | 'go-degraded' | 'resync';

/** What a unit keeps through loss of power. Written before it is acted on. */
export interface UnitRecord {
  /** 16 lower-case hexadecimal digits; the unit's for life. */
  readonly unit: string;
  /** Of the chain that it was enrolled in, made by its head; absent in a blank unit. */
  readonly chain?: string;
  readonly locked: boolean;
  readonly epoch: number;
  /** Hexadecimal of what ChainWords.membership was before the last change that was accepted. */
  readonly before?: string;
  /** An operator agreed to less than there was, and nothing has been added since. */
  readonly degraded?: boolean;
  /**
   * Mirrors at the head make up for lost members: a member that goes keeps its place, its blocks fail, and nobody above is
   * told that the disk is another one.
   */
  readonly keepsPlaces?: boolean;
  /** What was there when all members were last known. */
  readonly membership?: {
    readonly local: MemberRecord | null;
    readonly below: BelowRecord | null;
  };
}

export interface MemberRecord {
  readonly serial: string;
  readonly sectors: number;
  readonly sectorSize: 512 | 4096;
}

export interface BelowRecord {
  readonly units: number;
  readonly sectors: number;
  readonly sectorSize?: 512 | 4096;
  /** Hexadecimal of ChainWords.membership. */
  readonly membership: string;
}

/** The unit's own non-volatile memory. */
export interface UnitMemory {
  load(): Promise<UnitRecord | undefined>;
  /** Durable on return. */
  save(record: UnitRecord): Promise<void>;
}
