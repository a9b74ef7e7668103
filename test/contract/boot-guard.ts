import type { Test } from 'tap';
import type { BootGuard } from '../../src/ports/index.ts';

export interface BootGuardRig {
  readonly guard: BootGuard;
  /** What the board really does. */
  readonly policy: () => string;
  readonly device: () => string | undefined;
  /** Somebody else sets them. */
  set(policy: 'always-off' | 'previous' | 'always-on', device: string | undefined): Promise<void>;
}

/** What every boot guard keeps to. */
export async function bootGuardContract(t: Test, open: () => Promise<BootGuardRig>): Promise<void> {
  const { signal } = new AbortController();

  await t.test('what was there comes back, but for a boot device', async (t) => {
    for (const policy of ['always-on', 'previous', 'always-off'] as const) {
      const rig = await open();
      await rig.set(policy, 'pxe');
      const before = await rig.guard.setting(signal);
      t.ok(before.length <= 64);
      await rig.guard.guard(signal);
      t.equal(await rig.guard.guarded(signal), 'yes');
      t.equal(rig.policy(), 'always-off');
      t.equal(rig.device(), undefined);
      await rig.guard.guard(signal);
      await rig.guard.release(before, signal);
      t.equal(rig.policy(), policy);
      t.equal(rig.device(), undefined);
    }
  });

  await t.test('what somebody else changed shows', async (t) => {
    const rig = await open();
    await rig.set('always-on', 'pxe');
    t.equal(await rig.guard.guarded(signal), 'no');
    await rig.set('always-off', 'pxe');
    t.equal(await rig.guard.guarded(signal), 'partly');
    await rig.set('previous', undefined);
    t.equal(await rig.guard.guarded(signal), 'partly');
    await rig.set('always-off', undefined);
    t.equal(await rig.guard.guarded(signal), 'yes');
  });

  await t.test('a setting that nobody knows leaves what is there', async (t) => {
    const rig = await open();
    await rig.set('previous', undefined);
    for (const setting of [undefined, '', 'unknown', 'always-maybe']) {
      await rig.guard.release(setting, signal);
      t.equal(rig.policy(), 'previous');
    }
  });
}
