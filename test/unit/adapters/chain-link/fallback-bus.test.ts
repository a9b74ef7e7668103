import t from 'tap';
import { FallbackBus } from '../../../../src/adapters/chain-link/fallback-bus.ts';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { seconds, utf8 } from '../../../../src/base/index.ts';
import type { BusState } from '../../../../src/ports/index.ts';
import { FakeBroker } from '../../../kit/fake-bus.ts';

function bench() {
  const clock = new VirtualClock();
  const [broker, chain] = [new FakeBroker(), new FakeBroker()];
  const own = broker.bus('own');
  const byChain = chain.bus('chain');
  const logged: string[] = [];
  const log = { log: (_level: string, event: string) => void logged.push(event) };
  const bus = new FallbackBus({ own, chain: byChain, clock, log, grace: seconds(30) });
  const states: BusState['is'][] = [];
  bus.onState(({ is }) => void states.push(is));
  const texts = (from: FakeBroker) => from.published.map(({ payload }) => Buffer.from(payload).toString());
  return { clock, broker, chain, own, byChain, bus, states, logged, texts };
}

await t.test(
  'while the own connection is there, or only briefly away, the chain is left alone',
  async (t) => {
    const { clock, broker, chain, own, bus, states, logged, texts } = bench();
    await bus.start();
    await bus.publish('evt', utf8('one'));
    own.disconnect();
    const waits = bus.publish('evt', utf8('two'));
    await clock.advance(seconds(29));
    own.connect();
    await waits;
    await clock.advance(seconds(60));
    t.same([texts(broker), texts(chain)], [['one', 'two'], []]);
    t.same(states, ['up', 'down', 'up']);
    t.same([bus.away, logged], [false, []]);
  },
);

await t.test('when it stays away, what was said and is said goes along the chain', async (t) => {
  const { clock, broker, chain, own, bus, states, logged, texts } = bench();
  await bus.start();
  own.disconnect();
  const waits = bus.publish('evt', utf8('receipt'));
  await t.rejects(bus.publish('evt', utf8('progress'), { transient: true }), { code: 'NS_BUS_DOWN' });
  await clock.advance(seconds(31));
  await waits;
  await bus.publish('evt', utf8('presence'), { transient: true });
  t.same([texts(broker), texts(chain)], [[], ['receipt', 'presence']]);
  t.same(states, ['up', 'down', 'up'], 'up again, by the chain');
  t.same([bus.away, logged], [true, ['relay-fallback-taken']]);
  own.connect();
  t.same([bus.away, logged], [false, ['relay-fallback-taken', 'relay-fallback-left']]);
  await bus.publish('evt', utf8('back'));
  t.same(texts(broker), ['receipt', 'back'], 'the own connection still brings what it was given');
  t.same(texts(chain), ['receipt', 'presence']);
});

await t.test('messages are heard from both ways, one at a time', async (t) => {
  const { clock, broker, chain, bus } = bench();
  const seen: string[] = [];
  bus.onMessage(async ({ payload }) => {
    seen.push(`begin ${payload[0]}`);
    await clock.sleep(seconds(1), new AbortController().signal);
    seen.push(`end ${payload[0]}`);
  });
  await bus.subscribe(['cmd']);
  await bus.start();
  broker.publish({ topic: 'cmd', payload: Uint8Array.of(1), retained: false });
  chain.publish({ topic: 'cmd', payload: Uint8Array.of(2), retained: false });
  await clock.advance(seconds(5));
  t.same(seen, ['begin 1', 'end 1', 'begin 2', 'end 2']);
});

await t.test('a close tells whoever waits, and leaves no timer behind', async (t) => {
  const { clock, own, byChain, bus } = bench();
  await bus.start();
  own.disconnect();
  byChain.disconnect();
  const waits = bus.publish('evt', utf8('x'));
  const end = t.rejects(waits, { code: 'NS_BUS_DOWN' });
  await bus.close();
  await end;
  t.equal(clock.waiting, 0);
  await t.rejects(bus.publish('evt', utf8('late')), { code: 'NS_BUS_DOWN' });
});
