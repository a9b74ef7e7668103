import t from 'tap';
import { IpmiGuard } from '../../../src/adapters/ipmi-guard.ts';
import type { commands } from '../../../src/ipmi/index.ts';

/** A board's own BMC with a restore policy. */
function board(policy: commands.RestorePolicy) {
  const bmc = { policy, silent: false };
  const answer = <T>(give: () => T): Promise<T> =>
    bmc.silent ? Promise.reject(new Error('no answer')) : Promise.resolve(give());
  const guard = new IpmiGuard({
    chassisStatus: () => answer(() => ({ restorePolicy: bmc.policy }) as commands.ChassisStatus),
    setRestorePolicy: (wanted) =>
      answer(() => {
        bmc.policy = wanted as commands.RestorePolicy;
        return [] as never;
      }),
  });
  return { bmc, guard };
}

await t.test(
  'a locked host is not switched on by mains that come back, and is as before afterwards',
  async (t) => {
    const { bmc, guard } = board('previous');
    await guard.maskPowerOn(true);
    t.equal(bmc.policy, 'always-off');
    await guard.maskPowerOn(true);
    await guard.maskPowerOn(false);
    t.equal(bmc.policy, 'previous');
  },
);

await t.test('a policy that the lock did not bring does not end with it', async (t) => {
  for (const policy of ['always-off', 'unknown'] as const) {
    const { bmc, guard } = board(policy);
    await guard.maskPowerOn(true);
    await guard.maskPowerOn(false);
    t.equal(bmc.policy, 'always-off', policy);
  }
});

await t.test('it does not pretend: the power button still switches on', async (t) => {
  const { bmc, guard } = board('previous');
  t.same(guard.capabilities, { buttonMask: false, wakeInterlock: false });
  await guard.maskPowerOn(true);
  t.notOk(await guard.powerOnMasked());
  bmc.silent = true;
  await t.rejects(guard.maskPowerOn(true), { message: 'no answer' });
});
