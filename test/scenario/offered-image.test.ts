import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { UsbGadget } from '../../src/adapters/linux/index.ts';
import { equalBytes, MiB } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { FakeConfigfs } from '../kit/fake-configfs.ts';

/* An image that a host starts from: two people and a token, for one start, and never while the machine is disabled. */

const port = new FakeConfigfs();
const host = await ColdHost.start({
  size: 8 * MiB,
  fill: async () => {},
  media: new UsbGadget('usb0', port),
});
t.teardown(() => host.close());
const power = host.machine.host;
const image = randomBytes(192 * 1024);
const show = async () => (await host.give('media.withdraw', { dryRun: true })).result?.offer;
const nothing = async () => (await show()) === undefined && port.seen === undefined;

await t.test(
  'the host finds the image at its port, whole and read-only, and stays down for it',
  async (t) => {
    const offered = await host.offer(image);
    t.match(offered, { outcome: 'succeeded', result: { size: image.byteLength, dryRun: false } });
    t.equal(port.seen?.readOnly, true);
    t.ok(equalBytes(await readFile(port.seen?.file ?? ''), image));
    t.equal((await power.read()).state, 'S5');
    t.match(await show(), { size: image.byteLength, started: false, shown: true });
  },
);

await t.test(
  'it is there for one start: when the host is down again it is gone, with its bytes',
  async (t) => {
    const path = port.seen?.file ?? '';
    power.set('S0');
    await eventually(async () => (await show())?.started === true);
    power.set('S3');
    power.set('S0');
    t.ok(port.seen, 'a host that slept goes on with it');
    power.set('S5');
    await eventually(nothing);
    await t.rejects(readFile(path), { code: 'ENOENT' });
  },
);

await t.test('one person, or no token, offers nothing', async (t) => {
  await t.rejects(host.offer(image, { cosigners: [] }), { message: /signatures of two people/ });
  t.match(await host.offer(image, { tokens: async () => undefined }), { code: 'NEEDS_TOKEN' });
  t.match(await host.offer(image, { dryRun: true, cosigners: [], tokens: async () => undefined }), {
    outcome: 'succeeded',
    result: { dryRun: true },
  });
  t.ok(await nothing());
});

await t.test(
  'nothing is plugged into a host that is not surely off, and half a sector is no disk',
  async (t) => {
    for (const [state, code] of [
      ['S0', 'HOST_AWAKE'],
      ['S3', 'HOST_SUSPENDED'],
      ['S4', 'HOST_HIBERNATED'],
      ['unknown', 'HOST_STATE_UNKNOWN'],
    ] as const) {
      power.set(state);
      t.match(await host.offer(image, { dryRun: true }), { outcome: 'refused', code }, state);
    }
    // From S4 a host is off once it was on again.
    power.set('S0');
    power.set('S5');
    t.match(await host.offer(image.subarray(0, 513)), { code: 'VALUE_OUT_OF_RANGE' });
    t.ok(await nothing());
  },
);

await t.test(
  'it stands over a restart of the agent, and is shown again after one of the board',
  async (t) => {
    t.match(await host.offer(image), { outcome: 'succeeded' });
    await host.restart();
    t.ok(port.seen);
    await host.stop();
    await new UsbGadget('usb0', port).take();
    await host.boot();
    t.ok(equalBytes(await readFile(port.seen?.file ?? ''), image));
    await host.stop();
    await new UsbGadget('usb0', port).take();
    power.set('S0');
    await host.boot();
    t.equal(port.seen, undefined, 'nothing is plugged into a host that is up');
    t.match(await show(), { started: true, shown: false });
    power.set('S5');
    await eventually(nothing);
  },
);

await t.test('another offer takes the place of the first; an order takes it away', async (t) => {
  t.match(await host.offer(image), { outcome: 'succeeded' });
  const other = randomBytes(64 * 1024);
  t.equal((await host.offer(other)).outcome, 'succeeded');
  t.ok(equalBytes(await readFile(port.seen?.file ?? ''), other));
  t.match(await host.give('media.withdraw', {}), {
    outcome: 'succeeded',
    result: { offer: { size: other.byteLength, shown: true }, dryRun: false },
  });
  t.ok(await nothing());
  t.match(await host.give('media.withdraw', {}), { outcome: 'succeeded', result: { offer: undefined } });
});

await t.test('a port that fails offers nothing, and is none the worse for it', async (t) => {
  port.failAt = port.calls + 6;
  t.match(await host.offer(image), { outcome: 'failed' });
  t.ok(await nothing());
  t.equal((await host.offer(image)).outcome, 'succeeded');
});

await t.test('a machine that is disabled has it taken away, and is offered none', async (t) => {
  t.ok(port.seen);
  const disabled = await host.give('machine.disable', { reason: 'stolen' }, { key: host.officer });
  t.equal(disabled.outcome, 'succeeded');
  await eventually(() => port.seen === undefined);
  t.match(await host.offer(image), { code: 'DISABLED' });
  await host.restart();
  t.equal(port.seen, undefined);
  await host.give('machine.enable', {}, { key: host.officer });
  t.ok(await nothing(), 'what was offered before does not come back');
});
