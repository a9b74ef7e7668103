import { link, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { KiB, MiB, utf8 } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { run } from '../kit/disk-tools.ts';

const ACL = 'system.posix_acl_access';
const DEFAULT_ACL = 'system.posix_acl_default';
const LABEL = 'security.selinux';

function acl(...entries: readonly (readonly [number, number, number?])[]): Buffer {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  for (const [i, [tag, permissions, id = 0xffff_ffff]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + i * 8);
    bytes.writeUInt16LE(permissions, 6 + i * 8);
    bytes.writeUInt32LE(id, 8 + i * 8);
  }
  return bytes;
}

const shared = (mask: number): Buffer => acl([1, 6], [2, 4, 1000], [4, 4], [16, mask], [32, 0]);

async function hostOf(t: Test, mkfs: readonly string[] = []): Promise<ColdHost> {
  const host = await ColdHost.start({
    mkfs,
    fill: async (tree) => {
      await mkdir(join(tree, 'srv'));
      await writeFile(join(tree, 'srv/old'), 'old contents', { mode: 0o640 });
      await writeFile(join(tree, 'srv/first'), 'old contents');
      await link(join(tree, 'srv/first'), join(tree, 'srv/second'));
    },
  });
  t.teardown(() => host.close());
  return host;
}

/** Sets attributes on the disk by debugfs, behind everybody's back. */
async function label(host: ColdHost, path: string, values: Readonly<Record<string, Buffer>>): Promise<void> {
  const commands: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const file = join(host.dir, `given-${commands.length}`);
    await writeFile(file, value);
    commands.push(`ea_set -f ${file} ${path} ${name}`);
  }
  await host.disk.tamper(commands);
}

/** What debugfs finds at a file: name and value in hexadecimal digits. */
async function attributesByDebugfs(host: ColdHost, path: string): Promise<Record<string, string>> {
  const device = `${host.disk.path}?offset=${host.disk.volumes[0]?.start ?? 0}`;
  const names = (await run('debugfs', ['-R', `ea_list "${path}"`, device])).matchAll(/^ {2}(\S+) \(/gm);
  const found: Record<string, string> = {};
  for (const [, name = ''] of names) {
    const said = await run('debugfs', ['-R', `ea_get -x "${path}" ${name}`, device]);
    found[name] = anyId(name, (said.split('=')[1] ?? '').replace(/\s/g, ''));
  }
  return found;
}

/** Entries of an ACL that name nobody have an id of 0 from debugfs, and one of -1 from Linux. */
const anyId = (name: string, hex: string): string =>
  name === ACL || name === DEFAULT_ACL ? hex.replaceAll('f'.repeat(8), '0'.repeat(8)) : hex;

const inHex = (values: Readonly<Record<string, Buffer>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, anyId(name, value.toString('hex'))]),
  );

await t.test('what a put sets is there for e2fsprogs, and comes back by stat and get', async (t) => {
  for (const mkfs of [[], ['-I', '128', '-O', '^metadata_csum'], ['-O', 'inline_data']]) {
    const host = await hostOf(t, mkfs);
    const values = {
      'user.comment': Buffer.from('größer "als" nichts'),
      'user.empty': Buffer.alloc(0),
      'user.binary': Buffer.from(Array.from({ length: 700 }, (_, i) => i % 256)),
      [ACL]: shared(6),
    };
    const xattrs = Object.entries(values).map(([name, value]) => ({ name, value }));
    const fine = mkfs[0] !== '-I';
    const put = await host.put('/srv/new dir/f', Buffer.alloc(20 * KiB, 'x'), {
      parents: true,
      uid: 70_000,
      gid: 5,
      mtime: 1_600_000_000,
      mtimeNanoseconds: 123_456_789,
      xattrs,
    });
    t.match(put, { outcome: 'succeeded' }, `${put.code} ${put.sentence}`);
    t.match(put.result?.volume.notes, fine ? [] : [/whole seconds/]);
    t.same(await attributesByDebugfs(host, '/srv/new dir/f'), inHex(values));
    const stat = await host.give('file.stat', { path: '/srv/new dir/f', xattrs: true });
    const sorted = xattrs
      .map(({ name, value }) => ({ name, size: value.byteLength, value }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const told = stat.result?.file.xattrs?.map((each) => ({ ...each, value: Buffer.from(each.value ?? []) }));
    t.same(told, sorted);
    t.match(stat.result?.file, { uid: 70_000, gid: 5, mode: 0o660, mtime: 1_600_000_000 });
    t.equal(stat.result?.file.mtimeNanoseconds, fine ? 123_456_789 : undefined);
    const got = await host.get('/srv/new dir/f');
    t.same(
      got.result?.file.xattrs,
      sorted.map(({ name, size }) => ({ name, size })),
      'names and sizes',
    );
    t.equal(await host.disk.faults(), '');
  }
});

await t.test('a plain put over a file loses neither label, ACL, attributes nor owner', async (t) => {
  const host = await hostOf(t);
  const values = {
    [LABEL]: Buffer.from('system_u:object_r:srv_t:s0\0'),
    'security.capability': Buffer.from('0100000200040000000000000000000000000000', 'hex'),
    'user.large': Buffer.alloc(500, 'l'),
    [ACL]: shared(4),
  };
  await label(host, '/srv/old', values);
  const put = await host.put('/srv/old', utf8('new'), { replace: true });
  t.match(put, { outcome: 'succeeded' }, `${put.code} ${put.sentence}`);
  t.match(put.result?.volume.notes, [/capabilities/], 'as any writing to it would take them');
  const { 'security.capability': _gone, ...kept } = values;
  t.same(await attributesByDebugfs(host, '/srv/old'), inHex(kept));
  const shut = await host.put('/srv/old', utf8('shut'), { replace: true, mode: 0o600 });
  t.equal(shut.outcome, 'succeeded');
  t.same(await attributesByDebugfs(host, '/srv/old'), inHex({ ...kept, [ACL]: shared(0) }), 'as chmod does');
  const linked = await host.put('/srv/first', utf8('new'), { replace: true });
  t.match(linked, { outcome: 'succeeded', result: { volume: { notes: [/1 more name/] } } });
  t.equal(await host.disk.text('/srv/second'), 'old contents');
  t.equal(await host.disk.faults(), '');
});

await t.test('zeros become holes, which stat tells of', async (t) => {
  const host = await hostOf(t);
  const content = Buffer.alloc(6 * MiB);
  content.write('start', 0);
  content.write('end', content.byteLength - 3);
  const put = await host.put('/srv/sparse', content);
  t.equal(put.outcome, 'succeeded', `${put.code} ${put.sentence}`);
  const stat = await host.give('file.stat', { path: '/srv/sparse' });
  const { size = 0, allocated = size } = stat.result?.file ?? {};
  t.equal(size, 6 * MiB);
  t.ok(allocated <= 256 * KiB, `${allocated}`);
  t.ok((await host.disk.read('/srv/sparse'))?.equals(content));
  t.equal(await host.disk.faults(), '');
});

await t.test(
  'a new file and directory are labelled as their directory is, and have its default ACL',
  async (t) => {
    const host = await hostOf(t);
    const defaults = acl([1, 7], [2, 7, 1000], [4, 5], [16, 7], [32, 5]);
    await label(host, '/srv', {
      [LABEL]: Buffer.from('srv_t\0'),
      [DEFAULT_ACL]: defaults,
      'user.own': Buffer.from('x'),
    });
    t.equal((await host.put('/srv/sub/f', utf8('new'), { parents: true })).outcome, 'succeeded');
    const made = {
      [LABEL]: Buffer.from('srv_t\0'),
      [ACL]: acl([1, 6], [2, 7, 1000], [4, 5], [16, 6], [32, 4]),
    };
    t.same(await attributesByDebugfs(host, '/srv/sub/f'), inHex(made));
    t.match(await attributesByDebugfs(host, '/srv/sub'), inHex({ [DEFAULT_ACL]: defaults }));
    t.equal(await host.disk.faults(), '');
  },
);

await t.test(
  'what gives rights on the host takes a token and two people, and hides no system path',
  async (t) => {
    const host = await hostOf(t);
    await host.disk.tamper(['symlink /srv/link /usr/bin', 'mkdir /usr', 'mkdir /usr/bin']);
    const xattrs = [{ name: 'security.capability', value: Buffer.alloc(20, 1) }];
    const without = await host.put('/srv/tool', utf8('tool'), { xattrs, tokens: async () => undefined });
    t.match(without, { code: 'NEEDS_TOKEN' });
    t.equal((await host.put('/srv/tool', utf8('tool'), { xattrs })).outcome, 'succeeded', 'with both');
    t.same(Object.keys(await attributesByDebugfs(host, '/srv/tool')), ['security.capability']);
    const past = await host.put('/srv/link/tool', utf8('tool'), { xattrs });
    t.match(past, { outcome: 'refused', code: 'NEEDS_TOKEN' }, 'the two did not sign for /usr');
  },
);

await t.test(
  'too much is refused, or left out and said; and an approved effect covers attributes',
  async (t) => {
    const host = await hostOf(t);
    const xattrs = [
      { name: 'user.small', value: Buffer.from('s') },
      { name: 'user.large', value: Buffer.alloc(5000, 1) },
    ];
    const refused = await host.put('/srv/f', utf8('f'), { xattrs });
    t.match(refused, { outcome: 'refused', code: 'XATTRS_TOO_LARGE' });
    const args = { mtime: 1_600_000_000, xattrs, lossy: true };
    const dry = await host.put('/srv/f', utf8('f'), { ...args, dryRun: true });
    t.match(dry.result?.volume.notes, [/user\.large/]);
    const effect = dry.result?.effect.hash ?? new Uint8Array(32);
    const other = await host.put('/srv/f', utf8('f'), { mtime: 1_600_000_000, effect });
    t.match(other, { outcome: 'refused', code: 'EFFECT_DIFFERS' });
    const made = await host.put('/srv/f', utf8('f'), { ...args, effect });
    t.match(made, { outcome: 'succeeded', result: { volume: { notes: [/user\.large/] } } });
    t.same(await attributesByDebugfs(host, '/srv/f'), { 'user.small': '73' });
    t.equal(await host.disk.faults(), '');
  },
);
