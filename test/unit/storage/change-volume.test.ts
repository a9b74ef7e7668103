import t from 'tap';
import { allow, MiB, NsError, refuse } from '../../../src/base/index.ts';
import type { BlockDevice, VolumeEdit, VolumeEditor } from '../../../src/ports/index.ts';
import { changeVolume, type VolumeChange } from '../../../src/storage/change-volume.ts';
import { recoverRedoLogs } from '../../../src/storage/redo-recovery.ts';
import { CONTENT, changed, editor, isPlain, setting } from '../../kit/change-bench.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';
import { MemoryState } from '../../kit/memory-state.ts';

await t.test(
  'content goes to free space first, the rest through the log, and the whole arrives',
  async (t) => {
    const { disk, writes, change } = await setting();
    const verdict = await changeVolume(change());
    t.match(verdict, { ok: true });
    t.ok(Buffer.from(disk.bytes).equals(changed));
    if (verdict.ok) {
      t.ok(verdict.value.ahead >= CONTENT.byteLength);
      t.ok(verdict.value.logged < 100_000);
      t.equal(verdict.value.ahead + verdict.value.logged, verdict.value.bytes);
    }
    const order = writes.filter((entry, i) => entry !== writes[i - 1]);
    t.same(order, [
      'disk',
      'disk flushed',
      'own',
      'own flushed',
      'own',
      'own flushed',
      'disk',
      'disk flushed',
      'own',
      'own flushed',
    ]);
  },
);

await t.test('a dry run measures the same effect and touches nothing', async (t) => {
  const { disk, writes, change } = await setting();
  const dry = await changeVolume(change({ dryRun: true }));
  t.ok(isPlain(disk));
  t.same(writes, []);
  t.ok(dry.ok);
  const effectHash = dry.ok ? dry.value.effectHash : '';
  const other = await changeVolume(change({ approvedEffect: '00'.repeat(32) }));
  t.match(other, { ok: false, refusal: { code: 'EFFECT_DIFFERS' } });
  t.ok(isPlain(disk));
  t.match(await changeVolume(change({ approvedEffect: effectHash })), { ok: true, value: { effectHash } });
});

await t.test(
  'a refusal before the disk is touched, or before the commit, leaves every file as it was',
  async (t) => {
    for (const refuseAt of [1, 2]) {
      const { disk, store, change } = await setting();
      let calls = 0;
      const beforeCommit = async () => {
        calls += 1;
        return calls === refuseAt ? refuse('HOST_WAKING') : allow(undefined);
      };
      t.match(await changeVolume(change({ beforeCommit })), { ok: false, refusal: { code: 'HOST_WAKING' } });
      t.equal(isPlain(disk), refuseAt === 1);
      t.same(await recoverRedoLogs(store, async () => disk, MiB), [{ is: 'clean', disk: 'disk0' }]);
      t.match(await changeVolume(change()), { ok: true }, 'and it can be done again');
      t.ok(Buffer.from(disk.bytes).equals(changed));
    }
  },
);

await t.test('an abort stops it up to the commit and not after it', async (t) => {
  const reason = new Error('the host wakes');
  for (const [at, made] of [
    ['before', false],
    ['critical', true],
  ] as const) {
    const { disk, store, change } = await setting();
    const stop = new AbortController();
    const done = changeVolume(
      change({
        signal: stop.signal,
        beforeCommit: async () => {
          if (at === 'before') stop.abort(reason);
          return allow(undefined);
        },
        critical: (work) => {
          const going = work();
          stop.abort(reason);
          return going;
        },
      }),
    );
    if (made) t.match(await done, { ok: true });
    else await t.rejects(done, reason);
    t.equal(Buffer.from(disk.bytes).equals(changed), made);
    t.same(await recoverRedoLogs(store, async () => disk, MiB), [{ is: 'clean', disk: 'disk0' }]);
  }
});

await t.test(
  'where free space may not be trusted all goes through the log, or is too large for it',
  async (t) => {
    const { disk, change } = await setting();
    t.match(await changeVolume(change({ replay: true })), {
      ok: false,
      refusal: { code: 'EFFECT_TOO_LARGE' },
    });
    t.ok(isPlain(disk));
    const roomy = await setting();
    t.match(await changeVolume(roomy.change({ replay: true, redoSize: 8 * MiB })), {
      ok: true,
      value: { ahead: 0 },
    });
    t.ok(Buffer.from(roomy.disk.bytes).equals(changed));
  },
);

await t.test('blocks beyond the memory limit go to own storage, and nothing of them stays', async (t) => {
  const { disk, store, change } = await setting();
  t.match(await changeVolume(change({ memoryLimit: 64 * 1024 })), { ok: true });
  t.ok(Buffer.from(disk.bytes).equals(changed));
  t.same(await store.names(''), ['redo.disk0']);
  const tight = await setting();
  const small = new MemoryState(2 * MiB);
  t.match(await changeVolume(tight.change({ memoryLimit: 64 * 1024, store: small })), {
    ok: false,
    refusal: { code: 'STAGING_FULL' },
  });
  t.ok(isPlain(tight.disk));
});

await t.test('a small storage of our own is enough for a small change', async (t) => {
  const { disk, change } = await setting();
  const store = new MemoryState(6 * MiB);
  t.match(await changeVolume(change({ memoryLimit: 4 * MiB, store })), { ok: true });
  t.ok(Buffer.from(disk.bytes).equals(changed));
  t.same(await store.names(''), ['redo.disk0']);
});

await t.test('an editor that claims what it did not do is found out', async (t) => {
  const { disk, change } = await setting();
  const lying: VolumeEditor = { ...editor, edit: async () => allow(undefined) };
  await t.rejects(changeVolume(change({ editor: lying })), { code: 'NS_EDIT_NOT_MADE' });
  const wrongContent: VolumeEdit = {
    edit: 'put-file',
    path: '/new',
    content: { name: 'x', size: CONTENT.byteLength, data: new MemoryDevice('x', CONTENT.byteLength) },
    attributes: { mode: 0o644, uid: 0, gid: 0, mtime: 5 },
    replace: false,
  };
  await t.rejects(changeVolume(change({ edits: [wrongContent] })), { code: 'NS_EDIT_NOT_MADE' });
  const wrongMode = { ...wrongContent, attributes: { ...wrongContent.attributes, mode: 0o600 } };
  await t.rejects(changeVolume(change({ edits: [wrongMode] })), { code: 'NS_EDIT_NOT_MADE' });
  await t.rejects(changeVolume(change({ edits: [{ edit: 'remove-file', path: '/new' }] })), {
    code: 'NS_EDIT_NOT_MADE',
  });
  t.ok(isPlain(disk));
});

await t.test('a fault that the checker finds, and missing tools, are refusals', async (t) => {
  const { disk, change } = await setting();
  const check = async () => refuse('CHECK_FAILED', 'Free blocks count wrong.');
  t.match(await changeVolume(change({ editor: { ...editor, check } })), {
    ok: false,
    refusal: { code: 'CHECK_FAILED' },
  });
  const none: VolumeEditor = { ...editor, capabilities: { types: [], unusable: 'no /dev/fuse' } };
  t.match(await changeVolume(change({ editor: none })), {
    ok: false,
    refusal: { code: 'WRITE_TOOLS_MISSING', sentence: /no \/dev\/fuse/ },
  });
  t.ok(isPlain(disk));
});

await t.test(
  'a disk that fails after the commit keeps the change pending, and recovery makes it',
  async (t) => {
    const { disk, store, change } = await setting();
    let writable = true;
    const failing: BlockDevice = {
      name: 'disk0',
      capabilities: disk.capabilities,
      read: (offset, into) => disk.read(offset, into),
      write: (offset, data) =>
        writable ? disk.write(offset, data) : Promise.reject(new NsError('NS_BLOCK_IO', 'the cable')),
      flush: () => disk.flush(),
      trim: async () => {},
      close: async () => {},
    };
    const critical = (work: () => Promise<unknown>) => {
      writable = false;
      return work();
    };
    await t.rejects(
      changeVolume(change({ volume: failing, critical: critical as NonNullable<VolumeChange['critical']> })),
      { code: 'NS_BLOCK_IO' },
    );
    await t.rejects(changeVolume(change()), { code: 'NS_REDO_PENDING' });
    t.match(await recoverRedoLogs(store, async () => disk, MiB), [{ is: 'applied' }]);
    t.ok(Buffer.from(disk.bytes).equals(changed));
  },
);
