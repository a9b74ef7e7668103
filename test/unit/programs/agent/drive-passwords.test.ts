import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileStateStore } from '../../../../src/adapters/file-state-store.ts';
import { SimDriveBay, SimDriveLock } from '../../../../src/adapters/sim/drive-bay.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { openDriveLocks } from '../../../../src/programs/agent/drive-locks.ts';
import { drivePasswords } from '../../../../src/programs/agent/drive-passwords.ts';
import { scratch } from '../../../kit/disk-tools.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const state = join(dir, 'state');
const lockWitness = join(dir, 'witness');
const log = { log: () => undefined };
const store = await openFileStateStore(state);
const witness = await openFileStateStore(lockWitness);
const drive = new SimDriveLock('WD-1');
const bay = new SimDriveBay('disk0', drive);

await t.test('where nothing was ever given, it says so', async (t) => {
  await t.rejects(drivePasswords({ state }), { code: 'NS_STATE_IO' });
  await openDriveLocks({ drives: [bay], arms: true, store, witness, clock: systemClock, log });
  t.equal(await drivePasswords({ state }), 'no drive was given a password\n');
});

await t.test('the password that is on the drive, from own storage or from the witness alone', async (t) => {
  const locks = await openDriveLocks({ drives: [bay], arms: true, store, witness, clock: systemClock, log });
  await locks.arm(['disk0']);
  const password = new TextDecoder().decode(drive.state.user);
  const printed = `WD-1  ${password}  may be on the drive\n`;
  const before = await readdir(state);
  t.equal(await drivePasswords({ state }), printed);
  t.same(await readdir(state), before, 'a running agent is not disturbed');
  await mkdir(join(dir, 'empty'));
  t.equal(await drivePasswords({ state: join(dir, 'empty'), lockWitness }), printed);
  await locks.open();
  t.equal(
    await drivePasswords({ state }),
    printed.replace('may be on the drive', 'was taken off again, or found gone'),
  );
});

await t.test('a damaged record is no password', async (t) => {
  for (const name of ['drive-lock-a', 'drive-lock-b']) await store.writeDocument(name, Uint8Array.of(1));
  await t.rejects(drivePasswords({ state }), { code: 'NS_STATE_IO', message: /no whole record/ });
  t.match(await drivePasswords({ state, lockWitness }), /^WD-1 /);
});
