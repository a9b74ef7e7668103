import t from 'tap';
import { allow, MiB, NsError } from '../../../src/base/index.ts';
import type { BlockDevice, VolumeEdit, VolumeEditor } from '../../../src/ports/index.ts';
import { changeVolume } from '../../../src/storage/change-volume.ts';
import { openExt4 } from '../../../src/storage/ext4/open-ext4.ts';
import { recoverRedoLogs } from '../../../src/storage/redo-recovery.ts';
import { CONTENT, changed, editor, plain, setting } from '../../kit/change-bench.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';

/** Turns the plain volume into the changed one, with the content of the order placed where it belongs. */
const placing: VolumeEditor = {
  ...editor,
  async edit(overlay, _type, [edit]) {
    let from = 0;
    for (let at = 0; at < plain.byteLength; at += 4096) {
      const block = changed.subarray(at, at + 4096);
      if (Buffer.from(block).equals(plain.subarray(at, at + 4096))) continue;
      if (edit?.edit === 'put-file' && block.every((byte) => byte === 7)) {
        await overlay.place?.(at, 4096, edit.content, from);
        from += 4096;
      } else await overlay.write(at, block);
    }
    return allow(undefined);
  },
};

await t.test('placed content goes to the disk as if it had been written to the overlay', async (t) => {
  const { disk, change } = await setting();
  const written = await changeVolume(change({ dryRun: true }));
  const placed = await changeVolume(change({ editor: placing }));
  t.ok(Buffer.from(disk.bytes).equals(changed));
  t.match(placed, { ok: true });
  if (written.ok && placed.ok) t.equal(placed.value.effectHash, written.value.effectHash);
});

await t.test(
  'a content that is no longer what was measured, or cannot be read any more, leaves every file as it was',
  async (t) => {
    for (const [fault, code] of [
      ['changes', 'NS_CONTENT_CHANGED'],
      ['fails', 'NS_BLOCK_IO'],
    ] as const) {
      const { disk, store, change } = await setting();
      let measured = false;
      const data = new MemoryDevice('in', CONTENT);
      const read: BlockDevice['read'] = async (offset, into) => {
        await data.read(offset, into);
        if (!measured || offset + into.byteLength < 2 * MiB) return;
        if (fault === 'fails') throw new NsError('NS_BLOCK_IO', 'own storage is gone');
        into[into.byteLength - 1] = 8;
      };
      const content = {
        size: CONTENT.byteLength,
        data: Object.assign(Object.create(data) as BlockDevice, { read }),
      };
      const edits = change().edits.map((edit) => ({ ...edit, content }) as VolumeEdit);
      const beforeCommit = async () => {
        measured = true;
        return allow(undefined);
      };
      await t.rejects(changeVolume(change({ editor: placing, edits, beforeCommit })), { code });
      t.same(await recoverRedoLogs(store, async () => disk, MiB), [{ is: 'clean', disk: 'disk0' }]);
      t.match(await (await openExt4(disk)).stat('/new', false), { ok: false }, 'there is no such file');
      t.match(await changeVolume(change({ editor: placing })), { ok: true }, 'and it can be done again');
      t.ok(Buffer.from(disk.bytes).equals(changed));
    }
  },
);
