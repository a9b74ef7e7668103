import fc from 'fast-check';
import t from 'tap';
import { ArrayBench, unitOf } from '../kit/array-bench.ts';
import { ArrayModel } from '../kit/array-model.ts';
import { PowerRail } from '../kit/power-cut.ts';

/** A pair, a drive alone behind it, and two spares. */
const PAIR = 48;
const SIZES = [PAIR, PAIR, 24, PAIR + 8, PAIR];
const SECTORS = PAIR + 24;
const LAYOUT = {
  stretches: [{ mirror: [unitOf(0), unitOf(1)], equal: true }, { span: unitOf(2) }],
  spares: [unitOf(3), unitOf(4)],
};
const ALONE = 2;

const range = fc
  .tuple(fc.nat(SECTORS - 1), fc.integer({ min: 1, max: 20 }))
  .map(([lba, count]) => ({ lba, count: Math.min(count, SECTORS - lba) }));
const member = fc.constantFrom(0, 1, 3, 4);

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('write' as const), range, fua: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('together' as const),
      ranges: fc.array(range, { minLength: 2, maxLength: 5 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), range }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('turns' as const), turns: fc.nat(12) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('kill' as const, 'hang' as const, 'wear' as const, 'flush-fault' as const),
      member,
      sector: fc.nat(PAIR - 1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('bad' as const), member, sector: fc.nat(PAIR - 1) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revive' as const), member }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('spare' as const), member, other: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('relocate' as const),
      from: fc.constantFrom(0, 1, ALONE, 3, 4),
      to: member,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abandon' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('cut' as const), next: fc.integer({ min: 1, max: 120 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Play {
  readonly bench = new ArrayBench(SIZES, LAYOUT, {
    copying: { pace: () => ({ largestPiece: 4096 }), cursorSectors: 16, cursorTime: 0 as never },
    onEvent: (event) => this.log.push(event),
  });
  readonly model = new ArrayModel(this.bench, SECTORS);
  /** Steps and events as they came, for whoever reads a failure. */
  readonly log: unknown[] = [];
  readonly #seed: number;
  #serial = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** What is wrong, or undefined. */
  async run(steps: readonly Step[]): Promise<string | undefined> {
    await this.bench.open();
    for (const [at, one] of steps.entries()) {
      this.log.push(one);
      const wrong = await this.#step(one);
      if (wrong !== undefined) return `step ${at} (${JSON.stringify(one)}): ${wrong}`;
      if (this.bench.rail.cut) await this.#powerOn(new PowerRail());
    }
    return this.#end();
  }

  async #step(one: Step): Promise<string | undefined> {
    const { bench, model } = this;
    const { array } = bench;
    switch (one.do) {
      case 'write':
        return this.#mustDo(model.write(one.range.lba, one.range.count, one.fua));
      case 'together':
        return this.#mustDo(model.writeTogether(one.ranges));
      case 'read':
        return model.read(one.range.lba, one.range.count);
      case 'flush':
        return this.#mustDo(model.flush());
      case 'turns':
        for (let turn = one.turns; turn > 0; turn -= 1) await new Promise((resolve) => setImmediate(resolve));
        return undefined;
      case 'kill':
      case 'hang':
      case 'wear':
      case 'flush-fault': {
        if (!this.#dispensable(one.member)) return undefined;
        const { faults } = bench.members[one.member]!;
        if (one.do === 'kill') faults.dead = true;
        else if (one.do === 'hang') faults.hung = true;
        else if (one.do === 'wear') faults.unwritable.add(one.sector);
        else faults.flushFails = true;
        return undefined;
      }
      case 'bad':
        // Where it is bad on every copy, the model lets the array say so.
        bench.members[one.member]!.faults.unreadable.add(one.sector);
        return undefined;
      case 'revive':
        bench.members[one.member]!.faults.dead = false;
        return undefined;
      case 'spare': {
        const { role } = array.status().members[one.member]!;
        const place = bench.members[one.member]!;
        if (role !== 'failed') return undefined;
        if (one.other) {
          this.#serial += 1;
          place.serial = `N${this.#serial}`;
          place.device.bytes.fill(0xee);
        }
        place.faults.dead = false;
        place.faults.flushFails = false;
        place.faults.unwritable.clear();
        await array
          .addSpare(place.unit, { serial: place.serial, sectors: SIZES[one.member]! })
          .catch(() => undefined);
        return undefined;
      }
      case 'relocate':
        await array.relocate(unitOf(one.from), unitOf(one.to), 'ready').catch(() => undefined);
        return undefined;
      case 'abandon':
        await array.abandonCopy().catch(() => undefined);
        return undefined;
      case 'cut':
        bench.cut();
        await this.#powerOn(new PowerRail({ cutAt: one.next, seed: this.#seed + one.next }));
        return undefined;
      case 'close':
        await array.close().catch(() => undefined);
        await this.#powerOn(new PowerRail());
        return undefined;
    }
  }

  /** The array has no excuse: in this play one whole copy always lives. */
  async #mustDo(doing: Promise<boolean>): Promise<string | undefined> {
    return (await doing) || this.bench.rail.cut ? undefined : 'was not done';
  }

  /** True where another copy of the same stretch is live and well, and no copy depends on this one alone. */
  #dispensable(at: number): boolean {
    const status = this.bench.array.status();
    const { unit, role } = status.members[at]!;
    if (role === 'spare' || role === 'failed') return true;
    const copies = status.stretches.find((stretch) => stretch.copies.includes(unit))?.copies ?? [];
    return copies.some((other) => {
      const { faults } = this.bench.members.find((one) => one.unit === other)!;
      const well = !faults.dead && !faults.hung && !faults.flushFails && faults.unwritable.size === 0;
      return other !== unit && well;
    });
  }

  async #powerOn(rail: PowerRail): Promise<void> {
    this.bench.cut();
    this.model.cut();
    for (const { faults } of this.bench.members) faults.hung = false;
    try {
      await this.bench.open(rail);
    } catch (error) {
      if (!rail.cut) throw error;
      await this.#powerOn(new PowerRail());
    }
  }

  async #end(): Promise<string | undefined> {
    const { bench, model } = this;
    await this.#powerOn(new PowerRail());
    const settled = await bench.until(() => {
      const { state, unequalRegions, copy } = bench.array.status();
      return copy === undefined && unequalRegions === 0 && (state === 'healthy' || state === 'degraded');
    }, 2000);
    if (!settled) return `never settles: ${JSON.stringify(bench.array.status())}`;
    const first = await model.read(0, SECTORS);
    if (first !== undefined) return `at the end: ${first}`;
    const [pair] = bench.array.status().stretches;
    if (pair?.copies.length === 2) {
      const at = bench.members.findIndex(({ unit }) => unit === pair.copies[0]);
      if (this.#dispensable(at)) {
        await bench.array.fail(pair.copies[0]!);
        const other = await model.read(0, SECTORS);
        if (other !== undefined) return `at the end, from the other copy: ${other}`;
      }
    }
    bench.cut();
    return undefined;
  }
}

await t.test('no acknowledged write is lost while a copy lives, and nothing stale is shown', async (t) => {
  let steps = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
      fc.nat(),
      async (list, seed) => {
        steps += list.length;
        const play = new Play(seed);
        const wrong = await play.run(list).finally(() => play.bench.cut());
        if (wrong !== undefined) throw new Error(`${wrong} ${JSON.stringify(play.log)}`);
      },
    ),
    { numRuns: 120, seed: 20_261_121 },
  );
  t.comment(`figure: ${steps} steps`);
  t.ok(steps > 0);
});
