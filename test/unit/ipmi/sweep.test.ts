import fc from 'fast-check';
import t from 'tap';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { milliseconds, NsError, seconds } from '../../../src/base/index.ts';
import { Sweeper, type SweeperOptions, type SweepResult } from '../../../src/ipmi/index.ts';

const never = new AbortController().signal;
const LONG = seconds(100_000);
const entropy = { randomBytes: (count: number) => new Uint8Array(count), fraction: () => 0 };
const silent = (): NsError => new NsError('NS_IPMI_SILENT', 'no answer', { retryable: true });
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `h${i}`);

/** Hosts that take so long to answer; "dead" never do. */
function world(takes: (host: string) => number | 'dead', options: Partial<SweeperOptions> = {}) {
  const clock = new VirtualClock();
  const sweeper = new Sweeper({ clock, entropy, window: 4, within: seconds(5), ...options });
  const asked: string[] = [];
  let now = 0;
  let most = 0;
  const ask = async (host: string, signal: AbortSignal): Promise<string> => {
    asked.push(host);
    now += 1;
    most = Math.max(most, now);
    try {
      const time = takes(host);
      await clock.sleep(time === 'dead' ? LONG : milliseconds(time), signal);
      return `answer of ${host}`;
    } finally {
      now -= 1;
    }
  };
  const sweep = (hosts: readonly string[], signal = never, tell?: (result: SweepResult<string>) => void) =>
    sweeper.sweep(hosts, ask, signal, tell);
  return { clock, sweeper, asked, sweep, most: () => most };
}

const kinds = (results: readonly SweepResult<string>[]): string[] => results.map(({ is }) => is);

await t.test('each host is asked once and answers once, in the order asked for', async (t) => {
  const { clock, asked, sweep, most } = world(() => 10);
  const told: string[] = [];
  const results = await clock.settle(
    sweep([...names(20), 'h3'], never, ({ host }) => told.push(host)),
    LONG,
  );
  t.same(
    results.map(({ host }) => host),
    names(20),
  );
  t.same(told.sort(), names(20).sort());
  t.same([...asked].sort(), names(20).sort());
  t.equal(most(), 4, 'never more at once than the window');
  t.equal(clock.monotonic(), 50, 'five turns of four');
  t.equal(clock.waiting, 0);
});

await t.test('dead hosts end at their deadline and hold nobody up', async (t) => {
  // As many as the window has places, all in front.
  const { clock, sweep } = world((host) => (Number(host.slice(1)) < 4 ? 'dead' : 10), {
    slow: milliseconds(100),
  });
  const begin = clock.monotonic();
  let last = 0;
  const results = await clock.settle(
    sweep(names(20), never, (result) => {
      if (result.is === 'answer') last = clock.monotonic() - begin;
    }),
    LONG,
  );
  t.same(kinds(results), [...Array(4).fill('fault'), ...Array(16).fill('answer')]);
  t.equal(last, 140, 'the others wait for the slow ones to make place, not for their deadline');
  t.equal(clock.monotonic() - begin, 5000);
  t.match(results[0], { fault: { code: 'NS_DEADLINE' }, took: 5000 });
});

await t.test('places beside the window are bounded too', async (t) => {
  const { clock, sweep, most } = world(() => 'dead', { slow: milliseconds(10), mostSlow: 6 });
  await clock.settle(sweep(names(30)), LONG);
  t.equal(most(), 4 + 6);
});

await t.test(
  'a dead host is set aside, for longer each time, and comes back with its first answer',
  async (t) => {
    let alive = false;
    const { clock, sweep, asked } = world((host) => (host === 'h1' && !alive ? 'dead' : 10), {
      backOff: { first: seconds(10), most: seconds(15) },
    });
    const round = async () => kinds(await clock.settle(sweep(names(3)), LONG));
    t.same(await round(), ['answer', 'fault', 'answer']);
    t.same(await round(), ['answer', 'set-aside', 'answer']);
    await clock.advance(seconds(10));
    t.same(await round(), ['answer', 'fault', 'answer']);
    await clock.advance(seconds(10));
    t.same(await round(), ['answer', 'set-aside', 'answer'], 'its pause is longer now');
    await clock.advance(seconds(5));
    alive = true;
    asked.length = 0;
    t.same(await round(), ['answer', 'answer', 'answer']);
    t.same(asked.at(-1), 'h1', 'what may be dead is asked last');
    t.same(await round(), ['answer', 'answer', 'answer']);
  },
);

await t.test('a wrong password is not given twice, until the host is forgiven', async (t) => {
  const clock = new VirtualClock();
  const sweeper = new Sweeper({ clock, entropy });
  let asked = 0;
  const ask = async (): Promise<string> => {
    asked += 1;
    throw new NsError('NS_IPMI_CREDENTIALS', 'the password does not match', { family: 'caller' });
  };
  const round = () => sweeper.sweep(['h0'], ask, never);
  t.same(kinds(await round()), ['fault']);
  await clock.advance(seconds(100_000));
  t.match(await round(), [{ is: 'set-aside', until: undefined, fault: { code: 'NS_IPMI_CREDENTIALS' } }]);
  t.equal(asked, 1);
  sweeper.forgive('h0');
  await round();
  t.equal(asked, 2);
});

await t.test('a sweep that is stopped starts nobody any more, and nothing of it stays', async (t) => {
  const { clock, sweep, asked, sweeper } = world(() => 10);
  const stop = new AbortController();
  const told: string[] = [];
  const sweeping = sweep(names(20), stop.signal, ({ host }) => told.push(host));
  sweeping.catch(() => undefined);
  await clock.advance(milliseconds(15));
  stop.abort(new Error('enough'));
  await t.rejects(sweeping, { message: 'enough' });
  t.equal(asked.length, 8);
  t.equal(told.length, 4, 'nothing is told after the end');
  await clock.advance(seconds(10));
  t.equal(asked.length, 8);
  t.equal(clock.waiting, 0);
  t.same(
    kinds(
      await clock.settle(
        sweeper.sweep(['h0'], async () => 'x', never),
        LONG,
      ),
    ),
    ['answer'],
  );
  await t.rejects(sweep(names(2), stop.signal), { message: 'enough' });
});

await t.test(
  'a question that does not listen to its signal ends all the same, and is not asked twice at once',
  async (t) => {
    const clock = new VirtualClock();
    const sweeper = new Sweeper({
      clock,
      entropy,
      within: seconds(1),
      backOff: { first: seconds(1), most: seconds(1) },
    });
    let finish: (text: string) => void = () => {};
    const deaf = () =>
      new Promise<string>((resolve) => {
        finish = resolve;
      });
    t.match(await clock.settle(sweeper.sweep(['h0'], deaf, never), LONG), [
      { fault: { code: 'NS_DEADLINE' } },
    ]);
    await clock.advance(seconds(1));
    t.match(await clock.settle(sweeper.sweep(['h0'], deaf, never), LONG), [
      { fault: { code: 'NS_SWEEP_BUSY' } },
    ]);
    finish('late');
    await clock.advance(seconds(2));
    t.match(
      await clock.settle(
        sweeper.sweep(['h0'], async () => 'x', never),
        LONG,
      ),
      [{ is: 'answer' }],
    );
  },
);

await t.test('whatever hosts do, each has one result, no bound is broken, and the sweep ends', async () => {
  const behaviour = fc.oneof(
    fc.integer({ min: 0, max: 800 }),
    fc.constant('dead' as const),
    fc.constant('fails' as const),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(behaviour, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 0, max: 8 }),
      async (hosts, window, mostSlow) => {
        const { clock, sweeper, most, sweep } = world(
          (host) => {
            const how = hosts[Number(host.slice(1))]!;
            if (how === 'fails') throw silent();
            return how;
          },
          { window, mostSlow, within: milliseconds(500), slow: milliseconds(50) },
        );
        for (let round = 0; round < 2; round += 1) {
          const told: string[] = [];
          const begin = clock.monotonic();
          const results = await clock.settle(
            sweep(names(hosts.length), never, ({ host }) => told.push(host)),
            LONG,
          );
          const expected = hosts.map((how) =>
            typeof how === 'number' && how < 500 ? 'answer' : round === 0 ? 'fault' : 'set-aside',
          );
          // At the very moment of the deadline either may win.
          const wrong = kinds(results).filter((kind, i) => kind !== expected[i] && hosts[i] !== 500);
          if (wrong.length > 0) throw new Error(`${kinds(results).join()} for ${hosts.join()}`);
          if (told.length !== hosts.length || new Set(told).size !== hosts.length)
            throw new Error('not each once');
          if (most() > window + mostSlow) throw new Error(`${most()} at once`);
          const limit = Math.ceil(hosts.length / window) * 500;
          if (clock.monotonic() - begin > limit)
            throw new Error('longer than all deadlines one after another');
        }
        if (clock.waiting !== 0) throw new Error('timers were left behind');
        sweeper.forgive();
      },
    ),
    { numRuns: 60 },
  );
});
