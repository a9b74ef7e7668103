import { performance } from 'node:perf_hooks';
import t from 'tap';
import { Wakefulness } from '../../../../src/adapters/nbd/wakefulness.ts';

/** Milliseconds that the event loop is active until a timer of so many fires. */
async function activeWithin(ms: number): Promise<number> {
  const before = performance.eventLoopUtilization();
  await new Promise((resolve) => setTimeout(resolve, ms));
  return performance.eventLoopUtilization(before).active;
}

await t.test('after a client was heard the loop looks for a moment, and then sleeps again', async (t) => {
  const wakefulness = new Wakefulness();
  wakefulness.heard();
  wakefulness.heard();
  await activeWithin(20);
  // Had it gone on looking, all of this time would be active.
  t.ok((await activeWithin(100)) < 60);
});

await t.test('it keeps no program alive', async (t) => {
  const { spawnSync } = await import('node:child_process');
  const script = `import('${new URL('../../../../src/adapters/nbd/wakefulness.ts', import.meta.url).href}')
    .then(({ Wakefulness }) => { const w = new Wakefulness(); w.heard(); })`;
  const { status } = spawnSync(process.execPath, ['--import=tsx', '-e', script], { timeout: 20_000 });
  t.equal(status, 0);
});
