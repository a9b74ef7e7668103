import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { openFileDevice } from './adapters/file-device.ts';
import type { LocalMember } from './adapters/local-chain/local-units.ts';
import type { BlockDevice } from './ports/index.ts';

export interface MemberOptions {
  readonly sectorSize: 512 | 4096;
  readonly writable: boolean;
}

export interface OpenMember extends LocalMember {
  readonly device: BlockDevice;
}

/**
 * Opens drives for a process that does nothing but serve them. A block device is known by its own serial number, where the
 * kernel tells it; an image file by where it lies: moved elsewhere, it counts as another drive.
 */
export async function openMembers(
  paths: readonly string[],
  { sectorSize, writable }: MemberOptions,
): Promise<OpenMember[]> {
  const opened: OpenMember[] = [];
  try {
    for (const path of paths) {
      const name = basename(path);
      const isBlock = (await stat(path).catch(() => undefined))?.isBlockDevice() === true;
      const device = await openFileDevice(path, {
        name,
        writable,
        adaptive: true,
        ...(isBlock ? {} : { sectorSize }),
      });
      const serial = (isBlock ? await kernelSerial(path) : undefined) ?? (await serialOfPath(path));
      opened.push({ device, serial, model: isBlock ? 'BLOCK DEVICE' : 'IMAGE FILE' });
    }
    return opened;
  } catch (error) {
    await Promise.all(opened.map(({ device }) => device.close()));
    throw error;
  }
}

async function serialOfPath(path: string): Promise<string> {
  return createHash('sha256')
    .update(await realpath(path))
    .digest('hex')
    .slice(0, 16)
    .toUpperCase();
}

async function kernelSerial(path: string): Promise<string | undefined> {
  const name = basename(await realpath(path));
  for (const file of ['serial', 'device/serial', 'device/wwid', 'wwid']) {
    const text = await readFile(`/sys/class/block/${name}/${file}`, 'latin1').catch(() => '');
    const serial = text.trim().replace(/[^\x21-\x7e]/g, '');
    if (serial !== '') return serial.slice(-20);
  }
  return undefined;
}
