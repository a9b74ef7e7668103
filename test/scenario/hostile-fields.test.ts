import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { crc32cRaw, KiB, MiB } from '../../src/base/index.ts';
import { makeExt4, run, scratch, sha256 } from '../kit/disk-tools.ts';
import { makeFat, mtool } from '../kit/fat-volume.ts';
import { extremes, lookAtDisk, type Truth } from '../kit/hostile-look.ts';
import { noise } from '../kit/noise.ts';
import { makeNtfs } from '../kit/ntfs-volume.ts';
import { watchedDevice, withinMemory } from '../kit/watched-device.ts';

const place = await scratch();
t.teardown(place.remove);

const content = noise(40 * KiB, 1);
const TRUTH: Truth = new Map([
  ['/file.bin', sha256(content)],
  ['/sub/inner.bin', sha256(content)],
]);
const source = join(place.dir, 'tree');
await mkdir(join(source, 'sub'), { recursive: true });
await writeFile(join(source, 'file.bin'), content);
await writeFile(join(source, 'sub', 'inner.bin'), content);

/** Name, offset and width of each field. */
type Field = readonly [name: string, at: number, width: number];

/** Where a field of a table lies for which the documents give a run of equal ones. */
const runOf = (name: string, from: number, to: number, width: number): Field[] =>
  Array.from({ length: (to - from) / width }, (_, n) => [`${name}+${n * width}`, from + n * width, width]);

/**
 * Every field at its extremes, one at a time: the right answer, or a refusal or failure with its code. `repair` makes the
 * checksum over it fit again. Counts what came of them.
 */
async function everyField(
  t: Test,
  image: Uint8Array,
  base: number,
  fields: readonly Field[],
  options: {
    readonly repair?: (changed: Uint8Array) => void;
    readonly may?: readonly string[];
    readonly truth?: Truth;
  } = {},
): Promise<void> {
  const { truth = TRUTH } = options;
  const counts = new Map<string, number>();
  t.same([...(await lookAtDisk(watchedDevice(image), truth)).volumes.values()], ['right'], 'untouched');
  await withinMemory(192, async () => {
    for (const [name, at, width] of fields) {
      const now = image.slice(base + at, base + at + width);
      for (const value of extremes(now)) {
        image.set(value, base + at);
        const saved = options.repair && image.slice(base, base + 1024);
        options.repair?.(image);
        try {
          for (const [, said] of (await lookAtDisk(watchedDevice(image), truth)).volumes) {
            counts.set(said, (counts.get(said) ?? 0) + 1);
          }
        } catch (error) {
          const how = `${name} = ${Buffer.from(value).toString('hex')}`;
          throw new Error(`${how}: ${error instanceof Error ? error.stack : String(error)}`);
        } finally {
          if (saved) image.set(saved, base);
          image.set(now, base + at);
        }
      }
    }
  });
  t.comment(`figure: ${[...counts].map(([said, n]) => `${said}: ${n}`).join('; ')}`);
  t.ok((counts.get('right') ?? 0) > 10, 'some fields matter to no reader');
  const known = ['right', 'VOLUME_DAMAGED', 'VOLUME_UNSUPPORTED', 'NS_FS_CORRUPT', 'NS_FS_UNSUPPORTED'];
  const others = [...counts.keys()].flatMap((said) =>
    said.split(', ').filter((one) => ![...known, ...(options.may ?? [])].includes(one)),
  );
  t.same(others, [], 'each answer is right, or says why there is none');
}

const SUPERBLOCK: readonly Field[] = [
  ...runOf('s', 0x00, 0x38, 4),
  ...runOf('s', 0x38, 0x40, 2),
  ...runOf('s', 0x40, 0x50, 4),
  ...runOf('s', 0x50, 0x54, 2),
  ['s_first_ino', 0x54, 4],
  ['s_inode_size', 0x58, 2],
  ['s_block_group_nr', 0x5a, 2],
  ['s_feature_compat', 0x5c, 4],
  ['s_feature_incompat', 0x60, 4],
  ['s_feature_ro_compat', 0x64, 4],
  ['s_uuid', 0x68, 16],
  ['s_volume_name', 0x78, 16],
  ['s_algorithm_usage_bitmap', 0xc8, 4],
  ['s_prealloc_blocks', 0xcc, 2],
  ['s_reserved_gdt_blocks', 0xce, 2],
  ['s_journal_uuid', 0xd0, 16],
  ['s_journal_inum', 0xe0, 4],
  ['s_journal_dev', 0xe4, 4],
  ['s_last_orphan', 0xe8, 4],
  ...runOf('s_hash_seed', 0xec, 0xfc, 4),
  ['s_def_hash_version', 0xfc, 1],
  ['s_jnl_backup_type', 0xfd, 1],
  ['s_desc_size', 0xfe, 2],
  ['s_default_mount_opts', 0x100, 4],
  ['s_first_meta_bg', 0x104, 4],
  ['s_mkfs_time', 0x108, 4],
  ...runOf('s_high', 0x150, 0x15c, 4),
  ['s_min_extra_isize', 0x15c, 2],
  ['s_want_extra_isize', 0x15e, 2],
  ['s_flags', 0x160, 4],
  ['s_raid_stride', 0x164, 2],
  ['s_mmp_update_interval', 0x166, 2],
  ['s_mmp_block', 0x168, 8],
  ['s_raid_stripe_width', 0x170, 4],
  ['s_log_groups_per_flex', 0x174, 1],
  ['s_checksum_type', 0x175, 1],
  ['s_encryption_level', 0x176, 1],
  ['s_backup_bgs', 0x24c, 8],
  ['s_checksum_seed', 0x270, 4],
];
const DESCRIPTOR: readonly Field[] = [
  ...runOf('bg', 0x00, 0x0c, 4),
  ...runOf('bg', 0x0c, 0x20, 2),
  ...runOf('bg_hi', 0x20, 0x40, 4),
];
const INODE: readonly Field[] = [
  ...runOf('i', 0x00, 0x04, 2),
  ...runOf('i', 0x04, 0x18, 4),
  ...runOf('i', 0x18, 0x1c, 2),
  ...runOf('i', 0x1c, 0x28, 4),
  ...runOf('extent', 0x28, 0x30, 2),
  ...runOf('extent', 0x30, 0x40, 2),
  ...runOf('i', 0x64, 0x74, 4),
  ...runOf('osd2', 0x74, 0x84, 2),
  ...runOf('extra', 0x84, 0xa0, 4),
];

async function ext4(options: readonly string[]): Promise<Uint8Array> {
  const path = join(place.dir, 'ext4');
  const small = ['-b', '1024', '-N', '64', '-J', 'size=1', '-I', '256'];
  await makeExt4({ path, size: 3 * MiB, options: [...small, ...options], content: source });
  return new Uint8Array(await readFile(path));
}

await t.test('ext4: each field of the superblock, whose checksum fits', async (t) => {
  const image = await ext4([]);
  const repair = (changed: Uint8Array): void => {
    const sum = crc32cRaw(0xffffffff, changed.subarray(1024, 1024 + 0x3fc));
    new DataView(changed.buffer).setUint32(1024 + 0x3fc, sum, true);
  };
  await everyField(t, image, 1024, SUPERBLOCK, { repair });
});

await t.test('ext4 without checksums: each field of superblock, descriptor and inodes', async (t) => {
  const image = await ext4(['-O', '^metadata_csum,^uninit_bg']);
  // Where nothing is summed, a number that was changed is what the volume says.
  const may = [
    'NO_SUCH_FILE',
    'NOT_A_FILE',
    'NOT_A_DIRECTORY',
    'FILE_UNSUPPORTED',
    'other contents',
    'too large',
  ];
  await everyField(t, image, 1024, SUPERBLOCK, { may });
  await everyField(t, image, 2048, DESCRIPTOR, { may });
  const table = new DataView(image.buffer).getUint32(2048 + 8, true) * 1024;
  for (const inode of [2, 12]) await everyField(t, image, table + (inode - 1) * 256, INODE, { may });
});

const BPB: readonly Field[] = [
  ['bytes a sector', 11, 2],
  ['sectors a cluster', 13, 1],
  ['reserved', 14, 2],
  ['tables', 16, 1],
  ['root entries', 17, 2],
  ['sectors', 19, 2],
  ['medium', 21, 1],
  ['table length', 22, 2],
  ['a track', 24, 2],
  ['heads', 26, 2],
  ['hidden', 28, 4],
  ['sectors, wide', 32, 4],
];
const BPB32: readonly Field[] = [
  ['table length', 36, 4],
  ['flags', 40, 2],
  ['version', 42, 2],
  ['root', 44, 4],
  ['information', 48, 2],
  ['backup', 50, 2],
  ['marks', 65, 1],
  ['signature', 66, 1],
  ['serial', 67, 4],
  ...runOf('info', 512 + 484, 512 + 496, 4),
];

for (const [name, options, kib, fields] of [
  ['FAT12', [], 1440, BPB],
  ['FAT16', ['-F', '16', '-s', '1'], 4200, BPB],
  ['FAT32', ['-F', '32', '-s', '1'], 34_000, [...BPB, ...BPB32]],
] as const) {
  await t.test(`${name}: each field of the boot sector`, async (t) => {
    const path = join(place.dir, 'fat');
    await makeFat(path, options, kib);
    await mtool(path, 'mcopy', ['-s', join(source, 'file.bin'), join(source, 'sub'), '::']);
    const may = ['NO_SUCH_FILE', 'NOT_A_FILE', 'NOT_A_DIRECTORY', 'other contents'];
    await everyField(t, new Uint8Array(await readFile(path)), 0, fields, { may });
  });
}

await t.test('NTFS: each field of the boot sector and of the records of the system', async (t) => {
  const path = join(place.dir, 'ntfs');
  await makeNtfs(path, 4, ['-c', '512']);
  await run('ntfscp', ['-q', path, join(source, 'file.bin'), '/file.bin']);
  const image = new Uint8Array(await readFile(path));
  const truth: Truth = new Map([['/file.bin', sha256(content)]]);
  const view = new DataView(image.buffer);
  const mft = Number(view.getBigUint64(0x30, true)) * 512;
  const fields: Field[] = [
    ['bytes a sector', 11, 2],
    ['sectors a cluster', 13, 1],
    ['sectors', 0x28, 8],
    ['MFT', 0x30, 8],
    ['mirror', 0x38, 8],
    ['record', 0x40, 1],
    ['index', 0x44, 1],
    ['serial', 0x48, 8],
    ...[0, 3, 5].flatMap((record) => [
      ...runOf(`record ${record}`, mft + record * 1024, mft + record * 1024 + 8, 2),
      ...runOf(`record ${record}`, mft + record * 1024 + 16, mft + record * 1024 + 144, 4),
    ]),
  ];
  await everyField(t, image, 0, fields, { truth, may: ['NO_SUCH_FILE'] });
});
