import t from 'tap';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { minutes, NsError, seconds } from '../../../../src/base/index.ts';
import type { LogSink } from '../../../../src/ports/index.ts';
import { keepPetted } from '../../../../src/programs/agent/watchdog.ts';

function bench() {
  const clock = new VirtualClock();
  const said: string[] = [];
  const log: LogSink = { log: (_, event) => void said.push(event) };
  const signs = { read: async (): Promise<unknown> => 'S5', progress: true };
  let petted = 0;
  const watchdog = {
    timeout: seconds(40),
    pet: async () => {
      petted += 1;
    },
    close: async () => {},
  };
  const stop = keepPetted(
    watchdog,
    {
      power: { read: () => signs.read() },
      desk: { makesProgress: () => signs.progress },
    },
    clock,
    log,
  );
  return { clock, said, signs, stop, petted: () => petted };
}

await t.test(
  'the watchdog hears four times within its time that all is well, until it is stopped',
  async (t) => {
    const { clock, petted, stop } = bench();
    await clock.advance(seconds(40));
    t.equal(petted(), 5);
    stop();
    await clock.advance(minutes(5));
    t.equal(petted(), 5);
  },
);

for (const [what, change] of [
  [
    'the board does not answer',
    (signs: ReturnType<typeof bench>['signs']) => Object.assign(signs, { read: () => new Promise(() => {}) }),
  ],
  [
    'the board fails',
    (signs: ReturnType<typeof bench>['signs']) =>
      Object.assign(signs, { read: () => Promise.reject(new NsError('NS_POWER', 'no')) }),
  ],
  [
    'a task cannot be stopped',
    (signs: ReturnType<typeof bench>['signs']) => Object.assign(signs, { progress: false }),
  ],
] as const) {
  await t.test(`it hears nothing while ${what}`, async (t) => {
    const { clock, petted, signs, said, stop } = bench();
    await clock.advance(seconds(10));
    const before = petted();
    change(signs);
    await clock.advance(minutes(2));
    t.equal(petted(), before);
    if (said.length === 0) t.match(what, /does not answer/);
    else t.match(said[0], /^watchdog\./);
    stop();
  });
}
