import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FaultyLink } from '../../src/adapters/chain-link/faulty-link.ts';
import { inProcessPair } from '../../src/adapters/chain-link/in-process.ts';
import { RelayBus } from '../../src/adapters/chain-link/relay-bus.ts';
import { RelayGateway } from '../../src/adapters/chain-link/relay-gateway.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { systemScheduler } from '../../src/adapters/system-scheduler.ts';
import { milliseconds, toHex, utf8 } from '../../src/base/index.ts';
import type { ChainLink, StateStore } from '../../src/ports/index.ts';
import { deviceTopics } from '../../src/protocol/index.ts';
import {
  ANY_GATEWAY,
  decodeRelayMessage,
  type Envelope,
  encodeRelayMessage,
  envelopeId,
  millis,
  OrderedChannel,
  RelayNode,
} from '../../src/sata-chain/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { testKey } from '../kit/keys.ts';
import { MemoryState } from '../kit/memory-state.ts';

const TENANT = 'acme';
const scheduler = systemScheduler();
const newIncarnation = () => randomInt(1, 2 ** 32);

function openNode(
  self: string,
  gateway: boolean,
  links: readonly ChainLink[],
  store: StateStore,
): Promise<RelayNode> {
  const parts = { scheduler, clock: systemClock, entropy: systemEntropy, log: silentLog, newIncarnation };
  return RelayNode.open({ self, gateway, links, store, ...parts });
}

/**
 * A unit with a live network, one between, and a sleeping host at the end whose network is dead: three places of a chain,
 * with cables that lose a tenth of their frames.
 */
async function place(t: Test) {
  const { dir, remove } = await scratch();
  const uart = join(dir, 'uart.log');
  await writeFile(uart, '');
  const entropy = new SeededEntropy(8);
  const cable = (name: string) => {
    const pair = inProcessPair(scheduler, { name, delay: milliseconds(1), largestFrame: 1024 });
    const ends = pair.ends.map((end) => new FaultyLink(end, scheduler, entropy, { loss: 0.1 }));
    return { ...pair, ends: ends as unknown as [ChainLink, ChainLink] };
  };
  const [upper, lower] = [cable('upper'), cable('lower')];
  const stores = { gate: new MemoryState(), middle: new MemoryState(), host: new MemoryState() };
  const host = await ColdHost.start({
    size: 8,
    sim: { uartLog: uart },
    openBus: () =>
      new RelayBus(() => openNode('host1', false, [lower.ends[1]], stores.host), TENANT, 'host1'),
  });
  const gateway = new RelayGateway({
    bus: host.broker.bus('gate-relay'),
    node: await openNode('gate', true, [upper.ends[0]], stores.gate),
    tenant: TENANT,
    devices: ['host1'],
    clock: systemClock,
    log: silentLog,
  });
  await gateway.start();
  t.teardown(async () => {
    await host.close();
    await gateway.close();
    for (const { ends } of [upper, lower]) await Promise.all(ends.map((end) => end.close()));
    await remove();
  });
  const middleNode = async (): Promise<RelayNode> => {
    const node = await openNode('middle', false, [upper.ends[1], lower.ends[0]], stores.middle);
    node.start(() => Promise.reject(new Error('nothing is for the unit between')));
    t.teardown(() => node.close());
    return node;
  };
  const lines = async () => (await readFile(uart, 'utf8')).split('\n').filter((line) => line !== '');
  const write = (line: string) => ({
    verb: 'io.write',
    args: { channel: 'console', value: utf8(`${line}\n`) },
  });
  const receipts = (id: Uint8Array) => host.said('receipt').filter((said) => toHex(said.id) === toHex(id));
  return { host, upper, lower, middleNode, lines, write, receipts };
}

await t.test(
  'an order for a host without a network goes along the chain, and its receipt comes back',
  async (t) => {
    const { host, middleNode } = await place(t);
    await middleNode();
    const status = await host.give('machine.status', {});
    t.match(status, { outcome: 'succeeded', result: { power: { state: 'S5' } } });
    await eventually(() => host.said('presence').length > 0);
  },
);

await t.test('it waits for whoever is away, and takes effect once', async (t) => {
  const { host, upper, lower, middleNode, lines, write, receipts } = await place(t);
  lower.cut();
  const middle = await middleNode();
  const id = systemEntropy.randomBytes(16);
  const packet = await host.packet({ id, ...write('one') });
  host.send(packet);
  await eventually(() => middle.held === 1);
  // The way back is cut too, and the unit between restarts with what it holds.
  upper.cut();
  await middle.close();
  await middleNode();
  lower.restore();
  await eventually(async () => (await lines()).length === 1);
  await host.restart();
  upper.restore();
  await eventually(() => receipts(id).length > 0);
  host.send(packet);
  await eventually(() => receipts(id).length > 1);
  t.same(await lines(), ['one']);
  t.match(receipts(id)[0], { outcome: 'succeeded' });
});

/** A unit between that does as it likes with what passes. */
function hostileMiddle(
  upper: ChainLink,
  lower: ChainLink,
  onOrder: (envelope: Envelope, send: (envelope: Envelope) => void) => void,
): { close(): void } {
  const open = (link: ChainLink) =>
    new OrderedChannel(link, scheduler, {
      channel: 'relay',
      largestMessage: 200_000,
      queueBytes: 2_000_000,
      patience: millis(10_000),
      newIncarnation,
    });
  const [up, down] = [open(upper), open(lower)];
  const pass = (to: OrderedChannel) => (envelope: Envelope) =>
    void to.send(encodeRelayMessage({ is: 'offer', envelope }));
  const listen = (from: OrderedChannel, act: (envelope: Envelope) => void) =>
    from.onMessage((bytes) => {
      const message = decodeRelayMessage(bytes);
      if (message?.is !== 'offer') return;
      const id = envelopeId(message.envelope);
      from.send(encodeRelayMessage({ is: 'answer', id, verdict: 'kept' }));
      act(message.envelope);
    });
  listen(up, (envelope) => onOrder(envelope, pass(down)));
  listen(down, pass(up));
  return {
    close: () => {
      up.close();
      down.close();
    },
  };
}

await t.test('a hostile unit between can neither alter, nor forge, nor repeat: it only delays', async (t) => {
  const { host, upper, lower, lines, write, receipts } = await place(t);
  const forged = await host.packet({ ...write('forged') }, testKey());
  let nonce = 0;
  const fresh = (): Uint8Array => {
    nonce += 1;
    return utf8(String(nonce).padStart(8, '0'));
  };
  const altered = (packet: Uint8Array): Uint8Array => {
    const copy = packet.slice();
    const at = Buffer.from(copy).indexOf('true');
    copy.set(utf8('evil'), at);
    return copy;
  };
  const middle = hostileMiddle(upper.ends[1], lower.ends[0], (envelope, send) => {
    send({ ...envelope, packet: altered(envelope.packet) });
    send({ ...envelope, nonce: fresh(), packet: forged });
    send({ ...envelope, nonce: fresh(), packet: envelope.packet.subarray(0, 40) });
    for (let i = 0; i < 5; i += 1) send({ ...envelope, nonce: fresh() });
    for (let i = 0; i < 5; i += 1) send(envelope);
    send({ ...envelope, to: 'host2', nonce: fresh() });
  });
  t.teardown(() => middle.close());
  const id = systemEntropy.randomBytes(16);
  host.send(await host.packet({ id, ...write('true') }));
  await eventually(() => receipts(id).length > 0 && host.said('rejected').length >= 3);
  const next = systemEntropy.randomBytes(16);
  host.send(await host.packet({ id: next, ...write('true again') }));
  await eventually(() => receipts(next).length > 0);
  t.same(await lines(), ['true', 'true again']);
  const codes = new Set(host.said('rejected').map(({ refusal }) => refusal.code));
  t.ok(codes.has('SIGNATURE_INVALID') && codes.has('KEY_UNKNOWN'), [...codes].join());
});

await t.test(
  'the gateway passes no retained order, and says nothing for a device that it does not stand for',
  async (t) => {
    const { host, upper, lines, write } = await place(t);
    const { cmd } = deviceTopics(TENANT, 'host1');
    host.send(await host.packet(write('old')), true);
    const said = host.broker.published.length;
    // The unit between speaks for itself, and for host1.
    const middle = await openNode('host2', false, [upper.ends[1]], new MemoryState());
    middle.start(async () => undefined);
    t.teardown(() => middle.close());
    await middle.send('event', ANY_GATEWAY, utf8('from host2'));
    await middle.send('order', 'gate', utf8('an order'));
    await eventually(() => middle.held === 0);
    t.same(host.broker.published.slice(said), []);
    t.same(new Set(host.broker.published.map(({ topic }) => topic)), new Set([cmd]));
    t.same(await lines(), []);
  },
);
