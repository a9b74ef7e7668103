import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { openKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import type { ResultOf } from '../../../../src/protocol/index.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { packUpdate } from '../../../kit/firmware-image.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { noise } from '../../../kit/noise.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-update-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const run = (...args: readonly string[]): Promise<CliResult> => runCli(cli, args, { cwd: home });

await run('keys', 'new', '--role', 'operator', '--name', 'olga');
const operator = await openKeyFile(join(home, 'olga.key'), () => Promise.reject(new Error('not encrypted')));
const keyring = testKeyring({ olga: [operator, 'operator'] });
const content = noise(70_000, 1);
const image = await packUpdate(
  content,
  testKey(),
  { board: 'rainier', version: '1.3.0', rollback: 2 },
  'root',
);
writeFileSync(join(home, 'new.nsfw'), image.file);

type Became = NonNullable<ResultOf<'agent.firmware'>['update']>['state'];

/** Takes an update, is away for a moment, and says what became of it. */
async function device(name: string, became: Became) {
  const bus = new MqttBus(
    { broker: { url: broker.url }, clientId: `device-${name}`, cleanSession: true },
    systemClock,
    systemEntropy,
    { log: () => undefined },
  );
  const fake = new FakeDevice(bus, name, testKey(), keyring, systemClock, 'acme');
  const from = { version: '1.2.0', slot: 'a' };
  let order: Uint8Array = new Uint8Array(16);
  let awake: NodeJS.Timeout | undefined;
  fake.answer = async ({ id, verb, args }) => {
    if (verb === 'agent.update') {
      const dryRun = 'dryRun' in args && args.dryRun === true;
      order = id;
      awake ??= setInterval(() => void fake.say(online), 100);
      return {
        result: { version: '1.3.0', slot: 'b', state: dryRun ? 'would-try' : 'trying', from, dryRun },
      };
    }
    const slots = [
      { slot: 'a', state: 'good', version: '1.2.0' },
      { slot: 'b', state: 'good', version: '1.3.0' },
    ];
    const why = became === 'rolled-back' ? { why: 'its broker: it is silent' } : {};
    const update = { order, version: '1.3.0', slot: 'b', sha256: image.sha256, state: became, ...why };
    const version = became === 'confirmed' ? '1.3.0' : '1.2.0';
    return { result: { board: 'rainier', version, running: 'b', slots, floor: 2, release: true, update } };
  };
  await fake.start();
  return { fake, close: async () => [clearInterval(awake), await bus.close()] };
}
const online = {
  event: 'presence',
  state: 'online',
  uptimeSeconds: 1,
  version: '1.3.0',
  board: 'rainier',
  power: 'S5',
  lock: 'enabled',
  nonce: new Uint8Array(16),
};

const rack1 = await device('rack1', 'confirmed');
const rack2 = await device('rack2', 'rolled-back');
const rack3 = await device('rack3', 'confirmed');
writeFileSync(
  join(home, 'nightshift.yaml'),
  [
    `broker: ${broker.url}\ntenant: acme\nkey: olga.key\nreceipts: receipts\ndevices:`,
    ...[rack1, rack2, rack3].map(({ fake }) => `  ${fake.name}: ${publicKeyText(fake.key.publicKey)}`),
    '',
  ].join('\n'),
);
t.teardown(async () => {
  for (const each of [rack1, rack2, rack3]) await each.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});

await t.test('what is no whole image is not sent', async (t) => {
  const flipped = image.file.slice();
  flipped[flipped.byteLength - 9] = (flipped[flipped.byteLength - 9] ?? 0) ^ 1;
  const cases: [string, Uint8Array, RegExp][] = [
    ['text', new TextEncoder().encode('firmware, really'), /is no firmware image/],
    ['short', image.file.subarray(0, 60_000), /it is not whole/],
    ['stub', image.file.subarray(0, 20), /it is not a whole image/],
    ['flipped', flipped, /was changed on its way/],
  ];
  for (const [name, bytes, says] of cases) {
    writeFileSync(join(home, name), bytes);
    const { code, stderr } = await run('update', 'rack1', name);
    t.equal(code, 2, name);
    t.match(stderr, says);
  }
  t.equal(rack1.fake.packets, 0);
});

await t.test(
  'the order brings the manifest, and the command stays until the device says what became of it',
  async (t) => {
    const done = await run('update', 'rack1', 'new.nsfw');
    t.equal(done.code, 0, done.stderr);
    t.match(done.stdout, /^rack1: version 1\.3\.0 was confirmed, and runs in slot b\n/);
    t.match(done.stderr, /version 1\.3\.0 for rainier, rollback 2/);
    t.match(rack1.fake.orders[0], {
      verb: 'agent.update',
      args: { manifest: image.signed, size: content.byteLength, sha256: image.sha256 },
    });
    const json = await run('--json', 'update', 'rack1', 'new.nsfw');
    t.same(
      json.stdout
        .split('\n')
        .filter((line) => line.includes('"line":"answer"'))
        .map((line) => (JSON.parse(line) as { verb: string }).verb),
      ['agent.update', 'agent.firmware'],
    );
    const dry = await run('update', 'rack1', 'new.nsfw', '--dry-run');
    t.match(dry.stdout, /would write version 1\.3\.0 to slot b/);
    t.match(rack1.fake.orders.at(-1), { verb: 'agent.update', args: { dryRun: true } });
  },
);

await t.test('a rollback is a failure, and no canary that rolled back has others follow it', async (t) => {
  const { code, stdout, stderr } = await run('update', 'rack[2-3]', 'new.nsfw', '--canary', '1');
  t.equal(code, 4, stdout);
  t.match(stdout, /^rack2: version 1\.3\.0 was ROLLED BACK, and 1\.2\.0 runs: its broker: it is silent\n/);
  t.match(stderr, /left as they are: rack3/);
  t.equal(rack3.fake.packets, 0);
});

await t.test('firmware shows what runs, and what became of the last update', async (t) => {
  const { stdout } = await run('firmware', 'rack2');
  t.match(stdout, /rainier: version 1\.2\.0 \(slot b, proven\)\n/);
  t.match(stdout, /last update: 1\.3\.0 in slot b was ROLLED BACK: its broker/);
  const json = await run('--json', 'firmware', 'rack2');
  t.match(JSON.parse(json.stdout.trimEnd().split('\n').at(-1) ?? ''), {
    verb: 'agent.firmware',
    result: { update: { state: 'rolled-back' } },
  });
});

await t.test('others follow only what is proven: who waits for nothing has no canaries', async (t) => {
  const { code, stderr } = await run('update', 'rack[2-3]', 'new.nsfw', '--canary', '1', '--no-wait');
  t.equal(code, 2);
  t.match(stderr, /--canary waits until the first are proven/);
  t.equal(rack3.fake.packets, 0);
});
