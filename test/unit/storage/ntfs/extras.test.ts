import { randomBytes } from 'node:crypto';
import { open, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { KiB, MiB } from '../../../../src/base/index.ts';
import { openNtfs } from '../../../../src/storage/ntfs/open-ntfs.ts';
import { run, scratch } from '../../../kit/disk-tools.ts';
import { makeNtfs, withNtfs3g } from '../../../kit/ntfs-volume.ts';

const place = await scratch();
t.teardown(place.remove);
const image = join(place.dir, 'ntfs');

/** Value of an attribute as ntfs-3g gives it. */
async function attribute(file: string, name: string): Promise<string> {
  const said = await run('getfattr', ['--absolute-names', '-n', name, '-e', 'hex', file]);
  return /=0x([0-9a-f]+)/.exec(said)?.[1] ?? '';
}

await t.test('attributes, access lists, streams, times and holes are those that ntfs-3g shows', async (t) => {
  await makeNtfs(image, 16);
  const names = Array.from({ length: 40 }, (_, i) => `file-${i}`);
  const truth = new Map<string, string>();
  const stream = randomBytes(9 * KiB);
  let born = 0;
  await withNtfs3g(
    image,
    join(place.dir, 'mount'),
    async (root) => {
      for (const [i, name] of names.entries()) {
        await writeFile(join(root, name), name);
        // An owner of its own each, so that there are so many access lists that their index has blocks.
        await run('chown', [`${1000 + i}:${2000 + i}`, join(root, name)]);
      }
      await run('setfattr', ['-n', 'user.Zone.Identifier', '-v', '[ZoneTransfer]', join(root, 'file-1')]);
      await run('setfattr', ['-n', 'user.große', '-v', `0x${stream.toString('hex')}`, join(root, 'file-1')]);
      await run('setfattr', ['-n', 'system.ntfs_attrib', '-v', '0x23000000', join(root, 'file-2')]);
      const sparse = await open(join(root, 'sparse'), 'w');
      await sparse.write(Buffer.alloc(64 * KiB, 1), 0, 64 * KiB, MiB);
      await sparse.truncate(3 * MiB);
      await sparse.close();
      await utimes(join(root, 'file-3'), 1_700_000_000.25, 1_600_000_000.5);
      for (const name of [...names, '.']) {
        for (const key of ['system.ntfs_acl', 'system.ntfs_attrib']) {
          truth.set(`${name} ${key}`, await attribute(join(root, name), key));
        }
      }
      born = Number(await run('date', ['+%s']));
    },
    'permissions,streams_interface=xattr',
  );
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const fs = await openNtfs(device);
  const extras = async (path: string) => {
    const found = await fs.extras(path, false);
    if (!found.ok) throw new Error(found.refusal.sentence);
    return found.value;
  };
  t.equal(new Set([...truth.values()]).size > 40, true, 'the access lists differ');
  for (const [what, value] of truth) {
    const [name, key] = what.split(' ');
    const { xattrs } = await extras(`/${name === '.' ? '' : name}`);
    const found = xattrs.find((each) => each.name === key)?.value;
    t.equal(Buffer.from(found ?? []).toString('hex'), value, what);
  }
  const { xattrs, birth } = await extras('/file-1');
  t.same(
    xattrs.map(({ name }) => name),
    ['system.ntfs_acl', 'system.ntfs_attrib', 'user.Zone.Identifier', 'user.große'],
  );
  t.equal(Buffer.from(xattrs[2]?.value ?? []).toString(), '[ZoneTransfer]');
  t.ok(stream.equals(xattrs[3]?.value ?? new Uint8Array(0)));
  t.ok(birth !== undefined && birth <= born && birth > born - 3600, 'the birth time is that of the test');
  const stat = await fs.stat('/file-3', false);
  t.match(stat.ok && stat.value, { mtime: 1_600_000_000, mtimeNanoseconds: 500_000_000 });
  t.equal((await extras('/file-3')).atime, 1_700_000_000);
  const file = await fs.open('/sparse');
  t.same(file.ok && (await file.value.extents?.(0, 4 * MiB)), [
    { length: MiB, allocated: false, zero: true },
    { length: 64 * KiB, allocated: true, zero: false },
    { length: 2 * MiB - 64 * KiB, allocated: false, zero: true },
  ]);
  t.equal((await extras('/sparse')).allocated, 64 * KiB);
  await device.close();
});
