import t from 'tap';
import { BlockRouter } from '../../../src/agent/block-router.ts';
import { type BlockMessage, encodeBlock } from '../../../src/protocol/index.ts';
import { FakeBroker } from '../../kit/fake-bus.ts';

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
