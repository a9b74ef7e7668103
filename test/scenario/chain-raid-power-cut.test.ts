import t from 'tap';
import { ArrayBench, unitOf } from '../kit/array-bench.ts';
import { ArrayModel } from '../kit/array-model.ts';
import { PowerRail, seededRandom } from '../kit/power-cut.ts';

const SECTORS = 96;
const LAYOUT = { stretches: [{ mirror: [unitOf(0), unitOf(1)], equal: true }], spares: [unitOf(2)] };
const OPTIONS = {
  copying: { pace: () => ({ largestPiece: 4096 }), cursorSectors: 16, cursorTime: 0 as never },
};

interface Story {
  readonly name: string;
  /** What is done to the array before the host writes to it. */
  readonly begin: (bench: ArrayBench) => Promise<void>;
  /** While the power is off. */
  readonly mend?: (bench: ArrayBench) => void;
}

const STORIES: readonly Story[] = [
  {
    name: 'the data drive dies',
    begin: async (bench) => {
      bench.members[0]!.faults.dead = true;
      await bench.array.fail(unitOf(0));
    },
  },
  {
    name: 'the mirror dies',
    begin: async (bench) => {
      bench.members[1]!.faults.dead = true;
      await bench.array.fail(unitOf(1));
    },
  },
  {
    name: 'the operator moves a drive',
    begin: async (bench) => {
      await bench.array.relocate(unitOf(0), unitOf(2), 'ready');
    },
  },
  { name: 'nothing but writes', begin: async () => {} },
  {
    name: 'a drive is silent until the power goes, and then answers again',
    begin: async (bench) => {
      bench.members[0]!.faults.dead = true;
    },
    mend: (bench) => {
      bench.members[0]!.faults.dead = false;
    },
  },
];

/** One life: the story with host writes beside it, until all is done or the power goes. */
async function live(bench: ArrayBench, model: ArrayModel, story: Story, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const pick = (below: number): number => Math.floor(random() * below);
  await story.begin(bench).catch(() => {});
  for (let i = 0; i < 12 && !bench.rail.cut; i += 1) {
    const lba = pick(SECTORS - 8);
    await model.write(lba, 1 + pick(8), pick(6) === 0);
    if (pick(4) === 0) await model.flush();
    for (let turn = pick(4); turn > 0; turn -= 1) await new Promise((resolve) => setImmediate(resolve));
  }
  await bench.until(() => bench.rail.cut || bench.array.status().state === 'healthy');
}

async function reopen(bench: ArrayBench, model: ArrayModel, rail = new PowerRail()): Promise<boolean> {
  bench.cut();
  model.cut();
  try {
    await bench.open(rail);
    return true;
  } catch (error) {
    if (rail.cut) return false;
    throw error;
  }
}

/** Everything right as it is, after all copies are done, and from every copy alone. */
async function judge(bench: ArrayBench, model: ArrayModel): Promise<string | undefined> {
  const first = await model.read(0, SECTORS);
  if (first !== undefined) return `after the cut: ${first}`;
  if (!(await bench.healthy())) return `it does not become healthy: ${JSON.stringify(bench.array.status())}`;
  const done = await model.read(0, SECTORS);
  if (done !== undefined) return `when healthy: ${done}`;
  const [set] = bench.array.status().stretches;
  if (set?.copies.length !== 2) return `${set?.copies.length} copies`;
  const data = bench.members.find(({ unit }) => unit === set.copies[0])!;
  data.faults.dead = true;
  await bench.array.fail(data.unit);
  const other = await model.read(0, SECTORS);
  return other === undefined ? undefined : `from the other copy: ${other}`;
}

for (const story of STORIES) {
  await t.test(`power cut at every write: ${story.name}`, async (t) => {
    let cuts = 0;
    const wrong: string[] = [];
    for (let cutAt = 1; wrong.length < 3; cutAt += 1) {
      const bench = new ArrayBench([SECTORS, SECTORS, SECTORS], LAYOUT, OPTIONS);
      await bench.open();
      const model = new ArrayModel(bench, SECTORS);
      await model.write(0, SECTORS, false);
      await model.flush();
      await bench.array.close();
      const rail = new PowerRail({ cutAt, seed: cutAt });
      if (await reopen(bench, model, rail)) await live(bench, model, story, 7);
      const whole = !rail.cut;
      story.mend?.(bench);
      // The second life ends early too, now and then.
      if (cutAt % 3 === 0) {
        const again = new PowerRail({ cutAt: 1 + (cutAt % 41), seed: cutAt });
        if (await reopen(bench, model, again)) {
          await bench.until(() => again.cut || bench.array.status().state === 'healthy', 2000);
        }
      }
      await reopen(bench, model);
      const bad = await judge(bench, model);
      if (bad !== undefined) wrong.push(`cut at ${cutAt}: ${bad}`);
      bench.cut();
      cuts += 1;
      if (whole) break;
    }
    t.same(wrong, []);
    t.comment(`figure: ${cuts} cuts`);
    t.ok(cuts > 20);
  });
}
