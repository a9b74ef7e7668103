import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { measureEffect, Overlay } from '../../src/storage/index.ts';
import { attributes, e2fsprogsBench, TIME } from '../kit/e2fsprogs-bench.ts';
import { e2fsck, ext4Image } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';

const { directory, store, editor, stage } = await e2fsprogsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();

await t.test('a volume without room is NO_SPACE, and what is not there NO_SUCH_FILE', async (t) => {
  const image = await ext4Image({ size: 4 * MiB, mkfs: ['-b', '1024'] });
  const base = new MemoryDevice('disk0p1', image);
  const content = await stage('big', noise(5 * MiB, 5));
  const put: VolumeEdit = { edit: 'put-file', path: '/big', content, attributes, replace: false };
  t.match(await editor.edit(new Overlay(base), 'ext4', [put], TIME, signal), {
    ok: false,
    refusal: { code: 'NO_SPACE' },
  });
  const gone: VolumeEdit = { edit: 'remove-file', path: '/gone' };
  t.match(await editor.edit(new Overlay(base), 'ext4', [gone], TIME, signal), {
    ok: false,
    refusal: { code: 'NO_SUCH_FILE' },
  });
  const full: VolumeEdit = { edit: 'remove-directory', path: '/lost+found/x' };
  t.match(await editor.edit(new Overlay(base), 'ext4', [full], TIME, signal), { ok: false });
  await content.data.close();
  await store.remove('big');
  const large = ['user.a', 'user.b'].map((name, i) => ({ name, value: noise(900, i) }));
  const labelled: VolumeEdit = {
    edit: 'make-directory',
    path: '/d',
    attributes: { ...attributes, xattrs: large },
  };
  t.match(await editor.edit(new Overlay(base), 'ext4', [labelled], TIME, signal), {
    ok: false,
    refusal: { code: 'XATTRS_TOO_LARGE' },
  });
});

await t.test(
  'a journal that is still to be replayed: refused by the checker, replayed on the overlay alone',
  async (t) => {
    // debugfs writes a transaction that fills block 9000 into the journal and leaves it there.
    const block = noise(1024, 7);
    const image = await ext4Image({
      size: 16 * MiB,
      mkfs: ['-b', '1024'],
      script: ['journal_open', 'journal_write -b 9000 @0', 'journal_close'],
      contents: [block],
    });
    const base = new MemoryDevice('disk0p1', image.slice(), { writable: false });
    t.match(await editor.check(base, 'ext4', signal), { ok: false, refusal: { code: 'CHECK_FAILED' } });
    const content = await stage('replayed', noise(5000, 8));
    const put: VolumeEdit = { edit: 'put-file', path: '/x', content, attributes, replace: false };
    const hashes: string[] = [];
    for (let i = 0; i < 2; i += 1) {
      const overlay = new Overlay(base, { blockSize: 1024 });
      t.same(await editor.replay(overlay, 'ext4', TIME, signal), { ok: true, value: undefined });
      const there = new Uint8Array(1024);
      await overlay.read(9000 * 1024, there);
      t.same(there, block, 'what the journal held is on the overlay');
      t.match(await editor.edit(overlay, 'ext4', [put], TIME, signal), { ok: true });
      t.match(await editor.check(overlay, 'ext4', signal), { ok: true });
      hashes.push((await measureEffect(overlay, base, undefined)).hash);
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    t.equal(hashes[0], hashes[1], 'and that is reproducible too');
    t.ok(Buffer.from(base.bytes).equals(Buffer.from(image)), 'the disk is as it was');
    await content.data.close();
    await store.remove('replayed');
  },
);

await t.test('a damaged volume is CHECK_FAILED', async (t) => {
  const image = await ext4Image({ size: 4 * MiB, mkfs: ['-b', '1024'], script: ['sif / links_count 9'] });
  t.equal((await e2fsck(image)).status, 4);
  t.match(await editor.check(new MemoryDevice('disk0p1', image), 'ext4', signal), {
    ok: false,
    refusal: { code: 'CHECK_FAILED' },
  });
});
