import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import type { ResultOf } from '../../src/protocol/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';

type Chain = ResultOf<'chain.status'>['chains'][number];

const content = Buffer.alloc(5 * MiB, 'straddles the border of two drives ');
const host = await ColdHost.start({
  // Borders in the middle of the volume, the first not on a filesystem block.
  members: [3 * MiB + 512, 8 * MiB, 4 * MiB],
  fill: async (tree) => {
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'etc/hostname'), 'sleepy\n');
    await writeFile(join(tree, 'big'), content);
  },
});
t.teardown(() => host.close());
const disk = host.machine.chains[0]!;

async function chain(of = host): Promise<Chain> {
  const ended = await of.give('chain.status', {});
  if (ended.result === undefined) throw new Error(`${ended.outcome} ${ended.code}`);
  return ended.result.chains[0]!;
}

await t.test('chain.status shows every drive, where it is and how it is linked', async (t) => {
  await eventually(async () => (await chain()).inStep && (await chain()).units.length === 4);
  const seen = await chain();
  t.match(seen, { disk: 'disk0', held: false, degraded: false, trouble: [], findings: [], unitCount: 4 });
  t.match(seen.chain, /^[0-9a-f]{16}$/);
  t.same(
    seen.units.map(({ position, drive, heard }) => [position, (drive?.sectors ?? 0) * 512, heard]),
    [
      [0, 3 * MiB + 512, true],
      [1, 8 * MiB, true],
      [2, 4 * MiB, true],
      [3, 11 * MiB - 512, true],
    ],
  );
  t.equal(new Set(seen.units.map(({ drive }) => drive?.serial)).size, 4);
  t.ok(seen.units.every(({ driveLink, dsi }) => driveLink === 3 && dsi.flags.includes('identified')));
});

await t.test('files are listed, fetched, put and deleted over the borders of drives', async (t) => {
  const listed = await host.give('file.list', { path: '/' });
  t.match(listed, { outcome: 'succeeded' });
  const got = await host.get('/big');
  t.equal(Buffer.compare(got.sink.finished ?? new Uint8Array(), content), 0);
  const put = Buffer.alloc(6 * MiB, 'new and long ');
  t.match(await host.put('/new', put), { outcome: 'succeeded' });
  t.match(await host.give('file.delete', { path: '/big' }), { outcome: 'succeeded', result: { removed: 1 } });
  const back = await host.get('/new');
  t.equal(
    createHash('sha256')
      .update(back.sink.finished ?? new Uint8Array())
      .digest('hex'),
    createHash('sha256').update(put).digest('hex'),
  );
  const check = await host.give('memory.check', { medium: 'storage' });
  t.match(check, { outcome: 'succeeded', result: { coveredBasisPoints: 10_000, errorCount: 0 } });
  await eventually(async () => disk.at === 'host');
  const image = await host.rejoin();
  t.equal(await image.faults(), '', 'e2fsck finds the joined drives whole');
  t.equal(Buffer.compare((await image.read('/new')) ?? Buffer.alloc(0), put), 0);
  t.ok(
    got.power.every(({ state }) => state === 'S5'),
    'and the host stayed down',
  );
});

await t.test('a host that wakes has its disk in time', async (t) => {
  host.onWrite = async (n) => {
    if (n % 3 === 0) host.machine.host.press();
  };
  const put = host.put('/woken', Buffer.alloc(2 * MiB, 1));
  await eventually(async () => host.machine.host.state === 'S0');
  host.onWrite = undefined;
  await eventually(async () => disk.chain.hba.disk !== undefined);
  t.equal((disk.chain.hba.disk?.sectors ?? 0) * 512, 26 * MiB, 'its controller sees the whole disk');
  t.equal(disk.at, 'host');
  t.match(await put, { outcome: /refused|failed|succeeded/ });
  host.machine.host.set('S5');
  t.equal(await (await host.rejoin()).faults(), '');
});

await t.test('disabled, it is silent whatever the host does, also after its power is pulled', async (t) => {
  const { officer } = host;
  t.match(await host.give('machine.disable', { reason: 'stolen' }, { key: officer }), {
    outcome: 'succeeded',
    result: { lock: { state: 'disabled', inForce: ['power-button-masked', 'drive-held'] } },
  });
  t.equal((await chain()).state, 'T7');
  const silent = async (when: string) => {
    host.machine.host.set('S0', 'a thief');
    disk.chain.hba.reset();
    await new Promise((resolve) => setTimeout(resolve, 700));
    t.equal(disk.chain.hba.disk, undefined, when);
    t.equal(disk.chain.head.registers().pti.sstatus & 15, 4, 'offline');
    t.equal(disk.at, 'held', when);
    host.machine.host.set('S5');
  };
  await silent('switched on');
  await disk.chain.loseAndRegainPower();
  await silent('after all units lost their power');
  await host.restart();
  await silent('after the agent was started anew');
  t.match(await host.give('chain.sync', { action: { do: 'resync' } }), {
    outcome: 'refused',
    code: 'DISABLED',
  });
  t.match(await host.give('machine.enable', {}, { key: officer }), { outcome: 'succeeded' });
  await eventually(async () => (await chain()).state === 'T3' || (await chain()).state === 'T4');
  t.match(await host.give('file.stat', { path: '/etc/hostname' }), { outcome: 'succeeded' });
});

await t.test(
  'a drive that is pulled holds the disk back, and what is there is accepted only in words',
  async (t) => {
    await eventually(async () => disk.at === 'host');
    disk.chain.pull(3);
    await eventually(async () => (await chain()).held, 15_000);
    const held = await chain();
    t.match(held, { presentedSectors: 0, trouble: [{ code: 'missing-local', sentence: /place 3/ }] });
    t.ok(held.units[3]!.changed.latest || held.units.some(({ changed }) => changed.latest));
    t.match(await host.give('file.stat', { path: '/etc/hostname' }), {
      outcome: 'refused',
      code: 'CUSTODY_UNAVAILABLE',
    });
    const accept = (question: Uint8Array, key = host.operator) =>
      host.give('chain.sync', { action: { do: 'accept', question } }, { key });
    t.match(await accept(new Uint8Array(8)), { outcome: 'refused', code: 'CHAIN_DIFFERS' });
    disk.chain.plug(3);
    await eventually(async () => !(await chain()).held, 15_000);
    t.match(await accept(held.question!.id), { outcome: 'refused', code: 'CHAIN_WHOLE' });
    t.match(
      await host.give('file.stat', { path: '/etc/hostname' }),
      { outcome: 'succeeded' },
      'it is whole again',
    );

    disk.chain.pull(3);
    await eventually(async () => (await chain()).held, 15_000);
    const { question } = await chain();
    t.match(await accept(question!.id), { outcome: 'succeeded' });
    await eventually(async () => !(await chain()).held, 15_000);
    t.match(await chain(), { degraded: true, question: undefined });
  },
);

await t.test('sync brings all tables in step and says so', async (t) => {
  const synced = await host.give('chain.sync', {});
  t.match(synced, { outcome: 'succeeded', result: { chains: [{ disk: 'disk0', inStep: true }] } });
});
