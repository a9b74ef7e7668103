import { ByteView, refusal } from '../../base/index.ts';
import { formatUuid } from '../ext4/superblock.ts';
import type { Finding, VolumeHead } from './volume-probe.ts';

/** A swap header ends with its signature in the last ten bytes of the first page, whatever the page size. */
const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];
const SWAP = ['SWAPSPACE2', 'SWAP-SPACE'];
/** Signatures that take its place while the host is hibernated: the kernel's, its user-space suspend's, TuxOnIce's. */
const HIBERNATED = ['S1SUSPEND', 'S2SUSPEND', 'ULSUSPEND', 'LINHIB0001', '\xed\xc3\x02\xe9\x98\x56\xe5\x0c'];

/** What a swap header says: swap, swap that holds a hibernated system, or no swap header. */
export function judgeSwapHeader(
  head: VolumeHead,
): { state: 'swap' | 'hibernated'; signature: string } | undefined {
  for (const page of PAGE_SIZES) {
    const text = head.text(page - 10, 10);
    const sleeping = HIBERNATED.find((signature) => text.startsWith(signature));
    if (sleeping !== undefined) {
      const printable = /^[\x20-\x7e]+$/.test(sleeping) ? sleeping : 'TuxOnIce';
      return { state: 'hibernated', signature: `${printable} at ${page - 10}` };
    }
    if (SWAP.includes(text)) return { state: 'swap', signature: `${text} at ${page - 10}` };
  }
  return undefined;
}

export function lookForSwap(head: VolumeHead): Finding | undefined {
  const found = judgeSwapHeader(head);
  if (found === undefined) return undefined;
  const view = new ByteView(head.bytes, 'swap header');
  const uuid = view.slice(1036, 16);
  const what = `hibernated swap (${found.signature})`;
  return {
    type: 'swap',
    label: view.ascii(1052, 16),
    uuid: formatUuid(uuid),
    readRefusal: refusal('VOLUME_UNSUPPORTED', 'The volume is swap space and holds no files.'),
    hibernation: found.state === 'hibernated' ? [{ finding: 'hibernated', what }] : [],
  };
}
