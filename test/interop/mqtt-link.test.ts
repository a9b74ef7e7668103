import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { hours, milliseconds, seconds, utf8 } from '../../src/base/index.ts';
import type { BusState } from '../../src/ports/index.ts';
import { eventually } from '../kit/eventually.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { bus, mqttRig, order, send } from '../kit/mqtt-rig.ts';
import { noise } from '../kit/noise.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';

await t.test('a broker that closes on MQTT 5 without a word is spoken to in 3.1.1', async (t) => {
  const broker = await startMosquitto();
  const level = (first: Buffer) => first[first.indexOf('MQTT') + 4];
  const proxy = await startTcpProxy(broker.port, { admits: (first) => level(first) === 4 });
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const { desk, fleet, states } = await mqttRig(t, proxy.url, broker.url);
  t.match(states, [{ is: 'up', protocol: '3.1.1' }]);
  t.equal(proxy.connections(), 2);
  await send(fleet, utf8('x'));
  await send(fleet, await order());
  await eventually(() => desk.submitted.length === 1);
  proxy.cut();
  await eventually(() => states.length === 3);
  t.equal(proxy.connections(), 3, 'remembered');
});

await t.test('a broker that is away is tried again and again, never all at once', async (t) => {
  const broker = await startMosquitto();
  const proxy = await startTcpProxy(broker.port);
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const { states } = await mqttRig(t, proxy.url, broker.url);
  proxy.open(false);
  proxy.cut();
  const from = proxy.connections();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const tries = proxy.connections() - from;
  t.ok(tries >= 3 && tries < 100, `${tries} tries`);
  proxy.open(true);
  await eventually(() => states.at(-1)?.is === 'up');
});

await t.test('an hour without a broker: tried ever more rarely, and nothing lasting is lost', async (t) => {
  const broker = await startMosquitto();
  const proxy = await startTcpProxy(broker.port);
  proxy.open(false);
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const clock = new VirtualClock();
  const away = new MqttBus({ broker: { url: proxy.url }, clientId: 'away' }, clock, systemEntropy, silentLog);
  const start = away.start();
  const sent = Promise.all(Array.from({ length: 100 }, (_, i) => away.publish('kept', Uint8Array.of(i))));
  while (clock.monotonic() < hours(1)) {
    await eventually(() => clock.waiting > 0);
    await clock.advance(seconds(1));
  }
  const tries = proxy.connections();
  t.ok(tries > 60 && tries < 240, `${tries} tries`);
  const ear = bus(broker.url, 'ear');
  const heard: number[] = [];
  ear.onMessage(async ({ payload }) => void heard.push(payload[0]!));
  await ear.subscribe(['kept']);
  await ear.start();
  proxy.open(true);
  await eventually(async () => {
    await clock.advance(seconds(5));
    return heard.length === 100;
  });
  await Promise.all([start, sent]);
  t.same(
    heard,
    Array.from({ length: 100 }, (_, i) => i),
  );
  await Promise.all([away.close(), ear.close()]);
});

await t.test('a broker that talks nonsense is left, and tried again', async (t) => {
  const connack5 = Buffer.from([0x20, 0x03, 0x00, 0x00, 0x00]);
  const qos2 = Buffer.from([0x34, 0x08, 0x00, 0x01, 0x78, 0x00, 0x01, 0x00, 0x61, 0x62]);
  const nonsense = [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    Buffer.from([0x20, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Buffer.concat([connack5, connack5]),
    Buffer.concat([connack5, qos2]),
    Buffer.concat([connack5, Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])]),
    Buffer.concat([connack5, Buffer.from(noise(500, 7))]),
  ];
  let count = 0;
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.write(nonsense[count++ % nonsense.length]!));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const options = {
    connectTimeout: milliseconds(300),
    backoff: { first: milliseconds(5), longest: milliseconds(10) },
  };
  const victim = bus(`mqtt://127.0.0.1:${port}`, 'victim', options);
  let handled = 0;
  victim.onMessage(async () => {
    handled += 1;
  });
  const start = victim.start().catch(() => undefined);
  await eventually(() => count > 2 * nonsense.length);
  await victim.close();
  await start;
  await new Promise((resolve) => server.close(resolve));
  t.ok(handled <= count);
});

await t.test(
  'a short-lived client hears what came while its connection was broken, and nothing from before',
  async (t) => {
    const broker = await startMosquitto();
    const proxy = await startTcpProxy(broker.port);
    t.teardown(async () => {
      await proxy.close();
      await broker.close();
    });
    const from = bus(broker.url, 'from');
    await from.start();
    const run = async (said: string): Promise<void> => {
      const brief = bus(proxy.url, 'brief', { cleanSession: true });
      const heard: string[] = [];
      const states: BusState[] = [];
      brief.onMessage(async ({ payload }) => void heard.push(Buffer.from(payload).toString()));
      brief.onState((state) => states.push(state));
      await brief.subscribe(['evt']);
      await brief.start();
      proxy.open(false);
      proxy.cut();
      await eventually(() => states.at(-1)?.is === 'down');
      await from.publish('evt', utf8(said));
      proxy.open(true);
      await eventually(() => heard.length > 0);
      await brief.close();
      await from.publish('evt', utf8('nobody listens'));
      t.same(heard, [said]);
    };
    await run('first');
    await run('second');
    await from.close();
  },
);
