import fc from 'fast-check';
import t from 'tap';
import { SeededEntropy } from '../../../../src/adapters/sim/seeded-entropy.ts';
import { seconds, toHex, utf8 } from '../../../../src/base/index.ts';
import { ANY_GATEWAY } from '../../../../src/sata-chain/index.ts';
import { noise } from '../../../kit/noise.ts';
import { RelayNet } from '../../../kit/relay-net.ts';

const chainOf = (units: number) => Array.from({ length: units - 1 }, (_, i) => [i, i + 1] as const);

await t.test('a packet goes along the chain, unchanged, to whom it is for and nobody else', async (t) => {
  const net = await new RelayNet({ units: 6, cables: chainOf(6) }).start();
  await net.pass(100);
  const packet = noise(90_000, 5);
  const sent = net.units[1]!.node!.send('order', 'unit4', packet);
  await net.until(() => net.units[4]!.got.length === 1, 60_000);
  await sent;
  const [got] = net.units[4]!.got;
  t.equal(toHex(got!.packet), toHex(packet));
  t.match(got, { kind: 'order', from: 'unit1', to: 'unit4' });
  t.ok(net.units.every(({ got }, i) => got.length === (i === 4 ? 1 : 0)));
  await net.pass(1000);
  t.equal(net.units[5]!.node!.offers, 0);
  t.ok(
    net.units.every(({ node }) => node!.held === 0),
    'nothing is left behind',
  );
});

await t.test(
  'what is for any gateway goes to the nearest one that has a network, and ends there',
  async (t) => {
    const net = await new RelayNet({ units: 5, cables: chainOf(5), gateways: [1] }).start();
    await net.pass(100);
    await Promise.all([net.units[3]!.node!.send('event', ANY_GATEWAY, utf8('receipt')), net.pass(5000)]);
    t.same(
      net.units.map(({ got }) => got.length),
      [0, 1, 0, 0, 0],
    );
  },
);

await t.test(
  'it waits for a neighbour that is away, over a power cut, and until its time is over',
  async (t) => {
    const net = await new RelayNet({ units: 3, cables: chainOf(3), node: { ttl: seconds(100) } }).start();
    await net.pass(100);
    net.powerOff(2);
    net.cables[1]!.cut();
    const [a, b] = [net.units[0]!.node!.send('order', 'unit2', utf8('a')), net.pass(3000)];
    await Promise.all([a, b]);
    net.powerOff(1);
    await net.powerOn(1);
    t.equal(net.units[1]!.node!.held, 1);
    net.cables[1]!.restore();
    await net.powerOn(2);
    await net.until(() => net.units[2]!.got.length === 1, 30_000);
    net.cables[1]!.cut();
    await Promise.all([net.units[0]!.node!.send('order', 'unit2', utf8('b')), net.pass(3000)]);
    t.equal(net.units[1]!.node!.held, 1);
    await net.pass(110_000);
    t.equal(net.units[1]!.node!.held, 0, 'expired');
    net.cables[1]!.restore();
    await net.pass(20_000);
    t.equal(net.units[2]!.got.length, 1);
    t.same(await net.units[1]!.store.names('relay-e-'), []);
  },
);

await t.test('nobody listens: it comes again, and no second time once it was taken', async (t) => {
  const net = await new RelayNet({ units: 2, cables: chainOf(2) }).start();
  let tries = 0;
  net.onDelivery = async () => {
    tries += 1;
    if (tries < 3) throw new Error('the journal is full');
  };
  await net.pass(100);
  void net.units[0]!.node!.send('order', 'unit1', utf8('x'));
  await net.until(() => net.units[1]!.got.length === 1, 60_000);
  net.powerOff(1);
  await net.powerOn(1);
  await net.pass(30_000);
  t.equal(tries, 3);
});

await t.test('the store is bounded, and a full neighbour holds up nothing but what is for it', async (t) => {
  const net = await new RelayNet({ units: 3, cables: chainOf(3), node: { mostHeld: 8 } }).start();
  await net.pass(100);
  net.cables[1]!.cut();
  const ends: string[] = [];
  for (let i = 0; i < 20; i += 1) {
    net.units[0]!.node!.send('order', 'unit2', utf8(`${i}`)).then(
      () => ends.push('kept'),
      (error: { code: string }) => ends.push(error.code),
    );
    await net.pass(200);
  }
  await net.pass(1000);
  t.equal(net.units[1]!.node!.held, 4, 'half of the room for one neighbour');
  t.ok(ends.includes('NS_RELAY_FULL'));
  net.cables[1]!.restore();
  await net.until(() => net.units[2]!.got.length === ends.filter((end) => end === 'kept').length, 120_000);
  await net.pass(20_000);
  t.equal(net.units[2]!.got.length, ends.filter((end) => end === 'kept').length);
});

await t.test('what is too large, or for a name that is none, is the fault of who sends it', async (t) => {
  const net = await new RelayNet({ units: 2, cables: chainOf(2) }).start();
  const { node } = net.units[0]!;
  await t.rejects(node!.send('order', 'unit1', new Uint8Array(97 * 1024)), { code: 'NS_RELAY_INVALID' });
  await t.rejects(node!.send('order', 'a/b', new Uint8Array(1)), { code: 'NS_RELAY_INVALID' });
  const waits = node!.send('order', 'unit1', new Uint8Array(1));
  await node!.close();
  await t.rejects(waits, { code: 'NS_RELAY_CLOSED' });
  await t.rejects(node!.send('order', 'unit1', new Uint8Array(1)), { code: 'NS_RELAY_CLOSED' });
});

const network = fc.record({
  units: fc.integer({ min: 2, max: 32 }),
  seed: fc.nat(),
  extra: fc.nat(6),
  loss: fc.constantFrom(0, 0.05, 0.2),
  sends: fc.integer({ min: 1, max: 12 }),
  troubles: fc.array(
    fc.record({
      what: fc.constantFrom('power', 'cable'),
      which: fc.nat(),
      after: fc.nat(400),
      lasts: fc.nat(9000),
    }),
    { maxLength: 8 },
  ),
});

await t.test(
  'over any net, with losses, cut cables and power cuts: delivered once, and no loops',
  async (t) => {
    let delivered = 0;
    let twice = 0;
    let most = 0;
    await fc.assert(
      fc.asyncProperty(network, async ({ units, seed, extra, loss, sends, troubles }) => {
        const random = new SeededEntropy(seed);
        const cables: [number, number][] = [];
        for (let i = 1; i < units; i += 1) cables.push([random.below(i), i]);
        for (let i = 0; i < extra && units > 2; i += 1) {
          const a = random.below(units);
          const b = random.below(units);
          if (a !== b) cables.push([a, b]);
        }
        const net = await new RelayNet({ units, cables, loss, seed }).start();
        await net.pass(200);
        const sent = new Map<string, number>();
        const safe = new Set<string>();
        const send = (n: number): void => {
          const to = random.below(units);
          const from = (to + 1 + random.below(units - 1)) % units;
          const packet = noise(20 + random.below(3000), n);
          sent.set(toHex(packet), to);
          net.units[from]!.node?.send('order', `unit${to}`, packet).then(
            () => safe.add(toHex(packet)),
            () => undefined,
          );
        };
        for (let n = 0; n < sends; n += 1) {
          send(n);
          await net.pass(random.below(100));
        }
        for (const { what, which, after, lasts } of troubles) {
          await net.pass(after);
          if (what === 'cable') net.cables[which % cables.length]!.cut();
          else net.powerOff(which % units);
          await net.pass(lasts);
          if (what === 'cable') net.cables[which % cables.length]!.restore();
          else await net.powerOn(which % units);
        }
        const got = (packet: string) =>
          net.units[sent.get(packet)!]!.got.filter((envelope) => toHex(envelope.packet) === packet).length;
        await net.until(() => [...safe].every((packet) => got(packet) > 0), 300_000);
        await net.pass(30_000);
        for (const [i, unit] of net.units.entries()) {
          for (const envelope of unit.got) {
            if (sent.get(toHex(envelope.packet)) !== i) throw new Error('not for this unit');
          }
        }
        for (const packet of sent.keys()) {
          const times = got(packet);
          const unit = net.units[sent.get(packet)!]!;
          delivered += Math.min(1, times);
          if (times > 1) twice += 1;
          // Only a power cut at the addressee, between handing over and noting it, can bring a packet again.
          if (times > 1 + unit.cuts) throw new Error(`delivered ${times} times`);
          if (troubles.length === 0 && times !== 1) throw new Error('not delivered');
        }
        if (net.units.some(({ node }) => node!.held > 0)) throw new Error('something is left behind');
        const bound = 2 * cables.length * sent.size;
        if (troubles.length === 0 && net.offers > bound) throw new Error('more traffic than both ways once');
        if (net.offers > bound * (1 + troubles.length)) throw new Error('unbounded traffic');
        most = Math.max(most, net.offers / (cables.length * sent.size));
      }),
      { numRuns: 30, endOnFailure: true },
    );
    t.ok(delivered > 100);
    t.comment(`delivered ${delivered}, twice ${twice}; at most ${most.toFixed(2)} offers a cable and packet`);
  },
);
