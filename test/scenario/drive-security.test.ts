import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { SimDriveLock } from '../../src/adapters/sim/index.ts';
import { DRIVE_DOCUMENTS } from '../../src/bmc/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';

/* A disabled machine whose drives are locked themselves: what a thief reads from a drive that was taken out, and what its owner gets back. */

const host = await ColdHost.start({
  size: 8,
  agent: { lock: { driveSecurity: true } },
});
t.teardown(() => host.close());
const bay = host.machine.bay('disk0')!;
const drive = bay.drive!;
const { signal } = new AbortController();

const disable = () => host.give('machine.disable', { reason: 'stolen' }, { key: host.officer });
const enable = () => host.give('machine.enable', {}, { key: host.officer });

async function diskLevel() {
  const { result } = await host.give('machine.status', {});
  return result!.lock.levels!.find(({ level }) => level === 'disk')!;
}

/** What whoever has the drive on a cable of their own reads. */
async function readElsewhere(): Promise<Uint8Array> {
  await host.machine.drive('disk0')!.take(signal);
  const device = await host.machine.drive('disk0')!.take(signal);
  const bytes = new Uint8Array(4096);
  await device.read(0, bytes, signal);
  return bytes;
}

const before = await readElsewhere();
await host.machine.drive('disk0')!.giveBack();

await t.test(
  'disabled: armed at once, locked from its next power-on, and the level says which',
  async (t) => {
    const outcome = await disable();
    t.equal(outcome.outcome, 'succeeded');
    const armed = await diskLevel();
    t.equal(armed.inForce, 'yes');
    t.match(armed.detail, /disk0 is held.*disk0 has our password and locks at its next power-on/);
    t.match(armed.defeatedBy, /before their next power-on/);
    t.ok(drive.state.maximum);

    drive.powerOn();
    t.match((await diskLevel()).detail, /disk0 is locked by our password/);
    await t.rejects(readElsewhere(), { code: 'NS_BLOCK_IO' });
    await host.machine.drive('disk0')!.hold();
  },
);

await t.test('a restart in between, and two people enable: opened, and the data are there', async (t) => {
  await host.restart();
  t.ok(drive.state.locked, 'a restart alone opens nothing');
  const outcome = await enable();
  t.equal(outcome.outcome, 'succeeded');
  t.equal(drive.state.user, undefined);
  t.equal(drive.state.attempts, 5);
  t.same(await readElsewhere(), before);
  await host.machine.drive('disk0')!.giveBack();
});

await t.test('a drive put in meanwhile is armed too; the first is opened when it is back', async (t) => {
  await disable();
  const other = new SimDriveLock('OTHER-1');
  bay.insert(other);
  await eventually(() => other.state.user !== undefined);
  await enable();
  t.equal(other.state.user, undefined);
  t.not(drive.state.user, undefined);
  bay.insert(drive);
  t.ok(drive.state.locked);
  await eventually(() => drive.state.user === undefined);
});

await t.test("somebody else's password is left alone, and said", async (t) => {
  const theirs = new SimDriveLock('THEIRS-1');
  const password = new Uint8Array(32).fill(7);
  theirs.command({ is: 'set-password', password, maximum: true });
  bay.insert(theirs);
  await disable();
  const level = await diskLevel();
  t.equal(level.inForce, 'partly');
  t.match(level.detail, /somebody else's password/);
  await enable();
  t.same(theirs.asked, ['set-password']);
  t.equal(theirs.state.attempts, 5);
  bay.insert(drive);
});

await t.test('a frozen drive is said, and armed after its next power-on', async (t) => {
  drive.freeze();
  await disable();
  const level = await diskLevel();
  t.equal(level.inForce, 'partly');
  t.match(level.detail, /frozen/);
  drive.powerOn();
  await disable();
  t.not(drive.state.user, undefined);
  await enable();
  t.equal(drive.state.user, undefined);
});

await t.test(
  'switched off in the configuration while a drive is locked: its owner still gets it',
  async (t) => {
    await disable();
    drive.powerOn();
    await host.stop();
    await host.boot({ lock: { driveSecurity: false } });
    await enable();
    t.equal(drive.state.user, undefined);
    t.match((await diskLevel()).detail, /No drive's own lock/);
    await host.stop();
    await host.boot();
  },
);

await t.test('own storage lost: the witness keeps the password', async (t) => {
  const lockWitness = join(host.dir, 'eeprom');
  await host.stop();
  await host.boot({ lockWitness });
  await disable();
  drive.powerOn();
  await host.stop();
  for (const name of DRIVE_DOCUMENTS) await rm(join(host.state, name));
  await host.boot({ lockWitness });
  await enable();
  t.equal(drive.state.user, undefined);
});

await t.test('no password in logs, orders, answers, audit log or own storage', async (t) => {
  await disable();
  const password = Buffer.from(drive.state.user!);
  const text = password.toString('latin1');
  const status = await host.give('machine.status', {});
  const audit = await host.give('audit.read', {}, { key: host.officer });
  await enable();
  t.match(host.lines.join('\n'), /drive-lock\.armed/);
  t.notMatch(host.lines.join('\n'), text);
  t.notMatch(JSON.stringify([status, audit]), text);
  for (const name of await readdir(host.state)) {
    // What is simulated of the drive itself lies elsewhere.
    t.equal((await readFile(join(host.state, name))).indexOf(password), -1, name);
  }
});
