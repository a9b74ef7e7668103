import { allow, MiB, refuse, utf8, type Verdict } from '../../base/index.ts';
import type { FileAttributes, FileContent, VolumeEdit } from '../../ports/index.ts';
import type { AttributeBlock } from '../../storage/index.ts';
import type { BlockRange } from './content-ranges.ts';

export interface ScriptFacts {
  /** Whole seconds since 1970: the time of every change. */
  readonly time: number;
  /** True where inodes have room for the birth time and for times past 2038. */
  readonly largeInodes: boolean;
  /** Free bytes of the volume. */
  readonly free: number;
  /** Blocks with extended attributes that go with a path; see `attributeRemovals`. */
  readonly attributes: ReadonlyMap<string, AttributeBlock>;
  /** Files that hold the values of extended attributes; see `writeAttributeValues`. */
  readonly values: ReadonlyMap<Uint8Array, string>;
  /** The blocks that each content takes. */
  readonly ranges: ReadonlyMap<FileContent, readonly BlockRange[]>;
  /** False where the volume does not say yet that it has files of 2 GiB and more. */
  readonly largeFiles: boolean;
  /** True where the volume keeps small files in their inodes. */
  readonly inlineData: boolean;
}

/** Room that a file takes on the volume besides its content, generously: extent blocks, a directory block. */
const ALLOWANCE = MiB;

/** debugfs reads a line into 8192 bytes, and what does not fit becomes the next command. */
const LONGEST_LINE = 8000;
const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const LARGE_FILE = 2 ** 31;

/**
 * The debugfs commands for these edits, one a line. Names that its command language cannot carry are refused:
 * anything with a control character, for which it has no escape.
 */
export function debugfsScript(edits: readonly VolumeEdit[], facts: ScriptFacts): Verdict<string> {
  const lines = [`set_current_time @${facts.time}`];
  const gone = new Set<string>();
  const parents = new Set<string>();
  const beside = fitsBeside(edits, facts.free ?? 0);
  if (
    !facts.largeFiles &&
    edits.some((edit) => edit.edit === 'put-file' && edit.content.size >= LARGE_FILE)
  ) {
    lines.push('feature large_file');
  }
  for (const edit of edits) {
    if (!isCarried(edit.path)) {
      return refuse('NAME_UNSUPPORTED', `${JSON.stringify(edit.path)} has a control character.`);
    }
    const odd = 'attributes' in edit && edit.attributes.xattrs?.find(({ name }) => !isCarried(name));
    if (odd) return refuse('NAME_UNSUPPORTED', `${JSON.stringify(odd.name)} has a control character.`);
    if (edit.edit === 'make-symlink' || edit.edit === 'make-link') {
      return refuse('LINKS_UNSUPPORTED', `${edit.path} would be a link.`);
    }
    const path = quote(edit.path);
    switch (edit.edit) {
      case 'put-file':
        lines.push(...putFile(edit, facts, beside));
        break;
      case 'make-directory':
        lines.push(`mkdir ${path}`, ...setFields(path, DIRECTORY, edit.attributes, facts));
        gone.delete(edit.path);
        break;
      case 'remove-file':
        lines.push(...remove('rm', edit.path, facts));
        break;
      case 'remove-directory':
        lines.push(...remove('rmdir', edit.path, facts));
        gone.add(edit.path);
        break;
    }
    parents.add(parentOf(edit.path));
  }
  for (const parent of [...parents].sort()) {
    if (gone.has(parent)) continue;
    lines.push(...setTime(quote(parent), 'mtime', facts.time, facts));
    lines.push(...setTime(quote(parent), 'ctime', facts.time, facts));
  }
  const long = lines.find((line) => utf8(line).byteLength > LONGEST_LINE);
  if (long !== undefined) return refuse('NAME_UNSUPPORTED', 'The path is too long for debugfs.');
  return allow(`${lines.join('\n')}\n`);
}

/**
 * Files get their size and their blocks, and no content: that is put there without debugfs. A file that replaces another
 * is made under a name of its own first, so that it gets blocks that are free now and not those of the old file: their
 * content can be brought to the disk ahead of the commit. debugfs has no rename: `ln` and `unlink` change names and
 * leave the link count alone.
 */
function putFile(
  edit: Extract<VolumeEdit, { edit: 'put-file' }>,
  facts: ScriptFacts,
  beside: boolean,
): string[] {
  const path = quote(edit.path);
  const fields = setFields(path, REGULAR, edit.attributes, facts);
  if (!edit.replace) return [...makeFile(path, edit.content, facts), ...fields];
  const removal = remove('rm', edit.path, facts);
  if (!beside) return [...removal, ...makeFile(path, edit.content, facts), ...fields];
  const parent = parentOf(edit.path);
  const aside = quote(`${parent === '/' ? '' : parent}/.nightshift-${facts.time}`);
  return [
    ...makeFile(aside, edit.content, facts),
    ...removal,
    `ln ${aside} ${path}`,
    `unlink ${aside}`,
    ...fields,
  ];
}

function makeFile(path: string, content: FileContent, { ranges, inlineData }: ScriptFacts): string[] {
  const write = `write /dev/null ${path}`;
  const blocks = (ranges.get(content) ?? []).map(({ first, last }) => `fallocate ${path} ${first} ${last}`);
  return [
    // A file that begins inline is given no blocks by debugfs.
    ...(inlineData ? ['feature -inline_data', write, 'feature inline_data'] : [write]),
    ...blocks,
    `sif ${path} size ${content.size}`,
  ];
}

/**
 * Removes a file or directory with its attribute block. debugfs frees a block with all its accounts only as a block of
 * a file, so the attribute block is made the only one of a file that is made for this and removed.
 */
function remove(command: 'rm' | 'rmdir', path: string, facts: ScriptFacts): string[] {
  const lines = [`${command} ${quote(path)}`];
  const attributes = facts.attributes.get(path);
  if (attributes === undefined) return lines;
  lines.unshift(`sif ${quote(path)} file_acl 0`);
  if (!attributes.last) return lines;
  const carrier = quote(`/.nightshift-free-${facts.time}`);
  // Fields 0 to 2 are where an extent header would stand.
  const blocks = [attributes.block, 0, 0].map((block, i) => `sif ${carrier} block[${i}] ${block}`);
  return [...lines, `write /dev/null ${carrier}`, `sif ${carrier} flags 0`, ...blocks, `rm ${carrier}`];
}

/** Is there room for all new content while the old is still there? */
function fitsBeside(edits: readonly VolumeEdit[], free: number): boolean {
  let needed = ALLOWANCE;
  for (const edit of edits) {
    if (edit.edit === 'put-file') needed += Math.ceil(edit.content.size * 1.02) + ALLOWANCE;
  }
  return needed <= free;
}

/** In double quotes, a double quote doubled: the only escape of the command language. */
function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function isCarried(path: string): boolean {
  for (const char of path) {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return false;
  }
  return true;
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

function setFields(path: string, kind: number, attributes: FileAttributes, facts: ScriptFacts): string[] {
  const { mode, uid, gid, mtime, mtimeNanoseconds, xattrs = [] } = attributes;
  return [
    ...xattrs.map(
      ({ name, value }) => `ea_set -f ${quote(facts.values.get(value) ?? '')} ${path} ${quote(name)}`,
    ),
    `sif ${path} mode 0${(kind | mode).toString(8)}`,
    `sif ${path} uid ${uid}`,
    `sif ${path} gid ${gid}`,
    ...setTime(path, 'mtime', mtime, facts, mtimeNanoseconds),
    ...setTime(path, 'atime', facts.time, facts),
    ...setTime(path, 'ctime', facts.time, facts),
    ...(facts.largeInodes ? setTime(path, 'crtime', facts.time, facts) : []),
  ];
}

/**
 * The low 32 bits of a time, and where there is room the two bits that carry it past 2038, below the part of a second
 * (ext4 i_*time_extra).
 */
function setTime(path: string, field: string, time: number, facts: ScriptFacts, nanoseconds = 0): string[] {
  const low = time >>> 0;
  const epoch = Math.floor((time - (low | 0)) / 2 ** 32) & 3;
  const lines = [`sif ${path} ${field} @${low}`];
  if (facts.largeInodes) lines.push(`sif ${path} ${field}_extra ${nanoseconds * 4 + epoch}`);
  return lines;
}
