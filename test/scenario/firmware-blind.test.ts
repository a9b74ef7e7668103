import { rm } from 'node:fs/promises';
import t from 'tap';
import { seconds } from '../../src/base/index.ts';
import { TRIES } from '../../src/firmware/index.ts';
import { eventually } from '../kit/eventually.ts';
import { packUpdate } from '../kit/firmware-image.ts';
import { testKey } from '../kit/keys.ts';
import { noise } from '../kit/noise.ts';
import { openUpdatableHost } from '../kit/updatable-host.ts';

const maker = testKey();
const image = await packUpdate(noise(20_000, 2), maker, {
  board: 'sim-host',
  version: '2.0.0',
  rollback: 3,
});

await t.test('firmware on trial that cannot tell which slot it runs from makes way', async (t) => {
  const { host, flash, clock } = await openUpdatableHost(t, noise(20_000, 1), maker);
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
