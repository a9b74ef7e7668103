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
  readonly required = true;
  readonly name: string;
  possible: readonly KnownPowerState[];
  hang = false;
  readonly #listeners = new Set<() => void>();

  constructor(name: string, ...possible: readonly KnownPowerState[]) {
    this.name = name;
    this.possible = possible;
  }

  read(): Promise<PowerClaim> {
    if (this.hang) return new Promise(() => {});
    return Promise.resolve({ possible: this.possible, said: { [this.name]: this.possible.join('|') } });
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

await t.test('whoever no longer waits is let go', async (t) => {
  const a = new Said('a', 'S5');
  a.hang = true;
  const { power } = bench(a);
  const abort = new AbortController();
  const reading = power.read(abort.signal);
  abort.abort(new Error('enough'));
  await t.rejects(reading, { message: 'enough' });
});
