import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { createKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { buildCli, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { statusResult } from '../../../kit/status-result.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-trace-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const operator = await createKeyFile(join(home, 'olga.key'), undefined);
const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'device-rack1', cleanSession: true },
  systemClock,
  systemEntropy,
  { log: () => undefined },
);
const keyring = testKeyring({ olga: [operator, 'operator'] });
const device = new FakeDevice(bus, 'rack1', testKey(), keyring, systemClock, 'acme');
device.answer = async () => ({ result: statusResult() });
await device.start();
const bodies: string[] = [];
const collector = createServer((request, response) => {
  let body = '';
  request.on('data', (part: Buffer) => {
    body += part.toString();
  });
  request.on('end', () => {
    bodies.push(body);
    response.end('{}');
  });
});
await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
const { port } = collector.address() as AddressInfo;
function configure(more: string): void {
  const about = `broker: ${broker.url}\ntenant: acme\nkey: olga.key\nreceipts: receipts\n`;
  const text = `${about}devices:\n  rack1: ${publicKeyText(device.key.publicKey)}\n${more}\n`;
  writeFileSync(join(home, 'nightshift.yaml'), text);
}
t.teardown(async () => {
  collector.closeAllConnections();
  await new Promise((done) => collector.close(done));
  await bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => runCli(cli, args, { cwd: home, env });

await t.test('orders carry a trace where somebody wants it, and not otherwise', async (t) => {
  configure('');
  t.equal((await run(['status', 'rack1'], { TRACEPARENT: PARENT })).code, 0);
  t.equal(device.orders.at(-1)?.trace, undefined);
  t.equal((await run(['--trace', 'status', 'rack1'], { TRACEPARENT: PARENT })).code, 0);
  t.match(device.orders.at(-1)?.trace, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[\da-f]{16}-01$/);
  t.same(bodies, []);
});

await t.test(
  'spans are with the collector when the command has ended, and its address has no password',
  async (t) => {
    configure(`trace: { otlp: 'http://127.0.0.1:${port}' }`);
    t.match(await run(['status', 'rack1']), { code: 0, stderr: '' });
    t.match(device.orders.at(-1)?.trace, /^00-[\da-f]{32}-[\da-f]{16}-01$/);
    const [first] = JSON.parse(bodies[0] ?? '{}').resourceSpans;
    t.equal(first.scopeSpans[0].spans[0].traceId, device.orders.at(-1)?.trace?.slice(3, 35));
    configure("trace: { otlp: 'http://u:canary@x' }");
    const { code, stderr } = await run(['status', 'rack1']);
    t.equal(code, 2);
    t.notMatch(stderr, 'canary');
  },
);
