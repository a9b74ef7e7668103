import t from 'tap';
import { allow, MiB, NsError, refuse } from '../../../src/base/index.ts';
import type { BlockDevice, StagedFile, VolumeEdit, VolumeEditor } from '../../../src/ports/index.ts';
import { changeVolume, type VolumeChange } from '../../../src/storage/change-volume.ts';
import { openExt4 } from '../../../src/storage/ext4/open-ext4.ts';
import { recoverRedoLogs } from '../../../src/storage/redo-recovery.ts';
import { ext4Image } from '../../kit/ext-volume.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const plain = await ext4Image({ size: 16 * MiB, mkfs: ['-b', '4096'] });
/** The same volume with one file more, as the tools made it. */
const CONTENT = new Uint8Array(3 * MiB).fill(7);
const changed = await ext4Image({
  size: 16 * MiB,
  mkfs: ['-b', '4096'],
  script: ['write @0 /new', 'sif /new mode 0100644', 'sif /new uid 0', 'sif /new gid 0', 'sif /new mtime @5'],
  contents: [CONTENT],
});

/** Turns the plain volume into the changed one, whatever it is asked. */
const editor: VolumeEditor = {
  capabilities: { types: ['ext4'] },
  async edit(overlay) {
    for (let at = 0; at < plain.byteLength; at += 4096) {
      const block = changed.subarray(at, at + 4096);
      if (!Buffer.from(block).equals(plain.subarray(at, at + 4096))) await overlay.write(at, block);
    }
    return allow(undefined);
  },
  check: async () => allow(undefined),
  replay: async () => allow(undefined),
};

async function setting(): Promise<{
  disk: MemoryDevice;
  store: MemoryState;
  writes: string[];
  change: (over?: Partial<VolumeChange>) => VolumeChange;
}> {
  const disk = new MemoryDevice('disk0', plain.slice());
  const store = new MemoryState();
  const writes: string[] = [];
  const watch = (device: BlockDevice, name: string): BlockDevice => ({
    name: device.name,
    capabilities: device.capabilities,
    read: (offset, into, signal) => device.read(offset, into, signal),
    write: (offset, data, signal) => {
      writes.push(name);
      return device.write(offset, data, signal);
    },
    flush: (signal) => {
      writes.push(`${name} flushed`);
      return device.flush(signal);
    },
    trim: async () => {},
    close: () => device.close(),
  });
  const content: StagedFile = { name: 'in', size: CONTENT.byteLength, data: new MemoryDevice('in', CONTENT) };
  const edits: VolumeEdit[] = [
    {
      edit: 'put-file',
      path: '/new',
      content,
      attributes: { mode: 0o644, uid: 0, gid: 0, mtime: 5 },
      replace: false,
    },
  ];
  store.wrap = (device) => watch(device, 'own');
  return {
    disk,
    store,
    writes,
    change: (over = {}) => ({
      disk: 'disk0',
      volumeName: 'disk0p1',
      volume: watch(disk, 'disk'),
      volumeStart: 0,
      type: 'ext4',
      edits,
      editor,
      store,
      replay: false,
      dryRun: false,
      time: 1,
      signal: new AbortController().signal,
      beforeCommit: async () => allow(undefined),
      redoSize: MiB,
      ...over,
    }),
  };
}

const isPlain = (disk: MemoryDevice): boolean => Buffer.from(disk.bytes).equals(plain);

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
