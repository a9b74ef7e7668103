import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { buildCli, runCli } from '../../../kit/cli.ts';
import { eventually } from '../../../kit/eventually.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { documentedMetrics, isFleets, missingIn } from '../../../kit/named-metrics.ts';
import { scrape } from '../../../kit/scrape.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-exporter-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'device-rack1', cleanSession: true },
  systemClock,
  systemEntropy,
  { log: () => undefined },
);
const device = new FakeDevice(bus, 'rack1', testKey(), testKeyring({}), systemClock, 'acme');
await device.start();
// No key of an operator's is anywhere.
writeFileSync(
  join(home, 'nightshift.yaml'),
  `broker: ${broker.url}\ntenant: acme\ndevices:\n  rack1: ${publicKeyText(device.key.publicKey)}\n  rack2: ${publicKeyText(testKey().publicKey)}\n`,
);
writeFileSync(join(home, 'short'), 'short\n');
let child: ChildProcess | undefined;
t.teardown(async () => {
  child?.kill('SIGKILL');
  await bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});

await t.test('what cannot be served is said before anything starts', async (t) => {
  const run = (...args: string[]) => runCli(cli, ['exporter', ...args], { cwd: home });
  t.match(await run('--listen', '0.0.0.0:0'), { code: 2, stderr: /--token-file/ });
  t.match(await run('--token-file', 'short'), { code: 2, stderr: /16 to 256/ });
});

await t.test('it listens, gives no order, tells of the fleet, and ends when asked', async (t) => {
  const started = spawn(
    process.execPath,
    [cli, 'exporter', '--listen', '127.0.0.1:0', '--per-host', '--log', 'json'],
    {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  child = started;
  const ended = new Promise<number | null>((resolve) => started.on('close', resolve));
  const lines: Record<string, unknown>[] = [];
  started.stderr.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) if (line.startsWith('{')) lines.push(JSON.parse(line));
  });
  await eventually(() => lines.some(({ msg }) => msg === 'exporter.listening'));
  const authority = String(lines.find(({ msg }) => msg === 'exporter.listening')?.address);
  await eventually(async () => (await scrape(authority)).value('nightshift_mqtt_connected') === 1);
  const presence = {
    event: 'presence',
    state: 'online',
    uptimeSeconds: 1,
    version: '1',
    board: 'b',
    power: 'S5',
    lock: 'enabled',
  };
  await eventually(async () => {
    await device.say({ ...presence, nonce: new Uint8Array(16) });
    return (await scrape(authority)).value('nightshift_fleet_hosts', { state: 'online' }) === 1;
  });
  const scraped = await scrape(authority);
  const { value } = scraped;
  t.same(missingIn(scraped, isFleets), [], 'all that dashboard and alerts name');
  const documented = documentedMetrics();
  for (const name of scraped.types.keys()) t.ok(documented.has(name), name);
  for (const name of documented) if (isFleets(name)) t.ok(scraped.types.has(name), name);
  t.equal(value('nightshift_fleet_hosts', { state: 'never' }), 1);
  t.equal(value('nightshift_host_up', { host: 'rack1' }), 1);
  t.equal(value('nightshift_build_info', { program: 'nightshift-exporter' }), 1);
  t.equal(device.packets, 0, 'it asked nobody');
  await broker.close();
  await eventually(async () => (await scrape(authority)).value('nightshift_mqtt_connected') === 0);
  t.ok(lines.some(({ msg, level }) => msg === 'bus-down' && level === 40));
  started.kill('SIGTERM');
  t.equal(await ended, 0);
});
