import t from 'tap';
import type { DriveSecurity } from '../../src/ports/index.ts';

export interface DriveSecurityUnderTest {
  readonly drive: DriveSecurity;
  /** The drive loses its power, and gets it again. */
  readonly powerCycle: () => Promise<void>;
  /** The drive takes no command of this feature set until its next power-on. */
  readonly freeze: () => Promise<void>;
}

const word = (letter: string): Uint8Array => new TextEncoder().encode(letter.repeat(32));

/** What the lock counts on of a drive's own lock. `make` gives a drive without a password each time. */
export async function driveSecurityContract(
  name: string,
  make: () => Promise<DriveSecurityUnderTest>,
): Promise<void> {
  const { signal } = new AbortController();

  await t.test(`${name}: a password is in force from the next power-on, at level maximum`, async (t) => {
    const { drive, powerCycle } = await make();
    const before = await drive.read(signal);
    t.match(before, {
      supported: true,
      enabled: false,
      locked: false,
      frozen: false,
      attemptsExpired: false,
    });
    t.match(before?.serial, /^[\x20-\x7e]{1,20}$/);
    t.equal(await drive.setPassword(word('a'), signal), 'done');
    t.match(await drive.read(signal), {
      enabled: true,
      locked: false,
      maximum: true,
      serial: before!.serial,
    });
    await powerCycle();
    t.match(await drive.read(signal), { enabled: true, locked: true });
  });

  await t.test(`${name}: only its password opens it, until the next power-on, or for good`, async (t) => {
    const { drive, powerCycle } = await make();
    await drive.setPassword(word('a'), signal);
    await powerCycle();
    t.equal(await drive.unlock(word('b'), signal), 'refused');
    t.equal(await drive.disablePassword(word('a'), signal), 'refused', 'while it is locked');
    t.equal(await drive.setPassword(word('b'), signal), 'refused', 'while it is locked');
    t.match(await drive.read(signal), { locked: true });
    t.equal(await drive.unlock(word('a'), signal), 'done');
    t.match(await drive.read(signal), { enabled: true, locked: false });
    t.equal(await drive.disablePassword(word('b'), signal), 'refused');
    t.equal(await drive.disablePassword(word('a'), signal), 'done');
    await powerCycle();
    t.match(await drive.read(signal), { enabled: false, locked: false });
  });

  await t.test(`${name}: after five wrong passwords it says so, and a power cycle mends it`, async (t) => {
    const { drive, powerCycle } = await make();
    await drive.setPassword(word('a'), signal);
    await powerCycle();
    for (let n = 0; n < 5; n += 1) await drive.unlock(word('b'), signal);
    t.match(await drive.read(signal), { attemptsExpired: true, locked: true });
    t.equal(await drive.unlock(word('a'), signal), 'refused');
    await powerCycle();
    t.match(await drive.read(signal), { attemptsExpired: false });
    t.equal(await drive.unlock(word('a'), signal), 'done');
  });

  await t.test(`${name}: frozen, it says so and refuses`, async (t) => {
    const { drive, freeze, powerCycle } = await make();
    await freeze();
    t.match(await drive.read(signal), { frozen: true });
    t.equal(await drive.setPassword(word('a'), signal), 'refused');
    await powerCycle();
    t.equal(await drive.setPassword(word('a'), signal), 'done');
  });

  await t.test(`${name}: a call that was given up is not carried out`, async (t) => {
    const { drive } = await make();
    const gone = AbortSignal.abort(new Error('given up'));
    await t.rejects(drive.setPassword(word('a'), gone));
    t.match(await drive.read(signal), { enabled: false });
  });
}
