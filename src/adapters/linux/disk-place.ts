import { access, readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const BY_PATH = '/dev/disk/by-path/';
/** What stands between a disk and the bus that its place is told by. */
const MOST_PARENTS = 64;

/**
 * Where the kernel shows a disk that is named by its place. udev makes the names below /dev/disk/by-path; a board's own
 * firmware has none, and there the place is looked for among the kernel's block devices. A path that is there, or is of
 * another kind, stays as it is; undefined where no disk has that place.
 */
export async function diskAt(path: string, sysfs = '/sys', devices = '/dev'): Promise<string | undefined> {
  if (!path.startsWith(BY_PATH)) return path;
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) return path;
  const wanted = path.slice(BY_PATH.length);
  for (const name of await readdir(join(sysfs, 'class/block')).catch(() => [])) {
    // A disk may go while it is looked at.
    const place = await placeOf(sysfs, name).catch(() => undefined);
    if (place === wanted) return join(devices, name);
  }
  return undefined;
}

/** As udev's path_id names it: "platform-1e6a1000.usb-usb-0:1:1.0-scsi-0:0:0:0". Partitions and disks of no bus have none. */
async function placeOf(sysfs: string, name: string): Promise<string | undefined> {
  const disk = await realpath(join(sysfs, 'class/block', name));
  const top = await realpath(join(sysfs, 'devices'));
  if ((await textOf(join(disk, 'partition'))) !== undefined) return undefined;
  const places: string[] = [];
  let at = dirname(disk);
  for (let parents = 0; at.startsWith(`${top}/`) && parents < MOST_PARENTS; parents++) {
    const bus = await busOf(at);
    switch (bus) {
      case 'scsi': {
        const scsi = await scsiPlace(at);
        if (scsi !== undefined) {
          places.unshift(scsi.place);
          at = scsi.host;
        }
        break;
      }
      case 'nvme':
        places.unshift(`nvme-${await textOf(join(disk, 'nsid'))}`);
        at = await lastOf(at, bus);
        break;
      case 'usb':
        places.unshift(`usb-0:${basename(at).replace(/^[^-]*-/, '')}`);
        at = await lastOf(at, bus);
        break;
      case 'pci':
      case 'platform':
        places.unshift(`${bus}-${basename(at)}`);
        at = await lastOf(at, bus);
        break;
      default:
        break;
    }
    at = dirname(at);
  }
  return places.length === 0 ? undefined : places.join('-');
}

/** A SCSI device by the number of its host among those of one controller, or its port where that is ATA. */
async function scsiPlace(
  device: string,
): Promise<{ readonly place: string; readonly host: string } | undefined> {
  const numbers = /^(\d+)(:\d+:\d+:\d+)$/.exec(basename(device));
  const host = dirname(dirname(device));
  if (numbers === null || !/^host\d+$/.test(basename(host))) return undefined;
  const controller = dirname(host);
  const ata = basename(controller);
  if (/^ata\d+$/.test(ata)) {
    const port = await textOf(join(controller, 'ata_port', ata, 'port_no'));
    return { place: `ata-${port}`, host: controller };
  }
  const hosts = (await readdir(controller)).flatMap((name) => {
    const number = /^host(\d+)$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  return { place: `scsi-${Number(numbers[1]) - Math.min(...hosts)}${numbers[2]}`, host };
}

/** The uppermost of the parents that follow each other on one bus: the last tells enough. */
async function lastOf(at: string, bus: string): Promise<string> {
  let last = at;
  while ((await busOf(dirname(last))) === bus) last = dirname(last);
  return last;
}

const busOf = (directory: string): Promise<string | undefined> =>
  realpath(join(directory, 'subsystem')).then(
    (path) => basename(path),
    () => undefined,
  );

const textOf = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
