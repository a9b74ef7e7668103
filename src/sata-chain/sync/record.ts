/** What a unit says of itself to all others of its chain. Only the unit itself writes it, but for `departed`. */
export interface SyncRecord {
  /** 16 lower-case hexadecimal digits. */
  readonly unit: string;
  /** The unit's own epoch, and the count of its changes within it: the later of two records is the true one. */
  readonly epoch: number;
  readonly version: number;
  /** Put there by another unit, once members were accepted as gone; the unit itself overrules it by speaking again. */
  readonly departed: boolean;
  /** Units between this one and the host; undefined before the unit has heard it from above. */
  readonly position: number | undefined;
  /** Whether the unit below answers on the state channel. */
  readonly hearsBelow: boolean;
  readonly drive: SyncDrive | undefined;
  readonly dsi: number;
  readonly csi: number;
  /** Number of the PTTRSM state, and of the reason where that is a fault (registers-port/status-word.ts). */
  readonly state: number;
  readonly fault: number;
  /** What the unit has noticed beside it. */
  readonly notices: readonly SyncNotice[];
  readonly last: SyncChange;
  /** Milliseconds from the unit's power-on to that change. */
  readonly at: number;
}

export interface SyncDrive {
  readonly model: string;
  readonly serial: string;
  readonly sectors: number;
  readonly sectorSize: 512 | 4096;
}

/** By their bit. */
export const SYNC_NOTICES = ['stranger', 'id-twice', 'table-full', 'malformed', 'position'] as const;
export type SyncNotice = (typeof SYNC_NOTICES)[number];

/** By their number on the wire. Only ever added to, at the end. */
export const SYNC_CHANGES = [
  'power-on',
  'drive-arrived',
  'drive-gone',
  'drive-exchanged',
  'drive-failed',
  'media-error',
  'below-arrived',
  'below-gone',
  'link-up',
  'link-down',
  'speed',
  'capacity',
  'held',
  'degraded',
  'whole',
  'fault',
  'disabled',
  'enabled',
  'owned',
  'handed-back',
  'position',
  'state',
  'notice',
  'registers',
] as const;
export type SyncChange = (typeof SYNC_CHANGES)[number];

/** Epochs beyond this are nobody's: whoever claims one wants never to be overruled. */
export const LAST_EPOCH = 0xffff_0000;
const LAST_VERSION = 0xffff_ffff;
/** Positions beyond this are not believed. */
export const LAST_POSITION = 0xfffe;

/** Where a record stands in the order of a unit's records. `digest` decides between two that a forger made alike. */
export interface Stamp {
  readonly epoch: number;
  readonly version: number;
  readonly departed: boolean;
  /** First 8 bytes of the SHA-256 of the record as it travels, in hexadecimal. */
  readonly digest: string;
}

/** Above zero where `a` is the later of two records of one unit. A total order, so that all tables end up the same. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  if (a.version !== b.version) return a.version - b.version;
  if (a.departed !== b.departed) return a.departed ? 1 : -1;
  return a.digest === b.digest ? 0 : a.digest > b.digest ? 1 : -1;
}

/** The first stamp of a unit's own that is later than one that it has seen. */
export function stampAfter(seen: { readonly epoch: number; readonly version: number }): {
  readonly epoch: number;
  readonly version: number;
} {
  return seen.version < LAST_VERSION
    ? { epoch: seen.epoch, version: seen.version + 1 }
    : { epoch: Math.min(seen.epoch + 1, LAST_EPOCH), version: 0 };
}
