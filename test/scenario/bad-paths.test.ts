import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ColdHost } from '../kit/cold-host.ts';
import type { Ended } from '../kit/ended.ts';

const LONG = 'n'.repeat(255);
const ODD = [
  '-rf',
  "it's",
  'say "hi"',
  '""',
  'two  spaces ',
  ' ',
  '#hash',
  '<2>',
  '\\back',
  '$(id)',
  '`id`',
  '*',
  'ü€😀',
  LONG,
];
const NOT_UTF8 = Buffer.from([0x62, 0xff, 0x64]);

const host = await ColdHost.start({
  second: 8,
  protectedPaths: ['/lib/modules'],
  fill: async (tree) => {
    for (const dir of ['etc', 'odd', 'real', 'usr/lib/modules', 'old', 'fresh', 'bytes', 'glob']) {
      await mkdir(join(tree, dir), { recursive: true });
    }
    await writeFile(join(tree, 'etc/hostname'), 'sleepy\n');
    await writeFile(join(tree, 'etc/passwd'), 'of the volume\n');
    await writeFile(join(tree, 'real/file'), 'real\n');
    await writeFile(join(tree, 'real/target'), 'target\n');
    for (const name of ODD) await writeFile(join(tree, 'odd', name), `odd ${name}`);
    await writeFile(join(tree, 'odd/new\nline'), 'newline');
    await writeFile(Buffer.concat([Buffer.from(`${tree}/bytes/`), NOT_UTF8]), 'bytes');
    await writeFile(join(tree, 'bytes/b\ufffdd'), 'another file');
    await writeFile(join(tree, 'usr/lib/modules/one.ko'), 'module');
    await symlink('../../../../etc/passwd', join(tree, 'real/out'));
    await symlink('/etc/passwd', join(tree, 'real/absolute'));
    await symlink('/secret', join(tree, 'real/other-volume'));
    await symlink('real', join(tree, 'linked'));
    await symlink('../../..', join(tree, 'real/up'));
    await symlink('target', join(tree, 'real/to-target'));
    await symlink('loop-b', join(tree, 'loop-a'));
    await symlink('loop-a', join(tree, 'loop-b'));
    await symlink('usr/lib', join(tree, 'lib'));
    await symlink('nowhere/../etc', join(tree, 'astray'));
    await symlink(
      Buffer.from([0x2f, 0x62, 0x79, 0x74, 0x65, 0x73, 0x2f, ...NOT_UTF8]),
      join(tree, 'to-bytes'),
    );
    await symlink('chain-1', join(tree, 'chain-0'));
    for (let i = 1; i < 41; i += 1)
      await symlink(i === 40 ? 'real' : `chain-${i + 1}`, join(tree, `chain-${i}`));
  },
});
t.teardown(() => host.close());

const volume = 'disk0p1';
const content = Buffer.from('new content\n');
type Give = (
  path: string,
) => Promise<Ended<'file.list' | 'file.stat' | 'file.upload' | 'file.download' | 'file.delete'>>;
const ORDERS: Readonly<Record<string, Give>> = {
  ls: (path) => host.give('file.list', { volume, path, literal: true }),
  stat: (path) => host.give('file.stat', { volume, path }),
  get: (path) => host.get(path, { volume }),
  put: (path) => host.put(path, content, { volume, replace: true }),
  rm: (path) => host.give('file.delete', { volume, path, literal: true }),
};
const READS = ['ls', 'stat', 'get'] as const;
const WRITES = ['put', 'rm'] as const;

async function refuses(
  t: Test,
  order: string,
  path: string,
  codes: string | readonly string[],
): Promise<void> {
  const end = await ORDERS[order]!(path);
  const shown = JSON.stringify(path.length > 60 ? `${path.slice(0, 60)}…` : path);
  t.ok(codes.includes(end.code ?? '?'), `${order} ${shown}: ${end.outcome} ${end.code}`);
  t.match(end.outcome, /^(refused|rejected)$/);
  t.ok((end.sentence ?? '') !== '' && (end.remedy ?? '') !== '', 'with a sentence and a remedy');
}

await t.test(
  'a path that is no plain absolute path is refused for every order, and nothing changes',
  async (t) => {
    const before = await host.disk.hash();
    const bad = [
      '..',
      '/..',
      '/../etc/passwd',
      '/etc/../etc/passwd',
      '/etc/..',
      '/./etc',
      '/etc/.',
      '//etc',
      '/etc//passwd',
      'etc/passwd',
      '-rf',
      '/etc/pass\0wd',
      '/etc/passwd\0',
      '\0',
      '/\ud800',
      `/${'n'.repeat(256)}`,
      `/${'ü'.repeat(128)}`,
      `/${`${'d'.repeat(200)}/`.repeat(21)}x`,
      '',
      `/${'x'.repeat(5000)}`,
    ];
    for (const order of Object.keys(ORDERS)) {
      for (const path of bad) {
        // What no device would take is not even signed by the operator's side.
        const end = await ORDERS[order]!(path).catch((error: { code: string; message: string }) => ({
          outcome: 'refused',
          code: error.code,
          sentence: error.message,
          remedy: 'shown by the command',
        }));
        const shown = JSON.stringify(path.slice(0, 40));
        t.ok(
          ['PATH_INVALID', 'NS_ORDER_INVALID', 'MESSAGE_INVALID'].includes(end.code ?? '?'),
          `${order} ${shown}: ${end.code}`,
        );
        t.ok((end.sentence ?? '') !== '' && (end.remedy ?? '') !== '');
      }
    }
    t.equal(await host.disk.hash(), before);
  },
);

await t.test('names with quotes, dashes, spaces and 255 bytes are read like any other', async (t) => {
  const before = await host.disk.hash();
  for (const name of [...ODD, 'new\nline']) {
    const path = `/odd/${name}`;
    for (const order of READS)
      t.match(await ORDERS[order]!(path), { outcome: 'succeeded' }, `${order} ${JSON.stringify(name)}`);
    const got = await host.get(path, { volume });
    t.equal(
      Buffer.from(got.sink.finished ?? []).toString(),
      name === 'new\nline' ? 'newline' : `odd ${name}`,
    );
  }
  const listed = await host.give('file.list', { volume, path: '/odd' });
  t.same(new Set(listed.result?.entries.map(({ name }) => name)), new Set([...ODD, 'new\nline']));
  t.equal(await host.disk.hash(), before);
});

await t.test(
  'names with quotes, dashes, spaces and 255 bytes can be put, replaced and removed',
  async (t) => {
    for (const name of ODD) {
      const path = `/fresh/${name}`;
      t.match(await ORDERS.put!(path), { outcome: 'succeeded' }, `put ${JSON.stringify(name)}`);
      t.equal(await host.disk.text(path), 'new content\n');
      t.match(await ORDERS.put!(`/odd/${name}`), { outcome: 'succeeded' }, `replace ${JSON.stringify(name)}`);
      t.equal(await host.disk.text(`/odd/${name}`), 'new content\n');
      t.match(await ORDERS.rm!(path), { outcome: 'succeeded' }, `rm ${JSON.stringify(name)}`);
      t.equal(await host.disk.text(path), undefined);
    }
    const left = await host.give('file.list', { volume, path: '/fresh' });
    t.same(left.result?.entries, []);
    const odd = await host.give('file.list', { volume, path: '/odd' });
    t.equal(odd.result?.entries.length, ODD.length + 1, 'no other name was touched');
    t.equal(await host.disk.faults(), '');
  },
);

await t.test('control characters are refused for writes, and reading shows them', async (t) => {
  const before = await host.disk.hash();
  for (const name of [
    'new\nline',
    'rm /etc/passwd\nq',
    'tab\t',
    'bell\x07',
    'esc\x1b[2J',
    'del\x7f',
    'c1\x9b',
  ]) {
    await refuses(t, 'put', `/odd/${name}`, 'NAME_UNSUPPORTED');
    await refuses(t, 'rm', `/odd/${name}`, ['NAME_UNSUPPORTED', 'NO_SUCH_FILE']);
  }
  await refuses(t, 'rm', '/odd/new\nline', 'NAME_UNSUPPORTED');
  t.match(await host.give('file.delete', { volume, path: '/odd', recursive: true }), {
    code: 'NAME_UNSUPPORTED',
  });
  t.equal(await host.disk.hash(), before);
});

await t.test(
  'a name that is not UTF-8 is shown with its bytes, and no order reaches another file for it',
  async (t) => {
    const before = await host.disk.hash();
    const listed = await host.give('file.list', { volume, path: '/bytes' });
    t.same(
      listed.result?.entries.filter(({ raw }) => raw !== undefined).map(({ raw }) => Buffer.from(raw ?? [])),
      [NOT_UTF8],
    );
    t.match(await host.give('file.delete', { volume, path: '/bytes', recursive: true }), {
      code: 'NAME_UNSUPPORTED',
    });
    const seen = await host.get('/bytes/b\ufffdd', { volume });
    t.equal(Buffer.from(seen.sink.finished ?? []).toString(), 'another file');
    // A link whose target is not UTF-8 leads to those bytes, and never to the name that they would be shown as.
    const through = await host.get('/to-bytes', { volume });
    t.equal(Buffer.from(through.sink.finished ?? []).toString(), 'bytes');
    for (const order of WRITES) await refuses(t, order, '/to-bytes/x', 'NAME_UNSUPPORTED');
    t.equal(await host.disk.hash(), before);
  },
);

await t.test('links are followed inside the volume only', async (t) => {
  const before = await host.disk.hash();
  for (const path of ['/real/out', '/real/absolute', '/real/up/etc/passwd', '/linked/up/linked/absolute']) {
    const got = await host.get(path, { volume });
    t.equal(Buffer.from(got.sink.finished ?? []).toString(), 'of the volume\n', path);
  }
  for (const order of READS) {
    await refuses(t, order, '/real/other-volume', 'NO_SUCH_FILE');
    await refuses(t, order, '/loop-a', 'SYMLINK_LOOP');
    await refuses(t, order, '/chain-0/file', 'SYMLINK_LOOP');
    await refuses(t, order, '/astray/passwd', 'NO_SUCH_FILE');
  }
  for (const order of WRITES) {
    await refuses(t, order, '/loop-a/x', 'SYMLINK_LOOP');
    await refuses(t, order, '/chain-0/file', 'SYMLINK_LOOP');
  }
  t.match(await host.get('/chain-1/file', { volume }), { outcome: 'succeeded' }, 'forty are not too many');
  t.equal(await host.disk.hash(), before);
});

await t.test(
  'a put through a linked directory lands where the link leads, and over a link it is refused',
  async (t) => {
    t.match(await ORDERS.put!('/linked/through'), {
      outcome: 'succeeded',
      result: { path: '/real/through' },
    });
    t.equal(await host.disk.text('/real/through'), 'new content\n');
    t.match(await ORDERS.put!('/real/up/etc/above'), {
      outcome: 'succeeded',
      result: { path: '/etc/above' },
    });
    for (const link of ['to-target', 'out', 'absolute', 'other-volume', 'up'])
      await refuses(t, 'put', `/real/${link}`, 'IS_A_SYMLINK');
    t.equal(await host.disk.text('/real/target'), 'target\n');
    t.equal(await host.disk.text('/etc/passwd'), 'of the volume\n');
    t.equal(await host.disk.faults(), '');
  },
);

await t.test('a link over a directory that is not there leads nowhere, though ".." comes back', async (t) => {
  const before = await host.disk.hash();
  for (const order of WRITES) await refuses(t, order, '/astray/passwd', 'NO_SUCH_FILE');
  const put = await host.put('/astray/x', content, { volume, parents: true });
  t.match(put, { outcome: 'refused', code: 'NO_SUCH_FILE' });
  t.equal(await host.disk.hash(), before);
});

await t.test('rm of a link removes the link and never what it leads to', async (t) => {
  for (const link of ['to-target', 'out', 'absolute', 'up', 'other-volume']) {
    t.match(await host.give('file.delete', { volume, path: `/real/${link}`, recursive: true }), {
      outcome: 'succeeded',
      result: { removed: 1 },
    });
  }
  t.match(await ORDERS.rm!('/linked'), { outcome: 'succeeded', result: { removed: 1 } });
  t.equal(await host.disk.text('/real/target'), 'target\n');
  t.equal(await host.disk.text('/real/file'), 'real\n');
  t.equal(await host.disk.text('/etc/passwd'), 'of the volume\n');
  t.equal(await host.disk.text('/secret', 1), 'of the other volume\n');
  t.equal(await host.disk.faults(), '');
});

await t.test('a protected path is protected by every name that it has', async (t) => {
  const before = await host.disk.hash();
  for (const path of ['/lib/modules/one.ko', '/usr/lib/modules/one.ko']) {
    for (const order of WRITES) await refuses(t, order, path, 'PATH_PROTECTED');
  }
  for (const path of ['/lib/modules', '/usr/lib/modules', '/usr/lib', '/usr', '/lib']) {
    t.match(
      await host.give('file.delete', { volume, path, recursive: true }),
      { code: 'PATH_PROTECTED' },
      path,
    );
  }
  t.match(await host.give('file.delete', { volume, path: '/usr/*', recursive: true }), {
    code: 'PATH_PROTECTED',
  });
  t.equal(await host.disk.hash(), before);
});
