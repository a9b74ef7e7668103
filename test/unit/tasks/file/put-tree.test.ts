import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { packTree } from '../../../../src/adapters/pack-tree.ts';
import { utf8 } from '../../../../src/base/index.ts';
import { openFileSystem } from '../../../../src/storage/index.ts';
import { contentOf } from '../../../../src/tasks/file/archive-content.ts';
import { indexArchive, type TreeEntry } from '../../../../src/tasks/file/index-archive.ts';
import { differsFromTree } from '../../../../src/tasks/file/tree-is-there.ts';
import { ArchivePlan } from '../../../../src/transfer/index.ts';
import { debugfs, makeExt4, scratch } from '../../../kit/disk-tools.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const { signal } = new AbortController();

async function indexed(archive: MemoryDevice): Promise<readonly TreeEntry[]> {
  const entries = await indexArchive(archive, archive.bytes.byteLength, signal);
  if (!entries.ok) throw new Error(entries.refusal.sentence);
  return entries.value;
}

await t.test('a file of an archive reads, and has holes, as the file that it was', async (t) => {
  const runs = fc.array(fc.tuple(fc.nat(700), fc.integer({ min: 1, max: 700 })), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      runs,
      fc.nat(400),
      fc.array(fc.tuple(fc.nat(4000), fc.nat(1500)), { maxLength: 12 }),
      async (gaps, tail, reads) => {
        let end = 0;
        const segments = gaps.map(([hole, length]) => {
          end += hole + length;
          return { offset: end - length, length };
        });
        const size = end + tail;
        const whole = new Uint8Array(size);
        for (const { offset, length } of segments) {
          for (let i = offset; i < offset + length; i += 1) whole[i] = (i % 251) + 1;
        }
        const plan = new ArchivePlan();
        plan.add({ path: utf8('x'), kind: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, size, segments });
        const archive = new MemoryDevice('archive', plan.size);
        const fill = async (_index: number, offset: number, into: Uint8Array) => {
          into.set(whole.subarray(offset, offset + into.byteLength));
        };
        await plan.read(0, archive.bytes, fill, signal);
        const held = (await indexed(archive)).at(-1)!.held;
        const { data } = contentOf(held, archive);
        for (const [from, length] of reads) {
          const offset = Math.min(from, size);
          const into = new Uint8Array(Math.min(length, size - offset)).fill(0xee);
          await data.read(offset, into);
          if (Buffer.compare(into, whole.subarray(offset, offset + into.byteLength)) !== 0) return false;
        }
        let at = 0;
        for (const { length, allocated, zero } of (await data.extents?.(0, size)) ?? []) {
          if (length < 1 || allocated === zero) return false;
          if (whole.subarray(at, at + length).some((byte) => (byte !== 0) !== allocated)) return false;
          at += length;
        }
        return at === size;
      },
    ),
    { numRuns: 80 },
  );
  t.pass();
});

await t.test('after a restart a tree is found done only where all of it is there', async (t) => {
  const tree = join(dir, 'tree');
  await mkdir(join(tree, 'srv/deep'), { recursive: true });
  await writeFile(join(tree, 'srv/one'), 'one');
  await writeFile(join(tree, 'srv/deep/two'), Buffer.alloc(70_000, 'two'));
  await symlink('one', join(tree, 'srv/to'));
  for (const name of ['one', 'deep/two']) await utimes(join(tree, 'srv', name), 1.6e9, 1.6e9);
  const packed = await packTree(join(tree, 'srv'), { preserve: false, privileges: false, signal });
  const archive = new MemoryDevice('archive', packed.size);
  await packed.read(0, archive.bytes);
  await packed.close();
  const entries = await indexed(archive);
  const image = join(dir, 'image');
  await makeExt4({ path: image, size: 8 * 1024 * 1024, content: tree });
  const differs = async (): Promise<string | undefined> => {
    const device = await openFileDevice(image, { name: 'disk0', writable: false });
    try {
      const fs = await openFileSystem(device, 'ext4', signal);
      return await differsFromTree(fs, '/srv', entries, archive, signal);
    } finally {
      await device.close();
    }
  };
  t.equal(await differs(), undefined);
  await debugfs(image, ['sif /srv/one mtime @1600000001']);
  t.equal(await differs(), '/srv/one');
  await debugfs(image, ['sif /srv/one mtime @1600000000', 'rm /srv/to', 'symlink /srv/to two']);
  t.equal(await differs(), '/srv/to');
  await debugfs(image, ['rm /srv/to', 'symlink /srv/to one']);
  t.equal(await differs(), undefined);
  const other = join(dir, 'other');
  await writeFile(other, Buffer.alloc(70_000, 'tow'));
  await debugfs(image, [
    'rm /srv/deep/two',
    `write ${other} /srv/deep/two`,
    'sif /srv/deep/two mtime @1600000000',
  ]);
  t.equal(await differs(), '/srv/deep/two', 'same size and time, other bytes');
});
