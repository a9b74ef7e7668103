import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { hours, seconds } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { testKey, testKeyring } from '../kit/keys.ts';
import { LockRig } from '../kit/lock-rig.ts';

/*
 * Somebody has a disabled machine in front of them. What they do, and what comes of it; what is not defended is a test too,
 * so that docs/security.md says no more than what is so.
 */

const host = await ColdHost.start({ size: 8, sim: { restorePolicy: 'always-on' } });
t.teardown(() => host.close());
const drive = host.machine.drives[0]!;

const disable = (reason = 'stolen') => host.give('machine.disable', { reason }, { key: host.officer });

async function levels(): Promise<Record<string, string>> {
  const { result } = await host.give('machine.status', {});
  return Object.fromEntries((result?.lock.levels ?? []).map(({ level, inForce }) => [level, inForce]));
}
const ALL = { power: 'yes', boot: 'yes', disk: 'yes' };

/** What is left of a board whose battery and mains were pulled, and put back. */
async function pullBattery(): Promise<void> {
  await host.machine.host.maskPowerOn(false);
  await drive.giveBack();
  host.machine.host.set('G3', 'mains and battery pulled');
  host.machine.host.set('S5', 'put back');
}

await t.test(
  'disabled: every level in force; again: nothing changes, and the same packet has the same receipt',
  async (t) => {
    t.match(await disable(), { outcome: 'succeeded', result: { changed: true, lock: { version: 1 } } });
    t.same(await levels(), ALL);
    t.match(await disable('twice'), {
      outcome: 'succeeded',
      result: { changed: false, lock: { version: 1, reason: 'stolen' } },
    });
    const iss = host.officer.publicKey.keyId;
    const packet = await host.packet(
      { verb: 'machine.disable', args: { reason: 'thrice' }, iss },
      host.officer,
    );
    const receipts = () => host.said('receipt').filter(({ verb }) => verb === 'machine.disable');
    const before = receipts().length;
    host.send(packet);
    await eventually(() => receipts().length > before);
    host.send(packet);
    await eventually(() => receipts().length > before + 1);
    const [first, second] = receipts().slice(before);
    t.same(second, first);
    t.match(first, { result: { changed: false, lock: { version: 1 } } });
  },
);

await t.test(
  'battery and mains pulled: they come back to a host that stays down, held again by the first start',
  async (t) => {
    await host.stop();
    await pullBattery();
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.equal(host.machine.host.state, 'S5', 'mains alone start nothing');
    await host.boot();
    t.same(await levels(), ALL);
    t.equal(host.machine.host.press(), 'ignored');
  },
);

await t.test('agent killed: meanwhile the host can be had on; the next start takes it back', async (t) => {
  await host.stop();
  await host.machine.host.maskPowerOn(false);
  host.machine.host.set('S0', 'a thief');
  t.equal(host.machine.host.state, 'S0', 'not defended: nobody is there who could switch it off');
  t.equal(drive.at, 'held', 'and it has no disk');
  await host.boot();
  await eventually(() => host.machine.host.state === 'S5');
  t.same(await levels(), ALL);
});

await t.test(
  'drive swapped, and the switch falls back: the drive in the bay is held, whichever it is',
  async (t) => {
    await drive.giveBack();
    await eventually(() => drive.at === 'held');
    t.same(await levels(), ALL);
    t.ok(host.lines.includes('warn lock.slipped'));
  },
);

await t.test(
  'configuration replaced: the record is in the state, and whoever is enrolled now must order',
  async (t) => {
    await host.stop();
    const thief = testKey();
    const keyring = testKeyring({
      mallory: [thief, 'operator'],
      sam: [host.officer, 'security'],
      tess: [host.officer2, 'security'],
    });
    await host.boot({ keyring, groups: ['other'], protectedPaths: [] });
    t.match(await host.give('machine.enable', {}, { key: thief }), {
      outcome: 'rejected',
      code: 'NOT_PERMITTED',
    });
    const { result } = await host.give('machine.status', {}, { key: host.officer });
    t.match(result?.lock, { state: 'disabled', reason: 'stolen' });
  },
);

await t.test(
  'state folder restored from yesterday: the witness holds, against its old release too; without one it is not defended',
  async (t) => {
    const lockWitness = join(host.dir, 'eeprom');
    const boot = async (change: { readonly lockWitness?: string } = {}): Promise<void> => {
      await host.stop();
      await host.boot(change);
    };
    const keep = async (name: string): Promise<void> => {
      await host.stop();
      await cp(host.state, join(host.dir, name), { recursive: true });
    };
    const restore = async (name: string): Promise<void> => {
      await host.stop();
      await rm(host.state, { recursive: true });
      await cp(join(host.dir, name), host.state, { recursive: true });
    };
    const lock = async () => (await host.give('machine.status', {})).result?.lock;
    const yesterdays = ['before its release', 'while it was enabled'] as const;

    await boot({ lockWitness });
    await keep(yesterdays[0]);
    await boot({ lockWitness });
    const iss = host.officer.publicKey.keyId;
    const release = await host.packet({ verb: 'machine.enable', args: {}, iss }, host.officer);
    host.send(release);
    await eventually(async () => (await lock())?.state === 'enabled');
    await keep(yesterdays[1]);
    await boot({ lockWitness });
    t.match(await disable('stolen again'), { outcome: 'succeeded', result: { changed: true } });

    for (const day of yesterdays) {
      await restore(day);
      await boot({ lockWitness });
      t.match(await lock(), { state: 'disabled', reason: 'stolen again' }, day);
      t.same(await levels(), ALL);
      const answers = host.said('receipt').length;
      host.send(release);
      await eventually(() => host.said('receipt').length > answers);
      t.match(
        await lock(),
        { state: 'disabled', reason: 'stolen again' },
        'nor does its old release free it',
      );
    }
    t.ok(host.lines.includes('error lock.rolled-back'));

    await restore(yesterdays[1]);
    await boot();
    t.match(await lock(), { state: 'enabled' }, 'not defended');
  },
);

await t.test('configuration replaced by one that names another state directory: not defended', async (t) => {
  t.match(await disable('for good'), { outcome: 'succeeded' });
  await host.stop();
  await host.boot({ state: join(host.dir, 'another') });
  t.equal(drive.at, 'host', 'a device that never had a record is free');
  await host.restart();
  t.equal(drive.at, 'held', 'its own state holds it again');
});

await t.test('power pulled during disable, at each write: not begun, or disabled for good', async (t) => {
  for (const cut of [1, 2, 3]) {
    const rig = new LockRig();
    await rig.start();
    await rig.order('disable', cut).catch(() => undefined);
    await rig.cutPower();
    await rig.start();
    const { believed, held } = await rig.state();
    t.equal(believed, cut === 1 ? 'enabled' : 'disabled', `cut at write ${cut}`);
    t.equal(held.length, cut === 1 ? 0 : 3);
    await rig.order('disable');
    t.match(await rig.state(), { believed: 'disabled', held: ['power', 'boot', 'disk'] }, 'the order again');
    await rig.order('enable');
    t.match(await rig.state(), { believed: 'enabled', held: [] });
    rig.kill();
  }
});

await t.test('clock set back and forth: nothing of the lock hangs on it', async (t) => {
  const rig = new LockRig();
  await rig.start();
  await rig.order('disable');
  for (const wall of [0, 4_000_000_000, 1_000_000_000]) {
    rig.clock.setWallSeconds(wall);
    await rig.clock.advance(seconds(60));
    await rig.look();
    t.match(await rig.state(), { believed: 'disabled', held: ['power', 'boot', 'disk'] }, `at ${wall}`);
    await rig.cutPower();
    await rig.start();
    t.match(
      await rig.state(),
      { believed: 'disabled', held: ['power', 'boot', 'disk'] },
      `restarted at ${wall}`,
    );
  }
  await rig.order('enable');
  t.match(await rig.state(), { believed: 'enabled' }, 'and its owner gets it back at any hour');
  rig.kill();
});

await t.test('broker cut for 30 days: a disabled machine stays so, and an enabled one too', async (t) => {
  for (const [order, believed] of [
    ['disable', 'disabled'],
    ['enable', 'enabled'],
  ] as const) {
    const rig = new LockRig();
    await rig.start();
    await rig.order(order);
    for (let day = 0; day < 30; day += 1) {
      await rig.clock.advance(hours(24));
      await rig.look();
    }
    rig.host.set('S0', 'somebody');
    await rig.rest();
    t.match(await rig.state(), { believed, hostRuns: believed === 'enabled' });
    rig.kill();
  }
});
