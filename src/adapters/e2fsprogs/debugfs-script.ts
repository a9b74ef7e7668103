import { allow, MiB, refuse, utf8, type Verdict } from '../../base/index.ts';
import type { FileAttributes, FileContent, VolumeEdit } from '../../ports/index.ts';
import type { AttributeBlock } from '../../storage/index.ts';
import type { BlockRange } from './content-ranges.ts';
import { MOST_LINKS } from './link-counts.ts';

export interface ScriptFacts {
  /** Whole seconds since 1970: the time of every change. */
  readonly time: number;
  readonly blockSize: number;
  /** Free bytes of the volume. */
  readonly free: number;
  /** Blocks with extended attributes that go with a path; see `attributeRemovals`. */
  readonly attributes: ReadonlyMap<string, AttributeBlock>;
  /** Names that a file has once this edit has made a link to it. */
  readonly links: ReadonlyMap<VolumeEdit, number>;
  /** Files that hold the values of extended attributes; see `writeAttributeValues`. */
  readonly values: ReadonlyMap<Uint8Array, string>;
  /** The blocks that each content takes. */
  readonly ranges: ReadonlyMap<FileContent, readonly BlockRange[]>;
  /** False where the volume does not say yet that it has files of 2 GiB and more. */
  readonly largeFiles: boolean;
  /** True where the volume keeps small files in their inodes. */
  readonly inlineData: boolean;
}

/** Room besides contents, generously, and how much larger files are than their content by the blocks that map it. */
const ALLOWANCE = MiB;
const MAPPING = 1.02;
/** Blocks that a file may take besides those of its content and its map: of its directory, of attributes. */
const BESIDE = 4;

/** debugfs reads a line into 8192 bytes, and what does not fit becomes the next command. */
const LONGEST_LINE = 8000;
const LARGE_FILE = 2 ** 31;

/**
 * The debugfs commands for these edits, one a line: names, blocks and extended attributes. The rest is set without
 * debugfs, see `settledEdits`. Names that its command language cannot carry are refused:
 * anything with a control character, for which it has no escape.
 */
export function debugfsScript(edits: readonly VolumeEdit[], facts: ScriptFacts): Verdict<string> {
  const lines = [`set_current_time @${facts.time}`];
  const beside = fitsBeside(edits, facts);
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
    const other = edit.edit === 'make-symlink' ? edit.target : edit.edit === 'make-link' ? edit.to : '';
    if (!isCarried(other)) {
      return refuse('NAME_UNSUPPORTED', `${JSON.stringify(other)} has a control character.`);
    }
    const links = facts.links.get(edit) ?? 0;
    if (links > MOST_LINKS) return refuse('LINKS_UNSUPPORTED', `${other} would have ${links} names.`);
    const path = quote(edit.path);
    switch (edit.edit) {
      case 'put-file':
        lines.push(...putFile(edit, facts, beside));
        break;
      case 'make-directory':
        lines.push(`mkdir ${path}`, ...attributeLines(path, edit.attributes, facts));
        break;
      case 'make-symlink':
        lines.push(`symlink ${path} ${quote(edit.target)}`, ...attributeLines(path, edit.attributes, facts));
        break;
      case 'make-link':
        lines.push(`ln ${quote(edit.to)} ${path}`, `sif ${path} links_count ${links}`);
        break;
      case 'remove-file':
        lines.push(...remove('rm', edit.path, facts));
        break;
      case 'remove-directory':
        lines.push(...remove('rmdir', edit.path, facts));
        break;
    }
  }
  const long = lines.find((line) => utf8(line).byteLength > LONGEST_LINE);
  if (long !== undefined) return refuse('NAME_UNSUPPORTED', 'The path is too long for debugfs.');
  return allow(`${lines.join('\n')}\n`);
}

/**
 * Files get their blocks, and neither size nor content. A file that replaces another
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
  const attributes = attributeLines(path, edit.attributes, facts);
  if (!edit.replace) return [...makeFile(path, edit.content, facts), ...attributes];
  const removal = remove('rm', edit.path, facts);
  if (!beside) return [...removal, ...makeFile(path, edit.content, facts), ...attributes];
  const parent = parentOf(edit.path);
  const aside = quote(`${parent === '/' ? '' : parent}/.nightshift-${facts.time}`);
  return [
    ...makeFile(aside, edit.content, facts),
    ...removal,
    `ln ${aside} ${path}`,
    `unlink ${aside}`,
    ...attributes,
  ];
}

function makeFile(path: string, content: FileContent, { ranges, inlineData }: ScriptFacts): string[] {
  const write = `write /dev/null ${path}`;
  const blocks = (ranges.get(content) ?? []).map(({ first, last }) => `fallocate ${path} ${first} ${last}`);
  return [
    // A file that begins inline is given no blocks by debugfs.
    ...(inlineData ? ['feature -inline_data', write, 'feature inline_data'] : [write]),
    ...blocks,
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
function fitsBeside(edits: readonly VolumeEdit[], { free, blockSize, ranges }: ScriptFacts): boolean {
  let needed = ALLOWANCE;
  for (const edit of edits) {
    if (edit.edit !== 'put-file') continue;
    const blocks = (ranges.get(edit.content) ?? []).reduce(
      (sum, { first, last }) => sum + last - first + 1,
      0,
    );
    needed += (Math.ceil(blocks * MAPPING) + BESIDE) * blockSize;
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

function attributeLines(path: string, { xattrs = [] }: FileAttributes, { values }: ScriptFacts): string[] {
  return xattrs.map(
    ({ name, value }) => `ea_set -f ${quote(values.get(value) ?? '')} ${path} ${quote(name)}`,
  );
}
