import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ENV = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, DEBUGFS_PAGER: '__none__' };

/** A directory of its own for the length of a test. */
export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'ns-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** An ext image made by mkfs, with the same identity each time, and filled by a debugfs script. */
export async function ext4Image(options: {
  readonly size: number;
  readonly mkfs?: readonly string[];
  /** debugfs commands; "@0", "@1", … stand for paths of files with this content. */
  readonly script?: readonly string[];
  readonly contents?: readonly Uint8Array[];
}): Promise<Uint8Array> {
  const directory = await temporaryDirectory();
  try {
    const image = join(directory.path, 'image');
    await writeFile(image, '');
    await truncate(image, options.size);
    const uuid = '5f1c3c0e-7a51-4a3e-9f5f-0d6f1a2b3c4d';
    const fixed = ['-q', '-F', '-U', uuid, '-E', `hash_seed=${uuid},lazy_itable_init=0`];
    await run('mkfs.ext4', [...fixed, ...(options.mkfs ?? []), image], { env: ENV });
    let script = (options.script ?? []).join('\n');
    for (const [i, content] of (options.contents ?? []).entries()) {
      const path = join(directory.path, `content-${i}`);
      await writeFile(path, content);
      script = script.replaceAll(`@${i}`, path);
    }
    if (script !== '') {
      const file = join(directory.path, 'script');
      await writeFile(file, `${script}\n`);
      const { stderr } = await run('debugfs', ['-w', '-f', file, image], { env: ENV });
      const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('debugfs '));
      if (said.length > 0) throw new Error(`debugfs: ${said.join('; ')}`);
    }
    return new Uint8Array(await readFile(image));
  } finally {
    await directory.remove();
  }
}

/** What e2fsck -fn says of a volume: its exit status (0: no fault) and output. */
export async function e2fsck(image: Uint8Array): Promise<{ status: number; output: string }> {
  const directory = await temporaryDirectory();
  try {
    const path = join(directory.path, 'image');
    await writeFile(path, image);
    return await run('e2fsck', ['-f', '-n', path], { env: ENV }).then(
      ({ stdout }) => ({ status: 0, output: stdout }),
      (error: { code?: number; stdout?: string }) => ({
        status: error.code ?? -1,
        output: error.stdout ?? '',
      }),
    );
  } finally {
    await directory.remove();
  }
}

/** The content of a file on a volume, by debugfs; undefined where it is not there. */
export async function dumpFile(image: Uint8Array, path: string): Promise<Uint8Array | undefined> {
  const directory = await temporaryDirectory();
  try {
    const file = join(directory.path, 'image');
    const out = join(directory.path, 'out');
    await writeFile(file, image);
    await run('debugfs', ['-R', `dump "${path.replaceAll('"', '""')}" ${out}`, file], { env: ENV });
    return await readFile(out).then(
      (bytes) => new Uint8Array(bytes),
      () => undefined,
    );
  } finally {
    await directory.remove();
  }
}

/**
 * Free blocks of a volume by dumpe2fs: one byte a block, 1 where it is free. With bigalloc it names the first block
 * of each cluster.
 */
export async function freeBlocksByDumpe2fs(
  image: Uint8Array,
  blocks: number,
  clusterBlocks: number,
): Promise<Uint8Array> {
  const directory = await temporaryDirectory();
  try {
    const path = join(directory.path, 'image');
    await writeFile(path, image);
    const { stdout } = await run('dumpe2fs', [path], { env: ENV, maxBuffer: 1 << 26 });
    const free = new Uint8Array(blocks);
    for (const line of stdout.matchAll(/^ {2}Free blocks: (.*)$/gm)) {
      for (const part of (line[1] ?? '').split(', ').filter((text) => text !== '')) {
        const [first = 0, last = first] = part.split('-').map(Number);
        free.fill(1, first, last + clusterBlocks);
      }
    }
    return free;
  } finally {
    await directory.remove();
  }
}
