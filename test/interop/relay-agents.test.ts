import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { openKeyFile } from '../../src/adapters/operator-keys.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { toHex, utf8 } from '../../src/base/index.ts';
import { Fleet } from '../../src/fleet/index.ts';
import { deviceTopics } from '../../src/protocol/index.ts';
import { openEvent, publicKeyFromText, publicKeyText } from '../../src/security/index.ts';
import { type AgentLife, askAgent, buildAgent, startAgent } from '../kit/agent-program.ts';
import { buildCli, runCli } from '../kit/cli.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { testKey } from '../kit/keys.ts';
import { startMosquitto } from '../kit/mosquitto.ts';

t.setTimeout(120_000);

const TENANT = 'acme';
/** The device without a network: nobody listens where its broker should be. */
const COLD = 'cold';
/** Its neighbour, which has one. */
const GATE = 'gate';
const NOBODY = 'mqtt://127.0.0.1:1';

const { dir, remove } = await scratch();
t.teardown(remove);
const broker = await startMosquitto();
t.teardown(() => broker.close());
const program = await buildAgent(dir);
const cli = await buildCli(dir);
const nightshift = (...args: readonly string[]) => runCli(cli, args, { cwd: dir });
await nightshift('keys', 'new', '--role', 'operator', '--name', 'olga');
const operator = await openKeyFile(join(dir, 'olga.key'), () => Promise.reject(new Error('not encrypted')));
const other = testKey();
const uart = join(dir, 'uart.log');
await writeFile(uart, '');

/** Writes a device's configuration, and makes its key where there is none; the public key as text. */
async function enrol(device: string, brokerUrl: string, relay: unknown): Promise<string> {
  await mkdir(join(dir, device), { recursive: true });
  const config = {
    device,
    tenant: TENANT,
    broker: brokerUrl,
    state: 'state',
    log: 'json',
    keyring: [
      { name: 'olga', role: 'operator', key: publicKeyText(operator.publicKey) },
      { name: 'otto', role: 'operator', key: publicKeyText(other.publicKey) },
    ],
    sim: { state: 'S5', disks: [], uartLog: uart },
    relay,
  };
  const path = join(dir, device, 'agent.yaml');
  await writeFile(path, JSON.stringify(config));
  const identity = await askAgent(program, ['--config', path, '--identity']);
  return identity.trim().split(': ')[1] ?? '';
}

const link = '../link.sock';
const coldRelay = { above: `connect:${link}`, afterSeconds: 1 };
await enrol(GATE, broker.url, { below: `listen:${link}`, for: [COLD] });
const coldKey = publicKeyFromText(await enrol(COLD, NOBODY, coldRelay));
await writeFile(
  join(dir, 'nightshift.yaml'),
  JSON.stringify({
    broker: broker.url,
    tenant: TENANT,
    key: 'olga.key',
    devices: { [COLD]: publicKeyText(coldKey) },
  }),
);

const lives = new Map<string, AgentLife>();
const start = (device: string): void => void lives.set(device, startAgent(program, join(dir, device)));
const kill = async (device: string): Promise<void> => {
  const life = lives.get(device);
  life?.process.kill('SIGKILL');
  await life?.ended;
};
t.teardown(async () => {
  for (const device of lives.keys()) await kill(device);
});
const logged = async (device: string, event: string): Promise<boolean> =>
  (await readFile(join(dir, device, 'agent.log'), 'utf8').catch(() => '')).includes(`"${event}"`);
/** Envelopes in a device's own storage. */
const held = async (device: string): Promise<number> =>
  (await readdir(join(dir, device, 'state'))).filter((name) => name.startsWith('relay-e-')).length;

const client = (clientId: string): MqttBus =>
  new MqttBus(
    { broker: { url: broker.url }, clientId, cleanSession: true },
    systemClock,
    systemEntropy,
    silentLog,
  );

/** Every receipt that was on the device's topic and that its key has signed, by order: the distinct packets. */
const receipts = new Map<string, Set<string>>();
const witness = client('witness');
witness.onMessage(async ({ payload }) => {
  const opened = openEvent(payload, coldKey, { tenant: TENANT });
  if (!opened.ok) throw new Error('an event that the device did not sign');
  if (opened.value.event !== 'receipt') return;
  const id = toHex(opened.value.id);
  receipts.set(id, (receipts.get(id) ?? new Set()).add(toHex(payload)));
});
await witness.subscribe([deviceTopics(TENANT, COLD).evt]);
await witness.start();
t.teardown(() => witness.close());

let counter = 0;
const fleet = new Fleet({
  bus: client('operator'),
  tenant: TENANT,
  key: other,
  counter: { next: async () => ++counter },
  devices: new Map([[COLD, coldKey]]),
  clock: systemClock,
  entropy: systemEntropy,
});
await fleet.connect();
t.teardown(() => fleet.close());
const write = (line: string) =>
  fleet.order(
    COLD,
    'io.write',
    { channel: 'console', value: utf8(`${line}\n`) },
    { signal: new AbortController().signal },
  );

start(GATE);
start(COLD);
await eventually(() => logged(GATE, 'relay-bus-up'));
await eventually(() => logged(COLD, 'relay-fallback-taken'));

await t.test('a device that reaches no broker answers by its neighbour, and says so', async (t) => {
  const status = await nightshift('status', COLD);
  t.match(status, { code: 0, stderr: '' });
  t.match(status.stdout, /^cold: succeeded: board sim-host/);
  t.match(
    status.stdout,
    /limit: No network: a neighbour in the chain carries orders and receipts, and no files\./,
  );
});

await t.test('files are refused at once, both ways', async (t) => {
  await writeFile(join(dir, 'newtab'), 'x\n');
  for (const order of [
    ['put', 'newtab', COLD, '/srv/newtab'],
    ['get', COLD, '/etc/fstab', 'copy'],
  ]) {
    const answer = await nightshift(...order);
    t.match(answer, { code: 3, stdout: /cold: refused FILES_NEED_NETWORK: The device has no network/ });
  }
});

await t.test('an order given while the neighbour is dead is obeyed once it is back', async (t) => {
  await kill(GATE);
  const run = await write('one');
  start(GATE);
  t.match(await run.outcome, { is: 'receipt', receipt: { outcome: 'succeeded' } });
  t.equal(await readFile(uart, 'utf8'), 'one\n');
  await eventually(() => receipts.has(toHex(run.id)));
});

await t.test(
  'what a neighbour holds outlives its death, takes effect once and has one receipt',
  async (t) => {
    await kill(COLD);
    await eventually(async () => (await held(GATE)) === 0);
    const run = await write('two');
    await eventually(async () => (await held(GATE)) > 0);
    await kill(GATE);
    start(GATE);
    start(COLD);
    t.match(await run.outcome, { is: 'receipt', receipt: { outcome: 'succeeded' } });
    await eventually(async () => (await held(GATE)) === 0 && (await held(COLD)) === 0);
    t.equal(await readFile(uart, 'utf8'), 'one\ntwo\n');
    await eventually(() => receipts.has(toHex(run.id)));
  },
);

await t.test('with its network back it is heard both ways, takes files again and answers once', async (t) => {
  await kill(COLD);
  await enrol(COLD, broker.url, coldRelay);
  start(COLD);
  await eventually(() => logged(COLD, 'bus-up'));
  const status = await nightshift('status', COLD);
  t.equal(status.code, 0);
  t.notMatch(status.stdout, /No network/);
  t.match(await nightshift('get', COLD, '/etc/fstab', 'copy'), { code: 3, stdout: /NO_SUCH_/ });
});

await t.test('both end in order when asked, and no order has had two receipts', async (t) => {
  for (const device of [COLD, GATE]) {
    lives.get(device)?.process.kill('SIGTERM');
    t.equal(await lives.get(device)?.ended, 0);
  }
  t.same(
    [...receipts.values()].map(({ size }) => size),
    [1, 1, 1, 1, 1, 1, 1],
  );
});
