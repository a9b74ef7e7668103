import fc from 'fast-check';
import t from 'tap';
import { MiB } from '../../../../src/base/index.ts';
import { writeInode } from '../../../../src/storage/ext4/inode-fields.ts';
import { openVolume } from '../../../../src/storage/ext4/volume.ts';
import { ext4Image } from '../../../kit/ext-volume.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const ROOT = 2;
const { signal } = new AbortController();

for (const [name, mkfs, fine] of [
  ['checksums and large inodes', ['-b', '1024'], true],
  ['small inodes', ['-t', 'ext3', '-b', '1024', '-I', '128'], false],
] as const) {
  await t.test(`what is written into an inode is read from it: ${name}`, async () => {
    const image = await ext4Image({ size: 2 * MiB, mkfs });
    const time = fc.record({
      seconds: fc.integer({ min: -(2 ** 31), max: fine ? 2 ** 34 - 2 ** 31 - 1 : 2 ** 31 - 1 }),
      nanoseconds: fc.nat(fine ? 999_999_999 : 0),
    });
    const fields = fc.record({
      mode: fc.nat(0o7777),
      uid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      gid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      atime: time,
      mtime: time,
      ctime: time,
      birth: time,
    });
    await fc.assert(
      fc.asyncProperty(fields, async (wanted) => {
        const device = new MemoryDevice('disk0p1', image.slice());
        const volume = await openVolume(device);
        const former = await volume.inode(ROOT);
        await writeInode(volume, device, former, wanted, undefined, signal);
        const inode = await (await openVolume(device)).inode(ROOT);
        const same =
          inode.kind === 'directory' &&
          inode.mode === wanted.mode &&
          inode.uid === wanted.uid &&
          inode.gid === wanted.gid &&
          inode.atime === wanted.atime.seconds &&
          inode.mtime === wanted.mtime.seconds &&
          inode.ctime === wanted.ctime.seconds &&
          (inode.mtimeNanoseconds ?? 0) === wanted.mtime.nanoseconds &&
          inode.birth === (fine ? wanted.birth.seconds : undefined) &&
          inode.size === former.size &&
          inode.links === former.links;
        if (!same) throw new Error(JSON.stringify(inode));
      }),
      { numRuns: 50 },
    );
  });
}
