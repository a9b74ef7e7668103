import t from 'tap';
import { orAborted } from '../../../src/base/index.ts';

await t.test('what the promise becomes, unless the signal aborts first', async (t) => {
  const { signal } = new AbortController();
  t.equal(await orAborted(Promise.resolve(7), signal), 7);
  await t.rejects(orAborted(Promise.reject(new Error('its own')), signal), { message: 'its own' });
});

await t.test('an abort ends the wait with its reason, before or while it lasts', async (t) => {
  const over = new AbortController();
  const waiting = orAborted(new Promise<never>(() => {}), over.signal);
  over.abort(new Error('too late'));
  await t.rejects(waiting, { message: 'too late' });
  await t.rejects(orAborted(new Promise<never>(() => {}), over.signal), { message: 'too late' });
});

await t.test('what fails after that is nobody’s to catch', async (t) => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  t.teardown(() => process.off('unhandledRejection', note));
  const over = new AbortController();
  const fails: (() => void)[] = [];
  const later = (): Promise<never> =>
    new Promise((_, reject) => fails.push(() => reject(new Error('later'))));
  const waiting = orAborted(later(), over.signal);
  over.abort(new Error('too late'));
  await t.rejects(waiting, { message: 'too late' });
  await t.rejects(orAborted(later(), over.signal), { message: 'too late' });
  for (const fail of fails) fail();
  await new Promise((resolve) => setImmediate(resolve));
  t.same(unhandled, []);
});
