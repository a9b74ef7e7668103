import { fromUtf8Lossy } from '../../base/index.ts';
import type { FileSystem, HostPath } from '../../ports/index.ts';
import { joinPath, parseHostPath, pathNames } from '../host-path.ts';
import { judgeSwapHeader } from './look-swap.ts';
import { type Evidence, HEAD_SIZE, headOf, type ResumePlace } from './volume-probe.ts';

export interface SwapEvidence {
  readonly hibernation: readonly Evidence[];
  readonly resumes: readonly ResumePlace[];
}

const SWAP_FILES = ['/swapfile', '/swap.img', '/swap/swapfile', '/var/swapfile', '/swap'];
const MAX_SWAP_FILES = 32;
/** Where the kernel's command line, or the device that it resumes from, is written down. */
const BOOT_FILES = [
  '/etc/default/grub',
  '/etc/kernel/cmdline',
  '/etc/initramfs-tools/conf.d/resume',
  '/boot/grub/grub.cfg',
  '/boot/grub2/grub.cfg',
  '/grub/grub.cfg',
  '/grub2/grub.cfg',
  '/boot/extlinux/extlinux.conf',
  '/extlinux/extlinux.conf',
  '/cmdline.txt',
  '/boot/cmdline.txt',
  '/boot/firmware/cmdline.txt',
];
/** Directories of boot entries, a file each (Boot Loader Specification). */
const ENTRY_FOLDERS = ['/loader/entries', '/boot/loader/entries'];
const MAX_ENTRIES = 32;
const MAX_TEXT = 256 * 1024;
const MAX_PLACES = 16;

/** The beginning of a regular file; undefined where there is none. */
async function beginning(
  fs: FileSystem,
  path: HostPath,
  most: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const file = await fs.open(path, signal);
  if (!file.ok) return undefined;
  const bytes = new Uint8Array(Math.min(most, file.value.stat.size));
  const count = await file.value.read(0, bytes, signal);
  return bytes.subarray(0, count);
}

async function textOf(fs: FileSystem, path: HostPath, signal?: AbortSignal): Promise<string> {
  return fromUtf8Lossy((await beginning(fs, path, MAX_TEXT, signal)) ?? new Uint8Array(0));
}

/** Paths that /etc/fstab gives as swap files. */
function swapFilesIn(fstab: string): string[] {
  return fstab
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([what, , type]) => type === 'swap' && what?.startsWith('/') === true)
    .map(([what]) => what!)
    .filter((path) => !path.startsWith('/dev/'));
}

/** Places that a text with kernel command lines, or the setting of initramfs-tools, names for resuming. */
export function resumePlacesIn(text: string, from: string): ResumePlace[] {
  const places = new Map<string, ResumePlace>();
  for (const line of text.split('\n')) {
    if (/^\s*#/.test(line) || /\bnoresume\b/.test(line)) continue;
    const device = /(?:^|[\s"'])resume=["']?([^\s"']{1,256})/i.exec(line)?.[1];
    if (device === undefined || ['none', 'auto'].includes(device)) continue;
    const offset = Number(/(?:^|[\s"'])resume_offset=(\d{1,15})\b/.exec(line)?.[1] ?? 0);
    places.set(`${device} ${offset}`, { device, from, ...(offset > 0 ? { offset } : {}) });
    if (places.size >= MAX_PLACES) break;
  }
  return [...places.values()];
}

/** Those of the files above that could be there: most volumes have none of the folders that they would lie in. */
async function bootFiles(fs: FileSystem, signal?: AbortSignal): Promise<HostPath[]> {
  const there = new Map<string, boolean>();
  const possible: HostPath[] = [];
  for (const path of [...BOOT_FILES, ...ENTRY_FOLDERS]) {
    const top = joinPath('/', pathNames(path)[0] ?? '');
    if (!there.has(top)) there.set(top, (await fs.stat(top, true, signal)).ok);
    if (there.get(top) === true) possible.push(path);
  }
  const paths = possible.filter((path) => !ENTRY_FOLDERS.includes(path));
  for (const folder of ENTRY_FOLDERS.filter((path) => possible.includes(path))) {
    const listed = await fs.list(folder, signal);
    if (!listed.ok) continue;
    let seen = 0;
    for await (const { name } of listed.value) {
      seen += 1;
      if (seen > MAX_ENTRIES) break;
      if (name?.endsWith('.conf') === true) paths.push(joinPath(folder, name));
    }
  }
  return paths;
}

/** Where this host looks for a hibernated system when it starts, as far as the files of this filesystem say. */
export async function resumePlaces(fs: FileSystem, signal?: AbortSignal): Promise<ResumePlace[]> {
  const places: ResumePlace[] = [];
  for (const path of await bootFiles(fs, signal)) {
    if (!parseHostPath(path).ok) continue;
    for (const place of resumePlacesIn(await textOf(fs, path, signal), path)) {
      const known = places.some(({ device, offset }) => device === place.device && offset === place.offset);
      if (!known && places.length < MAX_PLACES) places.push(place);
    }
  }
  return places;
}

/**
 * Swap can be a file, and a host can hibernate into it: looks at the usual places, at those in /etc/fstab, and for what the
 * boot files say of resuming.
 */
export async function lookForSwapFiles(fs: FileSystem, signal?: AbortSignal): Promise<SwapEvidence> {
  const hibernation: Evidence[] = [];
  const named = swapFilesIn(await textOf(fs, '/etc/fstab', signal));
  for (const path of new Set([...SWAP_FILES, ...named].slice(0, MAX_SWAP_FILES))) {
    if (!parseHostPath(path).ok) continue;
    const start = await beginning(fs, path, HEAD_SIZE, signal);
    const header = start === undefined ? undefined : judgeSwapHeader(headOf(start));
    if (header?.state !== 'hibernated') continue;
    hibernation.push({ finding: 'hibernated', what: `hibernated swap file ${path} (${header.signature})` });
  }
  return { hibernation, resumes: await resumePlaces(fs, signal) };
}
