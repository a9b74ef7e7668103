import t from 'tap';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { minutes, seconds } from '../../../../src/base/index.ts';
import type { Caller } from '../../../../src/ipmi/index.ts';
import { PowerNotes, RevertNotes } from '../../../../src/programs/agent/bmc-audit.ts';

const HOST: Caller = { is: 'host' };
const user = (name: string, peer: string) =>
  ({ is: 'user', name, level: 'operator', session: { peer } }) as unknown as Caller;

await t.test('promise 5: a host cannot push the audit log out by ordering its own power', async (t) => {
  const clock = new VirtualClock();
  const notes = new PowerNotes(clock);
  const taken: string[] = [];
  for (let n = 0; n < 20_000; n += 1) {
    const action = ['on', 'off', 'cycle', 'reset', 'nmi', 'soft'][n % 6] ?? '';
    const note = notes.take(action, HOST, n % 2 === 0 ? 'refused DISABLED' : 'failed');
    if (note !== undefined) taken.push(note.detail);
    await clock.advance(seconds(0.18));
  }
  t.ok(taken.length >= 6 && taken.length <= 20, `${taken.length} of 20,000 in an hour`);
  t.equal(taken[0], 'on by the host itself: refused DISABLED');
  t.match(taken[6], /^\w+ by the host itself, and \d+ more since the last entry: /);
});

await t.test('what a user was obeyed in is noted each time, what was refused once a minute', async (t) => {
  const clock = new VirtualClock();
  const notes = new PowerNotes(clock);
  for (let n = 0; n < 5; n += 1) {
    t.match(notes.take('cycle', user('fence', `10.0.0.9:${n}`), 'done'), {
      event: 'bmc.power',
      detail: `cycle by IPMI user fence at 10.0.0.9:${n}: done`,
    });
  }
  const refused = () => notes.take('on', user('fence', '10.0.0.9:1'), 'refused DISABLED');
  t.match(refused(), { detail: /: refused DISABLED$/ });
  for (let n = 0; n < 9; n += 1) t.equal(refused(), undefined);
  t.match(notes.take('on', user('olga', '10.0.0.9:1'), 'refused DISABLED'), { detail: /olga/ });
  await clock.advance(minutes(1));
  t.match(refused(), { detail: /, and 9 more since the last entry: refused DISABLED$/ });
});

await t.test('sixty an hour of all users together', async (t) => {
  const notes = new PowerNotes(new VirtualClock());
  const taken = Array.from({ length: 1000 }, () => notes.take('off', user('a', '10.0.0.9:1'), 'done'));
  t.equal(taken.filter((note) => note !== undefined).length, 60);
});

await t.test(
  'promise 5: a disabled host cannot push the audit log out by waking up again and again',
  async (t) => {
    const clock = new VirtualClock();
    const notes = new RevertNotes(clock);
    const taken: string[] = [];
    for (let n = 0; n < 3600; n += 1) {
      const note = notes.take(n % 2 === 0 ? 'S0' : 'S3');
      if (note !== undefined) taken.push(note.detail);
      await clock.advance(seconds(1));
    }
    t.equal(taken[0], 'the host was in S0');
    t.equal(taken.length, 12);
    t.match(taken[11], /, and \d+ more since the last entry$/);
  },
);
