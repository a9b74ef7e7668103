import { randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { KiB, MiB } from '../../../../src/base/index.ts';
import type { FileExtras, FileSystem } from '../../../../src/ports/index.ts';
import { aclToLinux, aclToStored } from '../../../../src/storage/ext4/posix-acl.ts';
import { openExt4 } from '../../../../src/storage/index.ts';
import { debugfs, makeExt4, run, scratch } from '../../../kit/disk-tools.ts';

const place = await scratch();
t.teardown(() => place.remove());
const image = join(place.dir, 'image');

async function onImage<T>(use: (fs: FileSystem) => Promise<T>): Promise<T> {
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  try {
    return await use(await openExt4(device));
  } finally {
    await device.close();
  }
}

async function extrasAt(fs: FileSystem, path: string): Promise<FileExtras> {
  const found = await fs.extras(path, false);
  if (!found.ok) throw new Error(found.refusal.sentence);
  return found.value;
}

/** An access ACL as Linux gives it: owner rw, user 1000 r, group r, mask r, others none. */
const ACL = Buffer.from(
  '0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000000ffffffff',
  'hex',
);

/** Sets attributes by debugfs, each from a file. */
async function setAll(path: string, values: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const commands: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const file = join(place.dir, `value-${commands.length}`);
    await writeFile(file, value);
    commands.push(`ea_set -f ${file} ${path} ${name}`);
  }
  await debugfs(image, commands);
}

const word = join(place.dir, 'word');
await writeFile(word, 'word');

await t.test('attributes in the inode and in its block are those that debugfs set', async (t) => {
  for (const options of [[], ['-O', '^metadata_csum'], ['-t', 'ext2', '-I', '128'], ['-O', 'inline_data']]) {
    await makeExt4({ path: image, size: 8 * MiB, options: ['-b', '4096', ...options] });
    await debugfs(image, [`write ${word} f`, 'mkdir d', 'symlink l /', `write ${word} none`]);
    const values = {
      'user.short': Buffer.from('a value'),
      'user.empty': Buffer.alloc(0),
      'user.large': randomBytes(1900),
      'security.selinux': Buffer.from('system_u:object_r:etc_t:s0\0'),
      'trusted.overlay.opaque': Buffer.from('y'),
      'user.Übung.名前': Buffer.from([0, 1, 2, 255]),
      'system.posix_acl_access': ACL,
    };
    await setAll('f', values);
    await setAll('l', { 'security.selinux': Buffer.from('link_t') });
    await onImage(async (fs) => {
      const { xattrs } = await extrasAt(fs, '/f');
      t.same(
        xattrs.map(({ name }) => name),
        Object.keys(values).sort(),
        options.join(' '),
      );
      for (const { name, value } of xattrs) {
        t.same(Buffer.from(value), Buffer.from(values[name as keyof typeof values]), name);
      }
      t.match(await extrasAt(fs, '/l'), { xattrs: [{ name: 'security.selinux' }] });
      t.same((await extrasAt(fs, '/none')).xattrs, []);
      t.same((await extrasAt(fs, '/')).xattrs, []);
      const entries = await fs.list('/');
      if (!entries.ok) throw new Error(entries.refusal.sentence);
      for await (const entry of entries.value) {
        if (entry.name !== 'f') continue;
        const found = await fs.byEntry.extras(entry);
        t.same(found.ok && found.value.xattrs, xattrs, 'the same by entry');
      }
    });
  }
});

await t.test('values in inodes of their own are read, and one that was changed is noticed', async (t) => {
  await makeExt4({ path: image, size: 8 * MiB, options: ['-b', '1024', '-O', 'ea_inode,^metadata_csum'] });
  await debugfs(image, [`write ${word} f`]);
  // As much as debugfs takes from a file: one block, so it fits no block with a header.
  const value = randomBytes(KiB);
  await setAll('f', { 'user.large': value });
  t.match(await run('debugfs', ['-R', 'stat f', image]), /File ACL: 0\n/, 'it is in no attribute block');
  await onImage(async (fs) => {
    const { xattrs } = await extrasAt(fs, '/f');
    t.same(
      xattrs.map(({ name }) => name),
      ['user.large'],
    );
    t.ok(Buffer.from(xattrs[0]!.value).equals(value));
  });
  const whole = await open(image, 'r+');
  const bytes = await whole.readFile();
  const at = bytes.indexOf(value.subarray(0, 512));
  await whole.write(Buffer.from([value[0]! ^ 1]), 0, 1, at);
  await whole.close();
  await onImage(async (fs) => {
    await t.rejects(extrasAt(fs, '/f'), { code: 'NS_FS_CORRUPT' });
  });
});

await t.test('parts of a second, the birth time and the last access are told', async (t) => {
  await makeExt4({ path: image, size: 8 * MiB });
  await debugfs(image, [
    `write ${word} f`,
    'sif f mtime @5000000000',
    `sif f mtime_extra ${123_456_789 * 4 + 1}`,
    'sif f atime @1700000000',
    'sif f crtime @1600000000',
  ]);
  await onImage(async (fs) => {
    const stat = await fs.stat('/f', false);
    t.match(stat.ok && stat.value, { mtime: 5_000_000_000, mtimeNanoseconds: 123_456_789 });
    t.match(await extrasAt(fs, '/f'), { atime: 1_700_000_000, birth: 1_600_000_000 });
    t.equal(fs.facts.limits, undefined);
  });
  await makeExt4({ path: image, size: 8 * MiB, options: ['-t', 'ext2', '-I', '128'] });
  await debugfs(image, [`write ${word} f`]);
  await onImage(async (fs) => {
    const stat = await fs.stat('/f', false);
    t.equal(stat.ok && stat.value.mtimeNanoseconds, undefined);
    t.equal((await extrasAt(fs, '/f')).birth, undefined);
    t.equal(fs.facts.limits?.timeStep, 1, 'small inodes keep whole seconds');
  });
});

await t.test('holes are told from data, and from space set aside and never written', async (t) => {
  for (const options of [[], ['-t', 'ext2']]) {
    await makeExt4({ path: image, size: 16 * MiB, options: ['-b', '4096', ...options] });
    const sparse = await open(join(place.dir, 'sparse'), 'w');
    await sparse.write(Buffer.alloc(8 * KiB, 1), 0, 8 * KiB, 64 * KiB);
    await sparse.write(Buffer.from('end'), 0, 3, 3 * MiB);
    await sparse.close();
    await debugfs(image, [`write ${join(place.dir, 'sparse')} f`, `write ${word} w`]);
    if (options.length === 0) await debugfs(image, ['fallocate w 1 9', 'sif w size 65536']);
    await onImage(async (fs) => {
      const file = await fs.open('/f');
      if (!file.ok || file.value.extents === undefined) throw new Error('cannot tell');
      t.same(await file.value.extents(0, 4 * MiB), [
        { length: 64 * KiB, allocated: false, zero: true },
        { length: 8 * KiB, allocated: true, zero: false },
        { length: 3 * MiB - 72 * KiB, allocated: false, zero: true },
        { length: 3, allocated: true, zero: false },
      ]);
      t.same(await file.value.extents(64 * KiB + 5, 10), [{ length: 10, allocated: true, zero: false }]);
      t.same(await file.value.extents(4 * MiB, 10), []);
      const { allocated = 0 } = await extrasAt(fs, '/f');
      t.ok(allocated >= 12 * KiB && allocated < 40 * KiB, `${allocated}`);
      if (options.length > 0) return;
      const aside = await fs.open('/w');
      t.same(aside.ok && (await aside.value.extents?.(0, 64 * KiB)), [
        { length: 4 * KiB, allocated: true, zero: false },
        { length: 36 * KiB, allocated: true, zero: true },
        { length: 24 * KiB, allocated: false, zero: true },
      ]);
    });
  }
});

await t.test('an ACL that went to its stored form and back is the same', (t) => {
  const entry = fc.record({
    tag: fc.constantFrom(1, 2, 4, 8, 16, 32),
    permissions: fc.nat(7),
    id: fc.nat(0xffff_ffff),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
      const linux = Buffer.alloc(4 + entries.length * 8);
      linux.writeUInt32LE(2, 0);
      entries.forEach(({ tag, permissions, id }, i) => {
        linux.writeUInt16LE(tag, 4 + i * 8);
        linux.writeUInt16LE(permissions, 6 + i * 8);
        linux.writeUInt32LE(tag === 2 || tag === 8 ? id : 0xffff_ffff, 8 + i * 8);
      });
      t.ok(Buffer.from(aclToLinux(aclToStored(linux))).equals(linux));
    }),
  );
  for (const wrong of [
    '',
    '01000000',
    '02000000010006',
    '0200000003000600ffffffff',
    '02000000010008000000000',
  ]) {
    t.throws(() => aclToStored(Buffer.from(wrong, 'hex')), wrong);
  }
  t.end();
});
