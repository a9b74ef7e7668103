import { allow, hours, minutes, type RefusalCode, refusal, refuse, seconds } from '../../src/base/index.ts';
import { LeaseEnded } from '../../src/bmc/index.ts';
import { taskCancel } from '../../src/tasks/desk-work/tasks.ts';
import { machineDisable } from '../../src/tasks/machine/lock.ts';
import { stagedList } from '../../src/tasks/staged/list.ts';
import type { TaskKind } from '../../src/tasks/task.ts';
import { type DeskBenchOptions, deskBench } from './desk.ts';

/** What is on the disk, as a kind of task sees it that removes files by making a note of their paths. */
export class World {
  readonly done: string[] = [];
  tries = 0;
  prepared = 0;
  why: RefusalCode | undefined;
  /** Holds each run until it is told to stop. */
  hang = false;
  /** The host wants its disk back in the middle of the change, which is then not there. */
  wakes = false;

  readonly kind: TaskKind<'file.delete'> = {
    verb: 'file.delete',
    pace: 'queued',
    pure: false,
    whileDisabled: false,
    deadline: hours(3),
    noProgress: hours(3),
    prepare: async () => {
      this.prepared += 1;
      return allow(undefined);
    },
    run: async ({ args }, { effect, signal }) => {
      this.tries += 1;
      if (this.hang)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      if (this.why !== undefined) return refuse(this.why);
      return effect({ path: args.path }, async () => {
        if (this.wakes) throw new LeaseEnded('disk0', refusal('HOST_WAKING'));
        this.done.push(args.path);
        return allow({
          volume: { name: 'disk0p1', type: 'ext4', label: '', uuid: 'u', stale: false, notes: [] },
          removed: 1,
          effect: { hash: new Uint8Array(32), blocks: 1, bytes: 4096, changes: [] },
          dryRun: false,
        });
      });
    },
    fate: (facts) => Promise.resolve(this.done.includes(String(facts.path)) ? 'done' : 'absent'),
    resultOf: () => Promise.reject(new Error('not part of this test')),
  };
}

/** An order to remove a file, staged unless it is said otherwise. */
export const remove = (path: string, stage: { seconds?: number } | 'no' = {}) => ({
  verb: 'file.delete',
  args: { path, ...(stage === 'no' ? {} : { stage }) },
});

/** A desk over this world, resumed. */
export async function benchOf(world: World, options: Partial<DeskBenchOptions> = {}) {
  const registry = {
    'file.delete': world.kind,
    'task.cancel': taskCancel,
    'staged.list': stagedList,
    'machine.disable': machineDisable,
  };
  const bench = await deskBench({ registry, ...options });
  await bench.clock.settle(bench.desk.resume(), seconds(60));
  return bench;
}

type Bench = Awaited<ReturnType<typeof benchOf>>;

/** What it was said that orders wait for, one after the other. */
export const notes = (bench: Bench) =>
  bench.events.flatMap((event) => (event.kind === 'staged' ? [event.body.waits.code] : []));

/** Stages one while the host is on. */
export async function staged(bench: Bench, path = '/a', stage = {}) {
  bench.host.set('S0');
  const order = await bench.order(remove(path, stage));
  const submission = await bench.submit(order);
  if (submission.is !== 'accepted') throw new Error(JSON.stringify(submission));
  await bench.settle(seconds(1));
  return order;
}

/** The host goes off. */
export const off = async (bench: Bench) => {
  bench.host.set('S5');
  await bench.settle(minutes(1));
};
