import { fromUtf8 } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { counted, modeText, sized, table, timeText } from './text.ts';

type Facts = ResultOf<'file.stat'>['file'];

/** Longest value that is shown as text. */
const SHORT = 120;
const PRINTABLE = /^[^\p{Cc}]*$/u;
const ACL = /^system\.posix_acl_(access|default)$/;
const EVERYWHERE = ['security.selinux', 'system.ntfs_acl', 'system.ntfs_attrib', 'system.dos_attrib'];
const TAGS: Readonly<Record<number, string>> = {
  1: 'user:',
  2: 'user:',
  4: 'group:',
  8: 'group:',
  16: 'mask:',
  32: 'other:',
};

/** "user::rw- user:1000:r-- group::r-- mask::r-- other::---", as getfacl has it; undefined where it is no ACL. */
function aclText(value: Uint8Array): string | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.byteLength < 4 || (value.byteLength - 4) % 8 !== 0) return undefined;
  const entries: string[] = [];
  for (let at = 4; at < value.byteLength; at += 8) {
    const [tag, permissions] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    const id = tag === 2 || tag === 8 ? String(view.getUint32(at + 4, true)) : '';
    entries.push(`${TAGS[tag] ?? `${tag}:`}${id}:${modeText(permissions, 'file').slice(-3)}`);
  }
  return entries.join(' ');
}

function valueText({ name, value, size }: NonNullable<Facts['xattrs']>[number]): string {
  if (value === undefined) return `${size} B`;
  const acl = ACL.test(name) ? aclText(value) : undefined;
  if (acl !== undefined) return acl;
  // Labels end with a NUL that is no part of them.
  const text = fromUtf8(value.at(-1) === 0 ? value.subarray(0, -1) : value);
  if (text !== undefined && text.length <= SHORT && PRINTABLE.test(text)) return JSON.stringify(text);
  const hex = Buffer.from(value.subarray(0, SHORT / 2)).toString('hex');
  return `0x${hex}${value.byteLength > SHORT / 2 ? `… (${size} B)` : ''}`;
}

/** Seconds with their part as fine as it is kept. */
function fineTime(seconds: number, nanoseconds = 0): string {
  const text = timeText(seconds);
  if (nanoseconds === 0 || !text.endsWith('Z')) return text;
  return `${text.slice(0, -1)}.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}Z`;
}

/** What a file is and carries, in lines. */
export function fileLines(f: Facts): string[] {
  const times = [
    `modified ${fineTime(f.mtime, f.mtimeNanoseconds)}`,
    ...(f.birth === undefined ? [] : [`born ${timeText(f.birth)}`]),
    ...(f.atime === undefined ? [] : [`read ${timeText(f.atime)}`]),
  ];
  const sparse = f.allocated !== undefined && f.kind === 'file' && f.allocated < f.size;
  return [
    `${modeText(f.mode, f.kind)} (${f.mode.toString(8).padStart(4, '0')}), owner ${f.uid}:${f.gid}, ${counted(f.links, 'link')}, inode ${f.inode}`,
    times.join(', '),
    ...(sparse ? [`takes ${sized(f.allocated ?? 0)} on the disk: the rest is holes`] : []),
    ...xattrLines(f),
  ];
}

/** Names of what a fetched file had on its host beside its contents; every file of some hosts has a label. */
export function carriedLine({ xattrs = [] }: Pick<Facts, 'xattrs'>): string[] {
  const names = xattrs.map(({ name }) => name).filter((name) => !EVERYWHERE.includes(name));
  return names.length === 0 ? [] : [`it has on the host: ${names.join(', ')}`];
}

function xattrLines({ xattrs = [], moreXattrs = 0 }: Pick<Facts, 'xattrs' | 'moreXattrs'>): string[] {
  const rows = table(xattrs.map((each) => [`  ${each.name}`, valueText(each)]));
  return [
    ...(xattrs.length === 0 ? [] : [`${counted(xattrs.length + moreXattrs, 'extended attribute')}:`]),
    ...rows,
    ...(moreXattrs === 0 ? [] : [`  … and ${moreXattrs} more`]),
  ];
}
