import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { NsError } from '../base/index.ts';
import { runBeside } from './local-tool.ts';

const BYTES = 32 * 1024 * 1024;

/** What somebody finds who looks at the disk of a simulated host for the first time. */
const files = (host: string): Readonly<Record<string, string>> => ({
  'etc/hostname': `${host}\n`,
  'etc/motd': `Hello from ${host}, which is switched off.\n`,
  'var/log/boot.log': 'Nobody has started this host yet.\n',
});

/** A new image of an ext4 disk with a few files on it, for a simulated host. NS_LOCAL_FILE; the image is whole or not there. */
export async function makeSampleDisk(path: string, host: string): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), 'nightshift-disk-'));
  try {
    for (const [name, text] of Object.entries(files(host))) {
      await mkdir(dirname(join(tree, name)), { recursive: true });
      await writeFile(join(tree, name), text);
    }
    const image = await open(path, 'wx');
    try {
      await image.truncate(BYTES);
    } finally {
      await image.close();
    }
    const made = await runBeside('mkfs.ext4', ['-q', '-F', '-L', 'root', '-d', tree, path], '.', 'e2fsprogs');
    if (made.ok) return;
    await rm(path, { force: true });
    throw new Error(made.why);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NsError('NS_LOCAL_FILE', `${path} cannot be made: ${why}`, { cause: error });
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
