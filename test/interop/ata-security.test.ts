import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { SgRawSecurity } from '../../src/adapters/ata-security/index.ts';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { seconds } from '../../src/base/index.ts';
import { DriveLocks, DriveNotebook } from '../../src/bmc/index.ts';
import { decodeDiscovery } from '../../src/storage/index.ts';
import { driveSecurityContract } from '../contract/drive-security.ts';
import { scratch } from '../kit/disk-tools.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { discoveryAnswer } from '../kit/opal.ts';

/*
 * The adapter for real drives, against a program that takes the arguments of sg_raw, prints what it prints, and keeps a drive's state in a
 * file: no machine that runs these tests has a drive with a lock of its own.
 */

const FAKE = fileURLToPath(new URL('../kit/fake-sg-raw.mjs', import.meta.url));
const { dir, remove } = await scratch();
t.teardown(remove);
const stateFile = join(dir, 'drive.json');
const tool = join(dir, 'sg_raw');
await writeFile(tool, `#!/bin/sh\nexec '${process.execPath}' '${FAKE}' '${stateFile}' "$@"\n`);
await chmod(tool, 0o755);

interface FakeDrive {
  serial: string;
  user: string | null;
  maximum: boolean;
  locked: boolean;
  frozen: boolean;
  attempts: number;
  seen: { args: string[] }[];
  forbidden?: number;
  gone?: boolean;
  silent?: boolean;
  /** In hexadecimal; none, as of a drive that does not encrypt itself, where it is absent. */
  discovery?: string;
}
const NEW: FakeDrive = {
  serial: 'WD-REAL1',
  user: null,
  maximum: false,
  locked: false,
  frozen: false,
  attempts: 5,
  seen: [],
};

const drive = async (): Promise<FakeDrive> => JSON.parse(await readFile(stateFile, 'utf8')) as FakeDrive;
const change = async (to: Partial<FakeDrive>, from?: FakeDrive): Promise<void> =>
  writeFile(stateFile, JSON.stringify({ ...(from ?? (await drive())), ...to }));
const powerOn = async (): Promise<void> =>
  change({ locked: (await drive()).user !== null, frozen: false, attempts: 5 });

const security = new SgRawSecurity({ disk: 'disk0', device: '/dev/sg9', tool, deadline: seconds(60) });
const { signal } = new AbortController();
const password = new TextEncoder().encode('a'.repeat(32));

async function locks(): Promise<DriveLocks> {
  const log = { log: () => undefined };
  const notebook = await DriveNotebook.open({ store: new MemoryState(), entropy: new SeededEntropy(3), log });
  return new DriveLocks({ drives: [security], notebook, arms: true, clock: systemClock, log });
}

await t.test('armed, locked, opened, by the same engine as on the simulated drive', async (t) => {
  await change({}, NEW);
  const own = await locks();
  t.equal(await own.fact('disk0'), 'open');
  await own.arm(['disk0']);
  const armed = await drive();
  t.match(armed.user, /^[a-z2-7]{32}$/);
  t.ok(armed.maximum);
  await powerOn();
  t.equal(await own.fact('disk0'), 'locked');
  await own.open();
  const { user, locked, seen, forbidden, attempts } = await drive();
  t.equal(user, null);
  t.notOk(locked);
  t.equal(attempts, 5);
  t.equal(forbidden, undefined);
  t.notMatch(JSON.stringify(seen), armed.user!, 'no password on a command line');
});

await driveSecurityContract('sg_raw', async () => {
  await change({}, NEW);
  return { drive: security, powerCycle: powerOn, freeze: () => change({ frozen: true }) };
});

await t.test('an empty bay is no error; a drive that does not answer is one', async (t) => {
  await change({ gone: true }, NEW);
  t.equal(await security.read(signal), undefined);
  await change({ silent: true }, NEW);
  await t.rejects(security.read(signal), { code: 'NS_DRIVE_SECURITY' });
  await t.rejects(security.setPassword(password, signal), { code: 'NS_DRIVE_SECURITY' });
  const none = new SgRawSecurity({ disk: 'disk0', device: '/dev/sg9', tool: join(dir, 'absent') });
  await t.rejects(none.read(signal));
});

await t.test(
  'Level 0 Discovery is asked by SECURITY PROTOCOL IN; a drive that has none has no answer',
  async (t) => {
    await change({}, NEW);
    t.equal(await security.discover(signal), undefined);
    const answer = discoveryAnswer(0b00000111);
    await change({ discovery: answer.toString('hex') });
    const told = await security.discover(signal);
    t.same(told && decodeDiscovery(told), { kind: 'Opal 2', enabled: true, locked: true, shadowed: false });
    const [, asked] = (await drive()).seen.slice(-2);
    t.same(asked?.args.slice(-13), [
      '/dev/sg9',
      'a2',
      '01',
      '00',
      '01',
      '80',
      '00',
      '00',
      '00',
      '00',
      '04',
      '00',
      '00',
    ]);
  },
);
