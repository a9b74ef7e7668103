import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { openFileSystem, probeDisk } from '../../src/storage/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import {
  FAR,
  loopedExt4,
  ODD_NAMES,
  OWNER,
  oddExt4,
  overlapping,
  twoTables,
} from '../kit/hostile-volumes.ts';
import { makeManyFiles, manyName } from '../kit/many-files.ts';
import { diskOf } from '../kit/volume-classes.ts';
import { withinMemory } from '../kit/watched-device.ts';

const place = await scratch();
t.teardown(place.remove);

/** A host with this disk; `unchanged` says whether the disk is what it was. */
async function hostOf(
  t: Test,
  image: string,
): Promise<{ host: ColdHost; unchanged: () => Promise<boolean> }> {
  const host = await ColdHost.start({ image });
  t.teardown(() => host.close());
  const before = await host.disk.hash();
  return { host, unchanged: async () => (await host.disk.hash()) === before };
}

await t.test('a sparse file of 6 GiB is read beyond 4 GiB, and owners have 32 bits', async (t) => {
  const path = join(place.dir, 'odd');
  await oddExt4(path);
  const device = await openFileDevice(path, { name: 'disk0', writable: false });
  t.teardown(async () => {
    await device.close();
    await rm(path);
  });
  const fs = await openFileSystem(device, 'ext4');
  const far = await fs.open('/far');
  if (!far.ok) throw new Error(far.refusal.sentence);
  t.equal(far.value.stat.size, FAR.size);
  const near = new Uint8Array(64);
  await far.value.read(FAR.at, near);
  t.equal(Buffer.from(near).toString('latin1', 0, FAR.text.length), FAR.text);
  for (const at of [FAR.at - 2 ** 32, FAR.size - 64, 2 ** 32, 2 ** 31]) {
    t.equal(await far.value.read(at, near), 64);
    t.ok(
      near.every((byte) => byte === 0),
      `nothing at ${at}`,
    );
  }
  t.equal(await far.value.read(FAR.size, near), 0, 'it ends where it ends');
  const owned = await fs.stat('/owned', false);
  t.match(owned.ok && owned.value, { uid: OWNER, gid: OWNER });
});

await t.test('names with control characters, a directory in itself, two different tables', async (t) => {
  const { host, unchanged } = await hostOf(t, await diskOf(place.dir, [oddExt4, loopedExt4, twoTables]));
  const listed = await host.give('file.list', { volume: 'disk0p1', path: '/names' });
  t.same(listed.result?.entries.map(({ name }) => name).sort(), [...ODD_NAMES].sort());
  t.match(await host.give('file.stat', { volume: 'LABEL=odd', path: '/owned' }), {
    result: { file: { uid: OWNER, gid: OWNER } },
  });

  const round = await host.give('file.list', { volume: 'disk0p2', path: '/', recursive: true });
  t.match(round.outcome, /^(succeeded|refused|failed)$/, `${round.outcome} ${round.code}: ${round.sentence}`);
  const deep = await host.give('file.stat', {
    volume: 'disk0p2',
    path: `/round${'/and/round'.repeat(50)}/file`,
  });
  t.match(deep, { outcome: 'succeeded' });

  t.match(await host.give('file.list', { volume: 'disk0p3', path: '/EFI' }), {
    result: { entries: [{ name: 'loader.efi' }], volume: { notes: [/./, /differ/] } },
  });
  const got = await host.get('/EFI/loader.efi', { volume: 'disk0p3' });
  t.equal(got.sink.finished?.byteLength, 64 * 1024, 'by the first table the file is whole');
  for (const end of [
    await host.put('/EFI/new', Buffer.from('x'), { volume: 'disk0p3' }),
    await host.give('file.delete', { volume: 'disk0p3', path: '/EFI/loader.efi' }),
  ]) {
    t.match(end, {
      outcome: 'refused',
      code: 'VOLUME_DAMAGED',
      sentence: /two copies of the allocation table differ/,
    });
  }
  t.ok(await unchanged(), 'nothing on the disk was changed');
});

await t.test('partitions that overlap are read, and never written', async (t) => {
  const image = join(place.dir, 'overlap');
  await overlapping(image, oddExt4);
  const { host, unchanged } = await hostOf(t, image);
  const listed = await host.give('volume.list', {});
  t.match(listed.result, {
    disks: [{ notes: [/disk0p1 overlaps disk0p2/, /disk0p2 overlaps disk0p1/] }],
    volumes: [
      { name: 'disk0p1', read: { may: 'yes' }, write: { may: 'no', why: { code: 'PARTITIONS_OVERLAP' } } },
      { name: 'disk0p2' },
    ],
  });
  t.match(await host.get('/owned', { volume: 'disk0p1' }), { outcome: 'succeeded' });
  const refused = {
    outcome: 'refused',
    code: 'PARTITIONS_OVERLAP',
    sentence: /disk0p1 overlaps disk0p2/,
    remedy: /./,
  };
  t.match(await host.put('/new', Buffer.from('x'), { volume: 'disk0p1' }), refused);
  t.match(await host.give('file.delete', { volume: 'disk0p1', path: '/owned' }), refused);
  t.ok(await unchanged(), 'nothing on the disk was changed');
});

await t.test('100,000 files in one directory: each is found, all are listed once, in bounds', async (t) => {
  const path = join(place.dir, 'many');
  await makeManyFiles({ path, count: 100_000, checksums: true });
  const device = await openFileDevice(path, { name: 'disk0', writable: false });
  t.teardown(() => device.close());
  let [reads, largest] = [0, 0];
  const watched = {
    ...device,
    name: device.name,
    capabilities: device.capabilities,
    read: (offset: number, into: Uint8Array, signal?: AbortSignal) => {
      reads += 1;
      largest = Math.max(largest, into.byteLength);
      return device.read(offset, into, signal);
    },
  };
  t.match(await probeDisk(watched), { volumes: [{ type: 'ext4', writeRefusals: [] }] });
  const fs = await openFileSystem(watched, 'ext4');
  const before = reads;
  for (const n of [0, 1, 49_999, 99_999]) {
    const found = await fs.stat(`/many/${manyName(n)}`, false);
    t.match(found.ok && found.value, { size: 0 });
  }
  t.ok(reads - before < 400, `no more than one look through the directory for each: ${reads - before} reads`);
  await withinMemory(256, async () => {
    const listed = await fs.list('/many');
    if (!listed.ok) throw new Error(listed.refusal.sentence);
    const names = new Set<string>();
    let count = 0;
    for await (const { name = '' } of listed.value) {
      count += 1;
      names.add(name);
    }
    t.equal(count, 100_000);
    const missing = Array.from({ length: 100_000 }, (_, n) => manyName(n)).filter((name) => !names.has(name));
    t.same(missing, []);
  });
  t.ok(reads < 5000, `${reads} reads`);
  t.ok(largest <= 1024 * 1024, `${largest} bytes at once`);
});
