import t from 'tap';
import { equalBytes, refusal, seconds, toHex, utf8 } from '../../../src/base/index.ts';
import { type BlockMessage, encodeBlock } from '../../../src/protocol/index.ts';
import { signOrder } from '../../../src/security/index.ts';
import { AgentRig, settle, started, TENANT } from '../../kit/agent-rig.ts';
import { testKey } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const BLOCK: BlockMessage & { t: 'end' } = { t: 'end', id: new Uint8Array(16).fill(9) };

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
    ['NOT_PERMITTED', await rig.order({ verb: 'file.delete', args: { path: '/srv/file' } }, rig.auditor)],
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

await t.test('who is known gets a nonce with a refusal, and who is not gets none', async (t) => {
  const rig = await started(t);
  rig.desk.answer = async () => ({ is: 'refused', refusal: refusal('EXPIRED') });
  const stranger = testKey();
  rig.send(await rig.order());
  rig.send(await rig.order({ verb: 'file.delete', args: { path: '/srv/file' } }, rig.auditor));
  rig.send(await signOrder(testOrder(stranger), stranger, TENANT));
  rig.send(utf8('junk'));
  await settle(rig);
  const said = rig.said('rejected');
  const told = said.map(
    ({ refusal: { code }, nonce }) => `${code} ${nonce === undefined ? 'without' : 'with'}`,
  );
  t.same(told.toSorted(), [
    'CBOR_INVALID without',
    'EXPIRED with',
    'KEY_UNKNOWN without',
    'NOT_PERMITTED with',
  ]);
  for (const { nonce } of said)
    if (nonce !== undefined) t.ok(rig.nonces.some((given) => given[0] === nonce[0]));
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

/** How many events. */
const saidSoFar = ({ broker, topics }: AgentRig): number =>
  broker.published.filter(({ topic }) => topic === topics.evt).length;

await t.test(
  'a flood of repeated orders is answered slowly, and each different one is answered',
  async (t) => {
    const rig = await started(t);
    const packets = await Promise.all(Array.from({ length: 1000 }, () => rig.order()));
    for (let times = 0; times < 2; times += 1) for (const packet of packets) rig.send(packet);
    await settle(rig);
    const atOnce = saidSoFar(rig) - packets.length;
    t.ok(atOnce < 700, `${atOnce} at once`);
    t.equal(rig.desk.submitted.length, 2 * packets.length, 'no order waits for an answer');
    await rig.clock.advance(seconds(30));
    t.equal(rig.said('accepted').length, 2 * packets.length);
  },
);

await t.test('nothing waits behind repeats of one order, and they share an answer', async (t) => {
  const rig = await started(t);
  const packet = await rig.order();
  let blocks = 0;
  rig.blocks.onMessage(BLOCK.id, () => {
    blocks += 1;
  });
  for (let i = 0; i < 3000; i += 1) rig.send(packet);
  rig.send(await rig.order());
  rig.send(encodeBlock(BLOCK), { topic: rig.topics.blkIn });
  await settle(rig);
  t.equal(rig.desk.submitted.length, 3001);
  t.equal(blocks, 1);
  const atOnce = saidSoFar(rig);
  t.ok(atOnce < 700, `${atOnce} at once`);
  const receipt = await rig.order();
  rig.desk.receipts.set(toHex(rig.desk.submitted[0]!.order.id), receipt);
  await rig.clock.advance(seconds(30));
  const told = rig.broker.published.filter(({ payload }) => equalBytes(payload, receipt));
  t.equal(told.length, 1, 'the one that waited tells what is so by then');
});

await t.test('no number of refused orders, however authentic, holds up a disable behind them', async (t) => {
  const rig = await started(t);
  for (let i = 0; i < 3000; i += 1)
    rig.send(await rig.order({ verb: 'file.delete', args: { path: `/srv/${i}` } }, rig.auditor));
  rig.send(await rig.order());
  await settle(rig);
  t.equal(rig.desk.submitted.length, 1, 'before any time has passed');
  await rig.clock.advance(seconds(120));
  t.equal(rig.said('rejected').length + rig.agent.counts.silenced, 3000);
  t.ok(
    rig.agent.counts.silenced > 0 && rig.agent.counts.silenced < 1500,
    `${rig.agent.counts.silenced} silenced`,
  );
});

await t.test(
  'repeats of more orders than can wait for an answer are counted where they get none',
  async (t) => {
    const rig = await started(t);
    const packets = await Promise.all(Array.from({ length: 2000 }, () => rig.order()));
    for (let times = 0; times < 2; times += 1) for (const packet of packets) rig.send(packet);
    await settle(rig);
    await rig.clock.advance(seconds(60));
    t.ok(rig.agent.counts.silenced > 0);
    t.equal(rig.said('accepted').length + rig.agent.counts.silenced, 2 * packets.length);
  },
);
