import { allow, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { EditableVolume, FileContent, HostPath } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { putContent } from '../placed-content.ts';
import { type FatLayout, readLayout } from './boot-sector.ts';
import { FatChildren } from './children.ts';
import { countedFree } from './open-fat.ts';
import { type ClusterRun, FatTable } from './table.ts';
import { writeChain } from './write-chain.ts';

/** Fields of a directory entry. */
const FIRST_HIGH = 20;
const FIRST_LOW = 26;
const SIZE = 28;
/** Fields of the information sector of FAT32. */
const FREE_COUNT = 488;
const NEXT_FREE = 492;

/**
 * Gives an empty file its content: the first clusters that are free, with their chain in both tables, its entry and the
 * count of free clusters. Refuses with NO_SPACE, having changed nothing. Throws NS_EDIT_NOT_MADE where
 * there is no such file.
 */
export function fillFat(
  device: EditableVolume,
  path: HostPath,
  content: FileContent,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  return overHostileBytes(async () => {
    if (content.size === 0) return allow(undefined);
    const layout = await readLayout(device, signal);
    const { clusterSize, dataStart } = layout;
    const needed = Math.ceil(content.size / clusterSize);
    const runs = await freeRuns(new FatTable(device, layout), needed, signal);
    if (runs === undefined) return refuse('NO_SPACE', 'The volume has no room for the change.');
    const [entry] = await (await FatChildren.open(device, signal)).named(path, signal);
    if (entry?.kind !== 'file' || entry.size !== 0 || entry.first !== 0) {
      throw new NsError('NS_EDIT_NOT_MADE', `${path} is no new file`);
    }
    await writeChain(device, layout, runs, signal);
    await countDown(device, layout, needed, runs.at(-1), signal);
    await writeEntry(device, layout, entry.at, runs[0]?.first ?? 0, content.size, signal);
    let from = 0;
    for (const { first, count } of runs) {
      const length = count * clusterSize;
      await putContent(device, dataStart + (first - 2) * clusterSize, length, content, from, signal);
      from += length;
    }
    return allow(undefined);
  });
}

/** The first ones that have room together; undefined where all have too little. */
async function freeRuns(
  table: FatTable,
  needed: number,
  signal: AbortSignal,
): Promise<readonly ClusterRun[] | undefined> {
  const found: ClusterRun[] = [];
  let missing = needed;
  for await (const run of table.freeRuns(signal)) {
    const count = Math.min(run.count, missing);
    found.push({ first: run.first, count });
    missing -= count;
    if (missing === 0) return found;
  }
  return undefined;
}

async function writeEntry(
  device: EditableVolume,
  { width }: FatLayout,
  at: number,
  first: number,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  const record = new Uint8Array(32);
  await device.read(at, record, signal);
  const view = new DataView(record.buffer);
  if (width === 32) view.setUint16(FIRST_HIGH, first >>> 16, true);
  view.setUint16(FIRST_LOW, first & 0xffff, true);
  view.setUint32(SIZE, size, true);
  await device.write(at, record, signal);
}

async function countDown(
  device: EditableVolume,
  layout: FatLayout,
  taken: number,
  last: ClusterRun | undefined,
  signal: AbortSignal,
): Promise<void> {
  const free = await countedFree(device, layout, signal);
  if (free === undefined || layout.infoAt === undefined || last === undefined) return;
  const counts = new Uint8Array(NEXT_FREE + 4 - FREE_COUNT);
  const view = new DataView(counts.buffer);
  view.setUint32(0, Math.max(0, free - taken), true);
  view.setUint32(NEXT_FREE - FREE_COUNT, last.first + last.count - 1, true);
  await device.write(layout.infoAt + FREE_COUNT, counts, signal);
}
