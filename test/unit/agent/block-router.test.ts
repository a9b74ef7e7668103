import t from 'tap';
import { BlockRouter } from '../../../src/agent/block-router.ts';
import { type BlockMessage, encodeBlock } from '../../../src/protocol/index.ts';
import { signOrder } from '../../../src/security/index.ts';
import type { Submission } from '../../../src/tasks/index.ts';
import { settle, started, TENANT } from '../../kit/agent-rig.ts';
import { FakeBroker } from '../../kit/fake-bus.ts';
import { testOrder } from '../../kit/orders.ts';

const id = new Uint8Array(16).fill(3);
const message: BlockMessage = { t: 'end', id };

async function routed() {
  const broker = new FakeBroker();
  const bus = broker.bus('host1');
  await bus.start();
  return { broker, router: new BlockRouter(bus, 'out') };
}

await t.test(
  'standing back: what is sent waits, what comes is lost, and both go on afterwards',
  async (t) => {
    const { broker, router } = await routed();
    const heard: BlockMessage[] = [];
    router.onMessage(id, (one) => void heard.push(one));
    const first = router.standBack();
    const second = router.standBack();
    let sent = false;
    const sending = router.send(message).then(() => {
      sent = true;
    });
    router.receive(encodeBlock(message));
    t.equal(router.ignored, 1);
    first();
    first();
    await new Promise((resolve) => setImmediate(resolve));
    t.notOk(sent, 'as long as anybody needs the room');
    t.equal(broker.published.length, 0);
    second();
    await sending;
    t.equal(broker.published.length, 1);
    router.receive(encodeBlock(message));
    t.equal(heard.length, 1);
  },
);

await t.test('while an order to disable is taken in, blocks stand back; for no other order', async (t) => {
  const rig = await started(t);
  const takes: ((submission: Submission) => void)[] = [];
  rig.desk.answer = () => new Promise((resolve) => takes.push(resolve));
  const sends = async (packet: Uint8Array): Promise<boolean> => {
    rig.send(packet);
    await settle(rig);
    const before = rig.broker.published.length;
    const sending = rig.blocks.send(message);
    await settle(rig);
    const through = rig.broker.published.length > before;
    takes.shift()?.({ is: 'accepted', ended: true });
    await sending;
    await settle(rig);
    return through;
  };
  const { officer, officer2 } = rig;
  const disable = testOrder(officer, { verb: 'machine.disable', args: {} });
  t.notOk(await sends(await signOrder(disable, officer, TENANT, [officer2])));
  t.ok(await sends(await rig.order()));
  t.equal(rig.desk.submitted.length, 2);
});
