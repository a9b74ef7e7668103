import t from 'tap';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { minutes } from '../../../../src/base/index.ts';
import type { LanEvent } from '../../../../src/ipmi/index.ts';
import { LoginNotes } from '../../../../src/programs/agent/bmc-audit.ts';

const login = (user: string, peer: string): LanEvent => ({
  is: 'login',
  user,
  peer,
  handle: 1,
  limit: 'user',
  suite: 17,
});
const failed = (user: string, peer: string): LanEvent => ({
  is: 'login-failed',
  user,
  peer,
  why: 'wrong-password',
});

await t.test('who looks once a minute is noted once an hour', async (t) => {
  const clock = new VirtualClock();
  const notes = new LoginNotes(clock);
  const taken: string[] = [];
  for (let minute = 0; minute < 150; minute += 1) {
    const note = notes.take(login('prom', `10.0.0.9:${40_000 + minute}`));
    if (note !== undefined) taken.push(note.detail);
    t.equal(
      notes.take({ is: 'logout', user: 'prom', peer: '10.0.0.9:1', handle: 1, why: 'closed' }),
      undefined,
    );
    await clock.advance(minutes(1));
  }
  t.same(taken, [
    'IPMI user "prom" at 10.0.0.9',
    'IPMI user "prom" at 10.0.0.9, and 59 more since the last entry',
    'IPMI user "prom" at 10.0.0.9, and 59 more since the last entry',
  ]);
});

await t.test('failures are noted, with their number, and not one by one', async (t) => {
  const clock = new VirtualClock();
  const notes = new LoginNotes(clock);
  t.match(notes.take(failed('admin', '10.0.0.9:1')), {
    event: 'bmc.login-refused',
    detail: /wrong-password/,
  });
  for (let n = 0; n < 5; n += 1) t.equal(notes.take(failed('admin', '10.0.0.9:1')), undefined);
  t.match(notes.take(failed('admin', '10.0.0.10:1')), { detail: /10\.0\.0\.10/ }, 'another address is news');
  await clock.advance(minutes(10));
  t.match(notes.take(failed('admin', '10.0.0.9:1')), { detail: /5 more/ });
});

await t.test('whoever forges names and addresses makes twenty entries an hour at most', async (t) => {
  const clock = new VirtualClock();
  const notes = new LoginNotes(clock);
  const flood = (): number => {
    let taken = 0;
    for (let n = 0; n < 5000; n += 1) {
      if (notes.take(failed(`user${n}`, `10.0.${n % 256}.1:9`)) !== undefined) taken += 1;
    }
    return taken;
  };
  t.equal(flood(), 20);
  await clock.advance(minutes(61));
  t.equal(flood(), 20);
});

await t.test('a name with odd characters stays one quoted word', async (t) => {
  const note = new LoginNotes(new VirtualClock()).take(failed('a"b\n', '10.0.0.9:1'));
  t.match(note?.detail, /^IPMI user "a\\"b\\n" at/);
});
