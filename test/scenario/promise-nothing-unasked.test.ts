import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB, toHex } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { leaveInJournal } from '../kit/dirty-journal.ts';

const content = Buffer.from('new content\n');
const coldHost = () =>
  ColdHost.start({
    fill: async (tree) => {
      await mkdir(join(tree, 'etc'));
      await writeFile(join(tree, 'etc/hostname'), 'sleepy\n');
      await writeFile(join(tree, 'etc/gone'), 'soon gone\n');
      await mkdir(join(tree, 'srv'));
      await writeFile(join(tree, 'srv/file'), 'in the way\n');
      await writeFile(join(tree, 'big'), Buffer.alloc(3 * MiB, 'b'));
    },
  });
const host = await coldHost();
t.teardown(() => host.close());

await t.test('reading leaves every byte of the disk as it is, and the host down', async (t) => {
  const before = await host.disk.hash();
  const ends = [
    await host.give('file.list', { path: '/', recursive: true }),
    await host.give('file.list', { path: '/etc/*' }),
    await host.give('file.stat', { path: '/etc/hostname' }),
    await host.get('/big'),
    await host.give('memory.check', { medium: 'storage' }),
    await host.give('machine.status', {}),
  ];
  for (const end of ends) {
    t.equal(end.outcome, 'succeeded');
    t.ok(end.power.length >= 2 && end.power.every(({ state }) => state === 'S5'), 'S5 throughout');
  }
  t.equal(await host.disk.hash(), before);
  t.equal(host.writes, 0);
  t.same(host.machine.host.history, []);
  t.equal(host.machine.drives[0]?.at, 'host', 'and the disk is home');
});

await t.test('a dry run writes nothing, and says what the real run then does', async (t) => {
  const before = await host.disk.hash();
  const put = await host.put('/srv/motd', content, { dryRun: true, mtime: 1_700_000_000 });
  const over = await host.put('/etc/hostname', content, { dryRun: true, replace: true });
  const parents = await host.put('/a/b/c', content, { dryRun: true, parents: true });
  const rm = await host.give('file.delete', { path: '/srv', recursive: true, dryRun: true });
  for (const end of [put, over, parents, rm]) t.equal(end.outcome, 'succeeded');
  t.equal(await host.disk.hash(), before);
  t.equal(host.writes, 0);
  const refused = await host.give('file.delete', { path: '/nothing', dryRun: true });
  t.match(refused, { outcome: 'refused', code: 'NO_SUCH_FILE' });

  const effect = put.result?.effect.hash ?? new Uint8Array();
  const wrong = effect.slice();
  wrong[0]! ^= 1;
  const other = await host.put('/srv/motd', content, { mtime: 1_700_000_000, effect: wrong });
  t.match(other, { outcome: 'refused', code: 'EFFECT_DIFFERS' });
  t.ok(other.sentence?.includes(toHex(effect)), 'naming the effect that it would be');
  t.equal(await host.disk.hash(), before, 'another effect than the approved one is not made');

  const approved = await host.put('/srv/motd', content, { mtime: 1_700_000_000, effect });
  t.match(approved, { outcome: 'succeeded' });
  t.same(approved.result?.effect, put.result?.effect, 'what was approved is what was done');
  t.equal(await host.disk.text('/srv/motd'), 'new content\n');

  const stale = await host.give(
    'file.delete',
    { path: '/srv', recursive: true },
    { effect: rm.result!.effect.hash },
  );
  t.match(
    stale,
    { outcome: 'refused', code: 'EFFECT_DIFFERS' },
    'an approval dies with the disk that it was for',
  );
  const again = await host.give('file.delete', { path: '/srv', recursive: true, dryRun: true });
  const done = await host.give(
    'file.delete',
    { path: '/srv', recursive: true },
    { effect: again.result!.effect.hash },
  );
  t.match(done, { outcome: 'succeeded', result: { removed: 3 } });
  t.equal(await host.disk.faults(), '');
});

await t.test(
  'an approval of a put without a time says what is missing, before anything is sent',
  async (t) => {
    const dry = await host.put('/untimed', content, { dryRun: true });
    const effect = dry.result?.effect.hash ?? new Uint8Array(32);
    let sent = 0;
    const count = () => {
      sent += 1;
    };
    const done = await host.put('/untimed', content, { effect, onProgress: count });
    t.match(done, { outcome: 'refused', code: 'EFFECT_DIFFERS', remedy: /--mtime/ });
    t.equal(sent, 0);
  },
);

await t.test(
  'a volume with a dirty journal: read over a copy, written only where the order says so',
  async (t) => {
    const dirty = await coldHost();
    t.teardown(() => dirty.close());
    const note = join(dirty.dir, 'note');
    await writeFile(note, 'last words\n');
    await leaveInJournal(dirty.disk, [`write ${note} /etc/last`, 'rm /etc/gone']);
    const before = await dirty.disk.hash();

    const last = await dirty.get('/etc/last');
    t.equal(Buffer.from(last.sink.finished ?? []).toString(), 'last words\n', 'as its host would find it');
    t.match(last.result?.volume, { stale: false, notes: [/replayed on a copy/] });
    t.match(await dirty.give('file.stat', { path: '/etc/gone' }), { code: 'NO_SUCH_FILE' });
    const listed = await dirty.give('file.list', { path: '/etc' });
    t.same(
      listed.result?.entries.map(({ name }) => name),
      ['hostname', 'last'],
    );

    for (const end of [
      await dirty.put('/etc/motd', content),
      await dirty.put('/etc/motd', content, { dryRun: true }),
      await dirty.give('file.delete', { path: '/etc/hostname' }),
    ]) {
      t.match(end, { outcome: 'refused', code: 'VOLUME_DIRTY', remedy: /--replay/ });
    }
    const dry = await dirty.put('/etc/motd', content, { dryRun: true, replay: true });
    t.match(dry, { outcome: 'succeeded' });
    t.equal(await dirty.disk.hash(), before, 'none of this touched the disk');
    t.equal(dirty.writes, 0);

    t.match(await dirty.put('/etc/motd', content, { replay: true }), { outcome: 'succeeded' });
    t.equal(await dirty.disk.text('/etc/motd'), 'new content\n');
    t.equal(await dirty.disk.text('/etc/last'), 'last words\n');
    t.equal(await dirty.disk.text('/etc/gone'), undefined);
    t.equal(await dirty.disk.faults(), '');
    t.match(await dirty.put('/etc/again', content), { outcome: 'succeeded' }, 'and it is clean now');
  },
);
