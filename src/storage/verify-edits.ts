import { equalBytes, KiB, NsError } from '../base/index.ts';
import type { BlockDevice, FileContent, FileStat, FileSystem, VolumeEdit } from '../ports/index.ts';
import { openFileSystem } from './open-file-system.ts';

const CHUNK = 256 * KiB;

/**
 * Looks with our own reader whether a volume holds what the edits ask for, content compared byte by byte. The tools
 * that make edits report success where they failed, so this is what success means. Throws NS_EDIT_NOT_MADE.
 */
export async function verifyEdits(
  volume: BlockDevice,
  type: string,
  edits: readonly VolumeEdit[],
  signal: AbortSignal,
): Promise<void> {
  const fileSystem = await openFileSystem(volume, type, signal);
  // Of several edits of one path the last one counts.
  const last = new Map(edits.map((edit) => [edit.path, edit]));
  for (const edit of last.values()) {
    const fault = await faultOf(fileSystem, edit, signal);
    if (fault !== undefined) throw new NsError('NS_EDIT_NOT_MADE', `${edit.path} ${fault}`);
  }
}

async function faultOf(
  fileSystem: FileSystem,
  edit: VolumeEdit,
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await fileSystem.stat(edit.path, false, signal);
  if (edit.edit === 'remove-file' || edit.edit === 'remove-directory') {
    return found.ok ? 'is still there' : undefined;
  }
  if (!found.ok) return `was not made: ${found.refusal.sentence}`;
  const stat = found.value;
  if (edit.edit === 'make-link') {
    const other = await fileSystem.stat(edit.to, false, signal);
    return other.ok && other.value.inode === stat.inode ? undefined : `is not the same file as ${edit.to}`;
  }
  if (edit.edit === 'make-symlink' && stat.target !== edit.target) {
    return `leads to ${stat.target ?? 'nothing'}, not to ${edit.target}`;
  }
  const wrong = wrongAttribute(stat, edit, fileSystem.facts.limits?.owners !== false);
  if (wrong !== undefined) return wrong;
  return edit.edit === 'put-file'
    ? await wrongContent(fileSystem, edit.path, edit.content, signal)
    : undefined;
}

const KINDS = { 'put-file': 'file', 'make-directory': 'directory', 'make-symlink': 'symlink' } as const;

function wrongAttribute(
  stat: FileStat,
  edit: Extract<VolumeEdit, { edit: 'put-file' | 'make-directory' | 'make-symlink' }>,
  owners: boolean,
): string | undefined {
  const kind = KINDS[edit.edit];
  if (stat.kind !== kind) return `is a ${stat.kind}, not a ${kind}`;
  if (edit.edit === 'put-file' && stat.links !== 1) return `has ${stat.links} links`;
  if (!owners && edit.edit === 'put-file' && mayBeWritten(stat) !== mayBeWritten(edit.attributes)) {
    return mayBeWritten(stat) ? 'is not read-only' : 'is read-only';
  }
  for (const name of owners ? (['mode', 'uid', 'gid', 'mtime'] as const) : (['mtime'] as const)) {
    if (name === 'mtime' && edit.edit === 'make-directory') continue;
    if (stat[name] !== edit.attributes[name])
      return `has ${name} ${stat[name]}, not ${edit.attributes[name]}`;
  }
  return undefined;
}

function mayBeWritten({ mode }: { readonly mode: number }): boolean {
  return (mode & 0o222) !== 0;
}

async function wrongContent(
  fileSystem: FileSystem,
  path: string,
  content: FileContent,
  signal: AbortSignal,
): Promise<string | undefined> {
  const opened = await fileSystem.open(path, signal);
  if (!opened.ok) return opened.refusal.sentence;
  if (opened.value.stat.size !== content.size) {
    return `has ${opened.value.stat.size} bytes, not ${content.size}`;
  }
  for (let at = 0; at < content.size; ) {
    const wanted = new Uint8Array(Math.min(CHUNK, content.size - at));
    const there = new Uint8Array(wanted.byteLength);
    await content.data.read(at, wanted, signal);
    for (let done = 0; done < there.byteLength; ) {
      const count = await opened.value.read(at + done, there.subarray(done), signal);
      if (count === 0) return `ends at ${at + done}`;
      done += count;
    }
    if (!equalBytes(wanted, there)) return `does not hold what it was to hold at ${at}`;
    at += wanted.byteLength;
  }
  return undefined;
}
