import t from 'tap';
import { milliseconds, seconds } from '../../../src/base/index.ts';
import { AgentRig } from '../../kit/agent-rig.ts';
import { idOf } from '../../kit/orders.ts';

const packets = (rig: AgentRig) =>
  rig.broker.published
    .filter(({ topic }) => topic === rig.topics.evt)
    .map(({ payload }) => Buffer.from(payload).toString())
    .filter((text) => text.startsWith('receipt'));
const receipt = (n: number) => ({ id: idOf(n), packet: Buffer.from(`receipt ${n}`) });

await t.test('receipts of a run that was cut off go out at the next start, unasked', async (t) => {
  const rig = new AgentRig();
  rig.desk.left.push(receipt(1), receipt(2));
  await rig.agent.start();
  await rig.clock.advance(milliseconds(0));
  t.same(packets(rig), ['receipt 1', 'receipt 2']);
  t.same(rig.desk.delivered, [idOf(1), idOf(2)]);
  await rig.agent.stop();
});

await t.test(
  'they wait for the broker, one at a time, and a stop leaves them for the next start',
  async (t) => {
    const rig = new AgentRig();
    rig.desk.left.push(receipt(1), receipt(2));
    rig.bus.start = async () => {};
    await rig.agent.start();
    await rig.clock.advance(seconds(10));
    t.same(packets(rig), []);
    await rig.agent.stop();
    t.same(rig.desk.delivered, []);
  },
);

await t.test('a receipt is told when the broker has it, and one without room goes later', async (t) => {
  const rig = new AgentRig();
  await rig.agent.start();
  await rig.clock.advance(milliseconds(0));
  rig.bus.disconnect();
  for (let n = 1; n <= 1026; n += 1) rig.desk.emit({ kind: 'receipt', ...receipt(n) });
  await rig.clock.advance(seconds(2));
  t.same(rig.desk.delivered, [], 'no broker has any of them');
  rig.bus.connect();
  await rig.clock.advance(seconds(2));
  t.equal(new Set(packets(rig)).size, 1026);
  t.equal(rig.desk.delivered.length, 1026);
  await rig.agent.stop();
});
