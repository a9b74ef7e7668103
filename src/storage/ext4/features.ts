/** Feature words of ext2, ext3 and ext4 superblocks (kernel documentation, "ext4 data structures and algorithms"). */
export const COMPAT = {
  hasJournal: 0x4,
  extAttr: 0x8,
  sparseSuper2: 0x200,
} as const;

export const INCOMPAT = {
  compression: 0x1,
  filetype: 0x2,
  recover: 0x4,
  journalDevice: 0x8,
  metaBg: 0x10,
  extents: 0x40,
  bit64: 0x80,
  mmp: 0x100,
  flexBg: 0x200,
  eaInode: 0x400,
  dirData: 0x1000,
  csumSeed: 0x2000,
  largeDir: 0x4000,
  inlineData: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;

export const RO_COMPAT = {
  sparseSuper: 0x1,
  largeFile: 0x2,
  btreeDir: 0x4,
  hugeFile: 0x8,
  gdtCsum: 0x10,
  dirNlink: 0x20,
  extraIsize: 0x40,
  hasSnapshot: 0x80,
  quota: 0x100,
  bigalloc: 0x200,
  metadataCsum: 0x400,
  replica: 0x800,
  readOnly: 0x1000,
  project: 0x2000,
  sharedBlocks: 0x4000,
  verity: 0x8000,
  orphanPresent: 0x10000,
} as const;

/** Incompatible features that this reader understands. Any other bit means that the layout is not known. */
const READABLE =
  INCOMPAT.filetype |
  INCOMPAT.recover |
  INCOMPAT.metaBg |
  INCOMPAT.extents |
  INCOMPAT.bit64 |
  INCOMPAT.mmp |
  INCOMPAT.flexBg |
  INCOMPAT.eaInode |
  INCOMPAT.csumSeed |
  INCOMPAT.largeDir |
  INCOMPAT.inlineData |
  INCOMPAT.encrypt |
  INCOMPAT.casefold;

/** Read-only compatible features under which the writing tools keep every structure in step. */
const WRITABLE =
  RO_COMPAT.sparseSuper |
  RO_COMPAT.largeFile |
  RO_COMPAT.btreeDir |
  RO_COMPAT.hugeFile |
  RO_COMPAT.gdtCsum |
  RO_COMPAT.dirNlink |
  RO_COMPAT.extraIsize |
  RO_COMPAT.bigalloc |
  RO_COMPAT.metadataCsum |
  RO_COMPAT.verity |
  RO_COMPAT.orphanPresent;

/** Compatible features that the tools know: they leave alone a volume that has others, and so would its checker. */
const KNOWN_COMPAT = 0x1e3f;

/** Incompatible features that may be read but not written in place: the tools would leave something out of step. */
const READ_ONLY_INCOMPAT = INCOMPAT.eaInode | INCOMPAT.encrypt | INCOMPAT.casefold;

function nameBits(word: number, names: Readonly<Record<string, number>>): string {
  const found: string[] = [];
  for (let bit = 0; bit < 32; bit += 1) {
    const mask = (1 << bit) >>> 0;
    if ((word & mask) === 0) continue;
    const name = Object.entries(names).find(([, value]) => value === mask)?.[0];
    found.push(name ?? `0x${mask.toString(16)}`);
  }
  return found.join(', ');
}

interface FeatureWords {
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
}

/** Names of the features that keep a volume from being read; undefined where there are none. */
export function unreadableFeatures(features: FeatureWords): string | undefined {
  const bits = (features.incompat & ~READABLE) >>> 0;
  return bits === 0 ? undefined : nameBits(bits, INCOMPAT);
}

/** Names of the features that keep a readable volume from being written; undefined where there are none. */
export function unwritableFeatures(features: FeatureWords): string | undefined {
  const ro = (features.roCompat & ~WRITABLE) >>> 0;
  const incompat = (features.incompat & READ_ONLY_INCOMPAT) >>> 0;
  const compat = (features.compat & ~KNOWN_COMPAT) >>> 0;
  const names = [nameBits(ro, RO_COMPAT), nameBits(incompat, INCOMPAT), nameBits(compat, COMPAT)].filter(
    (text) => text !== '',
  );
  return names.length === 0 ? undefined : names.join(', ');
}
