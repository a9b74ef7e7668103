import t from 'tap';
import { minutes, NsError, seconds } from '../../../src/base/index.ts';
import { runTrial, type SelfCheck } from '../../../src/firmware/index.ts';
import { LeapingClock } from '../../kit/leaping-clock.ts';

const check = (name: string, look: SelfCheck['look']): SelfCheck => ({ name, look });
const well = check('storage', async () => undefined);

/** Time leaps whenever somebody waits for it. */
function trial(checks: readonly SelfCheck[], signal = new AbortController().signal) {
  const clock = new LeapingClock();
  const waits: string[] = [];
  const leaping = setInterval(() => clock.leap(seconds(2)), 1);
  const ended = runTrial({
    checks,
    clock,
    limit: minutes(1),
    signal,
    onWaits: (what) => waits.push(what),
  }).finally(() => clearInterval(leaping));
  return { ended, waits };
}

await t.test('it is proven when all is well at once, however often it was not', async (t) => {
  let looks = 0;
  const late = check('its broker', async () => (++looks < 4 ? 'there is no connection' : undefined));
  const { ended, waits } = trial([well, late]);
  t.same(await ended, { is: 'proven' });
  t.same(waits, ['its broker: there is no connection'], 'said once');
});

await t.test('what is never well, throws or never answers fails it, with its name', async (t) => {
  const cases: [SelfCheck, RegExp][] = [
    [check('the keyring', async () => 'no copy is whole'), /^the keyring: no copy is whole$/],
    [
      check('power', () => Promise.reject(new NsError('NS_POWER', 'no pin answers'))),
      /^power: no pin answers$/,
    ],
    [check('disk0', () => new Promise(() => {})), /^disk0: looking at disk0 took too long$/],
  ];
  for (const [bad, why] of cases) t.match(await trial([well, bad]).ended, { is: 'failed', why });
});

await t.test('a stop from outside is no end of the trial', async (t) => {
  const stop = new AbortController();
  const { ended } = trial([check('its broker', async () => 'silent')], stop.signal);
  stop.abort();
  t.same(await ended, { is: 'stopped' });
});
