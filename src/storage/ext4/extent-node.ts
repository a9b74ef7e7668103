import { ByteView, crc32cRaw } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';

const MAGIC = 0xf30a;
const HEADER = 12;
const ENTRY = 12;
const MAX_DEPTH = 5;
/** Longest written extent; a longer length field means "not yet written", less this number. */
const MAX_WRITTEN = 32768;

/** One node of an extent tree. In a leaf `physical` and `count` describe the runs; above, `physical` the child nodes. */
export interface ExtentNode {
  readonly depth: number;
  readonly length: number;
  /** First logical block of each entry, ascending. */
  readonly logical: Uint32Array;
  /** Blocks of each run, 0 above the leaves. */
  readonly count: Uint16Array;
  /** 0 where the run was never written. */
  readonly physical: Float64Array;
}

/**
 * Decodes one node. `depth` is what the parent says (undefined for the root); throws NS_FS_CORRUPT. Where the
 * physical blocks lie is left to the caller to check.
 */
export function decodeExtentNode(bytes: Uint8Array, depth: number | undefined, what: string): ExtentNode {
  const view = new ByteView(bytes, what);
  const length = view.u16le(2);
  const found = view.u16le(6);
  if (view.u16le(0) !== MAGIC) throw corrupt(`${what} has no extent header`);
  if (length > view.u16le(4) || view.u16le(4) > Math.floor((bytes.byteLength - HEADER) / ENTRY)) {
    throw corrupt(`${what} counts more extents than fit`);
  }
  if (found > MAX_DEPTH || (depth !== undefined && found !== depth)) {
    throw corrupt(`${what} has an extent tree of the wrong depth`);
  }
  const node = {
    depth: found,
    length,
    logical: new Uint32Array(length),
    count: new Uint16Array(length),
    physical: new Float64Array(length),
  };
  let end = 0;
  for (let i = 0; i < length; i += 1) {
    const at = HEADER + i * ENTRY;
    const start = view.u32le(at);
    if (start < end) throw corrupt(`${what} has extents out of order`);
    node.logical[i] = start;
    if (found > 0) {
      node.physical[i] = view.u32le(at + 4) + view.u16le(at + 8) * 2 ** 32;
      end = start + 1;
    } else {
      const field = view.u16le(at + 4);
      const written = field <= MAX_WRITTEN;
      node.count[i] = written ? field : field - MAX_WRITTEN;
      const physical = view.u32le(at + 8) + view.u16le(at + 6) * 2 ** 32;
      if (field === 0 || (written && physical === 0)) throw corrupt(`${what} has an empty extent`);
      node.physical[i] = written ? physical : 0;
      end = start + node.count[i]!;
    }
  }
  return node;
}

/** Checks the checksum at the end of a node that fills a block; throws NS_FS_CORRUPT. */
export function checkExtentBlock(bytes: Uint8Array, seed: number, what: string): void {
  const view = new ByteView(bytes, what);
  const tail = HEADER + view.u16le(4) * ENTRY;
  if (crc32cRaw(seed, view.slice(0, tail)) !== view.u32le(tail)) {
    throw corrupt(`the checksum of ${what} does not fit`);
  }
}

/** The last entry that begins at or before a logical block; -1 where there is none. */
export function entryBefore(node: ExtentNode, logical: number): number {
  let low = 0;
  let high = node.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (node.logical[middle]! <= logical) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
