import { ByteView, isAllZero } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import { SECTOR } from './boot-sector.ts';
import { decodeIndexNode, type IndexEntry, type IndexNode } from './index-node.ts';
import { ATTRIBUTE, fixUp } from './records.ts';
import type { NtfsStream } from './stream.ts';
import type { Upcase } from './upcase.ts';
import type { NtfsRecord, NtfsVolume } from './volume.ts';

const INDEX_NAME = '$I30';
/** Deeper than any index that a volume can hold. */
const DEEPEST = 24;
/** Names that differ in case alone. */
const MOST_ALIKE = 1000;
const NODE_AT = 0x18;

/** The index of one directory: its root, and its blocks where it has any. */
export class NtfsDirectory {
  readonly #root: IndexNode;
  readonly #blocks: NtfsStream | undefined;
  readonly #blockSize: number;
  /** Block numbers count in this many bytes. */
  readonly #step: number;
  readonly #used: NtfsStream | undefined;

  private constructor(
    root: IndexNode,
    blockSize: number,
    step: number,
    blocks: NtfsStream | undefined,
    used: NtfsStream | undefined,
  ) {
    this.#root = root;
    this.#blockSize = blockSize;
    this.#step = step;
    this.#blocks = blocks;
    this.#used = used;
  }

  static async open(volume: NtfsVolume, record: NtfsRecord, signal?: AbortSignal): Promise<NtfsDirectory> {
    const start = await volume.stream(record, ATTRIBUTE.indexRoot, INDEX_NAME, signal);
    if (start === undefined || start.size > volume.layout.recordSize) {
      throw corrupt(`the directory in record ${record.number} has no index`);
    }
    const bytes = new Uint8Array(start.size);
    await start.read(0, bytes, signal);
    const view = new ByteView(bytes, 'NTFS index root');
    const blockSize = view.u32le(8);
    if (blockSize < SECTOR || blockSize > 65_536 || blockSize % SECTOR !== 0) {
      throw corrupt(`an NTFS index has blocks of ${blockSize} bytes`);
    }
    const { clusterSize } = volume.layout;
    return new NtfsDirectory(
      decodeIndexNode(view, 16),
      blockSize,
      blockSize < clusterSize ? SECTOR : clusterSize,
      await volume.stream(record, ATTRIBUTE.indexAllocation, INDEX_NAME, signal),
      await volume.stream(record, ATTRIBUTE.bitmap, INDEX_NAME, signal),
    );
  }

  /** All names, block by block. With `unused`, also from blocks that are no longer in use, whose names may be of the past. */
  async *entries(signal?: AbortSignal, unused = false): AsyncGenerator<IndexEntry> {
    yield* this.#root.entries;
    const count = Math.floor((this.#blocks?.size ?? 0) / this.#blockSize);
    for (let number = 0; number < count; number += 1) {
      signal?.throwIfAborted();
      if (!unused && !(await this.#isUsed(number, signal))) continue;
      const node = await this.#block(number * this.#blockSize, signal);
      if (node !== undefined) yield* node.entries;
    }
  }

  /** All entries that answer to a name, whatever its case, by the order of the index: names sort by their capital letters. */
  async named(name: string, upcase: Upcase, signal?: AbortSignal): Promise<readonly IndexEntry[]> {
    const found: IndexEntry[] = [];
    await this.#collect(this.#root, name, upcase, found, 0, signal);
    return found;
  }

  async #collect(
    node: IndexNode,
    name: string,
    upcase: Upcase,
    found: IndexEntry[],
    depth: number,
    signal?: AbortSignal,
  ): Promise<void> {
    if (depth > DEEPEST) throw corrupt('an NTFS index is deeper than any may be');
    const below = async (child: number | undefined): Promise<void> => {
      if (child === undefined) return;
      const next = await this.#block(child * this.#step, signal);
      if (next === undefined) throw corrupt('an NTFS index points to an empty block');
      await this.#collect(next, name, upcase, found, depth + 1, signal);
    };
    for (const entry of node.entries) {
      const order = upcase.compare(name, entry.name);
      if (order > 0) continue;
      await below(entry.child);
      if (order < 0) return;
      found.push(entry);
      if (found.length > MOST_ALIKE) throw corrupt('too many names of an NTFS directory are alike');
    }
    await below(node.lastChild);
  }

  async #isUsed(number: number, signal?: AbortSignal): Promise<boolean> {
    const byte = new Uint8Array(1);
    const there = (await this.#used?.read(number >> 3, byte, signal)) === 1;
    return there && (byte[0]! & (1 << (number & 7))) !== 0;
  }

  /** Undefined for a block that was never used, which has no signature. */
  async #block(at: number, signal?: AbortSignal): Promise<IndexNode | undefined> {
    const bytes = new Uint8Array(this.#blockSize);
    if (this.#blocks === undefined || (await this.#blocks.read(at, bytes, signal)) < bytes.byteLength) {
      throw corrupt('an NTFS index points outside itself');
    }
    return isAllZero(bytes.subarray(0, 4)) ? undefined : decodeIndexNode(fixUp(bytes, 'INDX'), NODE_AT);
  }
}
