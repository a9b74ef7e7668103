import t from 'tap';
import { IpmiBootGuard } from '../../../src/adapters/ipmi-boot-guard.ts';
import { seconds } from '../../../src/base/index.ts';
import type { BootGuard } from '../../../src/ports/index.ts';
import { bootGuardContract } from '../../contract/boot-guard.ts';
import { bmcBench } from '../../kit/bmc-bench.ts';

await t.test("the boot guard by the board's own BMC", async (t) => {
  await bootGuardContract(t, async () => {
    const bench = await bmcBench();
    const { chassis } = bench.machine;
    const real = new IpmiBootGuard(bench.client());
    const settled = <T>(work: Promise<T>): Promise<T> => bench.clock.settle(work, seconds(30));
    const guard: BootGuard = {
      setting: (signal) => settled(real.setting(signal)),
      guard: (signal) => settled(real.guard(signal)),
      release: (setting, signal) => settled(real.release(setting, signal)),
      guarded: (signal) => settled(real.guarded(signal)),
    };
    return {
      guard,
      policy: () => chassis.restorePolicy.get() as string,
      device: () => {
        const flags = chassis.bootFlags.get() as { valid: boolean; device?: string };
        return flags.valid && flags.device !== 'none' ? flags.device : undefined;
      },
      set: async (policy, device) => {
        await chassis.restorePolicy.set(policy);
        await chassis.bootFlags.set(device === undefined ? { valid: false } : { valid: true, device: 'pxe' });
      },
    };
  });
});
