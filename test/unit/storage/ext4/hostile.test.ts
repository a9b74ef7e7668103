import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { KiB, MiB, NsError } from '../../../../src/base/index.ts';
import type { BlockDevice, FileSystem } from '../../../../src/ports/index.ts';
import { openExt4, openExt4Geometry } from '../../../../src/storage/index.ts';
import { debugfs, hashOf, makeExt4, scratch, sha256 } from '../../../kit/disk-tools.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(() => place.remove());

const content = new Map<string, string>();
const tree = join(place.dir, 'tree');
await mkdir(join(tree, 'sub', 'many'), { recursive: true });
for (const [name, size] of [
  ['/small', 100],
  ['/medium', 40 * KiB],
  ['/sub/large', 700 * KiB],
] as const) {
  const bytes = randomBytes(size);
  await writeFile(join(tree, name), bytes);
  content.set(name, sha256(bytes));
}
for (let i = 0; i < 120; i += 1) await writeFile(join(tree, 'sub', 'many', `file-${i}`), '');
const holes = await open(join(tree, 'holes'), 'w');
for (let i = 0; i < 40; i += 1) await holes.write(Buffer.from('data'), 0, 4, i * 8 * KiB);
await holes.close();
content.set('/holes', sha256(await readFile(join(tree, 'holes'))));
await symlink('sub/large', join(tree, 'link'));
await symlink(`${'./'.repeat(50)}sub`, join(tree, 'slow-link'));

/** More than an inode has room for, so that there is a block of them as well. */
const ATTRIBUTES = ['user.one', 'user.two', 'security.label'].map(
  (name, i) => `ea_set /medium ${name} ${String(i).repeat(70)}`,
);

async function imageOf(options: readonly string[], indexed: boolean): Promise<MemoryDevice> {
  const path = join(place.dir, 'image');
  const size = 3 * MiB;
  await makeExt4({
    path,
    size,
    options: ['-b', '1024', '-N', '256', '-J', 'size=1', ...options],
    content: tree,
    indexed,
  });
  await debugfs(path, [...ATTRIBUTES, 'ea_set /sub user.on-a-directory yes']);
  return new MemoryDevice('disk0', new Uint8Array(await readFile(path)));
}

/** The most that one look at a volume of 3 MiB may read: a reader that goes round in circles passes it. */
const MOST_READS = 20_000;

function counted(device: MemoryDevice): BlockDevice {
  let reads = 0;
  return {
    name: device.name,
    capabilities: device.capabilities,
    read: async (offset, into, signal) => {
      reads += 1;
      if (reads > MOST_READS) throw new Error('it reads without end');
      await device.read(offset, into, signal);
    },
    write: () => Promise.reject(new Error('a reader wrote')),
    flush: () => Promise.resolve(),
    trim: () => Promise.reject(new Error('a reader trimmed')),
    close: () => Promise.resolve(),
  };
}

/** Names and contents found; a path that cannot be read is left out. Anything thrown but NS_FS_CORRUPT comes through. */
async function lookAround(fs: FileSystem): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof NsError) || error.code !== 'NS_FS_CORRUPT' || error.family !== 'peer')
        throw error;
    }
  };
  for (const directory of ['/', '/sub', '/sub/many', '/slow-link']) {
    await attempt(async () => {
      const entries = await fs.list(directory);
      let count = 0;
      if (entries.ok) for await (const _entry of entries.value) count += 1;
      if (count > 100_000) throw new Error('names without end');
    });
  }
  for (const path of ['/small', '/medium', '/sub/large', '/holes', '/link', '/sub/many/file-119']) {
    await attempt(async () => {
      const file = await fs.open(path);
      // A size that was made up may be past what a test wants to read.
      if (file.ok && file.value.stat.size < 64 * MiB) found.set(path, await hashOf(file.value, 256 * KiB));
      if (file.ok) await file.value.extents?.(0, 64 * MiB);
    });
    await attempt(async () => {
      const extras = await fs.extras(path, true);
      if (path !== '/medium' || !extras.ok) return;
      found.set('attributes', sha256(Buffer.from(JSON.stringify(extras.value.xattrs))));
    });
  }
  return found;
}

async function lookAt(device: MemoryDevice): Promise<Map<string, string> | undefined> {
  try {
    const watched = counted(device);
    const geometry = await openExt4Geometry(watched);
    for (let i = 0; i < Math.min(8, geometry.layout.groups); i += 1) {
      await geometry.group(i).catch((error: unknown) => {
        if (!(error instanceof NsError) || error.code !== 'NS_FS_CORRUPT') throw error;
      });
    }
    return await lookAround(await openExt4(watched));
  } catch (error) {
    if (error instanceof NsError && ['NS_FS_CORRUPT', 'NS_FS_UNSUPPORTED'].includes(error.code))
      return undefined;
    throw error;
  }
}

/** Blocks of metadata: everything but the contents of the planted files, found by what they hold. */
function metadataBlocks(device: MemoryDevice): number[] {
  const blocks: number[] = [];
  for (let block = 1; block < device.bytes.byteLength / 1024; block += 1) {
    const bytes = device.bytes.subarray(block * 1024, (block + 1) * 1024);
    const kinds = new Set(bytes).size;
    if (kinds > 1 && kinds < 200) blocks.push(block);
  }
  return blocks;
}

const formats: Readonly<
  Record<string, { options: readonly string[]; indexed: boolean; checksums: boolean }>
> = {
  'ext4 with checksums': { options: [], indexed: true, checksums: true },
  'ext4 without checksums': { options: ['-O', '^metadata_csum'], indexed: true, checksums: false },
  'ext4 with inline data': { options: ['-O', 'inline_data', '-I', '256'], indexed: false, checksums: true },
  'ext4 with inline data, without checksums': {
    options: ['-O', 'inline_data,^metadata_csum', '-I', '256'],
    indexed: false,
    checksums: false,
  },
  ext2: { options: ['-t', 'ext2'], indexed: false, checksums: false },
};

for (const [name, { options, indexed, checksums }] of Object.entries(formats)) {
  await t.test(`${name}: damaged metadata gives an answer or NS_FS_CORRUPT`, async (t) => {
    const device = await imageOf(options, indexed);
    const sound = await lookAt(device);
    t.equal(sound?.size, 7, 'whole before the damage');
    content.set('attributes', sound?.get('attributes') ?? '');
    const blocks = metadataBlocks(device);
    const damage = fc.record({
      at: fc.tuple(fc.constantFrom(...blocks), fc.nat(1023)).map(([block, skip]) => block * 1024 + skip),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 12 }), async (changes) => {
        const saved = changes.map(({ at }) => [at, device.bytes[at]!] as const);
        for (const { at, value } of changes) device.bytes[at] = value;
        try {
          const found = await lookAt(device);
          if (!checksums || found === undefined) return;
          for (const [path, hash] of found) {
            const expected = content.get(path);
            // The contents themselves carry no checksum, so blocks taken for metadata by mistake are let pass.
            if (expected !== undefined && expected !== hash && path !== '/small' && path !== '/holes') {
              throw new Error(`${path} reads as something else`);
            }
          }
        } finally {
          for (const [at, value] of saved.reverse()) device.bytes[at] = value;
        }
      }),
      { numRuns: 250 },
    );
  });
}

await t.test('one flipped bit in any used part of the first inode table is noticed', async (t) => {
  const device = await imageOf([], true);
  const geometry = await openExt4Geometry(device);
  const { inodeTable } = await geometry.group(0);
  const { inodeSize, blockSize } = geometry.layout.superblock;
  const root = inodeTable * blockSize + inodeSize;
  for (let bit = 0; bit < inodeSize * 8; bit += 1) {
    const at = root + (bit >>> 3);
    device.bytes[at]! ^= 1 << (bit & 7);
    const fs = await openExt4(device);
    await t.rejects(fs.list('/'), { code: 'NS_FS_CORRUPT' }, `bit ${bit}`);
    device.bytes[at]! ^= 1 << (bit & 7);
  }
});

await t.test(
  'a directory that contains itself, and an extent tree that points at itself, come to an end',
  async (t) => {
    const device = await imageOf(['-O', '^metadata_csum'], false);
    const fs = await openExt4(device);
    const sub = await fs.stat('/sub', false);
    const number = sub.ok ? sub.value.inode : 0;
    const many = Buffer.from(device.bytes.buffer).indexOf(Buffer.from('many'));
    new DataView(device.bytes.buffer).setUint32(many - 8, number, true);
    const round = await openExt4(device);
    const path = `/sub${'/many'.repeat(800)}`;
    const deep = await round.stat(path, false);
    t.equal(deep.ok && deep.value.inode, number);

    const geometry = await openExt4Geometry(device);
    const { inodeTable } = await geometry.group(0);
    const large = await round.stat('/sub/large', false);
    const inode = large.ok ? large.value.inode : 0;
    const at = inodeTable * 1024 + (inode - 1) * geometry.layout.superblock.inodeSize + 0x28;
    const view = new DataView(device.bytes.buffer);
    // A root of depth 5 whose only child is a block that says it is depth 5 too.
    const node = 2000;
    for (const [start, child] of [
      [at, node],
      [node * 1024, node],
    ] as const) {
      view.setUint16(start, 0xf30a, true);
      view.setUint16(start + 2, 1, true);
      view.setUint16(start + 4, 4, true);
      view.setUint16(start + 6, 5, true);
      view.setUint32(start + 12, 0, true);
      view.setUint32(start + 16, child, true);
      view.setUint32(start + 20, 0, true);
    }
    const looped = await (await openExt4(device)).open('/sub/large');
    t.ok(looped.ok);
    if (looped.ok) await t.rejects(looped.value.read(0, new Uint8Array(10)), { code: 'NS_FS_CORRUPT' });
  },
);
