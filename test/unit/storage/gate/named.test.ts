import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB } from '../../../../src/base/index.ts';
import { probeDisk } from '../../../../src/storage/index.ts';
import { run, scratch } from '../../../kit/disk-tools.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(place.remove);

/** What a program makes of an empty file. */
async function made(mib: number, program: string, args: readonly string[]): Promise<Uint8Array> {
  const path = join(place.dir, 'volume');
  await writeFile(path, '');
  await truncate(path, mib * MiB);
  await run(program, [...args, path]);
  return new Uint8Array(await readFile(path));
}

const filled = (size: number, ...pieces: readonly (readonly [number, string])[]): Uint8Array => {
  const bytes = Buffer.alloc(size);
  for (const [at, text] of pieces) bytes.write(text, at, 'latin1');
  return bytes;
};

const volumeOf = async (image: Uint8Array) => (await probeDisk(new MemoryDevice('disk0', image))).volumes[0];

const UUID = '01234567-89ab-4def-8123-456789abcdef';
/** xfsprogs makes no small volume for anybody but its own tests. */
const XFS = ['TEST_DIR=1', 'TEST_DEV=1', 'QA_CHECK_FS=1', 'mkfs.xfs', '-q', '-f', '-m', `uuid=${UUID}`];

await t.test('XFS is named, with whether its log is clean', async (t) => {
  const image = await made(16, 'env', [...XFS, '-L', 'data']);
  t.match(await volumeOf(image), {
    type: 'xfs',
    label: 'data',
    uuid: UUID,
    readRefusal: { code: 'VOLUME_UNSUPPORTED' },
    notes: ['its log is clean'],
  });
  // The log of a mounted one ends with another record than that of an unmount.
  const view = new DataView(image.buffer);
  const shift = BigInt(image[124]!);
  const start = view.getBigUint64(48);
  const block = Number(start >> shift) * view.getUint32(84) + Number(start & ((1n << shift) - 1n));
  const log = block * view.getUint32(4);
  t.equal(view.getUint32(log), 0xfeedbabe);
  const mounted = Uint8Array.from(image);
  mounted[log + 512 + 9] = 0;
  t.match((await volumeOf(mounted))?.notes, [/not unmounted/]);
  const empty = Uint8Array.from(image);
  empty.fill(0, log, log + 1024);
  t.match((await volumeOf(empty))?.notes, [/could not be told/]);
  t.match((await volumeOf(image.slice(0, 2 * MiB)))?.notes, [/could not be told/]);
});

await t.test('btrfs, exFAT, F2FS and ISO 9660 are named by what their own tools made', async (t) => {
  t.match(await volumeOf(await made(32, 'mkfs.btrfs', ['-q', '-f', '-M', '-L', 'pool', '-U', UUID])), {
    type: 'btrfs',
    label: 'pool',
    uuid: UUID,
    notes: ['its log tree is empty'],
  });
  const exfat = await made(4, 'mkfs.exfat', ['-L', 'Karte 7']);
  t.match(await volumeOf(exfat), {
    type: 'exfat',
    label: 'Karte 7',
    uuid: /^[0-9a-f]{4}-[0-9a-f]{4}$/,
    notes: [],
  });
  exfat[106] = 2;
  t.match((await volumeOf(exfat))?.notes, ['the volume was not unmounted']);
  t.match(await volumeOf(await made(64, 'mkfs.f2fs', ['-l', 'flash'])), { type: 'f2fs', label: 'flash' });
  const iso = join(place.dir, 'iso');
  await run('genisoimage', ['-quiet', '-V', 'CDROM', '-o', iso, join(place.dir, 'volume')]);
  t.match(await volumeOf(new Uint8Array(await readFile(iso))), { type: 'iso9660', label: 'CDROM' });
});

await t.test('LUKS made by cryptsetup is named, both versions', async (t) => {
  const key = join(place.dir, 'key');
  await writeFile(key, 'secret');
  const format = ['luksFormat', '-q', '--key-file', key, '--uuid', UUID, '--pbkdf-force-iterations', '1000'];
  t.match(await volumeOf(await made(4, 'cryptsetup', [...format, '--type', 'luks1'])), {
    type: 'luks',
    uuid: UUID,
    readRefusal: { code: 'VOLUME_ENCRYPTED', sentence: /LUKS1/ },
  });
  const two = await made(18, 'cryptsetup', [
    ...format,
    '--type',
    'luks2',
    '--pbkdf',
    'pbkdf2',
    '--label',
    'vault',
  ]);
  const luks2 = { type: 'luks', label: 'vault', uuid: UUID, readRefusal: { sentence: /LUKS2/ } };
  t.match(await volumeOf(two), { ...luks2, notes: [] });
  two.fill(0, 0, 4096);
  t.match(await volumeOf(two), { ...luks2, notes: [/second one/] }, 'its first header wiped');
});

await t.test('signatures of rarer kinds', async (t) => {
  const zfs = Buffer.alloc(MiB);
  let at = 16_384;
  zfs.set([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], at);
  at += 12;
  const pair = (name: string, type: number, value: Buffer): void => {
    const padded = Math.ceil(name.length / 4) * 4;
    const size = 12 + padded + 8 + value.byteLength;
    zfs.writeUInt32BE(size, at);
    zfs.writeUInt32BE(name.length, at + 8);
    zfs.write(name, at + 12, 'latin1');
    zfs.writeUInt32BE(type, at + 12 + padded);
    zfs.writeUInt32BE(1, at + 16 + padded);
    value.copy(zfs, at + 20 + padded);
    at += size;
  };
  pair('version', 8, Buffer.from('0000000000001388', 'hex'));
  pair('name', 9, Buffer.from('\0\0\0\x04tank'));
  pair('pool_guid', 8, Buffer.from('0000000000003039', 'hex'));
  const kinds: readonly (readonly [string, Uint8Array, object?])[] = [
    ['zfs', zfs, { label: 'tank', uuid: '12345' }],
    ['refs', filled(MiB, [3, 'ReFS\0\0\0\0'])],
    ['apfs', filled(MiB, [32, 'NXSB'])],
    ['hfsplus', filled(MiB, [1024, 'H+\0\x04'])],
    ['ufs', filled(MiB, [66_908, '\x19\x01\x54\x19'])],
    ['squashfs', filled(MiB, [0, 'hsqs'])],
    ['vdo', filled(MiB, [0, 'dmvdo001'])],
    ['bcache', filled(MiB, [4120, '\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81'])],
    ['stratis', filled(MiB, [516, '!Stra0tis\x86\xff\x02^\x41rh'])],
    ['storage-spaces', filled(MiB, [4096, 'SPACEDB '])],
    ['udf', filled(MiB, [32_769, 'BEA01'], [34_817, 'NSR02'])],
  ];
  for (const [type, image, more = {}] of kinds) {
    t.match(
      await volumeOf(image),
      { type, readRefusal: { code: 'VOLUME_UNSUPPORTED', remedy: /./ }, ...more },
      type,
    );
  }
  const leftOver = filled(MiB, [0, 'XFSB'], [1024, 'H+\0\x04']);
  t.equal((await volumeOf(leftOver))?.type, 'xfs', 'a weak signature beside a strong one is left over');
});
