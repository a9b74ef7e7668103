import { ByteView, fromUtf8Lossy, toHex } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { opaque } from './container.ts';
import type { Finding } from './volume-probe.ts';

const MAGIC = 0xa92b4efc;
const SUPERBLOCK = 4096;
const SECTOR = 512;
const ROLES_AT = 256;
/** Most roles that a superblock of 4 KiB has room for. */
const MOST_ROLES = (SUPERBLOCK - ROLES_AT) / 2;

/** What a member of a Linux software RAID says of itself. */
export interface MdMember {
  /** "0.90", "1.0", "1.1", "1.2" */
  readonly version: string;
  /** "raid1", "linear"; undefined where it makes no sense. */
  readonly level: string | undefined;
  /** "member 1 of 3", "a spare", …; undefined where it makes no sense. */
  readonly role: string | undefined;
  /** As mdadm writes it. */
  readonly uuid: string;
  readonly name: string;
  /** Bytes of the device that are the array's, as the superblock says. */
  readonly used: number;
  /** The superblock's place fits what it says of itself, so that it is no part of something else. */
  readonly fits: boolean;
}

interface Place {
  readonly version: string;
  readonly at: number;
}

/** Where superblocks lie, for each version of the format (Linux, drivers/md/md.c). */
function placesOn(size: number): readonly Place[] {
  const sectors = Math.floor(size / SECTOR);
  return [
    { version: '1.1', at: 0 },
    { version: '1.2', at: 4096 },
    { version: '1.0', at: Math.floor((sectors - 16) / 8) * 8 * SECTOR },
    { version: '0.90', at: Math.floor(size / 65_536) * 65_536 - 65_536 },
  ].filter(({ at }) => at >= 0 && at + SUPERBLOCK <= size);
}

function levelName(level: number): string | undefined {
  if (level === -1) return 'linear';
  return [0, 1, 4, 5, 6, 10].includes(level) ? `raid${level}` : undefined;
}

const inFours = (hex: string): string => hex.replace(/(.{8})(?!$)/g, '$1:');

/** A superblock of version 1 (include/uapi/linux/raid/md_p.h, struct mdp_superblock_1). */
function versionOne(view: ByteView, { version, at }: Place): MdMember {
  const disks = view.u32le(92);
  const number = view.u32le(160);
  const roles = view.u32le(220);
  const role = number < Math.min(roles, MOST_ROLES) ? view.u16le(ROLES_AT + number * 2) : undefined;
  const told =
    role === 0xffff
      ? 'a spare'
      : role === 0xfffe
        ? 'a faulty member'
        : role === 0xfffd
          ? 'a journal'
          : undefined;
  return {
    version,
    level: levelName(view.u32le(72) | 0),
    role: told ?? (role !== undefined && role < disks ? `member ${role} of ${disks}` : undefined),
    uuid: inFours(toHex(view.slice(16, 16))),
    name: fromUtf8Lossy(view.slice(32, 32)).replace(/\0.*$/su, ''),
    used: Number(view.u64le(136)) * SECTOR,
    fits: view.u32le(4) === 1 && view.u64le(144) === BigInt(at / SECTOR),
  };
}

/** A superblock of version 0.90 (struct mdp_superblock_s), whose words have the byte order of the host that made it. */
function versionZero(bytes: Uint8Array, littleEndian: boolean): MdMember {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (n: number): number => words.getUint32(n * 4, littleEndian);
  const hex = (n: number): string => word(n).toString(16).padStart(8, '0');
  const [disks, raidDisk, state] = [word(10), word(995), word(996)];
  const active = (state & 6) === 6;
  return {
    version: '0.90',
    level: levelName(word(7) | 0),
    role: active && raidDisk < disks ? `member ${raidDisk} of ${disks}` : active ? undefined : 'a spare',
    uuid: [5, 13, 14, 15].map(hex).join(':'),
    name: '',
    used: word(8) * 1024,
    fits: word(1) === 0 && word(2) >= 90,
  };
}

/** The superblock on a partition or a whole disk, if there is one. */
export async function readMd(device: BlockDevice, signal?: AbortSignal): Promise<MdMember | undefined> {
  for (const place of placesOn(device.capabilities.size)) {
    const bytes = new Uint8Array(SUPERBLOCK);
    await device.read(place.at, bytes, signal);
    const view = new ByteView(bytes, 'RAID superblock');
    const big = new DataView(bytes.buffer).getUint32(0, false) === MAGIC;
    if (view.u32le(0) !== MAGIC && !(big && place.version === '0.90')) continue;
    return place.version === '0.90' ? versionZero(bytes, !big) : versionOne(view, place);
  }
  return undefined;
}

/** "member 0 of 2 of the raid1 "host:0" (metadata 1.2)" */
export function sayMd({ version, level, role, name }: MdMember): string {
  const array = `${level ?? 'array'}${name === '' ? '' : ` "${name}"`}`;
  return `${role ?? 'a part'} of the ${array} (metadata ${version})`;
}

/** A member of a Linux software RAID: level, role and identity of the array. */
export async function lookForMd(device: BlockDevice, signal?: AbortSignal): Promise<Finding | undefined> {
  const member = await readMd(device, signal);
  if (member === undefined) return undefined;
  return opaque('md', 'a member of a Linux software RAID', {
    label: member.name,
    uuid: member.uuid,
    notes: [sayMd(member)],
  });
}
