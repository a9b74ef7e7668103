import {
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { localSink } from '../../src/adapters/operator-files.ts';
import { openPart } from '../../src/adapters/operator-part.ts';
import { unpackTree } from '../../src/adapters/unpack-tree.ts';
import type { LocalSink } from '../../src/ports/index.ts';
import { type HeldEntry, readArchive } from '../../src/transfer/index.ts';
import { ColdHost, type ColdHostOptions } from '../kit/cold-host.ts';
import { run, scratch } from '../kit/disk-tools.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const { signal } = new AbortController();
const NAME = 'Größe 長い.txt';

/** A tree with all that a filesystem of Linux keeps, but for what only root can make. */
async function plant(root: string): Promise<void> {
  await mkdir(join(root, 'srv/app/conf.d'), { recursive: true });
  await mkdir(join(root, 'srv/empty'), { mode: 0o711 });
  await writeFile(join(root, 'srv/app/plain'), 'plain\n');
  await writeFile(join(root, 'srv/app/none'), '');
  await writeFile(join(root, 'srv/app/large'), Buffer.alloc(300_000, 'large '));
  await writeFile(join(root, 'srv/app', NAME), 'ü');
  await writeFile(join(root, 'srv/app/run'), '#!/bin/sh\n', { mode: 0o755 });
  await link(join(root, 'srv/app/plain'), join(root, 'srv/zweit'));
  await symlink('../../../etc/passwd', join(root, 'srv/app/out'));
  await symlink('plain', join(root, 'srv/app/conf.d/to'));
  await utimes(join(root, 'srv/app/plain'), 1_600_000_000.123, 1_600_000_000.123);
  const sparse = await open(join(root, 'srv/app/sparse'), 'w');
  await sparse.write('start', 0);
  await sparse.write('end', 8_000_000);
  await sparse.close();
  await truncate(join(root, 'srv/app/sparse'), 12_000_000);
}
await plant(join(dir, 'planted'));

async function hostOf(t: Test, options: ColdHostOptions = {}): Promise<ColdHost> {
  const host = await ColdHost.start({
    fill: async (tree) => void (await run('cp', ['-a', join(dir, 'planted/srv'), tree])),
    ...options,
  });
  t.teardown(() => host.close());
  return host;
}

let fetched = 0;

async function fetchTree(
  host: ColdHost,
  path: string,
  sinkOf = (file: string): LocalSink => localSink(file, { replace: true }),
) {
  fetched += 1;
  const archive = join(dir, `${fetched}.tar`);
  const got = await host.get(path, { tree: true, sink: sinkOf(archive) as never });
  return { archive, got };
}

async function entriesOf(archive: string): Promise<Map<string, HeldEntry>> {
  const bytes = await readFile(archive);
  const found = new Map<string, HeldEntry>();
  const read = async (offset: number, into: Uint8Array) => {
    into.set(bytes.subarray(offset, offset + into.byteLength));
  };
  for await (const entry of readArchive(read, bytes.byteLength, { entries: 1e5, namesBytes: 1e7 })) {
    found.set(Buffer.from(entry.path).toString(), entry);
  }
  return found;
}

/** What can be told of a tree without being root. */
const listing = (root: string): Promise<string> =>
  run('sh', [
    '-c',
    `cd "$0" && find . -mindepth 1 -printf '%P %y %m %n %s %T@ %l\\n' -type f -exec sha256sum {} \\; | sed 's/^\\([^ ]* d [^ ]*\\) .*/\\1/' | sed 's/\\.[0-9]\\{10\\} / /' | sort`,
    root,
  ]);

await t.test(
  'a tree comes as it is there: the unpacked, what GNU tar makes of it, and the disk agree',
  async (t) => {
    const host = await hostOf(t);
    await host.disk.tamper([
      'sif /srv/app/run uid 4000000',
      'sif /srv/app/run mode 0104755',
      'ea_set /srv/app/plain user.comment hello',
      // Nanoseconds, behind two bits of the seconds.
      'sif /srv/app/plain mtime_extra 492000000',
    ]);
    const { archive, got } = await fetchTree(host, '/srv');
    t.equal(got.outcome, 'succeeded', got.sentence ?? '');
    t.match(got.result, {
      path: '/srv',
      tree: { entries: 13, files: 6, directories: 4, symlinks: 2, links: 1, others: 0, skipped: [] },
    });
    const entries = await entriesOf(archive);
    t.match(entries.get('app/run'), { uid: 4_000_000, mode: 0o4755 });
    t.match(entries.get('app/plain')?.xattrs, [{ name: 'user.comment', value: Buffer.from('hello') }]);
    t.equal(entries.get('app/plain')?.mtimeNanoseconds, 123_000_000);
    t.same(entries.get('app/sparse')?.segments?.length, 2);
    t.ok((await lstat(archive)).size < 700_000, 'holes are not in the archive');

    const ours = join(dir, 'ours');
    const made = await unpackTree(archive, ours, { preserve: false, signal });
    t.match(made, { files: 6, symlinks: 2, links: 1, attributes: 1, left: [], more: 0 });
    t.equal((await lstat(join(ours, 'app/run'))).mode & 0o7777, 0o755, 'no set-id bit is set here');
    t.ok((await lstat(join(ours, 'app/sparse'))).blocks < 200, 'holes are holes');
    const theirs = join(dir, 'theirs');
    await mkdir(theirs);
    await run('tar', ['-x', '-p', '--no-same-owner', '-f', archive, '-C', theirs]);
    const planted = (await listing(join(dir, 'planted/srv'))).replaceAll('run f 4755', 'run f 755');
    t.equal(await listing(ours), planted);
    t.equal((await listing(theirs)).replaceAll('run f 4755', 'run f 755'), planted);
    const dumped = join(dir, 'dumped');
    await mkdir(dumped);
    await host.disk.ask(`rdump /srv ${dumped}`);
    for (const file of ['app/large', 'app/plain', `app/${NAME}`, 'app/sparse', 'zweit']) {
      t.ok((await readFile(join(ours, file))).equals(await readFile(join(dumped, 'srv', file))), file);
    }
    t.equal(await host.disk.faults(), '');
  },
);

await t.test('what cannot be read is named, and all else comes', async (t) => {
  const host = await hostOf(t);
  const inode = Number(/Inode: (\d+)/.exec(await host.disk.ask('stat /srv/app/large'))?.[1]);
  await host.disk.tamper([
    'cd /srv',
    'mknod disk b 8 0',
    'mknod pipe p',
    // The magic number of its map of extents.
    `sif <${inode}> block[0] 0xffffffff`,
  ]);
  const { archive, got } = await fetchTree(host, '/srv');
  t.equal(got.outcome, 'succeeded', got.sentence ?? '');
  const tree = got.result?.tree;
  t.match(tree?.skipped.map(({ path }) => path).sort(), ['app/large', 'disk']);
  t.equal(tree?.others, 1);
  const made = await unpackTree(archive, join(dir, 'partly'), { preserve: false, signal });
  t.match(made.left, [{ path: 'pipe', why: /not made here/ }]);
  t.equal((await readFile(join(dir, 'partly/app/plain'))).toString(), 'plain\n');
});

await t.test('a transfer that broke goes on where it was', async (t) => {
  const host = await hostOf(t);
  let writes = 0;
  const failing = (file: string): LocalSink => ({
    open: async (key, size) => {
      const part = await openPart(file, key, size, false);
      const write = part.write.bind(part);
      part.write = async (offset, data) => {
        writes += 1;
        if (writes > 3) throw new Error('the disk of the operator is full');
        await write(offset, data);
      };
      return part;
    },
  });
  const first = await fetchTree(host, '/srv', failing);
  t.not(first.got.outcome, 'succeeded');
  fetched -= 1;
  const second = await fetchTree(host, '/srv');
  t.equal(second.got.outcome, 'succeeded');
  t.equal(second.got.resumedAt, 3 * 65_536);
});

await t.test('a file, and what is not there, is no tree', async (t) => {
  const host = await hostOf(t);
  t.equal((await fetchTree(host, '/srv/app/plain')).got.code, 'NOT_A_DIRECTORY');
  t.equal((await fetchTree(host, '/nowhere')).got.code, 'NO_SUCH_FILE');
  t.same(await readdir(join(dir, 'planted/srv/empty')), []);
});
