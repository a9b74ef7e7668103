import t, { type Test } from 'tap';
import { toHex, utf8 } from '../../src/base/index.ts';
import type { ChainChannel, ChainFrame, ChainLink } from '../../src/ports/index.ts';
import type { LinkBench } from '../kit/chain-links.ts';
import { eventually } from '../kit/eventually.ts';
import { noise } from '../kit/noise.ts';

const CHANNELS: readonly ChainChannel[] = ['signal', 'fis', 'state', 'relay'];
const patience = () => AbortSignal.timeout(15_000);

function collect(link: ChainLink): ChainFrame[] {
  const frames: ChainFrame[] = [];
  link.onFrame(({ channel, bytes }) => void frames.push({ channel, bytes: bytes.slice() }));
  return frames;
}

function watch(link: ChainLink): boolean[] {
  const states: boolean[] = [];
  link.onConnection((connected) => void states.push(connected));
  return states;
}

const up = (link: ChainLink): boolean => watch(link).at(-1) === true;
const bothUp = ({ a, b }: LinkBench) => eventually(() => up(a) && up(b));
const bothDown = ({ a, b }: LinkBench) => eventually(() => !up(a) && !up(b));
const text = (words: string): ChainFrame => ({ channel: 'state', bytes: utf8(words) });
const shown = ({ channel, bytes }: ChainFrame) =>
  `${channel} ${bytes.length} ${toHex(bytes.subarray(0, 16))}`;

/** Sends them all, waiting for room where there is none. */
async function sendAll(link: ChainLink, frames: readonly ChainFrame[]): Promise<void> {
  for (const frame of frames) while (!link.send(frame)) await link.room(patience());
}

/** What every ChainLink promises. `faulty` makes one that loses frames, and on a line of bytes also mistreats those. */
export async function chainLinkContract(
  name: string,
  make: () => Promise<LinkBench>,
  faulty: (seed: number) => Promise<LinkBench>,
): Promise<void> {
  const on = async (t: Test, opened: Promise<LinkBench>): Promise<LinkBench> => {
    const bench = await opened;
    t.teardown(() => bench.done());
    await bothUp(bench);
    return bench;
  };

  await t.test(`${name}: frames arrive whole, unchanged and in order, both ways`, async (t) => {
    const bench = await on(t, make());
    const largest = bench.a.capabilities.largestFrame;
    const sizes = [0, 1, 20, 255, 256, Math.floor(largest / 2), largest - 1, largest];
    // Every byte value, also those that mark the ends of frames on a line.
    const frames = sizes.flatMap((size, i) =>
      CHANNELS.map((channel, j) => ({ channel, bytes: noise(size, i * 4 + j).fill(0xc0, 0, size / 8) })),
    );
    const [atA, atB] = [collect(bench.a), collect(bench.b)];
    await Promise.all([sendAll(bench.a, frames), sendAll(bench.b, frames.toReversed())]);
    await eventually(() => atA.length === frames.length && atB.length === frames.length);
    t.same(
      atB.map(({ bytes }) => toHex(bytes)),
      frames.map(({ bytes }) => toHex(bytes)),
    );
    t.same(atB.map(shown), frames.map(shown));
    t.same(atA.map(shown), frames.toReversed().map(shown));
  });

  await t.test(`${name}: a frame that is too large is the caller's fault and goes nowhere`, async (t) => {
    const bench = await on(t, make());
    const atB = collect(bench.b);
    const bytes = new Uint8Array(bench.a.capabilities.largestFrame + 1);
    t.throws(() => bench.a.send({ channel: 'fis', bytes }), { code: 'NS_LINK_FRAME', family: 'caller' });
    t.ok(bench.a.send(text('next')));
    await eventually(() => atB.length > 0);
    t.same(atB, [text('next')]);
  });

  await t.test(`${name}: the connection is told at once and at each change, at both ends`, async (t) => {
    const bench = await on(t, make());
    const [a, b] = [watch(bench.a), watch(bench.b)];
    t.same([a, b], [[true], [true]]);
    for (const cuts of [1, 2]) {
      bench.cut();
      await bothDown(bench);
      t.notOk(bench.a.send(text('nobody')), 'nothing is taken while disconnected');
      bench.restore();
      await bothUp(bench);
      for (const states of [a, b]) {
        t.same(
          states,
          states.map((_, i) => i % 2 === 0),
          'changes only',
        );
        t.ok(states.length > 2 * cuts);
      }
    }
  });

  await t.test(`${name}: what was sent before a cut does not arrive after it`, async (t) => {
    const bench = await on(t, make());
    const atB = collect(bench.b);
    for (let round = 0; round < 3; round += 1) {
      let sent = 0;
      while (sent < 200 && bench.a.send(text(`before ${round}`))) sent += 1;
      t.ok(sent > 0);
      bench.cut();
      await bothDown(bench);
      bench.restore();
      await bothUp(bench);
      const arrived = atB.length;
      await sendAll(bench.a, [text(`after ${round}`)]);
      await eventually(() => atB.some(({ bytes }) => toHex(bytes) === toHex(utf8(`after ${round}`))));
      t.same(atB.slice(arrived), [text(`after ${round}`)]);
    }
  });

  await t.test(`${name}: the queue is bounded, room is told, and all that was taken arrives`, async (t) => {
    const bench = await on(t, make());
    const atB = collect(bench.b);
    const piece = Math.min(4096, bench.a.capabilities.largestFrame);
    let taken = 0;
    const frame = () => ({ channel: 'fis' as const, bytes: new Uint8Array(piece).fill(taken) });
    for (let waits = 0; waits < 3; waits += 1) {
      const before = taken;
      while (bench.a.send(frame())) {
        taken += 1;
        if (taken > 50_000) throw new Error('the queue has no bound');
      }
      t.ok(taken > before, 'there was room');
      await bench.a.room(patience());
    }
    await eventually(() => atB.length === taken);
    t.ok(atB.every(({ bytes }, i) => bytes.length === piece && bytes[0] === i % 256));
  });

  await t.test(`${name}: waiting for room ends by its signal, and by close`, async (t) => {
    const bench = await on(t, make());
    while (bench.a.send({ channel: 'fis', bytes: new Uint8Array(100) }));
    bench.cut();
    await bothDown(bench);
    const abort = new AbortController();
    const given = bench.a.room(abort.signal);
    abort.abort(new Error('no more patience'));
    await t.rejects(given, { message: 'no more patience' });
    await t.rejects(bench.a.room(abort.signal), { message: 'no more patience' });
    const waits = bench.a.room(patience());
    await bench.a.close();
    await waits;
  });

  await t.test(`${name}: a closed end takes nothing, and the other end learns of it`, async (t) => {
    const bench = await on(t, make());
    const [atA, atB] = [collect(bench.a), collect(bench.b)];
    await bench.a.close();
    t.notOk(up(bench.a));
    t.notOk(bench.a.send(text('too late')));
    await eventually(() => !up(bench.b));
    t.notOk(bench.b.send(text('nobody')));
    await bench.a.close();
    t.same([atA, atB], [[], []]);
  });

  await t.test(
    `${name}, faulty: what arrives is what was sent, in order, each at most once; cuts are got over`,
    async (t) => {
      const seeds = [1, 2, 3];
      const shares: string[] = [];
      for (const seed of seeds) {
        const bench = await on(t, faulty(seed));
        const count = 150;
        let sent = 0;
        let taken = 0;
        const frames: ChainFrame[] = [];
        const largest = Math.min(600, bench.a.capabilities.largestFrame);
        const atB = collect(bench.b);
        const states = watch(bench.b);
        for (let part = 0; part < 3; part += 1) {
          for (let i = 0; i < count; i += 1, sent += 1) {
            const frame = {
              channel: CHANNELS[sent % 4]!,
              bytes: noise(4 + ((sent * 37) % (largest - 4)), sent),
            };
            new DataView(frame.bytes.buffer).setUint32(0, sent);
            frames.push(frame);
            // A link that has just gone down takes nothing: that frame is lost like others.
            if (bench.a.send(frame)) taken += 1;
            if (i % 8 === 7) await new Promise((resolve) => setTimeout(resolve, 2));
          }
          if (part === 2) break;
          bench.cut();
          await bothDown(bench);
          bench.restore();
          await bothUp(bench);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
        await bothUp(bench);
        const numbers = atB.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
        t.ok(
          numbers.every((number, i) => i === 0 || number > numbers[i - 1]!),
          'in order, at most once',
        );
        t.same(
          atB.map(({ channel, bytes }) => `${channel} ${toHex(bytes)}`),
          numbers.map((number) => `${frames[number]?.channel} ${toHex(frames[number]!.bytes)}`),
          'unchanged',
        );
        t.ok(numbers.length < sent, 'the faults were real');
        t.ok(numbers.length > sent / 10, `most got through: ${numbers.length} of ${sent}`);
        t.ok(states.length >= 5, 'two cuts were seen');
        shares.push(`${numbers.length} of ${taken} taken of ${sent}`);
        await bench.done();
      }
      t.comment(`${name}, faulty: arrived ${shares.join('; ')}`);
    },
  );
}
