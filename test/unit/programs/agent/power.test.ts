import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog } from '../../../../src/adapters/log.ts';
import { SimHost } from '../../../../src/adapters/sim/host.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import type { PowerReading } from '../../../../src/ports/index.ts';
import { withIpmi } from '../../../../src/programs/agent/power.ts';
import { BMC_SIDE_PASSWORD, startBmcSide } from '../../../kit/bmc-side.ts';
import { eventually } from '../../../kit/eventually.ts';

const passwordFile = join(t.testdir({}), 'password');
writeFileSync(passwordFile, `${BMC_SIDE_PASSWORD}\n`, { mode: 0o600 });

/** A board in S5 whose own BMC, at first, says so too. */
async function bench(required: boolean) {
  const bmc = await startBmcSide();
  bmc.machine.state = 'S5';
  const config = {
    host: '127.0.0.1',
    port: bmc.port,
    user: 'viewer',
    passwordFile,
    suites: [17] as 17[],
    quirks: [],
    required,
  };
  const board = new SimHost({ clock: systemClock, state: 'S5' });
  const fused = await withIpmi(board, config, systemClock, silentLog);
  return { bmc, power: fused.power, close: () => fused.close() };
}

await t.test(
  'the state is certain while the board and its BMC agree, and told when they do not any more',
  async (t) => {
    const { bmc, power, close } = await bench(true);
    t.teardown(async () => {
      await close();
      await bmc.close();
    });
    const told: PowerReading[] = [];
    power.onChange((reading) => told.push(reading));
    t.match(await power.read(), {
      state: 'S5',
      certain: true,
      fusion: 'agreed',
      sources: { chassis: 'off', acpi: 'S5' },
    });
    bmc.machine.state = 'S0';
    t.match(await power.read(), { state: 'unknown', certain: false, fusion: 'contradiction' });
    await eventually(() => told.some(({ fusion }) => fusion === 'contradiction'));
  },
);

await t.test('a BMC that is gone leaves the state unknown, unless the board is enough', async (t) => {
  for (const required of [true, false]) {
    const { bmc, power, close } = await bench(required);
    t.ok((await power.read()).certain);
    await bmc.close();
    const reading = await power.read();
    if (required) t.match(reading, { state: 'unknown', certain: false, fusion: 'missing' });
    else t.match(reading, { state: 'S5', certain: true, fusion: 'agreed' });
    t.match(JSON.stringify(reading.sources), /no answer/, 'and says so');
    await close();
  }
});

await t.test('that BMC keeps the boot too where it may, by a user who can', async (t) => {
  const bmc = await startBmcSide();
  bmc.machine.state = 'S5';
  const config = {
    host: '127.0.0.1',
    port: bmc.port,
    passwordFile,
    suites: [17] as 17[],
    quirks: [],
    required: true,
  };
  const board = new SimHost({ clock: systemClock, state: 'S5' });
  const fused = await withIpmi(board, { ...config, user: 'oper', guardBoot: true }, systemClock, silentLog);
  const without = await withIpmi(board, { ...config, user: 'viewer' }, systemClock, silentLog);
  t.teardown(async () => {
    await fused.close();
    await without.close();
    await bmc.close();
  });
  const { boot } = fused;
  t.equal(without.boot, undefined);
  const { signal } = new AbortController();
  await bmc.machine.chassis.restorePolicy.set('always-on');
  t.equal(await boot?.guarded(signal), 'partly');
  await boot?.guard(signal);
  t.equal(await boot?.guarded(signal), 'yes');
  await boot?.release('always-on', signal);
  t.equal(bmc.machine.chassis.restorePolicy.get(), 'always-on');
});
