import fc from 'fast-check';
import t from 'tap';
import { LineQueue } from '../../../src/base/index.ts';

/** A line that refuses now and then, and whoever waits for it does so for no time. */
function slowLine(refusals: readonly boolean[]) {
  const taken: (number | 'break')[] = [];
  let asked = 0;
  return {
    taken,
    write: (bytes: Uint8Array): boolean => {
      asked += 1;
      if (refusals[asked % (refusals.length + 1)] === true) return false;
      taken.push(...bytes);
      return true;
    },
    sendBreak: async (): Promise<void> => {
      taken.push('break');
    },
    sleep: (_time: number, signal: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => {
        setImmediate(() => (signal.aborted ? reject(signal.reason) : resolve()));
      }),
  };
}

await t.test('bytes and breaks arrive in order, each once, however the line refuses', async (t) => {
  const work = fc.oneof(fc.uint8Array({ maxLength: 700 }), fc.constant('break' as const));
  await fc.assert(
    fc.asyncProperty(
      fc.array(work, { maxLength: 8 }),
      fc.array(fc.boolean(), { maxLength: 5 }),
      async (works, refusals) => {
        const line = slowLine(refusals);
        const queue = new LineQueue(line, line, { capacity: 8 * 700, breaks: 8 });
        for (const each of works) t.ok(each === 'break' ? queue.pushBreak() : queue.push(each));
        const all: (number | 'break')[] = [];
        for (const each of works) all.push(...(each === 'break' ? [each] : each));
        while (line.taken.length < all.length) await new Promise(setImmediate);
        t.same(line.taken, all);
        t.equal(queue.sent, all.filter((each) => each !== 'break').length);
        t.equal(queue.room, 8 * 700);
      },
    ),
    { numRuns: 40 },
  );
});

await t.test('what does not fit is not taken, in no part; what is taken back never arrives', async (t) => {
  const line = slowLine([true, true, true]);
  const queue = new LineQueue({ write: () => false }, line, { capacity: 1000, breaks: 2 });
  t.equal(queue.pushBreak(), false, 'a line without breaks');
  t.equal(queue.push(new Uint8Array(600)), true);
  t.equal(queue.push(new Uint8Array(401)), false);
  t.equal(queue.room, 400);
  queue.clear();
  t.equal(queue.room, 1000);
  queue.stop();
});

await t.test('more breaks than the limit are none', async (t) => {
  const line = slowLine([]);
  const queue = new LineQueue({ ...line, write: () => false }, line, { capacity: 10, breaks: 2 });
  queue.push(new Uint8Array(1));
  t.same([queue.pushBreak(), queue.pushBreak(), queue.pushBreak()], [true, true, false]);
  queue.stop();
  await new Promise(setImmediate);
  t.same(line.taken, []);
});

await t.test('whoever pushed may use its bytes for something else', async (t) => {
  const line = slowLine([true]);
  const queue = new LineQueue(line, line, { capacity: 1000, breaks: 2 });
  const bytes = new Uint8Array(300).fill(7);
  queue.push(bytes);
  bytes.fill(9);
  while (line.taken.length < 300) await new Promise(setImmediate);
  t.ok(line.taken.every((byte) => byte === 7));
});
