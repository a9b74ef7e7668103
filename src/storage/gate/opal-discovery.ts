import { ByteView } from '../../base/index.ts';

/** What a self-encrypting drive says of its lock. */
export interface OpalState {
  /** "Opal 2", "Pyrite", "Enterprise"; undefined where it says none. */
  readonly kind: string | undefined;
  /** Somebody has switched locking on. */
  readonly enabled: boolean;
  /** Some range of it is locked now. */
  readonly locked: boolean;
  /** In place of its contents it shows another, small disk, from which its owner unlocks it. */
  readonly shadowed: boolean;
}

const HEADER = 48;
const MOST_FEATURES = 64;
const LOCKING = 0x0002;
const KINDS: Readonly<Record<number, string>> = {
  256: 'Enterprise',
  512: 'Opal 1',
  515: 'Opal 2',
  769: 'Opalite',
  770: 'Pyrite',
  771: 'Pyrite 2',
  772: 'Ruby',
};

/**
 * Reads the answer to Level 0 Discovery (TCG Storage Architecture Core Specification 2.01, 3.3.6: header and feature
 * descriptors; the locking feature, 3.3.6.5). Undefined where it is none, or the drive has no locking feature.
 */
export function decodeDiscovery(bytes: Uint8Array): OpalState | undefined {
  if (bytes.byteLength < HEADER) return undefined;
  const view = new ByteView(bytes, 'Level 0 Discovery');
  // The length does not count its own four bytes.
  const end = Math.min(bytes.byteLength, view.u32be(0) + 4);
  let flags: number | undefined;
  let kind: string | undefined;
  let at = HEADER;
  for (let count = 0; count < MOST_FEATURES && at + 4 <= end; count += 1) {
    const code = view.u16be(at);
    const length = view.u8(at + 3);
    if (at + 4 + length > end) break;
    if (code === LOCKING && length >= 1) flags = view.u8(at + 4);
    kind = KINDS[code] ?? kind;
    at += 4 + length;
  }
  if (flags === undefined) return undefined;
  const has = (bit: number): boolean => ((flags ?? 0) & (1 << bit)) !== 0;
  return { kind, enabled: has(1), locked: has(1) && has(2), shadowed: has(1) && has(4) && !has(5) };
}
