import { ByteView, fromUtf8Lossy, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import type { Finding, VolumeHead } from './volume-probe.ts';

const MD_MAGIC = 0xa92b4efc;

const unsupported = (what: string): Refusal =>
  refusal('VOLUME_UNSUPPORTED', `The volume is ${what}, which this version does not open.`);

function encrypted(type: string, what: string, label: string, uuid: string): Finding {
  return {
    type,
    label,
    uuid,
    readRefusal: refusal(
      'VOLUME_ENCRYPTED',
      `The volume is encrypted (${what}), and Nightshift holds no key to it.`,
    ),
    hibernation: [{ finding: 'hidden', what: `${what}, which may hold a hibernated system` }],
  };
}

/** Where the superblocks of Linux software RAID lie, for each version of its format. */
async function isRaidMember(device: BlockDevice, head: VolumeHead, signal?: AbortSignal): Promise<boolean> {
  const view = new ByteView(head.bytes, 'volume');
  if (view.u32le(0) === MD_MAGIC || view.u32le(4096) === MD_MAGIC) return true;
  const size = device.capabilities.size;
  const atEnd = [Math.floor(size / 65536) * 65536 - 65536, (Math.floor(size / 512 / 8) * 8 - 16) * 512];
  for (const at of atEnd) {
    if (at < 0 || at + 4 > size) continue;
    const magic = new Uint8Array(4);
    await device.read(at, magic, signal);
    const ends = new DataView(magic.buffer);
    if (ends.getUint32(0, true) === MD_MAGIC || ends.getUint32(0, false) === MD_MAGIC) return true;
  }
  return false;
}

/** Volumes that hold other volumes, encrypted or not. They come before filesystems: a RAID member can look like one. */
export async function lookForContainers(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<Finding | undefined> {
  if (head.text(0, 6) === 'LUKS\xba\xbe') {
    const version = (head.bytes[6]! << 8) | head.bytes[7]!;
    const field = (at: number, length: number): string =>
      fromUtf8Lossy(head.bytes.subarray(at, at + length)).replace(/\0.*$/su, '');
    return encrypted('luks', `LUKS${version}`, version === 2 ? field(24, 48) : '', field(168, 40));
  }
  if (head.text(3, 8) === '-FVE-FS-') return encrypted('bitlocker', 'BitLocker', '', '');
  for (let sector = 0; sector < 4; sector += 1) {
    if (head.text(sector * 512, 8) === 'LABELONE' && head.text(sector * 512 + 24, 8) === 'LVM2 001') {
      return {
        type: 'lvm2',
        readRefusal: unsupported('a physical volume of LVM2'),
        hibernation: [{ finding: 'hidden', what: 'LVM2, which may hold hibernated swap' }],
      };
    }
  }
  if (await isRaidMember(device, head, signal)) {
    return {
      type: 'md',
      readRefusal: unsupported('a member of a Linux software RAID'),
      hibernation: [{ finding: 'hidden', what: 'software RAID, which may hold hibernated swap' }],
    };
  }
  return undefined;
}
