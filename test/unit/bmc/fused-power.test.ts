import t from 'tap';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { milliseconds, seconds } from '../../../src/base/index.ts';
import { FusedPower, type PowerGuard } from '../../../src/bmc/index.ts';
import type { KnownPowerState, PowerClaim, PowerSource } from '../../../src/ports/index.ts';

const guard: PowerGuard = {
  capabilities: { buttonMask: false, wakeInterlock: false },
  onWakeRequest: () => () => {},
  allowWake: async () => {},
  maskPowerOn: async () => {},
  powerOnMasked: async () => false,
};
const states = ['S0', 'S3', 'S4', 'S5', 'G3'] as const;

/** A source that says what it is told to. */
class Said implements PowerSource {
  required = true;
  readonly name: string;
  possible: readonly KnownPowerState[];
  hang = false;
  /** Answers so much later what it thought when it was asked. */
  slow = milliseconds(0);
  clock: VirtualClock | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(name: string, ...possible: readonly KnownPowerState[]) {
    this.name = name;
    this.possible = possible;
  }

  read(): Promise<PowerClaim> {
    if (this.hang) return new Promise(() => {});
    const claim = { possible: this.possible, said: { [this.name]: this.possible.join('|') } };
    if (this.clock === undefined) return Promise.resolve(claim);
    return this.clock.sleep(this.slow, new AbortController().signal).then(() => claim);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  say(...possible: readonly KnownPowerState[]): void {
    this.possible = possible;
    for (const listener of this.#listeners) listener();
  }
}

function bench(...sources: Said[]) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = { log: (level: string, event: string) => void lines.push(`${level} ${event}`) };
  const power = new FusedPower({ sources, guard, states, clock, log });
  const seen: string[] = [];
  power.onChange((reading) => seen.push(reading.state));
  return { clock, power, seen, lines };
}

await t.test('a change of any source is told once, as what all say together', async (t) => {
  const [a, b] = [new Said('a', 'S5'), new Said('b', 'S3', 'S4', 'S5')];
  const { clock, power, seen, lines } = bench(a, b);
  t.equal((await power.read()).state, 'S5');
  a.say('S0');
  await clock.advance(milliseconds(1));
  b.say('S0');
  await clock.advance(milliseconds(1));
  b.say('S0');
  await clock.advance(milliseconds(1));
  t.same(seen, ['unknown', 'S0'], 'between the two they contradict each other');
  t.same(lines, ['warn power.not-certain']);
  power.close();
  a.say('S5');
  await clock.advance(milliseconds(1));
  t.equal(seen.length, 2, 'nothing after close');
  await t.rejects(power.read());
});

await t.test('a source that hangs costs its patience, and the state is unknown', async (t) => {
  const [a, b] = [new Said('a', 'S5'), new Said('b', 'S5')];
  const { clock, power } = bench(a, b);
  b.hang = true;
  const reading = await clock.settle(power.read(), seconds(5));
  t.match(reading, { state: 'unknown', fusion: 'missing', sources: { a: 'S5', b: /^no answer/ } });
  t.ok(clock.monotonic() <= 1500);
});

await t.test(
  'one that is not required and is away is waited for once, and heard again when it is back',
  async (t) => {
    const [a, b] = [new Said('a', 'S5'), new Said('b', 'S5')];
    b.required = false;
    const { clock, power } = bench(a, b);
    b.hang = true;
    t.match(await clock.settle(power.read(), seconds(5)), { state: 'S5', certain: true });
    const before = clock.monotonic();
    t.match(await clock.settle(power.read(), seconds(5)), { state: 'S5', sources: { b: /^no answer/ } });
    t.ok(clock.monotonic() - before <= 100);
    b.hang = false;
    b.possible = ['S0'];
    t.match(await clock.settle(power.read(), seconds(5)), { state: 'unknown', fusion: 'contradiction' });
  },
);

await t.test('whoever no longer waits is let go', async (t) => {
  const a = new Said('a', 'S5');
  a.hang = true;
  const { power } = bench(a);
  const abort = new AbortController();
  const reading = power.read(abort.signal);
  abort.abort(new Error('enough'));
  await t.rejects(reading, { message: 'enough' });
});

/** Pins that tell at once, and a BMC that takes a second for every answer. */
function slowBench() {
  const [pins, bmc] = [new Said('pins', 'S5'), new Said('bmc', 'S3', 'S4', 'S5')];
  const all = bench(pins, bmc);
  bmc.clock = all.clock;
  bmc.slow = seconds(1);
  return { ...all, pins, bmc };
}

await t.test('promise 2: what was asked before a change and answered after it is no reading', async (t) => {
  const { clock, power, pins } = slowBench();
  const reading = power.read();
  await clock.advance(seconds(0.5));
  pins.say('S0');
  t.match(await clock.settle(reading, seconds(5)), { state: 'unknown', certain: false });
  power.close();
});

await t.test(
  'a host that changes as often as it is looked at is in no state, and the look ends',
  async (t) => {
    const { clock, power, pins, seen } = slowBench();
    pins.say('S5');
    await clock.advance(seconds(3));
    t.same(seen, ['S5']);
    const reading = power.read();
    for (let n = 0; n < 20; n += 1) {
      await clock.advance(seconds(0.4));
      pins.say(n % 2 === 0 ? 'S0' : 'S5');
    }
    t.match(await clock.settle(reading, seconds(1)), { state: 'unknown', fusion: 'contradiction' });
    t.match(seen, ['S5', 'unknown'], 'and everybody hears so while it lasts');
    power.close();
  },
);

await t.test('promise 2: that the host is on is news at once, however slow the other source', async (t) => {
  const { clock, power, pins, bmc, seen } = slowBench();
  pins.say('S5');
  await clock.advance(seconds(3));
  bmc.possible = ['S0'];
  pins.say('S0');
  await clock.advance(seconds(0.2));
  t.same(seen, ['S5', 'unknown'], 'the disk is on its way home by now');
  await clock.advance(seconds(3));
  t.same(seen, ['S5', 'unknown', 'S0']);
  power.close();
});
