import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { utf8 } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import { makeFat, mtool } from '../kit/fat-volume.ts';

const host = await ColdHost.start({
  fill: async (tree) => {
    for (const dir of ['etc/ssh', 'usr/bin', 'boot', 'data/passwords', 'srv', 'Windows/System32']) {
      await mkdir(join(tree, dir), { recursive: true });
    }
    for (const file of [
      'etc/passwd',
      'etc/ssh/key',
      'usr/bin/sh',
      'boot/vmlinuz',
      'data/sudo',
      'Windows/System32/hal',
    ])
      await writeFile(join(tree, file), `${file}\n`);
    for (const name of ['a', 'b']) await writeFile(join(tree, 'srv', name), name);
    await symlink('../etc', join(tree, 'srv/link'));
    await symlink('srv/link', join(tree, 'short'));
    await symlink('/usr/bin', join(tree, 'bin'));
    await symlink('../data/sudo', join(tree, 'etc/sudoers'));
    await link(join(tree, 'etc/passwd'), join(tree, 'data/passwords/copy'));
  },
});
t.teardown(() => host.close());

const boot = await ColdHost.start({
  fill: async (tree) => {
    for (const dir of ['grub', 'extra']) await mkdir(join(tree, dir));
    for (const file of ['grub/grub.cfg', 'vmlinuz-6.1', 'extra/x']) await writeFile(join(tree, file), 'x');
  },
});
t.teardown(() => boot.close());

await t.test(
  'a single delete that really leads to what a host needs takes a token and two people',
  async (t) => {
    const rows: readonly [what: string, path: string, real: string][] = [
      ['through a link', '/srv/link/passwd', '/etc/passwd'],
      ['through two', '/short/ssh/key', '/etc/ssh/key'],
      ['by a pattern', '/e*/pass*', '/etc/passwd'],
      ['by a pattern among others', '/[su]*/[bz]*/s*', '/usr/bin/sh'],
      ['where a system path leads', '/data/sudo', '/data/sudo'],
    ];
    for (const [what, path, real] of rows) {
      const order = { path, literal: false };
      const rm = await host.give('file.delete', order, { cosigners: [host.operator2] });
      t.equal(rm.code, 'NEEDS_TOKEN', `${what}: ${rm.sentence}`);
      t.match(rm.sentence, real);
      t.match(
        await host.give('file.delete', { ...order, dryRun: true }),
        { outcome: 'succeeded' },
        `${what}, dry`,
      );
    }
    const named = await host.give('file.delete', { path: '/srv/link/passwd' });
    t.match(named, { outcome: 'refused', remedy: /Name the real path, \/etc\/passwd, .*token.*two people/ });
    for (const path of ['/etc/passwd', '/BOOT/../boot/vmlinuz', '/windows/System32/hal'])
      t.match(
        await host.give('file.delete', { path }, { tokens: async () => undefined }),
        { outcome: 'rejected' },
        'and by its own name at the door',
      );
  },
);

await t.test('so does a put, whether it replaces a file or makes one that the host would run', async (t) => {
  const put = (path: string) => host.put(path, utf8('new'), { replace: true });
  t.match(await put('/srv/link/passwd'), { outcome: 'refused', code: 'NEEDS_TOKEN' });
  t.match(await put('/data/sudo'), { outcome: 'refused', code: 'NEEDS_TOKEN' });
  t.match(await put('/srv/link/new'), { outcome: 'succeeded' });
  t.match(await host.put('/srv/link/ssh/new', utf8('x'), {}), {
    outcome: 'refused',
    code: 'NEEDS_TOKEN',
    remedy: /by the path that the system has for it/,
  });
  const none = { tokens: async () => undefined };
  t.match(await host.put('/etc/ssh/banner', utf8('x'), none), { outcome: 'rejected', code: 'NEEDS_TOKEN' });
  t.match(await host.put('/etc/ssh/banner', utf8('x'), {}), { outcome: 'succeeded' });
  t.match(await host.put('/srv/link/ssh/key', utf8('x'), { replace: true, dryRun: true }), {
    outcome: 'succeeded',
  });
});

await t.test('what a host does not need to start is removed by one', async (t) => {
  for (const path of ['/srv/a', '/srv/link', '/data/passwords/copy'])
    t.match(await host.give('file.delete', { path }), { outcome: 'succeeded' }, path);
  t.match(await host.put('/srv/b', utf8('new'), { replace: true }), { outcome: 'succeeded' });
});

await t.test('on a volume that is there for starting alone, everything counts', async (t) => {
  for (const path of ['/extra/x', '/e*/x', '/v*', '/gru[b]/*']) {
    const rm = await boot.give('file.delete', { path });
    t.match(rm, { outcome: 'refused', code: 'NEEDS_TOKEN', remedy: /recursive order/ }, path);
  }
  t.match(await boot.put('/extra/x', utf8('new'), { replace: true }), { code: 'NEEDS_TOKEN' });
  t.match(await boot.give('file.delete', { path: '/extra/x', recursive: true }), { outcome: 'succeeded' });
  t.match(await boot.put('/extra/x', utf8('new')), { outcome: 'succeeded' }, 'as the remedy says');
  const none = { tokens: async () => undefined };
  t.match(await boot.put('/vmlinuz-6.1', utf8('new'), { replace: true, ...none }), { outcome: 'rejected' });
  for (const path of ['/etc/motd', '/home/x']) {
    t.match(
      await boot.put(path, utf8('new'), { parents: true }),
      { outcome: 'refused', code: 'PATH_PROTECTED' },
      `${path} would make another kind of volume of it`,
    );
  }
  for (const path of ['/gru[b]/grub.cfg', '/extra/x']) {
    const rm = await boot.give('file.delete', { path });
    t.match(rm, { outcome: 'refused', code: 'NEEDS_TOKEN' }, 'whatever somebody tried to put beside it');
  }
});

await t.test('so it does where case, and more than that, tells no names apart', async (t) => {
  const { dir, remove } = await scratch();
  t.teardown(remove);
  const [image, file] = [join(dir, 'disk.img'), join(dir, 'file')];
  await makeFat(image, ['-F', '32', '-s', '1'], 40_000);
  await writeFile(file, 'x');
  for (const name of ['EFI', 'EFI/BOOT']) await mtool(image, 'mmd', [`::/${name}`]);
  for (const name of ['EFI/BOOT/BOOTX64.EFI', 'config.txt'])
    await mtool(image, 'mcopy', [file, `::/${name}`]);
  const efi = await ColdHost.start({ image });
  t.teardown(() => efi.close());
  const tokens = async () => undefined;
  for (const path of ['/u\u017fr/x', '/Home/x', '/EF\u0131/BOOT/new.efi', '/efi/x']) {
    const { outcome } = await efi.put(path, utf8('new'), { parents: true, tokens });
    t.match(outcome, /^(refused|rejected)$/, path);
  }
  for (const path of ['/EF\u0131/BOOT/BOOTX64.EFI', '/CONFIG.TXT', '/conf\u0131g.txt']) {
    t.match(await efi.give('file.delete', { path }, { tokens }), { code: 'NEEDS_TOKEN' }, path);
  }
});
