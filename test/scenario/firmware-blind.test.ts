import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { seconds } from '../../src/base/index.ts';
import { TRIES } from '../../src/firmware/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { packUpdate } from '../kit/firmware-image.ts';
import { FlashBench, smallLayout } from '../kit/flash-bench.ts';
import { testKey } from '../kit/keys.ts';
import { LeapingClock } from '../kit/leaping-clock.ts';
import { noise } from '../kit/noise.ts';

const maker = testKey();
const image = await packUpdate(noise(20_000, 2), maker, {
  board: 'sim-host',
  version: '2.0.0',
  rollback: 3,
});

await t.test('firmware on trial that cannot tell which slot it runs from makes way', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'nightshift-blind-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const flash = await FlashBench.make(directory, smallLayout('nor'), noise(20_000, 1), [maker]);
  const clock = new LeapingClock();
  const files = { description: flash.descriptionFile, medium: flash.medium, slot: flash.slotFile };
  const host = await ColdHost.start({
    size: 8,
    clock,
    agent: { firmware: { image: files, trialMinutes: 1 } },
  });
  t.teardown(async () => {
    await host.close();
    for (let n = 0; n < 20; n += 1) {
      clock.leap(seconds(3));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  await host.update(image.signed, image.content);
  await host.restartAsked;
  for (let n = 0; n < TRIES; n += 1) {
    await host.stop();
    t.equal((await flash.boot()).start, 'b');
    await rm(flash.slotFile);
    await host.boot();
    t.equal((await host.give('agent.firmware', {})).code, 'FIRMWARE_ABSENT');
    const passing = setInterval(() => clock.leap(seconds(30)), 50);
    await host.restartAsked.finally(() => clearInterval(passing));
  }
  await host.stop();
  t.equal((await flash.boot()).start, 'a');
  await host.boot();
  await eventually(() => host.lines.includes('error firmware.rolled-back'));
  t.match((await host.give('agent.firmware', {})).result, {
    running: 'a',
    slots: [{ state: 'good' }, { state: 'bad', version: '2.0.0' }],
    update: { state: 'rolled-back' },
  });
});
