import t, { type Test } from 'tap';
import { startEmbeddedBroker } from '../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { hasCode, milliseconds, toHex, utf8 } from '../../src/base/index.ts';
import type { BusMessage, BusState, MessageBus } from '../../src/ports/index.ts';
import { eventually } from '../kit/eventually.ts';
import { FakeBroker, FakeBus } from '../kit/fake-bus.ts';
import { startMosquitto } from '../kit/mosquitto.ts';

interface Bench {
  readonly protocol: '5' | '3.1.1';
  bus(clientId: string): MessageBus;
  /** Does what brings a bus back that does not come back by itself. */
  reconnects(bus: MessageBus): void;
  close(): Promise<void>;
}

function mqttBench(protocol: '5' | '3.1.1', url: string, close: () => Promise<void>): Bench {
  const backoff = { first: milliseconds(20), longest: milliseconds(100) };
  return {
    protocol,
    bus: (clientId) =>
      new MqttBus({ broker: { url }, clientId, backoff }, systemClock, systemEntropy, silentLog),
    reconnects: () => {},
    close,
  };
}

async function mosquittoBench(): Promise<Bench> {
  const broker = await startMosquitto();
  return mqttBench('5', broker.url, () => broker.close());
}

async function embeddedBench(): Promise<Bench> {
  const broker = await startEmbeddedBroker();
  return mqttBench('3.1.1', broker.url, () => broker.close());
}

async function fakeBench(): Promise<Bench> {
  const broker = new FakeBroker();
  return {
    protocol: '5',
    bus: (id) => broker.bus(id),
    reconnects: (bus) => {
      bus.onState((state) => {
        if (state.is === 'down' && bus instanceof FakeBus) setImmediate(() => bus.connect());
      });
    },
    close: async () => {},
  };
}

function collect(bus: MessageBus): BusMessage[] {
  const messages: BusMessage[] = [];
  bus.onMessage(async (message) => {
    messages.push(message);
  });
  return messages;
}

async function suite(t: Test, open: () => Promise<Bench>): Promise<void> {
  const bench = await open();
  t.teardown(() => bench.close());

  await t.test('a message reaches who asked for its topic, byte for byte, and nobody else', async (t) => {
    const [from, to, other] = [bench.bus('a1'), bench.bus('b1'), bench.bus('c1')];
    const [got, stray] = [collect(to), collect(other)];
    await to.subscribe(['one/+/cmd']);
    await other.subscribe(['two/#']);
    await Promise.all([from, to, other].map((bus) => bus.start()));
    const payload = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256);
    await from.publish('one/x/cmd', payload);
    await from.publish('one/x/cmd', new Uint8Array(0));
    await eventually(() => got.length === 2);
    t.equal(got[0]?.topic, 'one/x/cmd');
    t.equal(toHex(got[0]!.payload), toHex(payload));
    t.equal(got[1]?.payload.byteLength, 0);
    t.notOk(got[0]?.retained);
    t.same(stray, []);
    await Promise.all([from, to, other].map((bus) => bus.close()));
  });

  await t.test('states are told: up with the protocol level, and down at the end', async (t) => {
    const bus = bench.bus('a2');
    const states: BusState[] = [];
    bus.onState((state) => states.push(state));
    await bus.start();
    t.match(states, [{ is: 'up', protocol: bench.protocol }]);
    await bus.close();
    t.match(states, [{ is: 'up' }, { is: 'down' }]);
  });

  await t.test('messages keep their order', async (t) => {
    const [from, to] = [bench.bus('a3'), bench.bus('b3')];
    const got = collect(to);
    await to.subscribe(['order']);
    await Promise.all([from.start(), to.start()]);
    await Promise.all(Array.from({ length: 200 }, (_, i) => from.publish('order', Uint8Array.of(i))));
    await eventually(() => got.length === 200);
    t.same(
      got.map((message) => message.payload[0]),
      Array.from({ length: 200 }, (_, i) => i),
    );
    await Promise.all([from.close(), to.close()]);
  });

  await t.test('a session outlives its connection: what came meanwhile is delivered', async (t) => {
    const [from, first] = [bench.bus('a4'), bench.bus('b4')];
    await first.subscribe(['later']);
    await Promise.all([from.start(), first.start()]);
    await first.close();
    await from.publish('later', utf8('kept'));
    const second = bench.bus('b4');
    const got = collect(second);
    await second.subscribe(['later']);
    await second.start();
    await eventually(() => got.length === 1);
    t.same(got[0]?.payload, utf8('kept'));
    await Promise.all([from.close(), second.close()]);
  });

  await t.test('of a brief subscription nothing is kept for who is away', async (t) => {
    const [from, first] = [bench.bus('a9'), bench.bus('b9')];
    const got = collect(first);
    await first.subscribe(['lasting']);
    await first.subscribe(['brief/+'], { transient: true });
    await Promise.all([from.start(), first.start()]);
    await from.publish('brief/1', utf8('now'));
    await eventually(() => got.length === 1);
    await first.close();
    await from.publish('brief/1', utf8('meanwhile'));
    await from.publish('lasting', utf8('kept'));
    const second = bench.bus('b9');
    const later = collect(second);
    await second.subscribe(['lasting']);
    await second.subscribe(['brief/+'], { transient: true });
    await second.start();
    await from.publish('brief/2', utf8('again'));
    await eventually(() => later.length >= 2);
    t.same(
      later.map(({ payload }) => Buffer.from(payload).toString()),
      ['kept', 'again'],
    );
    await Promise.all([from.close(), second.close()]);
  });

  await t.test('a bus has room for sixteen filters', async (t) => {
    const [from, to] = [bench.bus('a10'), bench.bus('b10')];
    const got = collect(to);
    const topics = Array.from({ length: 16 }, (_, i) => `many/${i}`);
    await to.subscribe(topics);
    await Promise.all([from.start(), to.start()]);
    for (const topic of topics) await from.publish(topic, utf8('x'));
    await eventually(() => got.length === 16);
    t.same(
      got.map(({ topic }) => topic),
      topics,
    );
    await Promise.all([from.close(), to.close()]);
  });

  await t.test('a message whose handler does not resolve comes again on the next connection', async (t) => {
    const [from, first] = [bench.bus('a5'), bench.bus('b5')];
    let seen = 0;
    first.onMessage(() => {
      seen += 1;
      return new Promise(() => {});
    });
    await first.subscribe(['stuck']);
    await Promise.all([from.start(), first.start()]);
    await from.publish('stuck', utf8('x'));
    await eventually(() => seen === 1);
    await first.close();
    const second = bench.bus('b5');
    const got = collect(second);
    await second.start();
    await eventually(() => got.length === 1);
    await second.close();
    const third = bench.bus('b5');
    const again = collect(third);
    await third.subscribe(['stuck']);
    await third.start();
    await from.publish('stuck', utf8('y'));
    await eventually(() => again.length > 0);
    t.same(
      again.map((message) => message.payload),
      [utf8('y')],
      'once acknowledged it is gone',
    );
    await Promise.all([from.close(), third.close()]);
  });

  await t.test('a message whose handler rejects comes again', async (t) => {
    const [from, to] = [bench.bus('a6'), bench.bus('b6')];
    let tries = 0;
    to.onMessage(async () => {
      tries += 1;
      if (tries === 1) throw new Error('the journal is out of order');
    });
    bench.reconnects(to);
    await to.subscribe(['again']);
    await Promise.all([from.start(), to.start()]);
    await from.publish('again', utf8('x'));
    await eventually(() => tries === 2);
    await Promise.all([from.close(), to.close()]);
    t.equal(tries, 2);
  });

  await t.test('a retained message is marked so', async (t) => {
    const [from, to] = [bench.bus('a7'), bench.bus('b7')];
    const got = collect(to);
    await from.start();
    await from.publish('old', utf8('x'), { retain: true });
    await to.start();
    await to.subscribe(['old']);
    await eventually(() => got.length === 1);
    t.ok(got[0]?.retained);
    await from.publish('old', new Uint8Array(0), { retain: true });
    await Promise.all([from.close(), to.close()]);
  });

  await t.test(
    'without a connection lasting messages wait, transient ones are dropped at once',
    async (t) => {
      const bus = bench.bus('a8');
      await t.rejects(bus.publish('x', utf8('t'), { transient: true }), { code: 'NS_BUS_DOWN' });
      const waits = bus.publish('x', utf8('w'));
      await bus.start();
      await waits;
      await bus.close();
      await t.rejects(bus.publish('x', utf8('late')), { code: 'NS_BUS_DOWN' });
    },
  );

  await t.test('the send queue is bounded, and what waits at the end is told', async (t) => {
    const bus = bench.bus('a9');
    const results = Array.from({ length: 3000 }, () =>
      bus.publish('x', utf8('w')).then(
        () => 'sent',
        (error: unknown) =>
          hasCode(error, 'NS_BUS_FULL') ? 'full' : hasCode(error, 'NS_BUS_DOWN') ? 'down' : 'other',
      ),
    );
    await bus.close();
    const outcomes = await Promise.all(results);
    t.ok(outcomes.filter((outcome) => outcome === 'full').length >= 1000);
    t.ok(outcomes.includes('down'));
    t.ok(outcomes.every((outcome) => outcome === 'full' || outcome === 'down'));
  });
}

await t.test('mosquitto, MQTT 5', (t) => suite(t, mosquittoBench));
await t.test('the embedded broker, MQTT 3.1.1 after fall-back', (t) => suite(t, embeddedBench));
await t.test('the fake bus', (t) => suite(t, fakeBench));
