import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { openKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-staged-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const run = (...args: readonly string[]): Promise<CliResult> => runCli(cli, args, { cwd: home });

await run('keys', 'new', '--role', 'operator', '--name', 'olga');
const operator = await openKeyFile(join(home, 'olga.key'), () => Promise.reject(new Error('not encrypted')));
const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'device-rack1', cleanSession: true },
  systemClock,
  systemEntropy,
  { log: () => undefined },
);
const keyring = testKeyring({ olga: [operator, 'operator'] });
const device = new FakeDevice(bus, 'rack1', testKey(), keyring, systemClock, 'acme');
await device.start();
writeFileSync(
  join(home, 'nightshift.yaml'),
  `broker: ${broker.url}\ntenant: acme\nkey: olga.key\nreceipts: receipts\ndevices:\n  rack1: ${publicKeyText(device.key.publicKey)}\n`,
);
writeFileSync(join(home, 'local'), 'content\n');
t.teardown(async () => {
  await bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});

const volume = { name: 'disk0p1', type: 'ext4', label: 'root', uuid: 'u', stale: false, notes: [] };
const hash = new Uint8Array(32).fill(1);
const changes = [{ change: 'create', path: '/srv/local' }];
const effect = { hash, blocks: 2, bytes: 8192, changes };
const waits = { code: 'HOST_AWAKE', sentence: 'The host is on (S0).', remedy: 'Shut it down.' };

/** The host goes off, and what is staged is done. */
let off: () => void = () => {};
device.answer = async ({ id, verb }, { say }) => {
  const done = new Promise<void>((resolve) => {
    off = resolve;
  });
  await say({ event: 'staged', id, waits, leftSeconds: 3 * 86_400 });
  await done;
  return verb === 'file.delete'
    ? { result: { volume, removed: 1, effect, dryRun: false } }
    : { result: { volume, path: '/srv/local', effect, dryRun: false } };
};

const kept = join(home, 'receipts/acme/rack1');
const idIn = ({ stdout }: CliResult): string => /staged as ([0-9a-f]{32})/.exec(stdout)?.[1] ?? '';

await t.test(
  'put --stage leaves when the device keeps it, and says that nothing is on the disk',
  async (t) => {
    const put = await run('put', 'local', 'rack1', '/srv/local', '--stage', '--until', '3d');
    t.equal(put.code, 0, put.stderr);
    t.match(put.stdout, /^rack1: staged as [0-9a-f]{32}: .* NOTHING of it is on the disk yet\n/);
    t.match(put.stdout, /waits for HOST_AWAKE: The host is on \(S0\)\.\n/);
    t.match(put.stdout, /dropped in 3 days 0 h of the device's running time/);
    t.same(device.orders.at(-1)?.args, { ...device.orders.at(-1)?.args, stage: { seconds: 3 * 86_400 } });
    t.ok(existsSync(join(kept, 'staged', `${idIn(put)}.order`)));

    off();
    const receipt = await run('receipt', 'rack1', idIn(put), '--wait');
    t.equal(receipt.code, 0, receipt.stderr);
    t.match(receipt.stdout, /^rack1: succeeded: created \/srv\/local\n/);
    t.same(readdirSync(join(kept, 'staged')), [], 'the order lies with its receipt now');
    const verified = await run('verify', kept);
    t.match(verified.stdout, /file\.download/, verified.stderr);
    t.match(await run('receipt', 'rack1', idIn(put)), {
      code: 2,
      stderr: /no order [0-9a-f]{32} was staged/,
    });
  },
);

await t.test('rm --stage --wait stays until the end; --json says both', async (t) => {
  const staying = run('--json', 'rm', 'rack1', '/srv/local', '--stage', '--wait');
  await new Promise<void>((resolve) => {
    const look = () => (device.orders.at(-1)?.verb === 'file.delete' ? resolve() : setTimeout(look, 10));
    look();
  });
  t.same(device.orders.at(-1)?.args, { path: '/srv/local', stage: {} });
  off();
  const { code, stdout } = await staying;
  t.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines.at(-1), { outcome: 'succeeded', verb: 'file.delete' });
  t.ok(lines.some(({ event, waits: why }) => event === 'staged' && why.code === 'HOST_AWAKE'));
});

await t.test('what makes no sense is said before anything is sent', async (t) => {
  const before = device.packets;
  const put = (...more: string[]) => run('put', 'local', 'rack1', '/srv/local', ...more);
  t.match(await put('--stage', '--dry-run'), { code: 2, stderr: /--stage is for later/ });
  t.match(await put('--until', '3d'), { code: 2, stderr: /add --stage/ });
  t.match(await put('--stage', '--until', '32d'), { code: 2, stderr: /up to 31d/ });
  t.equal(device.packets, before);
});

await t.test('staged shows what waits and what became of the rest', async (t) => {
  const id = new Uint8Array(16).fill(7);
  const order = {
    id,
    verb: 'file.download',
    place: 'disk0p1:/srv/local',
    size: 8,
    issuer: operator.publicKey.keyId,
    receivedAt: 1_790_000_000,
    state: 'waiting',
    waits,
    tries: 2,
    leftSeconds: 3600,
  };
  const ended = [{ id, verb: 'file.delete', place: '/old', outcome: 'expired', code: 'STAGED_ENDED' }];
  const room = { used: 8, bytes: 1024 };
  device.answer = async ({ args }) => ({
    result:
      'after' in args && args.after !== undefined
        ? { orders: [{ ...order, place: '/second' }], ended, room }
        : { orders: [order], ended, room, next: id },
  });
  const shown = await run('staged', 'rack1');
  t.equal(shown.code, 0, shown.stderr);
  t.match(shown.stdout, /^rack1: succeeded: 2 staged orders, 8 B of 1(\.0)? KiB\n/);
  t.match(shown.stdout, /(07){16} {2}put disk0p1:\/srv\/local, 8 B\n {4}waits for HOST_AWAKE/);
  t.match(shown.stdout, /tried 2 times, dropped in 1 h 0 min|tried 2 times, dropped in 60 min 0 s/);
  t.match(shown.stdout, /put \/second/);
  t.match(shown.stdout, /ended:\n {2}(07){16} {2}expired STAGED_ENDED {2}rm \/old\n/);
  const { stdout } = await run('--json', 'staged', 'rack1');
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(
    lines.find(({ outcome }) => outcome !== undefined),
    {
      verb: 'staged.list',
      result: { orders: [{ place: 'disk0p1:/srv/local', waits: { code: 'HOST_AWAKE' } }] },
    },
  );
});
