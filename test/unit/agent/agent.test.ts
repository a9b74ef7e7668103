import t, { type Test } from 'tap';
import { milliseconds, seconds, utf8 } from '../../../src/base/index.ts';
import { encodeBlock } from '../../../src/protocol/index.ts';
import { signEvent, signOrder } from '../../../src/security/index.ts';
import { AgentRig, TENANT } from '../../kit/agent-rig.ts';
import { testKey } from '../../kit/keys.ts';
import { idOf, testOrder } from '../../kit/orders.ts';

async function started(t: Test): Promise<AgentRig> {
  const rig = new AgentRig();
  await rig.agent.start();
  await rig.clock.advance(milliseconds(0));
  t.teardown(() => rig.agent.stop());
  return rig;
}

const settle = (rig: AgentRig) => rig.clock.advance(milliseconds(0));

await t.test('an order reaches the desk as it was signed, and is answered with accepted', async (t) => {
  const rig = await started(t);
  const order = rig.orderOf();
  const packet = await signOrder(order, rig.operator, TENANT);
  rig.send(packet);
  await settle(rig);
  t.equal(rig.desk.submitted.length, 1);
  t.same(rig.desk.submitted[0]?.order.id, order.id);
  t.same(rig.desk.submitted[0]?.packet, packet);
  t.match(rig.desk.submitted[0]?.issuer, { name: 'olga', role: 'operator' });
  t.match(rig.said('accepted'), [{ device: 'host1', boot: rig.identity.boot, id: order.id }]);
});

await t.test('a task that ended with its submission is answered by its receipt alone', async (t) => {
  const rig = await started(t);
  rig.desk.answer = async () => ({ is: 'accepted', ended: true });
  rig.send(await rig.order());
  await settle(rig);
  t.same(rig.said('accepted'), []);
});

await t.test('the packet is acknowledged only when the desk has it', async (t) => {
  const rig = await started(t);
  let journal: () => void = () => {};
  rig.desk.answer = () =>
    new Promise((resolve) => {
      journal = () => resolve({ is: 'accepted', ended: false });
    });
  rig.send(await rig.order());
  await settle(rig);
  t.same(rig.said('accepted'), []);
  rig.bus.disconnect();
  rig.bus.connect();
  await settle(rig);
  t.equal(rig.desk.submitted.length, 2, 'not in the journal, so it came again');
  journal();
  await settle(rig);
  rig.bus.disconnect();
  rig.bus.connect();
  await settle(rig);
  t.equal(rig.desk.submitted.length, 2, 'in the journal, so it did not');
});

await t.test('a journal that fails leaves the order with the broker', async (t) => {
  const rig = await started(t);
  rig.desk.answer = () => Promise.reject(new Error('fsync failed'));
  rig.send(await rig.order());
  await settle(rig);
  rig.desk.answer = undefined;
  rig.bus.connect();
  await settle(rig);
  t.equal(rig.desk.submitted.length, 2);
  t.equal(rig.said('accepted').length, 1);
});

await t.test('a known order gets its receipt again, or accepted where it still runs', async (t) => {
  const rig = await started(t);
  const order = rig.orderOf();
  const packet = await signOrder(order, rig.operator, TENANT);
  rig.send(packet);
  rig.send(packet);
  await settle(rig);
  t.equal(rig.said('accepted').length, 2);
  const receipt = await signEvent(
    {
      v: 1,
      device: 'host1',
      boot: rig.identity.boot,
      event: 'receipt',
      id: order.id,
      verb: 'machine.status',
      order: new Uint8Array(32),
      issuer: rig.operator.publicKey.keyId,
      outcome: 'succeeded',
      power: [],
      receivedAt: 0,
      tookMs: 0,
      seq: 1,
      prev: new Uint8Array(32),
    },
    rig.deviceKey,
    TENANT,
  );
  rig.desk.emit({ kind: 'receipt', id: order.id, packet: receipt });
  rig.send(packet);
  await settle(rig);
  t.equal(rig.said('receipt').length, 2);
  t.equal(rig.said('accepted').length, 2);
});

await t.test('what is no order for us never reaches the desk, and is told why', async (t) => {
  const rig = await started(t);
  const stranger = testKey();
  const good = await rig.order();
  const flipped = good.slice();
  flipped[flipped.length - 1]! ^= 1;
  const bad: [string, Uint8Array][] = [
    ['CBOR_INVALID', utf8('hello')],
    ['PACKET_TOO_LARGE', new Uint8Array(40_000)],
    ['SIGNATURE_INVALID', flipped],
    ['KEY_UNKNOWN', await signOrder(testOrder(stranger), stranger, TENANT)],
    ['SIGNATURE_INVALID', await signOrder(rig.orderOf(), rig.operator, 'othertenant')],
    ['WRONG_AUDIENCE', await rig.order({ aud: { to: 'device', name: 'host2' } })],
    ['WRONG_AUDIENCE', await rig.order({ aud: { to: 'group', name: 'rack2' } })],
    ['NOT_PERMITTED', await rig.order({ verb: 'file.delete', args: { path: '/etc/passwd' } }, rig.auditor)],
  ];
  for (const [code, packet] of bad) {
    const before = rig.said('rejected').length;
    rig.send(packet);
    await settle(rig);
    const answer = rig.said('rejected')[before];
    t.equal(answer?.refusal.code, code);
    t.ok((answer?.refusal.sentence.length ?? 0) > 0 && (answer?.refusal.remedy.length ?? 0) > 0);
    t.equal(answer?.packet.byteLength, 32);
  }
  t.same(rig.desk.submitted, []);
});

await t.test('a retained order is refused, however well it is signed', async (t) => {
  const rig = new AgentRig();
  rig.send(await rig.order(), { retained: true });
  await rig.agent.start();
  await settle(rig);
  t.teardown(() => rig.agent.stop());
  t.match(rig.said('rejected'), [{ refusal: { code: 'RETAINED' } }]);
  t.same(rig.desk.submitted, []);
});

await t.test('what the desk refuses is told with the id of the order', async (t) => {
  const rig = await started(t);
  const refusal = { code: 'REPLAYED', sentence: 'Seen before.', remedy: 'Do not.' } as const;
  rig.desk.answer = async () => ({ is: 'refused', refusal });
  const order = rig.orderOf();
  rig.send(await signOrder(order, rig.operator, TENANT));
  await settle(rig);
  t.match(rig.said('rejected'), [{ id: order.id, refusal: { code: 'REPLAYED' } }]);
  t.match(rig.audited, [/^order\.rejected [0-9a-f]{8} REPLAYED$/]);
});

await t.test('refusals are written into the audit log, and cannot wash it clean', async (t) => {
  const rig = await started(t);
  rig.desk.answer = async () => ({
    is: 'refused',
    refusal: { code: 'ID_CONFLICT', sentence: 'x', remedy: 'y' },
  });
  for (let i = 0; i < 500; i += 1) rig.send(await rig.order());
  await settle(rig);
  await rig.clock.advance(seconds(60));
  t.ok(rig.audited.length >= 32 && rig.audited.length < 60, `${rig.audited.length} entries`);
  rig.send(await rig.order());
  await settle(rig);
  t.match(rig.audited.join('\n'), /refusals before were not written down/);
});

await t.test('junk buys few answers, no memory and no delay for an order behind it', async (t) => {
  const rig = await started(t);
  for (let i = 0; i < 10_000; i += 1) rig.send(utf8(`junk ${i}`));
  rig.send(await rig.order());
  await settle(rig);
  t.equal(rig.desk.submitted.length, 1);
  t.ok(rig.said('rejected').length <= 25, `${rig.said('rejected').length} answers`);
  t.equal(rig.agent.counts.silenced + rig.said('rejected').length, 10_000);
  await rig.clock.advance(seconds(10));
  rig.send(utf8('more'));
  await settle(rig);
  t.equal(rig.said('rejected').at(-1)?.refusal.code, 'CBOR_INVALID', 'answers go on later');
});

await t.test('a flood of repeated orders is slowed down, not dropped', async (t) => {
  const rig = await started(t);
  const packet = await rig.order();
  for (let i = 0; i < 1000; i += 1) rig.send(packet);
  await settle(rig);
  const atOnce = rig.said('accepted').length;
  t.ok(atOnce < 700, `${atOnce} at once`);
  await rig.clock.advance(seconds(30));
  t.equal(rig.said('accepted').length, 1000);
});

await t.test('messages on topics that were never asked for do nothing', async (t) => {
  const rig = await started(t);
  await rig.bus.subscribe(['#']);
  rig.send(await rig.order(), { topic: 'ns/1/acme/d/host2/cmd' });
  rig.send(await rig.order(), { topic: 'ns/1/acme/g/rack2/cmd' });
  await settle(rig);
  t.same(rig.desk.submitted, []);
  t.same(rig.said('rejected'), []);
});

await t.test('answers to a group wait for one random moment, in their order', async (t) => {
  const rig = await started(t);
  const order = rig.orderOf({ aud: { to: 'group', name: 'rack1' } });
  rig.send(await signOrder(order, rig.operator, TENANT), { topic: rig.groupTopic });
  await settle(rig);
  t.equal(rig.desk.submitted.length, 1, 'the work begins at once');
  rig.desk.emit({ kind: 'progress', body: { id: order.id, seq: 1, stage: 'read', done: 1 } });
  await settle(rig);
  t.same(rig.said('accepted'), []);
  await rig.clock.advance(seconds(2));
  t.same(
    rig
      .events()
      .filter((event) => event.event !== 'presence')
      .map((event) => event.event),
    ['accepted', 'progress'],
  );
});

await t.test('a stop lets out what waits for its moment', async (t) => {
  const rig = await started(t);
  const order = rig.orderOf({ aud: { to: 'group', name: 'rack1' } });
  rig.send(await signOrder(order, rig.operator, TENANT), { topic: rig.groupTopic });
  await settle(rig);
  t.same(rig.said('accepted'), []);
  await rig.clock.settle(rig.agent.stop(), seconds(1));
  t.equal(rig.said('accepted').length, 1);
});

await t.test('progress is paced: latest wins, and none comes after the receipt', async (t) => {
  const rig = await started(t);
  const id = idOf(900);
  for (let seq = 1; seq <= 1000; seq += 1) {
    rig.desk.emit({ kind: 'progress', body: { id, seq, stage: 'copy', done: seq, total: 1000 } });
    await rig.clock.advance(milliseconds(1));
  }
  const seen = rig.said('progress').map((event) => event.seq);
  t.ok(seen.length >= 3 && seen.length <= 6, `${seen.length} of 1000`);
  t.same(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  await rig.clock.advance(seconds(1));
  t.equal(rig.said('progress').at(-1)?.seq, 1000, 'the last one passes in the end');
  rig.desk.emit({ kind: 'progress', body: { id, seq: 1001, stage: 'copy', done: 1 } });
  rig.desk.emit({ kind: 'progress', body: { id, seq: 1002, stage: 'copy', done: 1 } });
  rig.desk.emit({ kind: 'receipt', id, packet: await signEvent(rig.events()[0]!, rig.deviceKey, TENANT) });
  await rig.clock.advance(seconds(2));
  t.ok((rig.said('progress').at(-1)?.seq ?? 0) <= 1001);
});

await t.test('presence: at each connect, at each heartbeat, each with a nonce of its own', async (t) => {
  const rig = await started(t);
  t.match(rig.said('presence'), [{ state: 'online', board: 'sim-host', power: 'S5', lock: 'enabled' }]);
  rig.bus.disconnect();
  rig.bus.connect();
  await settle(rig);
  t.equal(rig.said('presence').length, 2);
  await rig.clock.advance(seconds(121));
  t.equal(rig.said('presence').length, 4);
  t.same(
    rig.said('presence').map((event) => event.nonce),
    rig.nonces,
  );
  t.equal(new Set(rig.nonces.map((nonce) => Buffer.from(nonce).toString('hex'))).size, 4);
});

await t.test('receipts wait for a connection; heartbeats and progress do not', async (t) => {
  const rig = await started(t);
  rig.bus.disconnect();
  const receipt = await signEvent(rig.events()[0]!, rig.deviceKey, TENANT);
  rig.desk.emit({ kind: 'progress', body: { id: idOf(901), seq: 1, stage: 'x', done: 0 } });
  rig.desk.emit({ kind: 'receipt', id: idOf(901), packet: receipt });
  await rig.clock.advance(seconds(600));
  const before = rig.broker.published.length;
  rig.bus.connect();
  await settle(rig);
  const after = rig.broker.published.slice(before);
  t.same(after[0]?.payload, receipt);
  t.equal(after.length, 2, 'the receipt and one presence');
});

await t.test('a receipt that finds no room is counted, and can still be asked for', async (t) => {
  const rig = await started(t);
  const order = rig.orderOf();
  const packet = await signOrder(order, rig.operator, TENANT);
  rig.send(packet);
  await settle(rig);
  rig.bus.disconnect();
  const other = await signEvent(rig.events()[0]!, rig.deviceKey, TENANT);
  for (let i = 0; i < 1024; i += 1) rig.desk.emit({ kind: 'receipt', id: idOf(2000 + i), packet: other });
  rig.desk.emit({ kind: 'receipt', id: order.id, packet: other });
  await settle(rig);
  t.equal(rig.agent.counts.undelivered, 1);
  t.ok(rig.logged.includes('event-not-sent'));
  rig.bus.connect();
  await settle(rig);
  const before = rig.broker.published.length;
  rig.send(packet);
  await settle(rig);
  t.same(
    rig.broker.published.slice(before + 1).map((message) => message.payload),
    [other],
  );
});

await t.test('stopping says offline and leaves nothing behind', async (t) => {
  const rig = new AgentRig();
  await rig.agent.start();
  await settle(rig);
  await rig.agent.stop();
  t.equal(rig.said('presence').at(-1)?.state, 'offline');
  t.equal(rig.clock.waiting, 0);
  await rig.agent.stop();
});

await t.test('blocks reach the transfer with their id, and nothing else does', async (t) => {
  const rig = await started(t);
  const got: unknown[] = [];
  const block = { t: 'data', id: idOf(5), i: 3, d: Uint8Array.of(1, 2, 3) } as const;
  rig.send(encodeBlock(block), { topic: rig.topics.blkIn });
  await settle(rig);
  t.equal(rig.agent.counts.ignoredBlocks, 1, 'no transfer');
  const stop = rig.blocks.onMessage(idOf(5), (message) => got.push(message));
  rig.send(encodeBlock(block), { topic: rig.topics.blkIn });
  rig.send(encodeBlock({ ...block, id: idOf(6) }), { topic: rig.topics.blkIn });
  rig.send(utf8('junk'), { topic: rig.topics.blkIn });
  rig.send(new Uint8Array(200_000), { topic: rig.topics.blkIn });
  await settle(rig);
  t.match(got, [block]);
  t.equal(rig.agent.counts.ignoredBlocks, 4);
  stop();
  rig.send(encodeBlock(block), { topic: rig.topics.blkIn });
  await settle(rig);
  t.equal(got.length, 1);
  await rig.blocks.send({ t: 'end', id: idOf(5) });
  t.equal(rig.broker.published.at(-1)?.topic, rig.topics.blkOut);
  rig.bus.disconnect();
  await t.rejects(rig.blocks.send({ t: 'end', id: idOf(5) }), { code: 'NS_BUS_DOWN' });
});
