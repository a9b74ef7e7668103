import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { equalBytes, fromHex } from '../base/index.ts';
import type { ExtendedAttribute } from '../ports/index.ts';
import { runBeside } from './local-tool.ts';

/** Node has no calls for extended attributes: Debian's getfattr and setfattr (package attr) make them. */
const PACKAGE = 'attr';
const SECOND = 1_000_000_000n;

/** "\075" for what the format has a use for itself. */
function unescaped(text: string): string {
  const bytes = Buffer.from(text).toString('latin1');
  const plain = bytes.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(plain, 'latin1').toString();
}

function escaped(text: string): string {
  return text.replace(/[\\=\n\r]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** Owner, mode (0 to 0o7777), and the part of a second of the last change of a local file. */
export async function readOwner(path: string): Promise<{
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNanoseconds: number;
}> {
  const { mode, uid, gid, mtimeNs } = await stat(path, { bigint: true });
  const part = mtimeNs % SECOND;
  return {
    mode: Number(mode) & 0o7777,
    uid: Number(uid),
    gid: Number(gid),
    mtimeNanoseconds: Number(part < 0n ? part + SECOND : part),
  };
}

export type XattrsRead =
  | { readonly ok: true; readonly xattrs: readonly ExtendedAttribute[] }
  | { readonly ok: false; readonly why: string };

/** The extended attributes of a local file, ACLs among them, as far as this user may see them. */
export async function readXattrs(path: string): Promise<XattrsRead> {
  const args = ['--no-dereference', '-d', '-m', '-', '-e', 'hex', '--', `./${basename(path)}`];
  const told = await runBeside('getfattr', args, path, PACKAGE);
  if (!told.ok) return told;
  const xattrs = told.text.split('\n').flatMap((line): ExtendedAttribute[] => {
    if (line === '' || line.startsWith('#')) return [];
    const at = line.indexOf('=');
    const name = unescaped(at < 0 ? line : line.slice(0, at));
    const hex = /^0x([0-9a-f]*)$/i.exec(at < 0 ? '0x' : line.slice(at + 1))?.[1] ?? '';
    return [{ name, value: fromHex(hex) }];
  });
  return { ok: true, xattrs };
}

/**
 * Gives a local file these attributes. Gives back the names of those that it does not have afterwards, and why, as far as
 * setfattr says.
 */
export async function writeXattrs(
  path: string,
  xattrs: readonly ExtendedAttribute[],
): Promise<{ readonly missing: readonly string[]; readonly why: string }> {
  if (xattrs.length === 0) return { missing: [], why: '' };
  const lines = xattrs.map(({ name, value }) => `${escaped(name)}=0x${Buffer.from(value).toString('hex')}`);
  const dump = `# file: ./${escaped(basename(path))}\n${lines.join('\n')}\n\n`;
  const set = await runBeside('setfattr', ['--no-dereference', '--restore=-'], path, PACKAGE, dump);
  const after = await readXattrs(path);
  if (!after.ok) return { missing: xattrs.map(({ name }) => name), why: after.why };
  const has = new Map(after.xattrs.map(({ name, value }) => [name, value]));
  const missing = xattrs.filter(({ name, value }) => {
    const found = has.get(name);
    return found === undefined || !equalBytes(found, value);
  });
  const why = set.ok ? 'this filesystem has others for them' : set.why.replace(/^setfattr: /, '');
  return { missing: missing.map(({ name }) => name), why };
}
