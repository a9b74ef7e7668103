import { NsError } from '../../base/index.ts';
import type { BlockDevice, HostPath } from '../../ports/index.ts';
import { joinPath, parentPath } from '../host-path.ts';
import { FatChildren } from './children.ts';
import { CASE_AT, ENTRY_BYTES, SMALL, UNIT_OFFSETS } from './dirent.ts';

/** What no short name may have, so that a name with one of them has a long form. */
const LONG_ONLY = ['+', ',', ';', '='];

/**
 * A name in ASCII without a tilde that nothing in the directory has, as long as `name`, which is kept as a long name whatever
 * the code page of whoever writes it. Undefined where all are taken.
 */
export async function standInName(
  volume: BlockDevice,
  directory: HostPath,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const children = await FatChildren.open(volume, signal);
  for (const mark of LONG_ONLY) {
    const standIn = name.replaceAll(/[^\x20-\x7d]/gu, mark);
    if ((await children.named(joinPath(directory, standIn), signal)).length === 0) return standIn;
  }
  return undefined;
}

/**
 * Gives an entry the name that was meant, where a program could not: other units of its long name, as many as there are, or the
 * small letters of a short one, which Windows NT marks. Its short name, which a long one is bound to, stays. Throws
 * NS_EDIT_NOT_MADE where that makes no such name.
 */
export async function giveName(
  volume: BlockDevice,
  path: HostPath,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const [entry] = await (await FatChildren.open(volume, signal)).named(path, signal);
  if (entry?.name === name) return;
  if (entry?.name?.length !== name.length) throw notNamed(path, name);
  for (const [part, at] of entry.longAt.entries()) {
    const record = new Uint8Array(ENTRY_BYTES);
    await volume.read(at, record, signal);
    const view = new DataView(record.buffer);
    for (const [i, offset] of UNIT_OFFSETS.entries()) {
      const unit = part * UNIT_OFFSETS.length + i;
      if (unit < name.length) view.setUint16(offset, name.charCodeAt(unit), true);
    }
    await volume.write(at, record, signal);
  }
  if (entry.longAt.length === 0) await volume.write(entry.at + CASE_AT, Uint8Array.of(caseOf(name)), signal);
  const [made] = await (await FatChildren.open(volume, signal)).named(
    joinPath(parentPath(path), name),
    signal,
  );
  if (made?.name !== name) throw notNamed(path, name);
}

function caseOf(name: string): number {
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
  const small = (text: string): boolean => text !== text.toUpperCase();
  return (small(stem) ? SMALL.name : 0) | (small(extension) ? SMALL.extension : 0);
}

function notNamed(path: HostPath, name: string): NsError {
  return new NsError('NS_EDIT_NOT_MADE', `${path} cannot be given the name ${JSON.stringify(name)}`);
}
