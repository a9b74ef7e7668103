import { type ChildProcess, fork } from 'node:child_process';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemEntropy } from '../src/adapters/entropy.ts';
import { silentLog } from '../src/adapters/log.ts';
import { MqttBus } from '../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../src/adapters/system-clock.ts';
import { equalBytes } from '../src/base/index.ts';
import { deviceTopics, type Order } from '../src/protocol/index.ts';
import { openEvent, publicKeyFromText, publicKeyText, signOrder } from '../src/security/index.ts';
import { testKey } from '../test/kit/keys.ts';
import { startMosquitto } from '../test/kit/mosquitto.ts';
import { note, percentile, report } from './kit.ts';
import { plainClient } from './rtt/plain-client.ts';
import { TENANT } from './rtt/tenant.ts';

const ROUNDS = 25;
const BATCH = 40;
const STOCK_BATCH = 4;
/** Orders before the first that counts: enough for the compilers of both sides to settle. */
const WARM_UP = 400;

const operator = testKey();
const bare = generateKeyPairSync('ed25519');
let counter = 0;

function child(file: string, args: readonly string[]): { process: ChildProcess; first: Promise<unknown> } {
  const process = fork(new URL(file, import.meta.url), [...args], { execArgv: ['--import=tsx'] });
  const first = new Promise((resolve, reject) => {
    process.once('message', resolve);
    process.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  return { process, first };
}

interface Asked {
  /** Milliseconds from the moment the order is made, to its receipt verified. */
  readonly whole: number;
  /** From the moment the signed order is sent, to the arrival of its receipt: what the echo measures. */
  readonly wire: number;
}

async function askDevice(bus: MqttBus, device: string, arrived: Arrivals): Promise<Asked> {
  const begin = performance.now();
  counter += 1;
  const order: Order = {
    v: 1,
    id: systemEntropy.randomBytes(16),
    aud: { to: 'device', name: device },
    verb: 'machine.status',
    args: {},
    iss: operator.publicKey.keyId,
    ctr: counter,
    exp: 4_000_000_000,
  };
  const receipt = arrived.next(order.id);
  const packet = await signOrder(order, operator, TENANT);
  const sent = performance.now();
  void bus.publish(deviceTopics(TENANT, device).cmd, packet);
  const at = await receipt;
  return { whole: performance.now() - begin, wire: at - sent };
}

interface Arrivals {
  /** The moment at which the receipt of this order arrived; settles when it is verified. */
  next(id: Uint8Array): Promise<number>;
}

async function operatorOf(
  url: string,
  device: string,
  keyText: string,
): Promise<{ bus: MqttBus; arrived: Arrivals }> {
  const bus = new MqttBus(
    { broker: { url }, clientId: `fleet-${device}` },
    systemClock,
    systemEntropy,
    silentLog,
  );
  const key = publicKeyFromText(keyText);
  let waiting: { id: Uint8Array; resolve: (at: number) => void } | undefined;
  bus.onMessage(async ({ payload }) => {
    const at = performance.now();
    const event = openEvent(payload, key, { tenant: TENANT });
    if (!event.ok) throw new Error(event.refusal.sentence);
    if (event.value.event === 'rejected') throw new Error(event.value.refusal.sentence);
    if (event.value.event !== 'receipt' || waiting === undefined) return;
    if (event.value.outcome !== 'succeeded') throw new Error(`the order ended as ${event.value.outcome}`);
    if (equalBytes(event.value.id, waiting.id)) waiting.resolve(at);
  });
  await bus.subscribe([deviceTopics(TENANT, device).evt]);
  await bus.start();
  const next = (id: Uint8Array): Promise<number> =>
    new Promise((resolve) => {
      waiting = { id, resolve };
    });
  return { bus, arrived: { next } };
}

/** What node:crypto alone takes for an order and a receipt: each signed once and verified once. */
async function signTwice(): Promise<Asked> {
  const begin = performance.now();
  for (const size of [191, 772]) {
    const data = new Uint8Array(size);
    const signature = sign(null, data, bare.privateKey);
    if (!verify(null, data, bare.publicKey, signature)) throw new Error('a signature that does not hold');
  }
  const took = performance.now() - begin;
  return { whole: took, wire: took };
}

interface Series {
  readonly ask: () => Promise<Asked>;
  readonly batch: number;
  readonly warmUp: number;
  readonly asked: Asked[];
}

const one = (ask: () => Promise<Asked>, batch: number, warmUp: number): Series => ({
  ask,
  batch,
  warmUp,
  asked: [],
});
const of = (series: Series, part: keyof Asked): number[] => series.asked.map((asked) => asked[part]);

/** What the device's journal has spent on flushing since this was last asked. */
async function flushesOf(device: ChildProcess): Promise<readonly number[]> {
  const answer = new Promise((resolve) => device.once('message', resolve));
  device.send('flushes');
  return ((await answer) as { flushes: readonly number[] }).flushes;
}

const directory = await mkdtemp(join(tmpdir(), 'ns-rtt-'));
const broker = await startMosquitto();
const children: ChildProcess[] = [];
try {
  const echo = child('./rtt/echo.ts', [String(broker.port)]);
  const device = child('./rtt/device.ts', [broker.url, directory, publicKeyText(operator.publicKey)]);
  children.push(echo.process, device.process);
  await echo.first;
  const keys = (await device.first) as { synced: string; unsynced: string };

  const synced = await operatorOf(broker.url, 'synced', keys.synced);
  const unsynced = await operatorOf(broker.url, 'unsynced', keys.unsynced);
  const payload = Buffer.from(systemEntropy.randomBytes(256));
  const asker = async (name: 'nodelay' | 'stock'): Promise<() => Promise<Asked>> => {
    const client = await plainClient(broker.port, `ask-${name}`, name === 'nodelay');
    await client.subscribeAsync(`${name}/answer`, { qos: 1 });
    return () =>
      new Promise((resolve) => {
        const begin = performance.now();
        client.once('message', () => {
          const took = performance.now() - begin;
          resolve({ whole: took, wire: took });
        });
        client.publish(`${name}/ask`, payload, { qos: 1 });
      });
  };
  const series = {
    synced: one(() => askDevice(synced.bus, 'synced', synced.arrived), BATCH, WARM_UP),
    echo: one(await asker('nodelay'), BATCH, WARM_UP),
    unsynced: one(() => askDevice(unsynced.bus, 'unsynced', unsynced.arrived), BATCH, WARM_UP),
    stock: one(await asker('stock'), STOCK_BATCH, STOCK_BATCH),
  };
  const signatures = one(signTwice, BATCH, WARM_UP);
  const all = [...Object.values(series), signatures];
  for (const { ask, warmUp } of all) for (let i = 0; i < warmUp; i += 1) await ask();
  await flushesOf(device.process);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { ask, batch, asked } of all) for (let i = 0; i < batch; i += 1) asked.push(await ask());
  }
  const flushes = await flushesOf(device.process);

  const figure = (name: string, ours: Series, part: keyof Asked, fraction: number): void =>
    report({
      bench: 'rtt',
      figure: name,
      ours: percentile(of(ours, part), fraction),
      peer: percentile(of(series.echo, part), fraction),
      unit: 'ms',
      better: 'lower',
    });
  note('ours: sign order, mosquitto, verify, run, sign receipt, journal with fdatasync, mosquitto, verify');
  note('on the wire: the same from sending the signed order to the arrival of its receipt');
  note('peer: unsigned QoS 1 echo by MQTT.js with TCP_NODELAY, same broker, same run, in turn');
  figure('p50', series.synced, 'whole', 0.5);
  figure('p99', series.synced, 'whole', 0.99);
  figure('p50 without fsync', series.unsynced, 'whole', 0.5);
  figure('p99 without fsync', series.unsynced, 'whole', 0.99);
  figure('p50 on the wire', series.synced, 'wire', 0.5);
  figure('p50 on the wire without fsync', series.unsynced, 'wire', 0.5);
  report({
    bench: 'rtt',
    figure: 'p50 without fsync against the echo and two signatures signed and verified',
    ours: percentile(of(series.unsynced, 'whole'), 0.5),
    peer: percentile(of(series.echo, 'whole'), 0.5) + percentile(of(signatures, 'whole'), 0.5),
    unit: 'ms',
    better: 'lower',
  });
  const cost = (fraction: number): string => percentile(flushes, fraction).toFixed(3);
  const each = flushes.length / series.synced.asked.length;
  note(`journal fdatasync: p50 ${cost(0.5)} ms, p99 ${cost(0.99)} ms, ${each.toFixed(2)} an order`);
  const signing = percentile(of(signatures, 'whole'), 0.5).toFixed(3);
  note(`Ed25519 alone, an order and a receipt, each signed and verified: p50 ${signing} ms`);
  const stock = percentile(of(series.stock, 'whole'), 0.5).toFixed(3);
  note(`the same echo by MQTT.js as it comes, without TCP_NODELAY: p50 ${stock} ms`);
} finally {
  for (const process of children) process.kill();
  await broker.close();
  await rm(directory, { recursive: true, force: true });
}
process.exit(0);
