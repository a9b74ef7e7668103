import { getEventListeners } from 'node:events';
import t from 'tap';
import { eitherSignal } from '../../../src/base/index.ts';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

await t.test('the first that is aborted aborts it, with its reason', async (t) => {
  const [a, b] = [new AbortController(), new AbortController()];
  const { signal } = eitherSignal(a.signal, b.signal);
  t.notOk(signal.aborted);
  b.abort('enough');
  a.abort('later');
  t.equal(signal.reason, 'enough');
  t.equal(
    eitherSignal(new AbortController().signal, a.signal).signal.reason,
    'later',
    'also one that was before',
  );
});

await t.test('released, it leaves nothing at a source that lives on', async (t) => {
  const long = new AbortController().signal;
  for (let n = 0; n < 100; n += 1) eitherSignal(long, new AbortController().signal).release();
  t.equal(listeners(long), 0);
});
