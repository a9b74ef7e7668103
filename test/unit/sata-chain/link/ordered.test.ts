import fc from 'fast-check';
import t from 'tap';
import { FaultyLink, type LinkFaults } from '../../../../src/adapters/chain-link/faulty-link.ts';
import { type InProcessOptions, inProcessPair } from '../../../../src/adapters/chain-link/in-process.ts';
import { SeededEntropy } from '../../../../src/adapters/sim/seeded-entropy.ts';
import { milliseconds, toHex } from '../../../../src/base/index.ts';
import { millis, OrderedChannel, type OrderedOptions } from '../../../../src/sata-chain/index.ts';
import { HandScheduler } from '../../../kit/chain-state.ts';
import { noise } from '../../../kit/noise.ts';

const PATIENCE = millis(3000);
let incarnations = 0;
const OPTIONS: OrderedOptions = {
  channel: 'fis',
  largestMessage: 5000,
  queueBytes: 20_000,
  patience: PATIENCE,
  newIncarnation: () => ++incarnations,
};

interface Got {
  readonly bytes: Uint8Array;
}

class End {
  channel: OrderedChannel;
  readonly got: Got[] = [];
  readonly states: boolean[] = [];
  readonly link: FaultyLink;
  readonly #scheduler: HandScheduler;

  constructor(link: FaultyLink, scheduler: HandScheduler) {
    this.link = link;
    this.#scheduler = scheduler;
    this.channel = this.#open();
  }

  #open(): OrderedChannel {
    const channel = new OrderedChannel(this.link, this.#scheduler, OPTIONS);
    channel.onMessage((bytes) => void this.got.push({ bytes }));
    channel.onConnection((connected) => void this.states.push(connected));
    return channel;
  }

  restart(): void {
    this.channel.close();
    this.channel = this.#open();
  }

  get connected(): boolean {
    return this.states.at(-1) === true;
  }
}

class Bench {
  readonly scheduler = new HandScheduler();
  readonly ends: readonly [End, End];
  readonly pair: ReturnType<typeof inProcessPair>;

  constructor(seed: number, faults: LinkFaults, options: InProcessOptions = {}) {
    this.pair = inProcessPair(this.scheduler, {
      delay: milliseconds(1),
      largestFrame: 600,
      queue: { frames: 24, bytes: 100_000 },
      ...options,
    });
    const entropy = new SeededEntropy(seed);
    const end = (i: 0 | 1) =>
      new End(new FaultyLink(this.pair.ends[i], this.scheduler, entropy, faults), this.scheduler);
    this.ends = [end(0), end(1)];
  }

  /** Lets virtual time pass, and what waits on promises with it. */
  async pass(ms: number): Promise<void> {
    for (let i = 0; i < ms; i += 1) {
      this.scheduler.run(millis(1));
      await Promise.resolve();
    }
  }

  async until(holds: () => boolean, ms = 20_000): Promise<void> {
    for (let i = 0; i < ms && !holds(); i += 1) await this.pass(1);
    if (!holds()) throw new Error(`never came true: ${holds.toString()}`);
  }

  async join(): Promise<this> {
    await this.until(() => this.ends.every(({ connected }) => connected));
    return this;
  }
}

const numbered = (n: number, size: number): Uint8Array => {
  const bytes = noise(size, n);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
};
const numberOf = ({ bytes }: Got): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);

for (const loss of [0, 0.1, 0.4]) {
  await t.test(
    `with ${loss * 100} % of the frames lost, all messages arrive once, in order, unchanged`,
    async (t) => {
      const bench = await new Bench(7, loss === 0 ? {} : { loss, delay: milliseconds(3) }).join();
      const sizes = [4, 5, 100, 579, 580, 1158, 1159, 4999, 5000];
      const count = 120;
      const sent = [0, 1].map((side) =>
        Array.from({ length: count }, (_, n) => numbered(side * 1000 + n, sizes[(n * 7) % sizes.length]!)),
      );
      const next = [0, 0];
      await bench.until(() => {
        for (const side of [0, 1] as const) {
          while (next[side]! < count && bench.ends[side].channel.send(sent[side]![next[side]!]!))
            next[side]! += 1;
        }
        return bench.ends.every(({ got }) => got.length === count);
      });
      for (const side of [0, 1] as const) {
        const got = bench.ends[1 - side]!.got.map(({ bytes }) => toHex(bytes));
        t.same(got, sent[side]!.map(toHex));
        t.same(bench.ends[side].states.filter((state) => !state).length, 1, 'no loss was told');
      }
      const { repeated } = bench.ends[0].channel;
      if (loss === 0) t.equal(repeated, 0, 'nothing was sent twice');
      t.comment(`segments sent again: ${repeated}, in ${Math.round(bench.scheduler.now() / 1e6)} ms`);
    },
  );
}

await t.test('brief disconnections are bridged, long ones are a loss at both ends', async (t) => {
  const bench = await new Bench(3, {}).join();
  const [a, b] = bench.ends;
  t.ok(a.channel.send(numbered(1, 3000)));
  bench.pair.cut();
  t.ok(a.channel.send(numbered(2, 100)), 'it waits for the link');
  await bench.pass(2000);
  bench.pair.restore();
  const restored = bench.scheduler.now();
  await bench.until(() => b.got.length === 2);
  t.ok(
    bench.scheduler.now() - restored < millis(5),
    'at once, without waiting for an answer that is missing',
  );
  t.same(b.got.map(numberOf), [1, 2]);
  t.same(
    [a.states, b.states],
    [
      [false, true],
      [false, true],
    ],
  );
  a.channel.send(numbered(3, 3000));
  bench.pair.cut();
  await bench.pass(3100);
  t.same(
    [a.states, b.states],
    [
      [false, true, false],
      [false, true, false],
    ],
  );
  t.notOk(a.channel.send(numbered(4, 10)));
  bench.pair.restore();
  await bench.join();
  t.ok(a.channel.send(numbered(5, 10)));
  await bench.until(() => b.got.length === 3);
  t.same(b.got.map(numberOf), [1, 2, 5], 'what waited is dropped');
});

await t.test(
  'an end that is heard no more is given up after the patience, though the link says connected',
  async (t) => {
    const bench = await new Bench(3, {}).join();
    const [a, b] = bench.ends;
    b.channel.close();
    a.channel.send(numbered(1, 10));
    await bench.pass(3100);
    t.same(a.states, [false, true, false]);
    await bench.pass(20_000);
    t.same(a.states, [false, true, false], 'connected means that somebody answers');
  },
);

await t.test('an end that begins anew is a loss at the other, which then begins anew with it', async (t) => {
  const bench = await new Bench(3, { delay: milliseconds(2) }).join();
  const [a, b] = bench.ends;
  for (let n = 0; n < 50; n += 1) a.channel.send(numbered(n, 100));
  await bench.pass(4);
  const before = b.got.length;
  b.restart();
  await bench.until(() => a.states.length === 4);
  await bench.join();
  t.same(a.states, [false, true, false, true]);
  a.channel.send(numbered(100, 4000));
  await bench.until(() => b.got.map(numberOf).includes(100));
  t.same(b.got.slice(before).map(numberOf), [100], 'nothing of the time before comes after');
});

await t.test(
  'the queue is bounded and room is told; a message that is too large is the fault of who sends it',
  async (t) => {
    const bench = await new Bench(3, {}).join();
    const [a] = bench.ends;
    t.throws(() => a.channel.send(new Uint8Array(5001)), { code: 'NS_LINK_FRAME' });
    let taken = 0;
    while (a.channel.send(new Uint8Array(1000))) taken += 1;
    t.equal(taken, 20);
    let told = false;
    const room = a.channel.room(new AbortController().signal).then(() => {
      told = true;
    });
    await bench.pass(1);
    t.notOk(told);
    await bench.until(() => told);
    await room;
    t.ok(a.channel.send(new Uint8Array(1000)));
    const abort = new AbortController();
    while (a.channel.send(new Uint8Array(1000)));
    const waits = a.channel.room(abort.signal);
    abort.abort(new Error('enough'));
    await t.rejects(waits, { message: 'enough' });
    const ends = a.channel.room(new AbortController().signal);
    a.channel.close();
    await ends;
  },
);

await t.test('junk and forged segments do not break it', async (t) => {
  const bench = await new Bench(3, {}).join();
  const [a, b] = bench.ends;
  const random = new SeededEntropy(9);
  for (let i = 0; i < 300; i += 1) {
    a.link.send({ channel: 'fis', bytes: random.randomBytes(random.below(60)) });
    await bench.pass(1);
  }
  await bench.join();
  a.channel.send(numbered(9, 2000));
  await bench.until(() => b.got.some((got) => got.bytes.length === 2000));
  t.equal(numberOf(b.got.at(-1)!), 9);
});

const event = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      side: fc.nat(1),
      size: fc.integer({ min: 4, max: 5000 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), side: fc.nat(1), size: fc.nat(40) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('long' as const), side: fc.nat(1), size: fc.nat(4000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), side: fc.nat(1), size: fc.nat(0) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('restore' as const), side: fc.nat(1), size: fc.nat(0) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restart' as const), side: fc.nat(1), size: fc.nat(0) }),
  },
);

await t.test(
  'over random cuts, restarts and losses: in order, at most once, no gap without a loss told',
  async (t) => {
    let messages = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(event, { minLength: 20, maxLength: 80, size: 'max' }),
        async (seed, events) => {
          const bench = new Bench(seed, { loss: (seed % 4) / 10, delay: milliseconds(2) });
          let n = 0;
          /** By sender: what was taken, and how many losses it had told by then. */
          const taken = new Map<number, number>();
          const send = (side: number, size: number): void => {
            const end = bench.ends[side as 0 | 1];
            n += 1;
            const number = n * 2 + side;
            if (end.channel.send(numbered(number, size))) taken.set(number, end.states.length);
          };
          for (const { do: what, side, size } of events) {
            const end = bench.ends[side as 0 | 1];
            if (what === 'pass' || what === 'long') await bench.pass(size);
            else if (what === 'cut') bench.pair.cut();
            else if (what === 'restore') bench.pair.restore();
            else if (what === 'restart') end.restart();
            else send(side, size);
          }
          bench.pair.restore();
          await bench.join();
          for (const side of [0, 1]) send(side, 8);
          const lastOf = (side: number) =>
            Math.max(...[...taken.keys()].filter((number) => number % 2 === side));
          await bench.until(() =>
            [0, 1].every((side) => bench.ends[1 - side]!.got.some((got) => numberOf(got) === lastOf(side))),
          );
          for (const [side, end] of bench.ends.entries()) {
            const numbers = end.got.map(numberOf);
            messages += numbers.length;
            numbers.forEach((number, i) => {
              if (i > 0 && number <= numbers[i - 1]!) throw new Error('out of order, or twice');
              if (number % 2 === side || !taken.has(number)) throw new Error('never sent');
            });
            // Without a loss told at the sender between two messages, none between them is missing.
            const sent = [...taken].filter(([number]) => number % 2 !== side);
            for (const [i, [number, state]] of sent.entries()) {
              const following = sent[i + 1];
              if (following === undefined || numbers.includes(number) || following[1] !== state) continue;
              if (numbers.includes(following[0])) throw new Error('a gap that nobody was told of');
            }
          }
        },
      ),
      { numRuns: 60, endOnFailure: true },
    );
    t.ok(messages > 300);
    t.comment(`messages that arrived: ${messages}`);
  },
);
