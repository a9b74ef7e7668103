import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './disk-tools.ts';

/** Where scripts/guest-system puts the kernel, its modules and busybox. */
const HOME = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'nightshift-test', 'guest-system');

/** What ahci, sd and ext4 need though they name no module for it: they ask for a checksum by its kind. */
const CHECKSUMS = ['crct10dif_generic', 'crc64_rocksoft_generic', 'crc32c_generic'];

export interface GuestSystem {
  readonly kernel: string;
  readonly initramfs: string;
}

/**
 * A system that runs one shell script as its first process and nothing else. These modules are loaded before it, each
 * after those that it depends on. Throws where scripts/setup was not run.
 */
export async function makeGuestSystem(
  directory: string,
  modules: readonly string[],
  script: string,
): Promise<GuestSystem> {
  const kernel = join(HOME, 'vmlinuz');
  const tree = join(directory, 'initramfs');
  for (const name of ['bin', 'modules', 'dev', 'proc', 'sys', 'mnt']) {
    await mkdir(join(tree, name), { recursive: true });
  }
  try {
    await copyFile(join(HOME, 'busybox'), join(tree, 'bin', 'busybox'));
    for (const [i, file] of (await inLoadOrder([...CHECKSUMS, ...modules])).entries()) {
      const place = `${String(i).padStart(3, '0')}-${file}`;
      await copyFile(join(HOME, 'modules', file), join(tree, 'modules', place));
    }
  } catch (cause) {
    throw new Error(`no guest system in ${HOME}; run scripts/setup`, { cause });
  }
  await writeFile(join(tree, 'init'), script, { mode: 0o755 });
  const initramfs = join(directory, 'initramfs.cpio');
  await run('sh', ['-c', 'cd "$0" && find . | cpio -o -H newc --quiet > "$1"', tree, initramfs]);
  return { kernel, initramfs };
}

/** File names of the modules and of all that they depend on, by what the modules say themselves. */
async function inLoadOrder(wanted: readonly string[]): Promise<string[]> {
  const files = new Map((await readdir(join(HOME, 'modules'))).map((file) => [plainName(file), file]));
  const order = new Set<string>();
  const visit = async (name: string): Promise<void> => {
    const file = files.get(plainName(name));
    if (file === undefined) throw new Error(`the kernel has no module ${name}`);
    if (order.has(file)) return;
    for (const other of await dependencies(file)) await visit(other);
    order.add(file);
  };
  for (const name of wanted) await visit(name);
  return [...order];
}

async function dependencies(file: string): Promise<string[]> {
  const content = (await readFile(join(HOME, 'modules', file))).toString('latin1');
  const names = /\0depends=([^\0]*)\0/.exec(content)?.[1] ?? '';
  return names.split(',').filter((name) => name !== '');
}

/** The kernel takes "-" and "_" in a module's name for the same. */
function plainName(file: string): string {
  return file.replace(/\.ko$/, '').replaceAll('-', '_');
}
