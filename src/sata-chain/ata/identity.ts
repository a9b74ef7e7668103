/**
 * A device as IDENTIFY DEVICE describes it: a drive, or a chain that stands for one. The 512 bytes of the answer are
 * made from this and read into it (ata/identify-encode.ts, identify-decode.ts); words that are not here have one fixed value.
 */
export interface DeviceIdentity {
  /** At most 20 characters of printable ASCII (words 10-19). */
  readonly serial: string;
  /** At most 8 (words 23-26). */
  readonly firmware: string;
  /** At most 40 (words 27-46). */
  readonly model: string;
  /** User addressable logical sectors (words 100-103, and 60-61 saturated); below 2^48. */
  readonly sectors: number;
  /** Bytes in a logical sector (words 106, 117-118). */
  readonly sectorSize: 512 | 4096;
  /** Bytes in a physical sector (word 106). */
  readonly physicalSectorSize: number;
  readonly features: {
    /** Queue depth 1-32 (word 75); 0 without NCQ (word 76 bit 8). */
    readonly ncqDepth: number;
    readonly trim: boolean;
    /** WRITE DMA FUA EXT (word 84 bit 6). */
    readonly fua: boolean;
    readonly writeCache: boolean;
    readonly smart: boolean;
  };
  /** Nominal rotation rate, word 217: 1 for solid state, 0 unknown, else rpm. */
  readonly rotation: number;
  /** Link generations supported, highest (word 76). */
  readonly generation: 1 | 2 | 3;
  /** Of a chain, in vendor words 129-159; a host ignores them. */
  readonly chain?: ChainWords;
}

/** What a unit tells the unit above about all below it and itself. */
export interface ChainWords {
  /** Units from this one to the last, at least 1. */
  readonly depth: number;
  /** Raised by each change of what is presented; wraps at 2^32. */
  readonly epoch: number;
  /** First 8 bytes of a SHA-256 over the members' serials and sizes in order: the same members, the same digest. */
  readonly membership: Uint8Array;
  readonly held: boolean;
  readonly degraded: boolean;
  /** 16 lower-case hexadecimal digits of the chain that the unit was enrolled in; absent in a blank unit. */
  readonly chain?: string;
  /**
   * 16 lower-case hexadecimal digits: the membership from which the unit, or an operator at it, went on to the present one.
   * By it a unit above tells growth from an exchange. Absent until the first change.
   */
  readonly before?: string;
}
