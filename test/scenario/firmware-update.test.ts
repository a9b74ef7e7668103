import t from 'tap';
import { equalBytes, minutes } from '../../src/base/index.ts';
import { TRIES } from '../../src/firmware/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { packUpdate } from '../kit/firmware-image.ts';
import { testKey } from '../kit/keys.ts';
import { noise } from '../kit/noise.ts';
import { openUpdatableHost } from '../kit/updatable-host.ts';

const maker = testKey();
const first = noise(100_000, 1);
const second = noise(150_000, 2);
const image = await packUpdate(second, maker, { board: 'sim-host', version: '2.0.0', rollback: 3 });

/** A device whose flash is a file, with version 1.0.0 in slot a. */
async function device(t: { teardown(done: () => unknown): void }) {
  const { host, flash, clock } = await openUpdatableHost(t, first, maker);
  /** Power goes and comes back: the boot chooses, and the agent of what it chose starts. */
  const startAnew = async (): Promise<string> => {
    await host.stop();
    const { start, bytes } = await flash.boot();
    await host.boot();
    return start === 'b' && equalBytes(bytes, second) ? 'the new one' : `slot ${start}`;
  };
  const look = async () => (await host.give('agent.firmware', {})).result;
  return { host, flash, clock, startAnew, look };
}

await t.test('a firmware that works is written, tried, confirmed, and stays', async (t) => {
  const { host, startAnew, look } = await device(t);
  t.match(await look(), { running: 'a', slots: [{ state: 'good', version: '1.0.0' }, { state: 'empty' }] });
  const both = await Promise.all([1, 2].map(() => host.update(image.signed, image.content)));
  t.same(new Set(both.map(({ code }) => code)), new Set(['FIRMWARE_BUSY', undefined]), 'one of two at once');
  t.match(both.find(({ outcome }) => outcome === 'succeeded')?.result, {
    version: '2.0.0',
    slot: 'b',
    state: 'trying',
    from: { version: '1.0.0', slot: 'a' },
  });
  t.match((await host.update(image.signed, image.content)).code, 'FIRMWARE_BUSY');
  await host.restartAsked;
  t.equal(await startAnew(), 'the new one');
  await eventually(() => host.lines.includes('info firmware.confirmed'));
  t.match(await look(), {
    running: 'b',
    floor: 3,
    slots: [
      { state: 'good', version: '1.0.0' },
      { state: 'good', version: '2.0.0', rollback: 3 },
    ],
    update: { version: '2.0.0', state: 'confirmed' },
  });
  t.equal(await startAnew(), 'the new one');
  t.match((await host.update(image.signed, image.content)).result, { state: 'running', slot: 'b' });
  const older = await packUpdate(first, maker, { board: 'sim-host', version: '1.0.0', rollback: 2 });
  t.equal((await host.update(older.signed, older.content)).code, 'FIRMWARE_TOO_OLD');
});

await t.test('one that does not reach its broker takes itself back, and says why', async (t) => {
  const { host, clock, startAnew, look } = await device(t);
  await host.update(image.signed, image.content);
  await host.restartAsked;
  let waits: unknown;
  host.onLog = (_level, event, fields) => {
    if (event === 'firmware.on-trial') host.bus.disconnect();
    if (event === 'firmware.trial-waits') waits = fields?.for;
  };
  t.equal(await startAnew(), 'the new one');
  await eventually(() => waits !== undefined);
  t.match(waits, /its broker/);
  clock.leap(minutes(2));
  await host.restartAsked;
  host.onLog = undefined;
  t.equal(await startAnew(), 'slot a');
  t.match(await look(), {
    running: 'a',
    slots: [{ state: 'good' }, { state: 'bad', version: '2.0.0' }],
    floor: 0,
    update: { state: 'rolled-back', why: /did not pass its own test: its broker/ },
  });
});

await t.test(
  'an agent that ends in the middle of an update goes on with it, the host awake or not',
  async (t) => {
    const { host, startAnew } = await device(t);
    host.machine.host.set('S0', 'somebody works at it');
    let restarted: Promise<void> | undefined;
    const ended = host.update(image.signed, image.content, host.operator, () => {
      restarted ??= host.restart();
    });
    const { outcome, result } = await ended;
    await restarted;
    t.equal(outcome, 'succeeded');
    t.match(result, { state: 'trying', slot: 'b' });
    await host.restartAsked;
    t.equal(await startAnew(), 'the new one');
  },
);

await t.test('one that never comes up is given up by the boot', async (t) => {
  const { host, flash, startAnew, look } = await device(t);
  await host.update(image.signed, image.content);
  await host.stop();
  for (let n = 0; n < TRIES; n += 1) t.equal((await flash.boot()).start, 'b');
  t.equal(await startAnew(), 'slot a');
  await eventually(() => host.lines.includes('error firmware.rolled-back'));
  t.match(await look(), { update: { state: 'rolled-back', why: /never proved itself/ } });
});

await t.test('on trial no other is taken', async (t) => {
  const { host, startAnew, look } = await device(t);
  await host.update(image.signed, image.content);
  host.onLog = (_level, event) => {
    const [drive] = host.machine.drives;
    if (event === 'firmware.on-trial' && drive !== undefined)
      drive.position = () => Promise.reject(new Error('it is silent'));
  };
  await startAnew();
  await eventually(async () => (await look())?.update?.why !== undefined);
  t.match(await look(), { update: { state: 'trying', why: 'the port of disk0: it is silent' } });
  const other = await packUpdate(first, maker, { board: 'sim-host', version: '3.0.0', rollback: 3 });
  const { code } = await host.update(other.signed, other.content);
  t.equal(code, 'FIRMWARE_ON_TRIAL');
});

await t.test('a program of its machine says how it is updated instead', async (t) => {
  const host = await ColdHost.start({ size: 8 });
  t.teardown(() => host.close());
  t.match(await host.give('agent.firmware', {}), { code: 'FIRMWARE_ABSENT', remedy: /package/ });
  t.equal((await host.update(image.signed, image.content)).code, 'FIRMWARE_ABSENT');
});
