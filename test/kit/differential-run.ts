import type { FileAttributes } from '../../src/ports/index.ts';
import type { Compared, Differential } from './differential.ts';
import { seededRandom } from './power-cut.ts';
import { fragmentingOrders, type RandomFacts, randomOrder } from './random-operations.ts';
import type { Content, Operation } from './tree-model.ts';

/** Random operations on each volume; NIGHTSHIFT_OPERATIONS asks for more, NIGHTSHIFT_SEED for others. */
export const ASKED = process.env.NIGHTSHIFT_OPERATIONS;
const SEED = Number(process.env.NIGHTSHIFT_SEED ?? 6);
/** The trees are compared each time that so many operations more were made, and at the end. */
const COMPARE_EVERY = 500;

export interface RunPlan {
  readonly operations: number;
  /** One for each volume, so that volumes differ. */
  readonly seed: number;
  readonly facts: Omit<RandomFacts, 'attributes'>;
  /** Of these, `fragments` uses two. */
  readonly contents: readonly Content[];
  readonly attributes: (pick: <T>(of: readonly T[]) => T) => FileAttributes;
  /** In the middle the volume is filled nearly, and files put into its gaps: which contents, and what is free then. */
  readonly fragments?: {
    readonly content: number;
    readonly large: number;
    readonly free: () => Promise<number>;
    /** Looks at the file that lies in many pieces. */
    readonly look: (path: string) => Promise<void>;
  };
}

export interface Run {
  readonly compare: (when: string, trees: readonly Compared[]) => void;
  /** What an order that does not fit was answered with, and whether the disk is as it was. */
  readonly refused: (answer: { code: string | undefined; untouched: boolean }) => void;
}

/** Random operations, a volume that is full in between, and comparisons on the way and at the end. */
export async function randomRun(differential: Differential, plan: RunPlan, run: Run): Promise<void> {
  const random = seededRandom(SEED * 1000 + plan.seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const facts: RandomFacts = { ...plan.facts, attributes: () => plan.attributes(pick) };
  let made = 0;
  let compared = 0;
  const until = async (count: number): Promise<void> => {
    while (made < count) {
      const order = randomOrder(differential.model, facts, random);
      if (order.length > 0) await differential.make(order);
      made += order.length;
      if (made - compared < COMPARE_EVERY) continue;
      compared = made;
      run.compare(`after ${made}`, await differential.compare());
    }
  };
  await until(plan.operations / 2);
  if (plan.fragments !== undefined) {
    const { content, large, free, look } = plan.fragments;
    const { size } = plan.contents[content]!;
    // Of the rest a filesystem needs some for itself.
    const count = Math.floor(((await free()) * 0.8) / size);
    const filling = fragmentingOrders(differential.model, { count, content, large }, plan.attributes(pick));
    for (const order of filling.orders) await differential.make(order);
    await look(filling.large);
    run.compare('nearly full', await differential.compare());
    const tooMuch = Array.from({ length: count }, (_, i): Operation => {
      const path = `/comb/too much ${i}`;
      return { does: 'put', path, content, attributes: plan.attributes(pick), replace: false };
    });
    run.refused(await differential.tryInVain(tooMuch));
  }
  await until(plan.operations);
  run.compare('at the end', await differential.compare());
}
