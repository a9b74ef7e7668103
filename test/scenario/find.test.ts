import { createHash } from 'node:crypto';
import { mkdir, open, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import type { ArgsOf } from '../../src/protocol/index.ts';
import { openFileSystem } from '../../src/storage/index.ts';
import { Find } from '../../src/tasks/file/find-search.ts';
import { ColdHost, type ColdHostOptions } from '../kit/cold-host.ts';
import { debugfs, makeExt4, run, scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { makeFat } from '../kit/fat-volume.ts';
import { chainOf } from '../kit/grants.ts';
import { testKey } from '../kit/keys.ts';
import { makeNtfs, withNtfs3g } from '../kit/ntfs-volume.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const NEEDLE = 'BEGIN PRIVATE KEY';
const OLD = 1_000_000_000;
const MIB = 1024 * 1024;

async function plant(root: string): Promise<void> {
  await mkdir(join(root, 'etc/ssl/private'), { recursive: true });
  await mkdir(join(root, 'var/log/app'), { recursive: true });
  await writeFile(join(root, 'etc/fstab'), 'nothing\n');
  await writeFile(join(root, 'etc/ssl/private/Host.PEM'), `-----${NEEDLE}-----\n`);
  await writeFile(join(root, 'etc/ssl/private/.hidden.pem'), `-----${NEEDLE}-----\n`);
  // Across the border of what is read at once.
  const large = Buffer.alloc(2 * MIB + 77, '.');
  large.write(NEEDLE, MIB - 5);
  await writeFile(join(root, 'var/log/large.log'), large);
  for (let n = 0; n < 40; n += 1) {
    await writeFile(join(root, `var/log/app/${n}.log`), 'line\n'.repeat(n * 20));
    if (n % 3 === 0) await utimes(join(root, `var/log/app/${n}.log`), OLD, OLD);
  }
  await writeFile(join(root, 'var/log/app/Größe.log'), 'x');
}

await plant(join(dir, 'plain'));
await plant(join(dir, 'linked'));
await symlink('../../etc', join(dir, 'linked/var/log/etc'));
await symlink('.', join(dir, 'linked/var/round'));
const hash = createHash('sha256').update(`-----${NEEDLE}-----\n`).digest();

/** Each order beside what GNU find is told for the same. */
const SEARCHES: readonly (readonly [Omit<ArgsOf<'file.find'>, 'path'>, readonly string[]])[] = [
  [{}, []],
  [{ name: '*.log' }, ['-name', '*.log']],
  [{ name: '[0-9].*', kind: 'file' }, ['-type', 'f', '-name', '[0-9].*']],
  [{ iname: '*.pEm' }, ['-iname', '*.pEm']],
  [{ name: 'Gr*e.log' }, ['-name', 'Gr*e.log']],
  [{ kind: 'directory' }, ['-type', 'd']],
  [{ kind: 'symlink' }, ['-type', 'l']],
  [{ kind: 'directory', maxDepth: 2 }, ['-maxdepth', '2', '-type', 'd']],
  [{ maxDepth: 0 }, ['-maxdepth', '0']],
  [{ size: { min: 1001, max: 3000 } }, ['-type', 'f', '-size', '+1000c', '-size', '-3001c']],
  [{ older: OLD + 10, kind: 'file' }, ['-type', 'f', '!', '-newermt', `@${OLD + 9}`]],
  [{ newer: OLD, kind: 'file' }, ['-type', 'f', '-newermt', `@${OLD}`]],
  [{ contains: Buffer.from(NEEDLE) }, ['-type', 'f', '-exec', 'grep', '-qF', NEEDLE, '{}', ';']],
  [
    { sha256: new Uint8Array(hash) },
    ['-type', 'f', '-exec', 'sh', '-c', `sha256sum "$1" | grep -q ${hash.toString('hex')}`, '-', '{}', ';'],
  ],
];

async function gnuFind(root: string, expression: readonly string[]): Promise<string[]> {
  const depth = expression[0] === '-maxdepth' ? expression.slice(0, 2) : [];
  const rest = expression.slice(depth.length);
  const said = await run('env', ['LC_ALL=C.UTF-8', 'find', root, ...depth, ...rest, '-printf', '/%P\\n']);
  return said
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

async function hostOf(t: Test, options: ColdHostOptions): Promise<ColdHost> {
  const host = await ColdHost.start(options);
  t.teardown(() => host.close());
  return host;
}

const VOLUMES: Readonly<Record<string, readonly [string, (path: string) => Promise<void>]>> = {
  ext4: ['linked', (path) => makeExt4({ path, size: 16 * MIB, content: join(dir, 'linked') })],
  FAT: [
    'plain',
    async (path) => {
      await makeFat(path, ['-F', '16', '-s', '4'], 32_000);
      const all = ['etc', 'var'].map((name) => join(dir, 'plain', name));
      await run('env', ['LC_ALL=C.UTF-8', 'TZ=UTC', 'mcopy', '-s', '-m', '-i', path, ...all, '::']);
    },
  ],
  NTFS: [
    'plain',
    async (path) => {
      await makeNtfs(path, 16);
      await withNtfs3g(path, join(dir, 'at'), async (root) => {
        await run('cp', [
          '-r',
          '--preserve=timestamps',
          join(dir, 'plain/etc'),
          join(dir, 'plain/var'),
          root,
        ]);
      });
    },
  ],
};

for (const [kind, [tree, make]] of Object.entries(VOLUMES)) {
  await t.test(`${kind}: a sleeping host finds what GNU find finds on the same tree`, async (t) => {
    const image = join(dir, `${kind}.img`);
    await make(image);
    const host = await hostOf(t, { image });
    for (const [args, expression] of SEARCHES) {
      const end = await host.give('file.find', { path: '/', ...args });
      t.equal(end.outcome, 'succeeded', end.sentence ?? '');
      const paths = (end.result?.matches ?? [])
        .map(({ path }) => path)
        .filter((path) => path !== '/lost+found');
      t.same(paths.sort(), await gnuFind(join(dir, tree), expression), expression.join(' '));
      t.same(end.result?.skipped, []);
    }
    const large = await host.give('file.find', {
      path: '/var',
      name: 'large*',
      contains: Buffer.from(NEEDLE),
    });
    t.match(large.result?.matches, [{ path: '/var/log/large.log', size: 2 * MIB + 77, at: MIB - 5 }]);
    t.notOk(host.lines.some((line) => line.includes('PRIVATE')));
  });
}

/** All pages of a search on an image, with so many matches a page. */
async function pages(image: string, args: Omit<ArgsOf<'file.find'>, 'path'>, limit: number) {
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const fs = await openFileSystem(device, 'ext4');
  const matches: string[] = [];
  const skipped: string[] = [];
  const { signal } = new AbortController();
  let after: ArgsOf<'file.find'>['after'];
  do {
    const wish = { path: '/', ...args, limit, ...(after === undefined ? {} : { after }) };
    const page = await new Find(fs, '/', wish, async () => undefined, signal).run();
    if (!page.ok) throw new Error(page.refusal.sentence);
    matches.push(...page.value.matches.map(({ path }) => path));
    skipped.push(...page.value.skipped.map(({ path, why }) => `${path}: ${why}`));
    after = page.value.next;
  } while (after !== undefined);
  await device.close();
  return { matches, skipped };
}

await t.test('page by page every match is given once, in one order, whatever the page', async (t) => {
  const image = join(dir, 'pages.img');
  await makeExt4({ path: image, size: 16 * MIB, content: join(dir, 'linked'), options: ['-b', '1024'] });
  const searches = fc.constantFrom({}, { name: '*.log' }, { kind: 'directory' as const }, { name: '1*' });
  await fc.assert(
    fc.asyncProperty(searches, fc.integer({ min: 1, max: 30 }), async (args, limit) => {
      const whole = await pages(image, args, 1000);
      const some = await pages(image, args, limit);
      t.same(some.matches, whole.matches);
      return whole.matches.length > 0;
    }),
    { numRuns: 12 },
  );
});

await t.test('a volume that leads in circles or is spoilt is searched as far as it goes', async (t) => {
  const image = join(dir, 'hostile.img');
  await makeExt4({ path: image, size: 16 * MIB, content: join(dir, 'linked'), options: ['-b', '1024'] });
  await debugfs(image, [
    // Directories that hold themselves, and each other.
    'ln /var /var/log/again',
    'ln / /etc/root',
    'ln /etc /var/log/app/etc',
    // Files without an inode, and with a map that leads nowhere.
    'clri /etc/fstab',
    'set_inode_field /var/log/large.log block[0] 0x12345678',
    'set_inode_field /etc/ssl/private block[0] 0x12345678',
  ]);
  const { matches, skipped } = await pages(image, { kind: 'file', contains: Buffer.from('line') }, 1000);
  t.same(matches.length, 39, 'what is whole is found, once');
  const all = skipped.join('\n');
  for (const place of ['/etc/fstab:', '/etc/root:', '/etc/ssl/private:', '/var/log/large.log:']) {
    t.ok(all.includes(place), place);
  }
  t.equal(skipped.length, 6, all);
  const host = await hostOf(t, { image });
  const end = await host.give('file.find', {
    path: '/',
    kind: 'file',
    name: '*.log',
    contains: Buffer.from('line'),
  });
  t.equal(end.outcome, 'succeeded', end.sentence ?? '');
  t.equal(end.result?.matches.length, 39);
  t.match(await host.give('file.find', { path: '/nowhere' }), { code: 'NO_SUCH_FILE' });
});

await t.test('names that are not UTF-8 are found by their bytes, and searched below', async (t) => {
  const tree = join(dir, 'bytes');
  const odd = Buffer.concat([Buffer.from(`${tree}/caf`), Buffer.from([0xe9])]);
  await mkdir(tree);
  await mkdir(odd);
  await writeFile(Buffer.concat([odd, Buffer.from('/inside')]), 'x');
  const image = join(dir, 'bytes.img');
  await makeExt4({ path: image, size: 8 * MIB, content: tree });
  const host = await hostOf(t, { image });
  const end = await host.give('file.find', { path: '/', name: 'caf?' });
  t.match(end.result?.matches, [
    { path: '/caf\ufffd', raw: Buffer.from('/caf\xe9', 'latin1'), kind: 'directory' },
  ]);
  const below = await host.give('file.find', {
    path: '/',
    name: 'inside',
    after: end.result?.matches.map(() => Buffer.from('caf\xe9', 'latin1')),
  });
  t.match(below.result?.matches, [{ path: '/caf\ufffd/inside' }]);
});

await t.test('a host that wakes, and whoever cancels, ends a search at once', async (t) => {
  // Holes are read without a disk: hours of them, in which nothing else could happen.
  const fill = async (root: string) => {
    const huge = await open(join(root, 'huge'), 'w');
    await huge.truncate(2 ** 41);
    await huge.close();
  };
  const host = await hostOf(t, { fill, size: 40 });
  const begun = async () => {
    const before = host.said('progress').length;
    const search = host.give('file.find', { path: '/', contains: Buffer.from('nowhere') });
    await eventually(() => host.said('progress').length > before);
    return { search, id: host.said('progress').at(-1)?.id };
  };
  const cancelled = await begun();
  t.match(await host.give('task.cancel', { task: cancelled.id! }), { result: { asked: true } });
  t.match(await cancelled.search, { outcome: 'cancelled' });
  const woken = await begun();
  host.machine.host.wake('test');
  t.match(await woken.search, { outcome: 'refused', code: 'HOST_WAKING' });
});

await t.test('a right to one directory finds nothing beside it', async (t) => {
  const host = await hostOf(t, {
    fill: async (root) => {
      await plant(root);
      await symlink('../../etc', join(root, 'var/log/sly'));
    },
  });
  const tom = testKey();
  const at = systemClock.wallSeconds();
  const scope = { verbs: ['file.*'], paths: ['/var/log'] };
  const grants = await chainOf([host.operator, tom], [{ at, notAfter: at + 3600, scopes: [scope] }]);
  const find = (args: ArgsOf<'file.find'>, key: KeyStore = tom) =>
    host.give('file.find', args, { key, grants });
  const end = await find({ path: '/var/log', iname: '*.pem' });
  t.match(end, { outcome: 'succeeded', result: { matches: [] } }, 'a link is not followed');
  t.equal((await find({ path: '/var/log', name: 'large.log' })).result?.matches.length, 1);
  for (const path of ['/', '/etc', '/var', '/var/log/sly']) {
    t.match(await find({ path }), { code: 'OUT_OF_SCOPE' }, path);
  }
});
