import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { crc32cRaw, MiB } from '../../src/base/index.ts';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { Overlay, openExt4Geometry, verifyEdits } from '../../src/storage/index.ts';
import { e2fsprogsBench, TIME } from '../kit/e2fsprogs-bench.ts';
import { ext4Image } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';

const { directory, editor } = await e2fsprogsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();

for (const features of ['metadata_csum', '^metadata_csum']) {
  await t.test(`attributes that files share stay with the last of them (${features})`, async (t) => {
    const paths = ['/a', '/b', '/c'];
    const image = await ext4Image({
      size: 8 * MiB,
      mkfs: ['-b', '1024', '-O', features],
      script: [...paths.map((path) => `write @0 ${path}`), 'ea_set -f @1 /a user.note'],
      contents: [noise(2000, 1), noise(600, 11)],
    });
    const base = new MemoryDevice('disk0p1', image);
    await shareAttributes(base, paths);
    t.match(await editor.check(base, 'ext4', signal), { ok: true }, 'the volume to begin with has no fault');
    for (const going of [['/a'], ['/a', '/c'], ['/b', '/c', '/a']]) {
      const overlay = new Overlay(base, { blockSize: 1024 });
      const edits = going.map((path): VolumeEdit => ({ edit: 'remove-file', path }));
      t.match(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true });
      await verifyEdits(overlay, 'ext4', edits, signal);
      t.match(await editor.check(overlay, 'ext4', signal), { ok: true }, `without ${going.join(', ')}`);
    }
  });
}

/** Lets all files share the attribute block of the first, as Linux does with equal attributes. */
async function shareAttributes(volume: MemoryDevice, paths: readonly string[]): Promise<void> {
  const place = join(directory.path, 'shared');
  const run = (command: string): string =>
    execFileSync('debugfs', ['-w', '-R', command, place], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  await writeFile(place, volume.bytes);
  const block = /^File ACL: (\d+)$/m.exec(run(`stat ${paths[0]}`))?.[1] ?? '0';
  for (const path of paths.slice(1)) {
    run(`sif ${path} file_acl ${block}`);
    run(`sif ${path} blocks 6`);
  }
  const bytes = await readFile(place);
  const at = Number(block) * 1024;
  bytes.writeUInt32LE(paths.length, at + 4);
  const { checksumSeed, roCompat } = await requireChecksums(volume);
  if ((roCompat & 0x400) !== 0) {
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(BigInt(block), 0);
    bytes.writeUInt32LE(0, at + 16);
    bytes.writeUInt32LE(crc32cRaw(crc32cRaw(checksumSeed, number), bytes.subarray(at, at + 1024)), at + 16);
  }
  volume.bytes.set(bytes);
}

async function requireChecksums(volume: MemoryDevice): Promise<{ checksumSeed: number; roCompat: number }> {
  return (await openExt4Geometry(volume)).layout.superblock;
}
