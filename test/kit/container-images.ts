import { crc32 } from '../../src/base/index.ts';

const SECTOR = 512;
/** LVM's checksum: CRC-32 from a start of its own, not inverted at the end. */
const lvmCrc = (data: Uint8Array): number => {
  // CRC-32 is linear: what another start does to it depends on the length alone.
  const zeros = new Uint8Array(data.byteLength);
  const fromStart = lvmRegister(0xf597a6cf, zeros.byteLength);
  const fromOnes = lvmRegister(0xffffffff, zeros.byteLength);
  return (crc32(data) ^ 0xffffffff ^ fromOnes ^ fromStart) >>> 0;
};

/** The register after so many zero bytes. */
function lvmRegister(start: number, length: number): number {
  let crc = start;
  for (let i = 0; i < length * 8; i += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
}

export interface LvmImage {
  readonly size: number;
  /** The text that vgcfgbackup would show, from the name of the group on; "PV" stands for the identity of this volume. */
  readonly text: string;
  /** Where in its ring the text begins: it goes on at the beginning behind the end. */
  readonly at?: number;
}

export const LVM_ID = 'ajRLm7-0WwO-ESve-9d5B-V6q1-O1p0-RI003b';
const RING_AT = 4096;
const RING = 16 * 1024;

/** A physical volume of LVM2 as pvcreate and vgcreate lay it out. */
export function lvmVolume({ size, text, at = SECTOR }: LvmImage): Uint8Array {
  const image = Buffer.alloc(size);
  const label = image.subarray(SECTOR, 2 * SECTOR);
  label.write('LABELONE', 0, 'latin1');
  label.writeBigUInt64LE(1n, 8);
  label.writeUInt32LE(32, 20);
  label.write('LVM2 001', 24, 'latin1');
  label.write(LVM_ID.replaceAll('-', ''), 32, 'latin1');
  label.writeBigUInt64LE(BigInt(size), 64);
  label.writeBigUInt64LE(1024n * 1024n, 72);
  label.writeBigUInt64LE(BigInt(RING_AT), 104);
  label.writeBigUInt64LE(BigInt(RING), 112);
  label.writeUInt32LE(lvmCrc(label.subarray(20)), 16);
  const written = Buffer.from(`${text.replaceAll('PV', LVM_ID)}\0`);
  const header = image.subarray(RING_AT, RING_AT + SECTOR);
  header.write(' LVM2 x[5A%r0N*>', 4, 'latin1');
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(RING_AT), 24);
  header.writeBigUInt64LE(BigInt(RING), 32);
  header.writeBigUInt64LE(BigInt(at), 40);
  header.writeBigUInt64LE(BigInt(written.byteLength), 48);
  header.writeUInt32LE(lvmCrc(written), 56);
  header.writeUInt32LE(lvmCrc(header.subarray(4)), 0);
  const before = written.subarray(0, RING - at);
  before.copy(image, RING_AT + at);
  written.subarray(before.byteLength).copy(image, RING_AT + SECTOR);
  return image;
}

/** The text of a group with these linear volumes, one behind the other; extents of 64 KiB from 1 MiB on. */
export function lvmText(volumes: Readonly<Record<string, number>>, type = 'striped'): string {
  let extent = 0;
  const lvs = Object.entries(volumes).map(([name, count]) => {
    const from = extent;
    extent += count;
    const segment = `segment1 {\nstart_extent = 0\nextent_count = ${count}\ntype = "${type}"\nstripe_count = 1 # linear\nstripes = [\n"pv0", ${from}\n]\n}`;
    return `${name} {\nid = "cFmSpQ-0254-ao9k-M2oB-zasA-SCaJ-${String(extent).padStart(6, '0')}"\nstatus = ["READ", "WRITE", "VISIBLE"]\nsegment_count = 1\n${segment}\n}`;
  });
  const pv = 'pv0 {\nid = "PV"\ndevice = "/dev/sda3"\nstatus = ["ALLOCATABLE"]\npe_start = 2048\n}';
  return `night {\nid = "8FD01Q-cSNF-9BUC-QtDN-D1U6-g4g7-DceL13"\nseqno = 3\nextent_size = 128\nphysical_volumes {\n${pv}\n}\nlogical_volumes {\n${lvs.join('\n')}\n}\n}\n# Generated\ncontents = "Text Format Volume Group"\nversion = 1\n`;
}

export interface MdImage {
  readonly version: '0.90' | '1.0' | '1.1' | '1.2';
  readonly level: number;
  readonly disks: number;
  /** Place in the array; 0xffff for a spare. */
  readonly role: number;
}

/** Writes the superblock of a Linux software RAID onto a member, as mdadm would. */
export function writeMd(member: Uint8Array, { version, level, disks, role }: MdImage): void {
  const size = member.byteLength;
  const at = {
    '1.1': 0,
    '1.2': 4096,
    '1.0': Math.floor((size / SECTOR - 16) / 8) * 8 * SECTOR,
    '0.90': Math.floor(size / 65_536) * 65_536 - 65_536,
  }[version];
  const block = Buffer.from(member.buffer, member.byteOffset + at, 4096);
  block.fill(0);
  block.writeUInt32LE(0xa92b4efc, 0);
  if (version === '0.90') {
    const words = {
      2: 90,
      7: level,
      8: at / 1024,
      9: disks,
      10: disks,
      5: 0x11223344,
      13: 0x55667788,
      14: 0x99aabbcc,
      15: 0xddeeff00,
      32: 1,
      33: 1,
      995: role,
      996: 6,
    };
    for (const [word, value] of Object.entries(words)) block.writeUInt32LE(value, Number(word) * 4);
    return;
  }
  block.writeUInt32LE(1, 4);
  Buffer.from('112233445566778899aabbccddeeff00', 'hex').copy(block, 16);
  block.write('rack1:data', 32, 'latin1');
  block.writeInt32LE(level, 72);
  block.writeBigUInt64LE(BigInt(Math.floor(size / SECTOR / 2)), 80);
  block.writeUInt32LE(disks, 92);
  block.writeBigUInt64LE(version === '1.0' ? 0n : 2048n, 128);
  block.writeBigUInt64LE(BigInt(Math.floor(size / SECTOR / 2)), 136);
  block.writeBigUInt64LE(BigInt(at / SECTOR), 144);
  block.writeUInt32LE(128, 220);
  for (let n = 0; n < 128; n += 1) block.writeUInt16LE(n === 0 ? role : 0xfffe, 256 + n * 2);
  let sum = 0;
  for (let n = 0; n < (256 + 128 * 2) / 4; n += 1) sum += block.readUInt32LE(n * 4);
  block.writeUInt32LE(((sum % 2 ** 32) + Math.floor(sum / 2 ** 32)) >>> 0, 216);
}
