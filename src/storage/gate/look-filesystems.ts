import { ByteView, type Refusal, refusal } from '../../base/index.ts';
import { formatUuid } from '../ext4/superblock.ts';
import type { Finding, VolumeHead } from './volume-probe.ts';

const unread = (name: string): Refusal =>
  refusal('VOLUME_UNSUPPORTED', `The volume is ${name}, which this version does not read.`);

/** Filesystems that are named and refused. */
export function lookForOtherFilesystems(head: VolumeHead): Finding | undefined {
  const view = new ByteView(head.bytes, 'volume');
  if (head.text(3, 8) === 'EXFAT   ') {
    const serial = view.u32le(100).toString(16).padStart(8, '0');
    return { type: 'exfat', uuid: `${serial.slice(0, 4)}-${serial.slice(4)}`, readRefusal: unread('exFAT') };
  }
  if (head.text(0, 4) === 'XFSB') {
    return {
      type: 'xfs',
      label: view.ascii(108, 12),
      uuid: formatUuid(view.slice(32, 16)),
      readRefusal: unread('XFS'),
    };
  }
  if (head.text(0x10040, 8) === '_BHRfS_M') {
    return {
      type: 'btrfs',
      label: view.ascii(0x1012b, 256),
      uuid: formatUuid(view.slice(0x10020, 16)),
      readRefusal: unread('btrfs'),
    };
  }
  if (head.text(32, 4) === 'NXSB') {
    return { type: 'apfs', uuid: formatUuid(view.slice(72, 16)), readRefusal: unread('APFS') };
  }
  return undefined;
}
