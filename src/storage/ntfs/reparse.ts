import { ByteView, fromUtf8 } from '../../base/index.ts';
import { utf16 } from './records.ts';

/** Tags of reparse points ([MS-FSCC] 2.1.2.1). */
const TAG = { mountPoint: 0xa000_0003, symlink: 0xa000_000c, linuxSymlink: 0xa000_001d } as const;
const RELATIVE = 1;
const MAX_TARGET = 4096;

/** What stands in the place of a file's contents. */
export type Reparse =
  /** Where it leads, with "/" between names; undefined where that is not on this volume for certain. */
  | { readonly is: 'link'; readonly target: string; readonly within: boolean }
  /** Contents kept elsewhere or in a form that only its owner reads: compressed system files, files in a cloud. */
  | { readonly is: 'other'; readonly tag: number };

export function isLinkTag(tag: number): boolean {
  return tag === TAG.symlink || tag === TAG.mountPoint || tag === TAG.linuxSymlink;
}

export function decodeReparse(bytes: Uint8Array): Reparse {
  const view = new ByteView(bytes, 'reparse point');
  const tag = view.u32le(0);
  if (tag === TAG.linuxSymlink) {
    const target = fromUtf8(view.slice(12, Math.min(MAX_TARGET, Math.max(0, view.u16le(4) - 4)))) ?? '';
    return { is: 'link', target, within: target !== '' && !target.startsWith('/') };
  }
  if (tag !== TAG.symlink && tag !== TAG.mountPoint) return { is: 'other', tag };
  const paths = tag === TAG.symlink ? 20 : 16;
  const shown = utf16(view.slice(paths + view.u16le(12), view.u16le(14)));
  const meant = utf16(view.slice(paths + view.u16le(8), view.u16le(10)));
  const target = (shown === '' ? meant : shown).slice(0, MAX_TARGET).replaceAll('\\', '/');
  const relative = tag === TAG.symlink && (view.u32le(16) & RELATIVE) !== 0;
  return { is: 'link', target, within: relative && target !== '' && !target.startsWith('/') };
}
