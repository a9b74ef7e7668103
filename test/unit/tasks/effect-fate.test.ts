import t from 'tap';
import { allow, minutes, NsError, seconds } from '../../../src/base/index.ts';
import type { TaskContext, TaskKind } from '../../../src/tasks/task.ts';
import { deskBench } from '../../kit/desk.ts';

const base = {
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: minutes(10),
  noProgress: minutes(10),
} as const;
const listed = { tasks: [] };
const ask = { verb: 'task.list', args: {} };
const forever = () => new Promise<never>(() => {});

/** A task whose effect is done, and what comes behind that. */
function done(
  behind: (context: TaskContext) => Promise<never>,
  resultOf: NonNullable<TaskKind<'task.list'>['resultOf']>,
): TaskKind<'task.list'> {
  return {
    ...base,
    verb: 'task.list',
    async run(_order, context) {
      await context.claim('the shelf', 'write');
      await context.effect({ what: 'x' }, () => Promise.resolve(allow(listed)));
      return behind(context);
    },
    resultOf,
  };
}

await t.test('after a restart other tasks wait for what an answer looks at', async (t) => {
  const said: string[] = [];
  const stopped = ({ signal }: TaskContext) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const registry = {
    'task.list': done(stopped, async (_order, _facts, { clock }, claim) => {
      t.equal(await claim('the shelf'), true);
      said.push('the answer has it');
      await clock.sleep(seconds(2), new AbortController().signal);
      said.push('the answer is done');
      return listed;
    }),
    'audit.read': {
      ...base,
      verb: 'audit.read',
      async run(_order, { claim }) {
        await claim('the shelf', 'write');
        said.push('a task has it');
        return allow({ head: new Uint8Array(32), entries: [] });
      },
    } as TaskKind<'audit.read'>,
  };
  const { desk, clock, store, keys, ...first } = await deskBench({ registry });
  await first.submit(await first.order(ask));
  await first.settle();
  await clock.settle(desk.stop(), seconds(30));
  const second = await deskBench({ registry, store, keys });
  await second.desk.resume();
  await second.submit(await second.order({ verb: 'audit.read', args: { from: 0 } }));
  await second.settle(seconds(10));
  t.match(second.receipts(), [{ outcome: 'succeeded' }, { outcome: 'succeeded' }]);
  t.same(said, ['the answer has it', 'the answer is done', 'a task has it']);
});

await t.test('what a task has claimed is claimed for its answer', async (t) => {
  const kind = done(
    () => Promise.reject(new NsError('NS_BLOCK_IO', 'bad sector')),
    async (_order, _facts, _services, claim) => {
      t.equal(await claim('the shelf'), true);
      return listed;
    },
  );
  const bench = await deskBench({ registry: { 'task.list': kind } });
  await bench.submit(await bench.order(ask));
  await bench.settle();
  t.match(bench.receipts(), [{ outcome: 'succeeded' }]);
});

await t.test('an answer does not wait for a task that goes on although it was told to stop', async (t) => {
  const kind = done(forever, async (_order, _facts, _services, claim) => {
    t.equal(await claim('the shelf'), false);
    t.equal(await claim('another shelf'), false);
    return listed;
  });
  const bench = await deskBench({ registry: { 'task.list': { ...kind, deadline: seconds(5) } } });
  await bench.submit(await bench.order(ask));
  await bench.settle(seconds(20));
  t.match(bench.receipts(), [{ outcome: 'succeeded' }]);
});
