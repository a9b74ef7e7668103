import t from 'tap';
import { milliseconds, seconds, utf8 } from '../../../src/base/index.ts';
import { encodeBlock } from '../../../src/protocol/index.ts';
import { signEvent, signOrder } from '../../../src/security/index.ts';
import { AgentRig, settle, started, TENANT } from '../../kit/agent-rig.ts';
import { idOf } from '../../kit/orders.ts';

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
