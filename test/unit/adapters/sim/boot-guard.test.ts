import t from 'tap';
import { SimBootGuard } from '../../../../src/adapters/sim/boot-guard.ts';
import { SimHost, VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { seconds } from '../../../../src/base/index.ts';
import { bootGuardContract } from '../../../contract/boot-guard.ts';

await t.test('the simulated boot guard', async (t) => {
  await bootGuardContract(t, async () => {
    const guard = new SimBootGuard(new SimHost({ clock: new VirtualClock(), state: 'S5' }), 'previous');
    return {
      guard,
      policy: () => guard.policy,
      device: () => guard.device,
      set: async (policy, device) => {
        guard.policy = policy;
        guard.device = device;
      },
    };
  });
});

await t.test(
  'mains that come back wake the host as its policy says, and not while it is guarded',
  async (t) => {
    const { signal } = new AbortController();
    for (const [policy, from, expected] of [
      ['always-on', 'S5', 'S0'],
      ['previous', 'S0', 'S0'],
      ['previous', 'S5', 'S5'],
      ['always-off', 'S0', 'S5'],
    ] as const) {
      for (const guarded of [false, true]) {
        const clock = new VirtualClock();
        const host = new SimHost({ clock, state: from, interlock: false });
        const boot = new SimBootGuard(host, policy);
        if (guarded) await boot.guard(signal);
        host.set('G3', 'pulled');
        host.set('S5', 'mains are back');
        await clock.advance(seconds(5));
        t.equal(host.state, guarded ? 'S5' : expected, `${policy} from ${from}${guarded ? ', guarded' : ''}`);
      }
    }
  },
);
