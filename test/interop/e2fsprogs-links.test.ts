import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { Overlay, openExt4, verifyEdits } from '../../src/storage/index.ts';
import { attributes, e2fsprogsBench, TIME } from '../kit/e2fsprogs-bench.ts';
import { e2fsck, ext4Image } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';

const { directory, editor } = await e2fsprogsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();
const content = { size: 5000, data: new MemoryDevice('content', noise(5000, 1)) };
const fine = { ...attributes, mtime: 5_000_000_000, mtimeNanoseconds: 123_456_789 };

async function edited(
  overlay: Overlay,
  edits: readonly VolumeEdit[],
): Promise<{ status: number; output: string }> {
  const made = await editor.edit(overlay, 'ext4', edits, TIME, signal);
  if (!made.ok) throw new Error(made.refusal.sentence);
  await verifyEdits(overlay, 'ext4', edits, signal);
  const whole = new Uint8Array(overlay.capabilities.size);
  await overlay.read(0, whole);
  return e2fsck(whole);
}

const TARGETS = ['/x', 'a b "c" <7>', `../${'long/'.repeat(30)}`, `/${'x'.repeat(58)}`, `/${'x'.repeat(59)}`];
for (const mkfs of [
  ['-b', '1024', '-N', '128'],
  ['-b', '4096', '-O', 'inline_data'],
  ['-t', 'ext2', '-b', '1024', '-N', '128'],
]) {
  await t.test(`links, counted, and inodes that say what was ordered: ${mkfs.join(' ')}`, async (t) => {
    const image = await ext4Image({
      size: 8 * MiB,
      mkfs,
      script: ['mkdir /d', 'write @0 /d/old', 'ln /d/old /d/other', 'sif /d/old links_count 2'],
      contents: [noise(3000, 2)],
    });
    const overlay = new Overlay(new MemoryDevice('disk0p1', image), { blockSize: 1024 });
    const small = mkfs.includes('ext2');
    const kept = small ? { ...fine, mtime: 1_600_000_000 } : fine;
    const checked = await edited(overlay, [
      { edit: 'make-directory', path: '/t', attributes: { ...kept, mode: 0o1777 } },
      { edit: 'put-file', path: '/t/new', content, attributes: kept, replace: false },
      { edit: 'make-link', path: '/t/second', to: '/t/new' },
      { edit: 'make-link', path: '/third', to: '/t/second' },
      { edit: 'make-link', path: '/d/more', to: '/d/old' },
      { edit: 'remove-file', path: '/d/other' },
      { edit: 'put-file', path: '/d/old', content, attributes: kept, replace: true },
      ...TARGETS.map(
        (target, i): VolumeEdit => ({
          edit: 'make-symlink',
          path: `/t/link ${i}`,
          target,
          attributes: { ...kept, mode: 0o777 },
        }),
      ),
    ]);
    t.match(checked, { status: 0 });
    const fs = await openExt4(overlay);
    const stat = async (path: string) => {
      const found = await fs.stat(path, false);
      return found.ok ? found.value : undefined;
    };
    const made = await stat('/t/new');
    t.match(made, { links: 3, mode: attributes.mode, uid: 70_000, gid: 1000, mtime: kept.mtime, size: 5000 });
    if (!small) t.equal(made?.mtimeNanoseconds, 123_456_789);
    t.equal((await stat('/third'))?.inode, made?.inode);
    t.match(await stat('/d/more'), { links: 1, size: 3000 }, 'the former file goes on under its other name');
    t.match(await stat('/d/old'), { links: 1, size: 5000 });
    for (const [i, target] of TARGETS.entries()) {
      t.match(await stat(`/t/link ${i}`), { kind: 'symlink', target, uid: 70_000, mtime: kept.mtime });
    }
    t.match(await stat('/t'), { kind: 'directory', mode: 0o1777, mtime: kept.mtime });
    t.match(await stat('/d'), { mtime: TIME });
    const after = await edited(overlay, [
      { edit: 'remove-file', path: '/t/new' },
      { edit: 'remove-file', path: '/third' },
    ]);
    t.match(after, { status: 0 });
    t.match(await (await openExt4(overlay)).stat('/t/second', false), { value: { links: 1 } });
  });
}
