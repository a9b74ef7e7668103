import type { ByteView } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';

const BLOCK = 512;
const RECORD_MAGIC = 0xfeedbabe;
/** Blocks before the head of the log in which its last record is looked for. */
const LAST_RECORD = 1024;
const UNMOUNT = 0x20;

const UNTOLD = 'whether its log is clean could not be told';

/**
 * Whether an XFS was unmounted, by the last record of its log: a sentence for people, on which nothing depends. The log is a
 * ring whose blocks begin with the number of their round; its head is where that number falls (xfs_log_recover.c,
 * xlog_find_head and xlog_find_tail). `superblock`: the beginning of the volume.
 */
export async function xfsLogState(
  device: BlockDevice,
  superblock: ByteView,
  signal?: AbortSignal,
): Promise<string> {
  const place = logOf(superblock, device.capabilities.size);
  if (place === undefined) return UNTOLD;
  const block = async (n: number): Promise<DataView> => {
    const bytes = new Uint8Array(BLOCK);
    await device.read(place.start + n * BLOCK, bytes, signal);
    return new DataView(bytes.buffer);
  };
  const round = async (n: number): Promise<number> => {
    const view = await block(n);
    return view.getUint32(0) === RECORD_MAGIC ? view.getUint32(4) : view.getUint32(0);
  };
  const first = await round(0);
  if (first === 0) return UNTOLD;
  let [from, to] = [0, place.blocks];
  // The head is the first block that is not of the round of block 0.
  while (to - from > 1) {
    const middle = Math.floor((from + to) / 2);
    if ((await round(middle)) === first) from = middle;
    else to = middle;
  }
  for (let back = 1; back <= Math.min(LAST_RECORD, to); back += 1) {
    const record = await block(to - back);
    if (record.getUint32(0) !== RECORD_MAGIC) continue;
    // xlog_rec_header: h_num_logops at 40, h_size at 320, a header for each 32 KiB of it; then the operation: its flags at 9.
    const headers = Math.max(1, Math.ceil(record.getUint32(320) / 32_768));
    const isOne = record.getUint32(40) === 1 && headers < back;
    const unmounted = isOne && ((await block(to - back + headers)).getUint8(9) & UNMOUNT) !== 0;
    return unmounted ? 'its log is clean' : 'its log holds changes: it was not unmounted';
  }
  return UNTOLD;
}

/** Where the log lies, in bytes, and its length in blocks of 512; undefined where it is elsewhere or makes no sense. */
function logOf(
  superblock: ByteView,
  size: number,
): { readonly start: number; readonly blocks: number } | undefined {
  const [blockSize, groupBlocks, groupShift] = [
    superblock.u32be(4),
    superblock.u32be(84),
    superblock.u8(124),
  ];
  const [start, blocks] = [superblock.u64be(48), superblock.u32be(96)];
  if (start === 0n || blocks === 0 || blockSize < BLOCK || blockSize > 65_536 || groupShift > 31)
    return undefined;
  const group = Number(start >> BigInt(groupShift));
  const inGroup = Number(start & ((1n << BigInt(groupShift)) - 1n));
  const at = (group * groupBlocks + inGroup) * blockSize;
  return at + blocks * blockSize <= size ? { start: at, blocks: (blocks * blockSize) / BLOCK } : undefined;
}
