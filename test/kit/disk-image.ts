import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MiB } from '../../src/base/index.ts';
import { run } from './disk-tools.ts';

export interface DiskMaking {
  /** Fills the directory that the first volume begins with. */
  readonly fill?: (tree: string) => Promise<void>;
  /** MiB of the first volume; 24 by default. */
  readonly size?: number;
  /** More options for mkfs.ext4. */
  readonly mkfs?: readonly string[];
  /** MiB of a second ext4 volume, "data", with a file /secret; none by default. */
  readonly second?: number;
}

export interface VolumePlace {
  /** Bytes from the start of the disk. */
  readonly start: number;
  readonly length: number;
}

/** Makes a disk with a GPT: disk0p1 is ext4 "root", and where asked for disk0p2 is ext4 "data". */
export async function makeDisk(dir: string, making: DiskMaking): Promise<DiskImage> {
  const path = join(dir, 'disk0.img');
  const tree = join(dir, 'tree');
  await mkdir(tree);
  await making.fill?.(tree);
  const sizes = [making.size ?? 24, ...(making.second === undefined ? [] : [making.second])];
  await writeFile(path, '');
  await truncate(path, (2 + sizes.reduce((sum, size) => sum + size, 0)) * MiB);
  const script = join(dir, 'parts');
  await writeFile(script, `label: gpt\n${sizes.map((size) => `size=${size}MiB, type=linux`).join('\n')}\n`);
  await run('sh', ['-c', 'sfdisk -q "$0" < "$1"', path, script]);
  let start = MiB;
  const volumes: VolumePlace[] = [];
  for (const [i, size] of sizes.entries()) {
    volumes.push({ start, length: size * MiB });
    const content = i === 0 ? tree : join(dir, 'data');
    if (i > 0) {
      await mkdir(content);
      await writeFile(join(content, 'secret'), 'of the other volume\n');
    }
    const label = i === 0 ? 'root' : 'data';
    const more = i === 0 ? (making.mkfs ?? []) : [];
    const kib = `${size * 1024}k`;
    await run('mkfs.ext4', [
      '-q',
      '-F',
      '-L',
      label,
      '-d',
      content,
      ...more,
      '-E',
      `offset=${start}`,
      path,
      kib,
    ]);
    start += size * MiB;
  }
  await rm(tree, { recursive: true });
  return new DiskImage(path, volumes);
}

/** A disk image, looked at by e2fsprogs and by nothing of ours. */
export class DiskImage {
  readonly path: string;
  readonly volumes: readonly VolumePlace[];

  constructor(path: string, volumes: readonly VolumePlace[]) {
    this.path = path;
    this.volumes = volumes;
  }

  #uri(volume: number): string {
    return `${this.path}?offset=${this.volumes[volume]?.start ?? 0}`;
  }

  async hash(): Promise<string> {
    return createHash('sha256')
      .update(await readFile(this.path))
      .digest('hex');
  }

  /** Runs debugfs commands that change the volume behind everybody's back. */
  async tamper(commands: readonly string[], volume = 0): Promise<void> {
    const script = `${this.path}.script`;
    await writeFile(script, `${commands.join('\n')}\n`);
    await run('debugfs', ['-w', '-f', script, this.#uri(volume)]);
    await rm(script);
  }

  /** What e2fsck -fn finds wrong; empty where it finds nothing. */
  async faults(): Promise<string> {
    const found: string[] = [];
    for (const volume of this.volumes.keys()) {
      await run('e2fsck', ['-fn', this.#uri(volume)]).catch((error: Error) => found.push(error.message));
    }
    return found.join('\n');
  }

  /** The content of a file by its exact name; undefined where there is none. No newline in the name. */
  async read(path: string, volume = 0): Promise<Buffer | undefined> {
    const out = `${this.path}.out`;
    await run('debugfs', ['-R', `dump "${path.replaceAll('"', '""')}" ${out}`, this.#uri(volume)]);
    try {
      return await readFile(out);
    } catch {
      return undefined;
    } finally {
      await rm(out, { force: true });
    }
  }

  async text(path: string, volume = 0): Promise<string | undefined> {
    return (await this.read(path, volume))?.toString();
  }

  /** What debugfs says to a command. */
  ask(command: string, volume = 0): Promise<string> {
    return run('debugfs', ['-R', command, this.#uri(volume)]);
  }
}
