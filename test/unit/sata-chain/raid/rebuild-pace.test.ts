import fc from 'fast-check';
import t from 'tap';
import { millis, nanoseconds, type PaceInputs, type PaceLimits } from '../../../../src/sata-chain/index.ts';
import {
  LARGEST_PIECE,
  LONGEST_PAUSE,
  nextPace,
  SMALLEST_PIECE,
} from '../../../../src/sata-chain/raid/rebuild-pace.ts';

const inputs = fc.record(
  {
    hostInFlight: fc.nat(64),
    hostLatency: fc.option(fc.integer({ min: 0, max: 5e9 }).map(nanoseconds), { nil: undefined }),
    temperature: fc.integer({ min: -40_000, max: 200_000 }),
    power: fc.nat(100_000),
    last: fc.record({
      bytes: fc.integer({ min: 1, max: LARGEST_PIECE }),
      took: fc.integer({ min: 0, max: 5e9 }).map(nanoseconds),
    }),
  },
  { requiredKeys: ['hostInFlight', 'hostLatency'] },
);
const limits = fc.record(
  {
    leastRate: fc.integer({ min: 65_536, max: 1e9 }),
    latencyAim: fc.integer({ min: 1_000_000, max: 1e9 }).map(nanoseconds),
    warm: fc.integer({ min: 20_000, max: 80_000 }),
    hottest: fc.integer({ min: 20_000, max: 90_000 }),
    powerBudget: fc.nat(100_000),
  },
  { requiredKeys: [] },
);

/** Bytes a second that a copy makes at this pace, when pieces go on taking as long as the last one did. */
function rateOf(now: PaceInputs, to: PaceLimits): number {
  const { piece, pause } = nextPace(now, to);
  const took = now.last === undefined ? 0 : (now.last.took * piece) / now.last.bytes;
  return (piece * 1e9) / Math.max(1, took + pause);
}

await t.test('a piece and a pause are always within their bounds', async (t) => {
  fc.assert(
    fc.property(inputs, limits, (now, to) => {
      const { piece, pause } = nextPace(now, to);
      return (
        piece >= SMALLEST_PIECE &&
        piece <= LARGEST_PIECE &&
        Number.isInteger(Math.log2(piece)) &&
        Number.isInteger(pause) &&
        pause >= 0 &&
        pause <= LONGEST_PAUSE
      );
    }),
  );
  t.pass('for whatever the sensors say');
});

await t.test(
  'no load, heat or budget starves a copy: the least rate stays, or all that the drives give',
  async (t) => {
    fc.assert(
      fc.property(inputs, limits, (now, to) => {
        const least = to.leastRate ?? 1024 * 1024;
        const drives =
          now.last === undefined ? Number.POSITIVE_INFINITY : (now.last.bytes * 1e9) / now.last.took;
        return rateOf(now, to) >= Math.min(least, drives) * 0.999;
      }),
    );
    t.pass();
  },
);

await t.test('more load, more heat or less power never makes it faster', async (t) => {
  fc.assert(
    fc.property(inputs, limits, fc.nat(32), fc.nat(40_000), (now, to, load, heat) => {
      const slower = {
        ...now,
        hostInFlight: now.hostInFlight + load,
        ...(now.temperature === undefined ? {} : { temperature: now.temperature + heat }),
        ...(now.power === undefined ? {} : { power: now.power + heat }),
      };
      return rateOf(slower, to) <= rateOf(now, to) * 1.001;
    }),
  );
  t.pass();
});

await t.test('the operator’s cap holds, even where it is below the least rate', async (t) => {
  fc.assert(
    fc.property(inputs, limits, fc.integer({ min: SMALLEST_PIECE, max: 1e8 }), (now, to, mostRate) => {
      return rateOf(now, { ...to, mostRate }) <= mostRate * 1.001;
    }),
  );
  t.pass();
});

await t.test('an idle, cool machine copies at full speed; each influence alone slows it', async (t) => {
  const last = { bytes: LARGEST_PIECE, took: millis(5) };
  const idle: PaceInputs = {
    hostInFlight: 0,
    hostLatency: undefined,
    temperature: 40_000,
    power: 5000,
    last,
  };
  const to: PaceLimits = { powerBudget: 20_000 };
  t.same(nextPace(idle, to), { piece: LARGEST_PIECE, pause: 0 });
  const slow = [
    { ...idle, hostInFlight: 4, hostLatency: millis(3) },
    { ...idle, temperature: 66_000 },
    { ...idle, power: 19_500 },
  ].map((one) => rateOf(one, to));
  const full = rateOf(idle, to);
  for (const rate of slow)
    t.ok(rate < full / 1.5, `${Math.round(rate / 1e6)} of ${Math.round(full / 1e6)} MB/s`);
  const slowPiece = nextPace({ ...idle, last: { bytes: LARGEST_PIECE, took: millis(160) } }, to);
  t.equal(slowPiece.piece, LARGEST_PIECE / 8, 'slow drives get pieces that fit the latency aim');
});
