import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { openFileDevice } from '../../adapters/file-device.ts';
import type { LocalMember } from '../../adapters/local-chain/local-units.ts';
import { openNbd } from '../../adapters/nbd/nbd-client.ts';
import { NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';

export interface MemberOptions {
  readonly sectorSize: 512 | 4096;
  readonly writable: boolean;
}

export interface OpenMember extends LocalMember {
  readonly device: BlockDevice;
}

/**
 * Opens drives for a process that does nothing but serve them: image files, block devices, or exports of NBD servers as
 * URIs. NS_USAGE where one is given twice.
 */
export async function openMembers(names: readonly string[], options: MemberOptions): Promise<OpenMember[]> {
  const opened: OpenMember[] = [];
  try {
    for (const name of names) {
      const member = /^nbd(\+unix)?:/.test(name) ? await openExport(name) : await openDrive(name, options);
      opened.push(member);
      if (opened.some((other) => other !== member && other.serial === member.serial))
        throw new NsError('NS_USAGE', `${name} is given twice`, { family: 'caller' });
    }
    return opened;
  } catch (error) {
    await Promise.all(opened.map(({ device }) => device.close()));
    throw error;
  }
}

/**
 * A block device is known by its own serial number, where the kernel tells it; an image file by where it lies: moved
 * elsewhere, it counts as another drive.
 */
async function openDrive(path: string, { sectorSize, writable }: MemberOptions): Promise<OpenMember> {
  const isBlock = (await stat(path).catch(() => undefined))?.isBlockDevice() === true;
  const device = await openFileDevice(path, {
    name: basename(path),
    writable,
    adaptive: true,
    ...(isBlock ? {} : { sectorSize }),
  });
  const serial = (isBlock ? await kernelSerial(path) : undefined) ?? serialOf(await realpath(path));
  return { device, serial, model: isBlock ? 'BLOCK DEVICE' : 'IMAGE FILE' };
}

/** "nbd+unix:///NAME?socket=PATH", "nbd://127.0.0.1:10809/NAME". It is known by that address. */
async function openExport(uri: string): Promise<OpenMember> {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const socketPath = url?.searchParams.get('socket') ?? undefined;
  const isUnix = url?.protocol === 'nbd+unix:';
  if (url === undefined || isUnix !== (socketPath !== undefined) || (!isUnix && url.hostname === ''))
    throw new NsError(
      'NS_USAGE',
      `"${uri}" is no NBD address; write nbd+unix:///?socket=PATH or nbd://HOST:PORT/`,
      {
        family: 'caller',
      },
    );
  const device = await openNbd({
    ...(socketPath === undefined
      ? { tcp: { host: url.hostname, port: Number(url.port || 10_809) } }
      : { socketPath }),
    exportName: decodeURIComponent(url.pathname.slice(1)),
  });
  return { device, serial: serialOf(uri), model: 'NBD EXPORT' };
}

const serialOf = (address: string): string =>
  createHash('sha256').update(address).digest('hex').slice(0, 16).toUpperCase();

async function kernelSerial(path: string): Promise<string | undefined> {
  const name = basename(await realpath(path));
  for (const file of ['serial', 'device/serial', 'device/wwid', 'wwid']) {
    const text = await readFile(`/sys/class/block/${name}/${file}`, 'latin1').catch(() => '');
    const serial = text.trim().replace(/[^\x21-\x7e]/g, '');
    if (serial !== '') return serial.slice(-20);
  }
  return undefined;
}
