import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import { eventually } from '../kit/eventually.ts';
import { freeUdpPort } from '../kit/free-port.ts';
import { QemuColdHost } from '../kit/qemu-cold-host.ts';

const run = promisify(execFile);

const secrets = await mkdtemp(join(tmpdir(), 'ns-qemu-agent-'));
t.teardown(() => rm(secrets, { recursive: true, force: true }));
const passwordFile = join(secrets, 'pw');
await writeFile(passwordFile, 'a-long-password-4242\n', { mode: 0o600 });
const port = await freeUdpPort();

const host = await QemuColdHost.start({
  ipmi: {
    listen: ['127.0.0.1'],
    port,
    suites: [17],
    accounts: [{ name: 'fence', passwordFile, level: 'operator' }],
    consoleLevel: 'operator',
  },
  fill: async (tree) => {
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'etc/hostname'), 'sleepy\n');
    await writeFile(join(tree, 'etc/gone'), 'soon gone\n');
  },
});
t.teardown(() => host.close());
const { stranger } = host;

const power = (word: string): Promise<string> =>
  run('ipmitool', [
    ...['-I', 'lanplus', '-H', '127.0.0.1', '-p', `${port}`, '-U', 'fence', '-f', passwordFile],
    ...['-C', '17', '-L', 'OPERATOR', 'power', word],
  ]).then(
    ({ stdout }) => stdout.trim(),
    ({ stderr }: { stderr: string }) => stderr.trim(),
  );
const status = async (): Promise<unknown> => (await stranger.command('query-status')).status;
const WAKING = ['RESUME', 'RESET', 'WAKEUP'] as const;

await t.test('IPMI switches it on; its own Linux mounts the disk; IPMI switches it off', async (t) => {
  t.match(await power('status'), /is off/);
  const began = performance.now();
  t.match(await power('on'), /Up\/On/);
  await host.says('guest: mounted sleepy');
  t.comment(`figure: from ipmitool to the guest's mount ${Math.round(performance.now() - began)} ms`);
  await host.says('guest: done');
  t.match(await power('status'), /is on/);
  t.match(await host.give('file.list', { path: '/' }), { outcome: 'refused', code: /^HOST_(AWAKE|WAKING)$/ });
  t.match(await power('off'), /Down\/Off/);
  await host.shows('S5');
  t.equal(await status(), 'shutdown');
});

await t.test('in S5 every task is done, and the machine itself says that nothing woke it', async (t) => {
  await host.happened(...WAKING, 'SHUTDOWN', 'STOP');
  const content = Buffer.alloc(3 * MiB, 'n');
  const ends = [
    await host.give('machine.status', {}),
    await host.give('file.list', { path: '/', recursive: true }),
    await host.give('file.stat', { path: '/etc/hostname' }),
    await host.get('/boots'),
    await host.put('/srv/new', content, { parents: true }),
    await host.give('file.delete', { path: '/etc/gone' }),
    await host.give('memory.check', { medium: 'storage' }),
    await host.give('io.list', {}),
    await host.give('io.write', { channel: 'console', value: Buffer.from('nobody reads this\r') }),
    await host.give('io.read', { channel: 'console' }),
    await host.give('machine.disable', { reason: 'a try' }, { key: host.officer }),
    await host.give('machine.enable', {}, { key: host.officer }),
  ];
  for (const [i, end] of ends.entries()) {
    t.equal(end.outcome, 'succeeded', `task ${i}: ${end.sentence ?? ''}`);
    t.ok(end.power.length >= 2 && end.power.every(({ state }) => state === 'S5'), 'S5 throughout');
  }
  t.same(await host.happened(...WAKING), [], 'no RESUME, no RESET, no WAKEUP');
  t.equal(await status(), 'shutdown');
  t.match(await host.disk.text('/srv/new'), /^n{100}/);
  t.equal(await host.disk.faults(), '', 'e2fsck has nothing to say');
});

/** On its way up, or up already when the task looked again. */
const WOKEN = ['HOST_WAKING', 'HOST_AWAKE'];
let interrupted = 0;
for (const by of ['button', 'IPMI', 'stranger'] as const) {
  await t.test(
    `switched on by ${by} in the middle of a put: the guest boots from a whole disk`,
    async (t) => {
      const began = host.lines.length;
      const put = host.put(`/big-${by}`, Buffer.alloc(12 * MiB, by));
      await eventually(
        async () => (await host.give('machine.status', {})).result?.disks[0]?.position === 'ours',
      );
      if (by === 'button') await host.press();
      else if (by === 'IPMI') await power('on');
      else await stranger.command('system_reset').then(() => stranger.command('cont'));
      const end = await put;
      if (WOKEN.includes(end.code ?? '')) interrupted += 1;
      await host.says('guest: mounted sleepy');
      await host.says('guest: done');
      t.ok(
        end.outcome === 'succeeded' || WOKEN.includes(end.code ?? ''),
        `the put: ${end.outcome} ${end.code ?? ''}`,
      );
      const said = host.lines.slice(began);
      t.notOk(
        said.some((line) => /wake.hand-back-late/.test(line)),
        'handed back in time',
      );
      await host.types('off');
      await host.shows('S5');
      t.equal(await host.disk.faults(), '');
      const there = await host.give('file.stat', { path: `/big-${by}` });
      if (end.outcome === 'succeeded') t.equal(there.result?.file.size, 12 * MiB);
      else t.match(there, { code: 'NO_SUCH_FILE' }, 'wholly absent');
    },
  );
}

await t.test('of these puts some were cut off on the disk, and left nothing behind', (t) => {
  t.ok(interrupted > 0, `${interrupted} of 3`);
  t.end();
});

await t.test('a host in S3: reads are marked stale, writes are refused', async (t) => {
  await power('on');
  await host.says('guest: done');
  await host.types('suspend');
  await host.says('guest: suspending');
  await host.shows('S3');
  t.match(await host.get('/etc/hostname'), { outcome: 'refused', code: 'HOST_SUSPENDED' });
  const stale = await host.get('/etc/hostname', { staleOk: true });
  t.match(stale, { outcome: 'succeeded', result: { volume: { stale: true } } });
  t.match(await host.put('/etc/new', Buffer.from('x')), { outcome: 'refused', code: 'HOST_SUSPENDED' });
  t.match(await host.give('file.delete', { path: '/etc/hostname' }), {
    outcome: 'refused',
    code: 'HOST_SUSPENDED',
  });
  t.equal(await status(), 'suspended');
  t.match(await power('off'), /Down\/Off/);
  await host.shows('S5');
});

await t.test(
  'disabled: button, IPMI and a stranger get nowhere, also after a restart of the agent',
  async (t) => {
    await host.give('machine.disable', { reason: 'stolen' }, { key: host.officer });
    for (const when of ['before', 'after'] as const) {
      t.match(await host.press(), 'ignored');
      for (const word of ['on', 'cycle', 'reset'])
        t.match(await power(word), /disabled|unavailable/i, `${word} ${when}`);
      await host.happened('RESUME', 'SHUTDOWN', 'STOP');
      const began = performance.now();
      await stranger.command('system_reset');
      await stranger.command('cont');
      await eventually(async () => ['shutdown', 'prelaunch'].includes(String(await status())));
      const took = performance.now() - began;
      t.ok(took < 1000, 'off again within a second');
      t.comment(`figure: a stranger's wake reverted in ${took.toFixed(0)} ms`);
      await host.shows('S5');
      if (when === 'before') await host.restart();
    }
    await host.stop();
    await stranger.command('system_reset');
    await stranger.command('cont');
    t.equal(await status(), 'running', 'without an agent nobody holds it');
    await host.boot();
    await eventually(async () => ['shutdown', 'prelaunch'].includes(String(await status())));
    t.pass('the agent that comes back switches it off');
    t.match(await host.give('file.list', { path: '/' }), { outcome: 'refused', code: 'DISABLED' });
  },
);

await t.test('enabled again, it boots', async (t) => {
  await host.give('machine.enable', { reason: 'found' }, { key: host.officer });
  t.match(await host.press(), 'asked');
  await host.says('guest: done');
  await host.types('off');
  await host.shows('S5');
  t.equal(await host.disk.faults(), '');
});
