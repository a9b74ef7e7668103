import t from 'tap';
import { BlockRouter } from '../../../../src/agent/block-router.ts';
import { minutes } from '../../../../src/base/index.ts';
import { ConsoleBlocks } from '../../../../src/programs/agent/console-blocks.ts';
import { type BlockMessage, encodeBlock } from '../../../../src/protocol/index.ts';
import { sendFile } from '../../../../src/transfer/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { FakeBroker } from '../../../kit/fake-bus.ts';
import { LeapingClock } from '../../../kit/leaping-clock.ts';

const mine = new Uint8Array(16).fill(1);
const other = new Uint8Array(16).fill(2);
const end = (id: Uint8Array): BlockMessage => ({ t: 'end', id });

async function blocks(byNeighbour = () => false) {
  const broker = new FakeBroker();
  const bus = broker.bus('host1');
  await bus.start();
  const network = new BlockRouter(bus, 'out');
  return { broker, network, both: new ConsoleBlocks(network, byNeighbour) };
}

await t.test(
  'what is said of a diverted transfer goes to the line, and nothing of it to the network',
  async (t) => {
    const { broker, network, both } = await blocks();
    const onLine: BlockMessage[] = [];
    const toTask: BlockMessage[] = [];
    const line = both.divert(mine, (message) => void onLine.push(message));
    line.give(end(mine));
    const stop = both.onMessage(mine, (message) => void toTask.push(message));
    t.same(toTask, [end(mine)], 'also what came before the task listened');
    await both.send(end(mine));
    network.receive(encodeBlock({ t: 'stop', id: mine, why: 'from somebody on the broker' }));
    t.same(toTask, [end(mine)]);
    t.same(onLine, [end(mine)]);
    t.equal(broker.published.length, 0);
    await both.send(end(other));
    t.equal(broker.published.length, 1);
    stop();
    line.end();
    await both.send(end(mine));
    t.equal(broker.published.length, 2);
    for (let i = 0; i < 1000; i += 1) both.divert(mine, () => undefined).give(end(mine));
  },
);

await t.test('a transfer on the line needs no network, and every other one does', async (t) => {
  const { both } = await blocks(() => true);
  const line = both.divert(mine, () => undefined);
  t.notOk(both.missing(mine));
  t.ok(both.missing(other));
  t.ok(both.missing());
  line.end();
  t.ok(both.missing(mine));
});

await t.test(
  'who says that it is still there keeps a transfer, and its task, that sends nothing',
  async (t) => {
    const { both } = await blocks();
    const clock = new LeapingClock();
    const line = both.divert(mine, () => undefined);
    let progress = 0;
    const sending = sendFile({
      id: mine,
      size: 10,
      chunk: 10,
      read: async () => undefined,
      port: both,
      clock,
      signal: new AbortController().signal,
      noProgress: minutes(1),
      onProgress: () => {
        progress += 1;
      },
    });
    for (let i = 1; i <= 5; i += 1) {
      clock.leap(minutes(0.75));
      line.give({ t: 'ask', id: mine, want: [[0, 0]] });
      await eventually(() => progress === i);
    }
    clock.leap(minutes(2));
    await t.rejects(sending, { code: 'NS_TRANSFER_STALLED' });
  },
);
