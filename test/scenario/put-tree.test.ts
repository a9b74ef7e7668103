import {
  chmod,
  link,
  mkdir,
  open,
  readFile,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { packTree } from '../../src/adapters/pack-tree.ts';
import { utf8 } from '../../src/base/index.ts';
import type { PutArgs } from '../../src/fleet/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { type ArchiveEntry, ArchivePlan } from '../../src/transfer/index.ts';
import { ColdHost, type ColdHostOptions } from '../kit/cold-host.ts';
import { run, scratch } from '../kit/disk-tools.ts';
import { endOf } from '../kit/ended.ts';
import { makeFat, mtool } from '../kit/fat-volume.ts';
import { memorySource } from '../kit/fleet-bench.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const { signal } = new AbortController();
const OPTIONS = { preserve: false, privileges: false, signal };

async function plant(root: string): Promise<void> {
  await mkdir(join(root, 'conf.d/deep'), { recursive: true });
  await writeFile(join(root, 'one'), 'one\n');
  await writeFile(join(root, 'none'), '');
  await writeFile(join(root, 'conf.d/Größe "quoted"'), 'ü');
  await writeFile(join(root, 'conf.d/deep/large'), Buffer.alloc(200_000, 'large '));
  await writeFile(join(root, 'conf.d/run'), '#!/bin/sh\n');
  await chmod(join(root, 'conf.d/run'), 0o750);
  const sparse = await open(join(root, 'sparse'), 'w');
  await sparse.write('end', 3_000_000);
  await sparse.close();
  await truncate(join(root, 'sparse'), 5_000_000);
  await link(join(root, 'one'), join(root, 'conf.d/same'));
  await symlink('../one', join(root, 'conf.d/to'));
  await symlink('/etc/passwd', join(root, 'out'));
  for (const name of ['one', 'conf.d/run']) await utimes(join(root, name), 1_600_000_000, 1_600_000_000.25);
}
const planted = join(dir, 'planted');
await plant(planted);

async function hostOf(t: Test, options: ColdHostOptions = {}): Promise<ColdHost> {
  const host = await ColdHost.start({
    fill: async (tree) => {
      await mkdir(join(tree, 'etc/app'), { recursive: true });
      await mkdir(join(tree, 'srv'));
      await writeFile(join(tree, 'etc/app/one'), 'before');
      await writeFile(join(tree, 'etc/passwd'), 'root');
      await symlink('../etc/app', join(tree, 'srv/app'));
    },
    ...options,
  });
  t.teardown(() => host.close());
  return host;
}

type Options = Partial<PutArgs> & { readonly effect?: Uint8Array; readonly key?: KeyStore };

async function putTree(host: ColdHost, path: string, from: string | Uint8Array, o: Options = {}) {
  const packed = typeof from === 'string' ? await packTree(from, OPTIONS) : undefined;
  const source = packed ?? memorySource(typeof from === 'string' ? new Uint8Array(0) : from);
  const { effect, key, ...args } = o;
  const fleet = await host.fleet(key);
  try {
    const how = { signal, ...(effect === undefined ? {} : { effect }) };
    const { outcome } = await fleet.put('host1', { path, tree: true, ...args }, source, how);
    return endOf(outcome);
  } finally {
    await fleet.close();
    await packed?.close();
  }
}

async function archiveOf(
  entries: readonly (Partial<Omit<ArchiveEntry, 'path' | 'target'>> & { path: string; to?: string })[],
) {
  const plan = new ArchivePlan();
  for (const { path, to, ...more } of entries) {
    const target = to === undefined ? {} : { target: utf8(to) };
    const at = { mode: 0o644, uid: 0, gid: 0, mtime: 1_600_000_000, size: 0, kind: 'file' as const };
    plan.add({ ...at, ...more, path: utf8(path), ...target });
  }
  const bytes = new Uint8Array(plan.size);
  await plan.read(0, bytes, async (_index, _offset, into) => void into.fill(0x62), signal);
  return bytes;
}

await t.test('a tree is put whole, as it is here, and the checker finds nothing', async (t) => {
  const host = await hostOf(t);
  const before = await host.disk.hash();
  const dry = await putTree(host, '/opt/app', planted, { parents: true, dryRun: true });
  t.equal(dry.outcome, 'succeeded', dry.sentence ?? '');
  t.match(dry.result, {
    dryRun: true,
    tree: { files: 6, directories: 4, symlinks: 2, links: 1, replaced: 0 },
  });
  t.equal(await host.disk.hash(), before, 'a dry run writes nothing');
  const effect = dry.result?.effect.hash as Uint8Array;
  const ended = await putTree(host, '/opt/app', planted, { parents: true, effect });
  t.equal(ended.outcome, 'succeeded', ended.sentence ?? '');
  t.match(ended.result, { path: '/opt/app', tree: { files: 6, readBack: 6 }, effect: { hash: effect } });
  t.equal(await host.disk.faults(), '');
  const dumped = join(dir, 'dumped');
  await mkdir(dumped);
  await host.disk.ask(`rdump /opt/app ${dumped}`);
  await run('diff', ['-r', '--no-dereference', planted, join(dumped, 'app')]);
  t.match(await host.disk.ask('stat /opt/app/one'), /Links: 2 .*mtime: 0x5f5e1000/s);
  t.match(await host.disk.ask('stat /opt/app/conf.d/same'), /Links: 2 /);
  t.match(
    await host.disk.ask('stat /opt/app/conf.d/run'),
    /Mode: +0750.*User: +0.*mtime: 0x5f5e1000:3b9aca00/s,
  );
  t.match(
    await host.disk.ask('stat /opt/app/sparse'),
    /Size: 5000000.*Blockcount: (8|16|2|4)\n/s,
    'holes stay holes',
  );
});

await t.test('what is there is merged into, and put over only where that is said', async (t) => {
  const host = await hostOf(t);
  const before = await host.disk.hash();
  t.equal((await putTree(host, '/srv/app', planted)).code, 'FILE_EXISTS');
  t.equal(await host.disk.hash(), before);
  const ended = await putTree(host, '/srv/app', planted, { replace: true });
  t.equal(ended.outcome, 'succeeded', ended.sentence ?? '');
  t.match(ended.result, { path: '/etc/app', tree: { files: 6, replaced: 1, directories: 2 } });
  const again = await putTree(host, '/srv/app', planted, { replace: true });
  t.match(
    again.result,
    { tree: { files: 6, links: 1, symlinks: 2, replaced: 9, directories: 0 } },
    again.sentence ?? '',
  );
  t.equal(await host.disk.text('/etc/app/one'), 'one\n', 'through the link, as for one file');
  t.equal(await host.disk.faults(), '');
  t.equal((await putTree(host, '/nowhere/app', planted)).code, 'NO_SUCH_FILE');
  t.equal((await putTree(host, '/etc/passwd', planted)).code, 'NOT_A_DIRECTORY');
});

await t.test(
  'every path in it is judged: protected, vital, outside of what is granted, giving rights',
  async (t) => {
    const host = await hostOf(t, { protectedPaths: ['/etc/app/conf.d/deep'] });
    const before = await host.disk.hash();
    t.equal((await putTree(host, '/etc/app', planted, { replace: true })).code, 'PATH_PROTECTED');
    const vital = await archiveOf([
      { path: 'cron.d', kind: 'directory' },
      { path: 'cron.d/job', size: 3 },
    ]);
    t.equal((await putTree(host, '/srv/app/..', vital)).code, 'PATH_INVALID');
    await host.disk.tamper(['symlink /srv/sly ../etc']);
    const changed = await host.disk.hash();
    t.not(changed, before);
    t.equal((await putTree(host, '/srv/sly', vital)).code, 'NEEDS_TOKEN');
    const rights = await archiveOf([{ path: 'su', mode: 0o4755, size: 3 }]);
    t.equal((await putTree(host, '/srv', rights)).code, 'NEEDS_TOKEN');
    const label = { name: 'security.capability', value: new Uint8Array(20) };
    t.equal(
      (await putTree(host, '/srv', await archiveOf([{ path: 'cap', xattrs: [label] }]))).code,
      'NEEDS_TOKEN',
    );
    t.equal(await host.disk.hash(), changed, 'nothing was written');
  },
);

await t.test(
  'an archive that is broken, hostile or not of files is refused before the disk is touched',
  async (t) => {
    const host = await hostOf(t);
    const before = await host.disk.hash();
    const put = async (bytes: Uint8Array) => (await putTree(host, '/srv', bytes)).code;
    t.equal(await put(await archiveOf([{ path: '../up', size: 3 }])), 'ARCHIVE_INVALID');
    t.equal(await put(await archiveOf([{ path: 'a/b', size: 3 }])), 'ARCHIVE_INVALID');
    t.equal(await put(await archiveOf([{ path: 'pipe', kind: 'fifo' }])), 'ARCHIVE_INVALID');
    t.equal(await put(await archiveOf([{ path: 'a' }, { path: 'a' }])), 'ARCHIVE_INVALID');
    t.equal(await put(await archiveOf([{ path: 'a', kind: 'link', to: 'gone' }])), 'ARCHIVE_INVALID');
    t.equal(
      await put(await archiveOf([{ path: 'a', kind: 'symlink', to: 'x' }, { path: 'a/b' }])),
      'ARCHIVE_INVALID',
    );
    t.equal(await put(await archiveOf([{ path: 'new\nline' }])), 'NAME_UNSUPPORTED');
    t.equal(await put(await archiveOf([{ path: 'x', mtime: 2 ** 34 }])), 'TIME_UNSUPPORTED');
    t.equal(await put(Buffer.alloc(5000, 'no archive')), 'ARCHIVE_INVALID');
    t.equal(await host.disk.hash(), before);
  },
);

await t.test('on FAT a tree is put too, and what it cannot keep is said or refused', async (t) => {
  const image = join(dir, 'fat.img');
  await makeFat(image, ['-F', '16', '-s', '4'], 32_000);
  const host = await hostOf(t, { image });
  t.equal((await putTree(host, '/srv', planted)).code, 'LINKS_UNSUPPORTED');
  const odd = { name: 'system.dos_attrib', value: new Uint8Array([0, 0, 0, 32]) };
  const tree = await archiveOf([
    { path: '', kind: 'directory', mode: 0o755 },
    { path: 'Größe', kind: 'directory', mode: 0o755 },
    { path: 'Größe/a long name', size: 70_000, xattrs: [odd] },
    { path: 'owned', size: 5, uid: 33, gid: 33 },
  ]);
  const ended = await putTree(host, '/srv', tree);
  t.equal(ended.outcome, 'succeeded', ended.sentence ?? '');
  t.match(ended.result, { tree: { files: 2, directories: 2, readBack: 2 } });
  t.match(ended.result?.volume.notes.slice(-2), [
    /another kind says is left out$/,
    /keeps no owner and no group/,
  ]);
  await run('fsck.fat', ['-n', image]);
  const twins = await archiveOf([
    { path: 'Name', size: 1 },
    { path: 'nAME', size: 1 },
  ]);
  t.equal((await putTree(host, '/other', twins)).code, 'NAME_UNSUPPORTED');
});

await t.test('a tree names what is there by its own name, not by a short one', async (t) => {
  const image = join(dir, 'short.img');
  await makeFat(image, ['-F', '16', '-s', '4'], 32_000);
  await mtool(image, 'mmd', ['::/Program Files', '::/srv', '::/srv/A long directory']);
  const old = join(dir, 'old');
  await writeFile(old, 'old');
  await mtool(image, 'mcopy', [old, '::/Program Files/service.exe']);
  await mtool(image, 'mcopy', [old, '::/srv/A long file.txt']);
  const host = await hostOf(t, { image, protectedPaths: ['/srv/A long directory'] });
  const before = await host.disk.hash();
  const below = async (directory: string, name: string) =>
    archiveOf([
      { path: directory, kind: 'directory', mode: 0o755 },
      { path: `${directory}/${name}`, size: 3 },
    ]);
  for (const name of ['service.exe', 'new.exe']) {
    const ended = await putTree(host, '/', await below('PROGRA~1', name), { replace: true });
    t.match(ended, { code: 'NAME_UNSUPPORTED', sentence: /PROGRA~1.*Program Files/ });
  }
  const inside = await putTree(host, '/srv', await below('ALONGD~1', 'new'), { replace: true });
  t.match(inside, { code: 'NAME_UNSUPPORTED' });
  const file = await archiveOf([{ path: 'ALONGF~1.TXT', size: 3 }]);
  t.match(await putTree(host, '/srv', file, { replace: true }), { code: 'NAME_UNSUPPORTED' });
  t.equal(await host.disk.hash(), before);
  const own = await archiveOf([{ path: 'a LONG file.txt', size: 3 }]);
  t.match(await putTree(host, '/SRV', own, { replace: true }), { outcome: 'succeeded' });
});

await t.test('what cannot be put is refused here', async (t) => {
  const odd = join(dir, 'odd');
  await mkdir(odd);
  await run('mkfifo', [join(odd, 'pipe')]);
  await t.rejects(packTree(odd, OPTIONS), { code: 'NS_LOCAL_FILE' });
  await rm(join(odd, 'pipe'));
  await writeFile(Buffer.concat([Buffer.from(`${odd}/`), Buffer.from([0xff])]), '');
  await t.rejects(packTree(odd, OPTIONS), /not UTF-8/);
  await t.rejects(packTree(join(planted, 'one'), OPTIONS), /no directory/);
});

await t.test('the archive that is made here is one that GNU tar unpacks to the same', async (t) => {
  const linked = join(dir, 'linked');
  await mkdir(linked);
  await writeFile(join(linked, 'a'), 'a');
  await link(join(linked, 'a'), join(linked, 'b'));
  await symlink('../x', join(linked, 'c'));
  for (const tree of [planted, linked]) {
    const { size, read, close } = await packTree(tree, OPTIONS);
    const bytes = new Uint8Array(size);
    await read(0, bytes);
    await close();
    const archive = `${tree}.tar`;
    await writeFile(archive, bytes);
    const out = `${tree}.out`;
    await mkdir(out);
    await run('tar', ['-x', '-f', archive, '-C', out]);
    await run('diff', ['-r', '--no-dereference', tree, out]);
    t.ok((await readFile(archive)).byteLength % 512 === 0);
  }
});
