import t from 'tap';
import { allow, seconds } from '../../../src/base/index.ts';
import { stage, stagedNames } from '../../../src/tasks/file/staging.ts';
import { ResourceLocks } from '../../../src/tasks/resource-lock.ts';
import type { TaskContext, TaskKind } from '../../../src/tasks/task.ts';
import { deskBench } from '../../kit/desk.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const KiB = 1024;
const sha = (n: number) => new Uint8Array(32).fill(n);

/** Runs `use` inside a task, over a store of little room. */
async function inTask(store: MemoryState, use: (context: TaskContext) => Promise<void>): Promise<void> {
  const kind: TaskKind<'task.list'> = {
    verb: 'task.list',
    pace: 'queued',
    pure: false,
    whileDisabled: false,
    deadline: seconds(60),
    noProgress: seconds(60),
    run: async (_order, context) => {
      await use(context);
      return allow({ tasks: [] });
    },
  };
  const bench = await deskBench({ registry: { 'task.list': kind }, store });
  await bench.submit(await bench.order({ verb: 'task.list', args: {} }));
  await bench.settle(seconds(1));
  const [receipt] = bench.receipts();
  if (receipt?.outcome !== 'succeeded') throw new Error(JSON.stringify(receipt));
}

await t.test('contents kept for a next try make room for what is ordered now', async (t) => {
  const store = new MemoryState(8 * 1024 * KiB);
  await inTask(store, async (context) => {
    const free = await store.free();
    const half = Math.floor(free * 0.6);
    await store.stagedFile(stagedNames(sha(1)).content, half);
    await store.writeDocument(stagedNames(sha(1)).map, new Uint8Array(4));
    const controller = new AbortController();
    const staged = stage({ ...context, signal: controller.signal }, half, sha(2));
    staged.catch(() => {});
    await context.services.clock.sleep(seconds(0), context.signal).catch(() => {});
    for (let i = 0; i < 50; i += 1) await Promise.resolve();
    t.same(await store.names('staged-'), [stagedNames(sha(2)).content]);
    controller.abort(new Error('enough'));
    await t.rejects(staged, { message: 'enough' });
  });
});

await t.test('what a task is about is never dropped: then the order is refused', async (t) => {
  const store = new MemoryState(8 * 1024 * KiB);
  await inTask(store, async (context) => {
    const half = Math.floor((await store.free()) * 0.6);
    await context.claim(stagedNames(sha(1)).content, 'write');
    await store.stagedFile(stagedNames(sha(1)).content, half);
    t.match(await stage(context, half, sha(2)), { ok: false, refusal: { code: 'STAGING_FULL' } });
    t.same(await store.names('staged-'), [stagedNames(sha(1)).content]);
  });
});

await t.test('a resource is taken at once or not at all', async (t) => {
  const locks = new ResourceLocks();
  const { signal } = new AbortController();
  const release = locks.tryClaim('x');
  t.equal(locks.tryClaim('x'), undefined);
  let granted = false;
  const waiting = locks.claim('x', 'read', signal).then((free) => {
    granted = true;
    return free;
  });
  await Promise.resolve();
  t.equal(granted, false);
  release?.();
  const free = await waiting;
  t.equal(locks.tryClaim('x'), undefined);
  free();
  t.ok(locks.tryClaim('x'));
});

await t.test('writers wait for readers, and readers behind a waiting writer for it', async (t) => {
  const locks = new ResourceLocks();
  const { signal } = new AbortController();
  const order: string[] = [];
  const first = await locks.claim('x', 'read', signal);
  const second = await locks.claim('x', 'read', signal);
  const writer = locks.claim('x', 'write', signal).then((free) => {
    order.push('writer');
    return free;
  });
  const late = locks.claim('x', 'read', signal).then((free) => {
    order.push('reader');
    return free;
  });
  first();
  await Promise.resolve();
  t.same(order, []);
  second();
  (await writer)();
  (await late)();
  t.same(order, ['writer', 'reader']);
  const held = await locks.claim('x', 'write', signal);
  const gone = new AbortController();
  const given = locks.claim('x', 'write', gone.signal);
  gone.abort(new Error('gone'));
  await t.rejects(given, { message: 'gone' });
  held();
  t.ok(locks.tryClaim('x'), 'one who gave up leaves nothing behind');
});
