import type { BlockDevice } from '../../ports/index.ts';
import { encrypted } from './container.ts';
import type { Finding, VolumeHead } from './volume-probe.ts';

/** A GUID of BitLocker, as it lies on the disk: in a boot sector of FAT where the volume is one "To Go". */
const TO_GO = '\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01';
const TO_GO_AT = 0x1a8;
const LABEL_SECTORS = 4;

/**
 * Volumes that hold other volumes, encrypted or not. They come before filesystems: a RAID member can look like one.
 * How to look further is loaded where one is met.
 */
export async function lookForContainers(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<Finding | undefined> {
  if (head.text(0, 6) === 'LUKS\xba\xbe') return (await import('./look-luks.ts')).lookAtLuks(head.bytes);
  if (head.text(3, 8) === '-FVE-FS-') return encrypted('bitlocker', 'BitLocker');
  if (head.text(TO_GO_AT, 16) === TO_GO) return encrypted('bitlocker', 'BitLocker To Go');
  for (let sector = 0; sector < LABEL_SECTORS; sector += 1) {
    const at = sector * 512;
    if (head.text(at, 8) === 'LABELONE' && head.text(at + 24, 8) === 'LVM2 001') {
      return (await import('./look-lvm.ts')).lookAtLvm(device, head, at, signal);
    }
  }
  return (await import('./look-md.ts')).lookForMd(device, signal);
}
