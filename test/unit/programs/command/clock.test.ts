import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { createKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { statusResult } from '../../../kit/status-result.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-clock-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const key = (name: string) => createKeyFile(join(home, `${name}.key`), undefined);
const [operator, officer, officer2] = [await key('olga'), await key('sam'), await key('tess')];
const keyring = testKeyring({
  olga: [operator, 'operator'],
  sam: [officer, 'security'],
  tess: [officer2, 'security'],
});
const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'device-rack1', cleanSession: true },
  systemClock,
  systemEntropy,
  { log: () => undefined },
);
const device = new FakeDevice(bus, 'rack1', testKey(), keyring, systemClock, 'acme');
await device.start();
writeFileSync(
  join(home, 'nightshift.yaml'),
  `broker: ${broker.url}\ntenant: acme\nkey: olga.key\ndevices:\n  rack1: ${publicKeyText(device.key.publicKey)}\n`,
);
t.teardown(async () => {
  await bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<CliResult> => runCli(cli, args, { cwd: home });
const NONCE = new Uint8Array(16).fill(3);
const DAY = 86_400;

/** A device whose wall clock is so many seconds ahead of ours, and that judges orders by it. */
function withClock(ahead: number, surely = 1_795_219_200): void {
  const wall = () => systemClock.wallSeconds() + ahead;
  device.orders.length = 0;
  device.judge = ({ exp }) =>
    exp === undefined || exp > wall()
      ? undefined
      : { refusal: { code: 'EXPIRED', sentence: 'It is late.', remedy: '' }, nonce: NONCE };
  device.answer = async ({ verb, args }) => {
    if (verb === 'machine.status') return { result: statusResult({ wall: wall(), surely, nonce: NONCE }) };
    if (verb !== 'clock.set') return {};
    const { at } = args as { at: number };
    return { result: { changed: at > surely, before: surely, surely: Math.max(at, surely), wall: wall() } };
  };
}

await t.test(
  "clock shows each device's time beside ours, also of a device that takes us for late",
  async (t) => {
    withClock(0);
    t.match(await run('clock', 'rack1'), {
      code: 0,
      stdout: /^rack1: wall clock: .*Z, as ours\n {2}signed time: surely after/,
    });
    withClock(400 * DAY);
    t.match(await run('clock', 'rack1'), { code: 0, stdout: /400 days ahead of ours/ });
    t.match(
      device.orders.map(({ nonce }) => nonce),
      [NONCE],
      'asked again by a nonce',
    );
    withClock(-400 * DAY, systemClock.wallSeconds() + 60 * DAY);
    t.match(await run('clock', 'rack1'), {
      code: 0,
      stdout: /400 days behind ours[\s\S]*AHEAD of ours by 5\d days|60 days[\s\S]*not believed/,
    });
  },
);

await t.test('clock --set signs the time for a nonce of the device', async (t) => {
  withClock(400 * DAY);
  const { code, stdout } = await run('clock', 'rack1', '--set');
  t.equal(code, 0);
  t.match(stdout, /signed time is now .*Z, was /);
  t.match(device.orders.at(-1), {
    verb: 'clock.set',
    nonce: NONCE,
    exp: undefined,
    iss: operator.publicKey.keyId,
  });
});

await t.test('a far step takes two people', async (t) => {
  withClock(0);
  t.match(await run('clock', 'rack1', '--set', '--far'), { code: 2, stderr: /two people/ });
  t.equal(device.orders.length, 0);
  const far = ['clock', 'rack1', '--set', '--far', '--key', 'sam.key', '--cosign-key', 'tess.key'];
  t.match(await run(...far), { code: 0 });
  t.match(device.orders.at(-1), { verb: 'clock.set', args: { farAhead: true } });
});

await t.test('an order with --fresh is bound to a nonce, and is not sent without one', async (t) => {
  withClock(400 * DAY);
  t.match(await run('tasks', 'rack1'), { code: 3, stdout: /EXPIRED/ });
  t.match(await run('--fresh', 'io', 'list', 'rack1'), { code: 0 });
  t.match(device.orders.at(-1), { verb: 'io.list', nonce: NONCE });
  device.judge = () => undefined;
  device.answer = async () => ({ result: statusResult() });
  t.match(await run('--fresh', 'io', 'list', 'rack1'), { stdout: /not sent: .*no nonce/ });
  t.equal(device.orders.at(-1)?.verb, 'machine.status');
});

await t.test('an enable order is bound by itself, and says where it cannot be', async (t) => {
  withClock(0);
  const enable = ['enable', 'rack1', '--key', 'sam.key', '--cosign-key', 'tess.key'];
  t.match(await run(...enable), { stderr: '' });
  t.match(device.orders.at(-1), { verb: 'machine.enable', nonce: NONCE, exp: undefined });
  device.answer = async ({ verb }) => (verb === 'machine.status' ? { result: statusResult() } : {});
  t.match(await run(...enable), { stderr: /no nonce.*goes by the clocks/ });
  t.match(device.orders.at(-1), { verb: 'machine.enable', nonce: undefined });
});

await t.test('sign --fresh writes the nonce of each host into the file', async (t) => {
  withClock(0);
  const signed = await run(
    '--fresh',
    '--key',
    'sam.key',
    'sign',
    'enable',
    'rack1',
    '--reason',
    'found',
    '-o',
    'o.txt',
  );
  t.match(signed, { code: 0, stdout: /for 86400 s from a moment that the device has named/ });
});
