import { ByteView } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';

/** Numbers of an NTFS boot sector, in bytes. */
export interface NtfsLayout {
  readonly clusterSize: number;
  readonly recordSize: number;
  readonly mftAt: number;
  readonly size: number;
  /** Volume serial number, 16 digits. */
  readonly uuid: string;
}

/** What update sequences are counted in, whatever the sectors of the drive. */
export const SECTOR = 512;

/** Decodes a boot sector that carries the NTFS signature; throws NS_FS_CORRUPT. */
export function decodeNtfsBoot(bytes: Uint8Array, deviceSize: number): NtfsLayout {
  const view = new ByteView(bytes, 'NTFS boot sector');
  const sectorSize = view.u16le(0x0b);
  const perCluster = view.u8(0x0d);
  const clusterSize = sectorSize * (perCluster > 0x80 ? 2 ** (256 - perCluster) : perCluster);
  const recordField = view.u8(0x40);
  const recordSize = recordField > 0x7f ? 2 ** (256 - recordField) : recordField * clusterSize;
  const size = view.u64leNumber(0x28) * sectorSize;
  const mftAt = view.u64leNumber(0x30) * clusterSize;
  const sane =
    [256, 512, 1024, 2048, 4096].includes(sectorSize) &&
    clusterSize >= 512 &&
    clusterSize <= 2 ** 21 &&
    recordSize >= 512 &&
    recordSize <= 65536 &&
    recordSize % SECTOR === 0 &&
    mftAt > 0 &&
    mftAt + 16 * recordSize <= deviceSize;
  if (!sane) throw corrupt('the NTFS boot sector makes no sense');
  const uuid = Buffer.from(view.slice(0x48, 8)).reverse().toString('hex').toUpperCase();
  return { clusterSize, recordSize, mftAt, size, uuid };
}
