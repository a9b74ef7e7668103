import { allow, refuse, seconds, type Verdict } from '../../base/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import { ONE_PERSON_DAYS, type SignedTime } from '../services.ts';
import type { TaskKind } from '../task.ts';

const DAY = 86_400;

/**
 * Signed time cannot be taken back, so to move it far is for two people, also in many small steps: measured from signed
 * time, never from a wall clock.
 */
function judge({ at, farAhead }: ArgsOf<'clock.set'>, time: SignedTime): Verdict<void> {
  if (at > time.latest) return refuse('TIME_IMPLAUSIBLE');
  const beyond = at - time.latestByOne();
  if (beyond <= 0 || farAhead === true) return allow(undefined);
  return refuse(
    'NEEDS_TWO_PEOPLE',
    `One person moves signed time by at most ${ONE_PERSON_DAYS} days from one start of the device to the next; this is ${Math.ceil(beyond / DAY)} days more.`,
    'Check your own clock. If it is right, have a second person sign too: nightshift clock HOST --set --far --cosign-key FILE.',
  );
}

/**
 * Moves signed time forward. It sets no clock of the board: from then on the device believes no wall clock, no order and
 * no certificate that is older. A time that has surely passed already changes nothing, and says so.
 */
export const clockSet: TaskKind<'clock.set'> = {
  verb: 'clock.set',
  pace: 'instant',
  pure: false,
  whileDisabled: true,
  deadline: seconds(60),
  noProgress: seconds(60),
  async fate({ at }, { time }) {
    if (typeof at !== 'number' || time === undefined) return 'unknown';
    return at <= time.surely() ? 'done' : 'absent';
  },
  async resultOf(_order, _facts, { time, clock }): Promise<ResultOf<'clock.set'>> {
    if (time === undefined) throw new Error('nobody signs time here');
    return { changed: true, surely: time.surely(), wall: clock.wallSeconds() };
  },
  async run({ args }, { services: { time, clock }, effect }) {
    if (time === undefined) return refuse('NOT_SUPPORTED');
    const before = time.surely();
    const judged = judge(args, time);
    if (!judged.ok) return judged;
    if (args.at <= before)
      return allow({ changed: false, before, surely: before, wall: clock.wallSeconds() });
    return effect({ at: args.at }, async () => {
      await time.move(args.at, args.farAhead === true ? 'two people' : 'one person');
      return allow({ changed: true, before, surely: time.surely(), wall: clock.wallSeconds() });
    });
  },
};
