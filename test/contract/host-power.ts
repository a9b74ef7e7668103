import t from 'tap';
import type { HostPower, PowerState } from '../../src/ports/index.ts';

/** A host and the hands that change it from outside. */
export interface HostUnderTest {
  readonly power: HostPower;
  /** The host goes into this state, however that is done here. */
  readonly enter: (state: PowerState) => Promise<void>;
  /** Somebody presses the button of a host that is down. */
  readonly askToWake: () => Promise<void>;
  /** Gives everything that was set off the time to happen. */
  readonly settle: () => Promise<void>;
}

/** What every HostPower promises. `make` gives a host in S5. */
export async function hostPowerContract(name: string, make: () => Promise<HostUnderTest>): Promise<void> {
  /** Pressing a button takes its time. */
  const allow = async ({ power, settle }: HostUnderTest): Promise<void> => {
    const allowed = power.allowWake();
    await settle();
    await allowed;
  };

  await t.test(`${name}: a reading names the state, its sources, and whether it is certain`, async (t) => {
    const { power, enter } = await make();
    for (const state of ['S5', 'S0', 'S3', 'unknown'] as const) {
      await enter(state);
      const reading = await power.read();
      t.equal(reading.state, state);
      t.equal(reading.certain, state !== 'unknown');
      t.ok(Object.keys(reading.sources).length > 0);
    }
    await t.rejects(power.read(AbortSignal.abort(new Error('no'))), { message: 'no' });
  });

  await t.test(`${name}: each change is told once, to whoever listens still`, async (t) => {
    const { power, enter, settle } = await make();
    const seen: PowerState[] = [];
    const stop = power.onChange((reading) => seen.push(reading.state));
    await enter('S0');
    await enter('S0');
    await enter('S5');
    await settle();
    stop();
    await enter('S3');
    await settle();
    t.same(seen, ['S0', 'S5']);
  });

  await t.test(
    `${name}: a wake request is told, and an interlock keeps the host down until it is allowed`,
    async (t) => {
      const host = await make();
      const { power, askToWake, settle } = host;
      let asked = 0;
      power.onWakeRequest(() => {
        asked += 1;
      });
      await askToWake();
      t.equal(asked, 1);
      if (power.capabilities.wakeInterlock) {
        await settle();
        t.equal((await power.read()).state, 'S5');
        await allow(host);
      }
      await settle();
      t.equal((await power.read()).state, 'S0');
    },
  );

  await t.test(`${name}: nothing here wakes a host that did not ask (promise 1)`, async (t) => {
    const host = await make();
    const { power, settle } = host;
    await allow(host);
    await power.maskPowerOn(true);
    await power.maskPowerOn(false);
    await allow(host);
    await power.read();
    await settle();
    t.equal((await power.read()).state, 'S5');
  });

  await t.test(`${name}: a masked host cannot be switched on, also by what was asked before`, async (t) => {
    const host = await make();
    const { power, askToWake, settle } = host;
    if (!power.capabilities.buttonMask) {
      t.comment('this board has no mask');
      return;
    }
    await askToWake();
    await power.maskPowerOn(true);
    t.ok(await power.powerOnMasked());
    await allow(host);
    await askToWake();
    await allow(host);
    t.equal((await power.read()).state, 'S5');
    await power.maskPowerOn(false);
    t.notOk(await power.powerOnMasked());
    await settle();
    t.equal((await power.read()).state, 'S5', 'what was asked while masked is forgotten');
  });
}
