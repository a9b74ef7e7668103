import t from 'tap';
import { SeenPass } from '../../../../src/adapters/chain-link/seen-pass.ts';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { minutes, utf8 } from '../../../../src/base/index.ts';
import { LIMITS } from '../../../../src/protocol/index.ts';
import { ANY_GATEWAY, type Envelope } from '../../../../src/sata-chain/index.ts';

const TENANT = 'acme';
const payload = utf8('what somebody tells');

function bench(devices: readonly string[] = ['cold1', 'cold2']) {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const said: string[] = [];
  const node = {
    held: 0,
    send: async (kind: string, to: string) => void sent.push(`${kind} ${to}`),
  };
  const bus = { publish: async (topic: string) => void said.push(topic) };
  const pass = new SeenPass({ bus, node, tenant: TENANT, devices, clock });
  const hear = (teller: string, change: object = {}) =>
    pass.fromBroker({ topic: `ns/1/acme/d/${teller}/seen`, payload, retained: false, ...change });
  const envelope: Envelope = {
    kind: 'seen',
    from: 'cold1',
    to: ANY_GATEWAY,
    created: 0,
    nonce: new Uint8Array(8),
    packet: payload,
    hops: 9,
    ttl: 60,
  };
  return { clock, sent, said, node, pass, hear, envelope };
}

await t.test('what one tells goes to all neighbours but itself', async (t) => {
  const { hear, sent } = bench();
  hear('far');
  hear('cold1');
  t.same(sent, ['seen cold1', 'seen cold2', 'seen cold2']);
});

await t.test('what is too large, retained, or of no device does not pass', async (t) => {
  const { hear, sent, pass, envelope, said } = bench();
  hear('far', { payload: new Uint8Array(LIMITS.seen + 1) });
  hear('far', { retained: true });
  hear('a/b');
  pass.fromBroker({ topic: 'ns/1/other/d/far/seen', payload, retained: false });
  pass.fromNeighbour({ ...envelope, packet: new Uint8Array(LIMITS.seen + 1) });
  t.same([sent, said], [[], []]);
  t.equal(pass.dropped, 2);
});

await t.test('one teller has a share of the rate, and not all of it', async (t) => {
  const { hear, sent, clock, pass } = bench(['cold1']);
  for (let i = 0; i < 100; i += 1) hear('liar');
  t.equal(sent.length, 3);
  hear('far');
  t.equal(sent.length, 4);
  for (let i = 0; i < 1000; i += 1) hear(`teller${i}`);
  t.equal(sent.length, 8, 'towards one neighbour eight at once');
  await clock.advance(minutes(10));
  for (let i = 0; i < 1000; i += 1) hear(`other${i}`);
  t.equal(sent.length, 16, 'and one a minute');
  t.equal(pass.dropped, 100 + 1 + 2000 - 16);
});

await t.test('a neighbour says no more than its rate; a busy chain gets nothing', async (t) => {
  const { pass, envelope, said, node, hear, sent, clock } = bench();
  for (let i = 0; i < 50; i += 1) pass.fromNeighbour(envelope);
  t.equal(said.length, 8);
  t.same(new Set(said), new Set(['ns/1/acme/d/cold1/seen']));
  await clock.advance(minutes(2));
  for (let i = 0; i < 50; i += 1) pass.fromNeighbour(envelope);
  t.equal(said.length, 10);
  node.held = 16;
  hear('far');
  t.same(sent, []);
});
