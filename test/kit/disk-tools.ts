import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { OpenFile } from '../../src/ports/index.ts';

const exec = promisify(execFile);
const environment = {
  ...process.env,
  PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
  LC_ALL: 'C',
  DEBUGFS_PAGER: '__none__',
};

/** Runs a program to its end and gives its standard output; throws where it exits with anything but `codes`. */
export async function run(
  program: string,
  args: readonly string[],
  codes: readonly number[] = [0],
): Promise<string> {
  try {
    const { stdout } = await exec(program, [...args], { env: environment, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number | string; stdout?: string; stderr?: string };
    if (typeof code === 'number' && codes.includes(code)) return stdout ?? '';
    throw new Error(`${program} ${args.join(' ')}: ${code}: ${stdout ?? ''}${stderr ?? ''}`);
  }
}

/** A directory of its own for one test, and the function that removes it. */
export async function scratch(): Promise<{ readonly dir: string; readonly remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'ns-test-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

export interface Ext4ImageOptions {
  readonly path: string;
  readonly size: number;
  /** Options of mkfs.ext4, as in ['-b', '1024', '-O', '^64bit']. */
  readonly options?: readonly string[];
  /** A directory whose contents the filesystem begins with. */
  readonly content?: string;
  /** Gives every directory of more than one block a hash index. */
  readonly indexed?: boolean;
}

/** Makes an ext2, ext3 or ext4 image by mkfs.ext4. */
export async function makeExt4(image: Ext4ImageOptions): Promise<void> {
  await writeFile(image.path, '');
  await truncate(image.path, image.size);
  const content = image.content === undefined ? [] : ['-d', image.content];
  await run('mkfs.ext4', ['-q', '-F', ...(image.options ?? []), ...content, image.path]);
  if (image.indexed === true) await run('e2fsck', ['-fyD', image.path], [0, 1]);
}

/** Runs debugfs commands on an image. */
export async function debugfs(path: string, commands: readonly string[]): Promise<string> {
  const script = `${path}.debugfs`;
  await writeFile(script, `${commands.join('\n')}\n`);
  try {
    return await run('debugfs', ['-w', '-f', script, path]);
  } finally {
    await rm(script);
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** SHA-256 over a whole open file, read in pieces of an odd size. */
export async function hashOf(file: OpenFile, piece = 777_777): Promise<string> {
  const hash = createHash('sha256');
  const into = new Uint8Array(piece);
  for (let at = 0; ; ) {
    const count = await file.read(at, into);
    if (count === 0) return hash.digest('hex');
    hash.update(into.subarray(0, count));
    at += count;
  }
}
