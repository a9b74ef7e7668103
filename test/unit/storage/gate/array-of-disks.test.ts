import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB } from '../../../../src/base/index.ts';
import { judgeVolume, probeDisk } from '../../../../src/storage/index.ts';
import { writeMd } from '../../../kit/container-images.ts';
import { makeExt4, scratch } from '../../../kit/disk-tools.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(place.remove);

const path = join(place.dir, 'ext4');
await makeExt4({ path, size: 8 * MiB });
const ext4 = await readFile(path);

/** A disk with an MBR and one partition that holds a clean ext4. */
function disk(): Buffer {
  const image = Buffer.alloc(10 * MiB + 512 * 5);
  image.set([0, 0, 0, 0, 0x83, 0, 0, 0], 446);
  image.writeUInt32LE(2048, 446 + 8);
  image.writeUInt32LE((8 * MiB) / 512, 446 + 12);
  image.writeUInt16LE(0xaa55, 510);
  ext4.copy(image, MiB);
  return image;
}

async function verdicts(image: Uint8Array) {
  const { volumes, hibernation, notes } = await probeDisk(new MemoryDevice('disk0', image));
  const [volume] = volumes;
  if (volume === undefined) throw new Error('no volume was found');
  const read = judgeVolume(volume, hibernation, { want: 'read', staleOk: false });
  const write = judgeVolume(volume, hibernation, { want: 'write', replay: false });
  return {
    read: read.ok ? 'yes' : read.refusal.code,
    write: write.ok ? 'yes' : write.refusal.code,
    notes: notes.join('; '),
  };
}

await t.test('a mirrored disk that looks whole is read, and not written', async (t) => {
  t.match(await verdicts(disk()), { read: 'yes', write: 'yes', notes: '' });
  for (const version of ['1.0', '0.90'] as const) {
    const image = disk();
    writeMd(image, { version, level: 1, disks: 2, role: 0 });
    t.match(
      await verdicts(image),
      { read: 'yes', write: 'VOLUME_READ_ONLY', notes: /member 0 of 2 of the raid1/ },
      version,
    );
  }
});

await t.test('a striped disk is neither', async (t) => {
  for (const level of [0, 5, 10, 77]) {
    const image = disk();
    writeMd(image, { version: '1.0', level, disks: 4, role: 0 });
    t.match(
      await verdicts(image),
      { read: 'VOLUME_UNSUPPORTED', write: 'VOLUME_UNSUPPORTED' },
      `raid${level}`,
    );
  }
});

await t.test(
  'a superblock elsewhere than it says, or of the last partition, says nothing of the disk',
  async (t) => {
    const moved = disk();
    writeMd(moved, { version: '1.0', level: 1, disks: 2, role: 0 });
    moved.writeBigUInt64LE(4096n, Math.floor((moved.byteLength / 512 - 16) / 8) * 8 * 512 + 144);
    t.match(await verdicts(moved), { read: 'yes', write: 'yes' });
    // 64 KiB before the end of the disk is also that before the end of its last partition.
    const last = Buffer.alloc(12 * MiB);
    disk().copy(last, 0, 0, 10 * MiB);
    last.writeUInt8(0xfd, 446 + 16 + 4);
    last.writeUInt32LE(10 * 2048, 446 + 16 + 8);
    last.writeUInt32LE(2 * 2048, 446 + 16 + 12);
    writeMd(last, { version: '0.90', level: 1, disks: 2, role: 0 });
    t.match(await verdicts(last), { read: 'yes', write: 'yes', notes: '' });
  },
);

await t.test("what a PC's firmware or a controller made of several disks is not opened", async (t) => {
  const intel = disk();
  intel.write('Intel Raid ISM Cfg Sig. 1.3.00', intel.byteLength - 1024, 'latin1');
  t.match(await verdicts(intel), { read: 'VOLUME_UNSUPPORTED', notes: /Intel/ });
  const ddf = disk();
  ddf.writeUInt32BE(0xde11de11, ddf.byteLength - 512);
  t.match(await verdicts(ddf), { read: 'VOLUME_UNSUPPORTED', notes: /DDF/ });
});

await t.test('partitions of a Windows dynamic disk are named for it', async (t) => {
  const image = disk();
  image[446 + 4] = 0x42;
  t.match(await verdicts(image), { read: 'VOLUME_UNSUPPORTED', write: 'VOLUME_UNSUPPORTED' });
  t.match((await probeDisk(new MemoryDevice('disk0', image))).volumes, [{ type: 'ldm' }]);
});

await t.test('what overlaps may be read, and not written', async (t) => {
  const image = disk();
  image[446 + 16 + 4] = 0x83;
  image.writeUInt32LE(4096, 446 + 16 + 8);
  image.writeUInt32LE(4096, 446 + 16 + 12);
  t.match(await verdicts(image), { read: 'yes', write: 'PARTITIONS_OVERLAP' });
  const { volumes } = await probeDisk(new MemoryDevice('disk0', image));
  t.match(volumes[0]?.notes, [/^it overlaps disk0p2/]);
});

await t.test('a mirrored partition is named as one, and a hibernated host in it is seen', async (t) => {
  const member = new Uint8Array(ext4);
  writeMd(member, { version: '1.0', level: 1, disks: 2, role: 1 });
  t.match(await probeDisk(new MemoryDevice('disk0', member)), {
    volumes: [
      {
        type: 'md',
        label: 'rack1:data',
        readRefusal: {
          code: 'VOLUME_UNSUPPORTED',
          sentence: /member of a Linux software RAID/,
          remedy: /host itself/,
        },
        notes: [/member 1 of 2 of the raid1/, 'what lies on it looks like ext4'],
      },
    ],
    hibernation: [{ finding: 'hidden' }],
  });
  const swap = Buffer.alloc(2 * MiB);
  swap.write('S1SUSPEND', 4086, 'latin1');
  writeMd(swap, { version: '0.90', level: 1, disks: 2, role: 0 });
  t.match((await probeDisk(new MemoryDevice('disk0', swap))).hibernation, [
    { finding: 'hidden' },
    { finding: 'hibernated', what: /S1SUSPEND/ },
  ]);
});
