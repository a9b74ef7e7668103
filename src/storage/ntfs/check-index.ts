import { ByteView, isAllZero } from '../../base/index.ts';
import { SECTOR } from './boot-sector.ts';
import { type RecordCensus, STATE } from './census.ts';
import { decodeIndexNode, type IndexNode } from './index-node.ts';
import { ATTRIBUTE, fixUp } from './records.ts';
import type { NtfsStream } from './stream.ts';
import type { Upcase } from './upcase.ts';
import type { NtfsRecord, NtfsVolume } from './volume.ts';

const INDEX_NAME = '$I30';
const DEEPEST = 24;
const NODE_AT = 0x18;
const ROOT_NODE_AT = 16;

interface Walk {
  readonly blocks: NtfsStream | undefined;
  readonly blockSize: number;
  /** Block numbers count in this many bytes. */
  readonly step: number;
  readonly upcase: Upcase;
  readonly census: RecordCensus;
  readonly seen: Set<number>;
  last: string | undefined;
}

/** What is wrong with a directory's index, in words; counts its entries by the record that each leads to. */
export async function indexFault(
  volume: NtfsVolume,
  upcase: Upcase,
  record: NtfsRecord,
  census: RecordCensus,
  signal: AbortSignal,
): Promise<string | undefined> {
  const start = await volume.stream(record, ATTRIBUTE.indexRoot, INDEX_NAME, signal);
  if (start === undefined || start.size > volume.layout.recordSize) return 'it has no index';
  const bytes = new Uint8Array(start.size);
  await start.read(0, bytes, signal);
  const view = new ByteView(bytes, 'NTFS index root');
  const blockSize = view.u32le(8);
  if (blockSize < SECTOR || blockSize > 65_536 || blockSize % SECTOR !== 0)
    return `it has blocks of ${blockSize} bytes`;
  const walk: Walk = {
    blocks: await volume.stream(record, ATTRIBUTE.indexAllocation, INDEX_NAME, signal),
    blockSize,
    step: blockSize < volume.layout.clusterSize ? SECTOR : volume.layout.clusterSize,
    upcase,
    census,
    seen: new Set(),
    last: undefined,
  };
  const fault = await nodeFault(walk, decodeIndexNode(view, ROOT_NODE_AT), 0, signal);
  if (fault !== undefined) return fault;
  return await blocksFault(walk, await volume.stream(record, ATTRIBUTE.bitmap, INDEX_NAME, signal), signal);
}

async function nodeFault(
  walk: Walk,
  node: IndexNode,
  depth: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (depth > DEEPEST) return 'its index is too deep';
  for (const entry of node.entries) {
    const below = entry.child === undefined ? undefined : await childFault(walk, entry.child, depth, signal);
    if (below !== undefined) return below;
    const { name, record, sequence } = entry;
    const shown = JSON.stringify(name);
    if (walk.last !== undefined && walk.upcase.compare(walk.last, name) > 0)
      return `${shown} is out of order`;
    walk.last = name;
    if (((walk.census.inUse[record] ?? 0) & STATE.used) === 0 || walk.census.sequence[record] !== sequence) {
      return `${shown} leads to record ${record}, which is not its own`;
    }
    walk.census.entries[record]! += 1;
  }
  return node.lastChild === undefined ? undefined : await childFault(walk, node.lastChild, depth, signal);
}

async function childFault(
  walk: Walk,
  child: number,
  depth: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const at = child * walk.step;
  if (walk.seen.has(at)) return 'its index leads to a block twice';
  walk.seen.add(at);
  const bytes = new Uint8Array(walk.blockSize);
  const read = await walk.blocks?.read(at, bytes, signal);
  if (read !== walk.blockSize) return 'its index points outside itself';
  return await nodeFault(walk, decodeIndexNode(fixUp(bytes, 'INDX'), NODE_AT), depth + 1, signal);
}

/** Blocks that are in use, and none but those, are part of the index. */
async function blocksFault(
  { blocks, blockSize, seen }: Walk,
  bitmap: NtfsStream | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const count = Math.floor((blocks?.size ?? 0) / blockSize);
  const bits = new Uint8Array(Math.ceil(count / 8));
  await bitmap?.read(0, bits, signal);
  if (count === 0 && seen.size === 0)
    return isAllZero(bits) ? undefined : 'blocks are in use that are not there';
  for (let number = 0; number < count; number += 1) {
    const used = (bits[number >> 3]! & (1 << (number & 7))) !== 0;
    if (used !== seen.has(number * blockSize))
      return `block ${number} of its index is ${used ? '' : 'not '}said to be in use`;
  }
  return undefined;
}
