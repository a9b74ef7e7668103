import t from 'tap';
import { type Outgoing, SendQueue } from '../../../../src/adapters/mqtt/send-queue.ts';
import { hasCode } from '../../../../src/base/index.ts';

const limits = { messages: 10, bytes: 100_000, window: 3, windowBytes: 50_000 };
const message = (topic: string, transient = false, size = 10): Outgoing => ({
  topic,
  payload: new Uint8Array(size),
  retain: false,
  transient,
});

/** A broker's end: what is under way, to be answered by hand. */
function line() {
  const under: { topic: string; ok: () => void; fail: (error: Error) => void }[] = [];
  const carry = (out: Outgoing): Promise<void> =>
    new Promise((ok, fail) => under.push({ topic: out.topic, ok, fail }));
  return { under, carry, topics: () => under.map((entry) => entry.topic) };
}

const outcome = (sent: Promise<void>): Promise<string> =>
  sent.then(
    () => 'sent',
    (error: unknown) =>
      hasCode(error, 'NS_BUS_FULL') ? 'full' : hasCode(error, 'NS_BUS_DOWN') ? 'down' : 'other',
  );
const turn = () => new Promise((resolve) => setImmediate(resolve));

await t.test('no more are under way than the window, ours or the broker’s', async (t) => {
  const queue = new SendQueue(limits);
  const wire = line();
  for (const topic of 'abcde') void outcome(queue.add(message(topic)));
  queue.open(wire.carry, 2);
  t.same(wire.topics(), ['a', 'b']);
  wire.under[0]?.ok();
  await turn();
  t.same(wire.topics(), ['a', 'b', 'c']);
});

await t.test('the window is bounded in bytes too, but one message always goes', async (t) => {
  const queue = new SendQueue(limits);
  const wire = line();
  queue.open(wire.carry, 100);
  void outcome(queue.add(message('big', false, 60_000)));
  void outcome(queue.add(message('next')));
  t.same(wire.topics(), ['big']);
  wire.under[0]?.ok();
  await turn();
  t.same(wire.topics(), ['big', 'next']);
});

await t.test(
  'lasting messages overtake transient ones and have half of the room to themselves',
  async (t) => {
    const queue = new SendQueue(limits);
    const wire = line();
    queue.open(wire.carry, 1);
    const bulk = Array.from({ length: 8 }, (_, i) => outcome(queue.add(message(`bulk${i}`, true))));
    const receipt = outcome(queue.add(message('receipt')));
    t.same(await Promise.all(bulk.slice(5)), ['full', 'full', 'full']);
    wire.under[0]?.ok();
    await turn();
    t.same(wire.topics(), ['bulk0', 'receipt']);
    wire.under[1]?.ok();
    t.equal(await receipt, 'sent');
  },
);

await t.test('too many bytes are refused, and room comes back', async (t) => {
  const queue = new SendQueue(limits);
  const wire = line();
  queue.open(wire.carry, 1);
  const first = outcome(queue.add(message('a', false, 90_000)));
  t.equal(await outcome(queue.add(message('b', false, 20_000))), 'full');
  wire.under[0]?.ok();
  t.equal(await first, 'sent');
  t.equal(queue.bytes, 0);
  void outcome(queue.add(message('b', false, 20_000)));
  t.equal(queue.size, 1);
});

await t.test(
  'a broken connection: lasting messages go again in order, transient ones are given up',
  async (t) => {
    const queue = new SendQueue(limits);
    const first = line();
    queue.open(first.carry, 3);
    const kept = ['a', 'b', 'c'].map((topic) => outcome(queue.add(message(topic))));
    const gone = outcome(queue.add(message('t', true)));
    first.under[1]?.ok();
    await turn();
    queue.pause();
    t.equal(await gone, 'down');
    const second = line();
    queue.open(second.carry, 3);
    t.same(second.topics(), ['a', 'c']);
    first.under[0]?.fail(new Error('an answer out of the grave'));
    await turn();
    for (const entry of second.under) entry.ok();
    t.same(await Promise.all(kept), ['sent', 'sent', 'sent']);
  },
);

await t.test('drained waits for lasting messages only, and not for ever', async (t) => {
  const queue = new SendQueue(limits);
  const wire = line();
  queue.open(wire.carry, 10);
  void outcome(queue.add(message('bulk', true)));
  await queue.drained(new AbortController().signal);
  void outcome(queue.add(message('receipt')));
  let done = false;
  const drained = queue.drained(new AbortController().signal).then(() => {
    done = true;
  });
  await turn();
  t.notOk(done);
  wire.under[1]?.ok();
  await drained;
  void outcome(queue.add(message('stuck')));
  const patience = new AbortController();
  const given = queue.drained(patience.signal);
  patience.abort();
  await given;
  const cut = queue.drained(new AbortController().signal);
  queue.pause();
  await cut;
  queue.close();
  t.equal(queue.size, 0);
});
