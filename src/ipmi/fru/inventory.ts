/** A text, or bytes where the field is marked as binary. */
export type FruField = string | Uint8Array;

export interface ChassisArea {
  /** As in SMBIOS: 17h is a rack mount chassis. */
  readonly type: number;
  readonly partNumber: FruField;
  readonly serialNumber: FruField;
  readonly custom: readonly FruField[];
}

export interface BoardArea {
  readonly language: number;
  /** Seconds since 1970, to the minute; undefined where not told. */
  readonly manufactured: number | undefined;
  readonly manufacturer: FruField;
  readonly product: FruField;
  readonly serialNumber: FruField;
  readonly partNumber: FruField;
  readonly fileId: FruField;
  readonly custom: readonly FruField[];
}

export interface ProductArea {
  readonly language: number;
  readonly manufacturer: FruField;
  readonly product: FruField;
  readonly partNumber: FruField;
  readonly version: FruField;
  readonly serialNumber: FruField;
  readonly assetTag: FruField;
  readonly fileId: FruField;
  readonly custom: readonly FruField[];
}

export interface MultiRecord {
  readonly type: number;
  readonly version: number;
  readonly data: Uint8Array;
}

/** Platform Management FRU Information Storage Definition 1.3. */
export interface FruInventory {
  readonly internalUse?: Uint8Array;
  readonly chassis?: ChassisArea;
  readonly board?: BoardArea;
  readonly product?: ProductArea;
  readonly records: readonly MultiRecord[];
}

/** Minutes are counted from here on: 1996-01-01 UTC, in seconds since 1970. */
export const FRU_EPOCH = 820_454_400;
/** Areas lie, and are as long as, whole multiples of this. */
export const FRU_UNIT = 8;
export const FRU_VERSION = 1;
export const END_OF_FIELDS = 0xc1;
export const MULTI_RECORD_VERSION = 2;
export const LAST_MULTI_RECORD = 0x80;
/** Where the header has the offsets of the areas, in units. */
export const OFFSET_AT = { internalUse: 1, chassis: 2, board: 3, product: 4, records: 5 } as const;
export type FruAreaName = keyof typeof OFFSET_AT;
