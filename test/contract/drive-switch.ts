import t from 'tap';
import type { DriveSwitch } from '../../src/ports/index.ts';

export interface SwitchUnderTest {
  readonly drive: DriveSwitch;
  /** Runs a movement of the switch to its end. */
  readonly run: <T>(movement: Promise<T>) => Promise<T>;
  /** Milliseconds by the clock that the switch lives by. */
  readonly now: () => number;
}

const never = new AbortController().signal;

/** What every DriveSwitch promises. `make` gives a switch that is with the host, over a drive of 4096 bytes or more. */
export async function driveSwitchContract(name: string, make: () => Promise<SwitchUnderTest>): Promise<void> {
  await t.test(`${name}: the drive is taken, used, and given back in time`, async (t) => {
    const { drive, run, now } = await make();
    t.equal(await drive.position(), 'host');
    const device = await run(drive.take(never));
    t.equal(await drive.position(), 'ours');
    await device.write(0, new Uint8Array(512).fill(5));
    await device.flush();
    const before = now();
    await run(drive.giveBack());
    t.ok(now() - before <= drive.capabilities.handBack);
    t.equal(await drive.position(), 'host');
    await t.rejects(device.read(0, new Uint8Array(1)), { code: /^NS_BLOCK_/ });
    await t.rejects(device.write(0, new Uint8Array(1)), { code: /^NS_BLOCK_/ });
    const again = await run(drive.take(never));
    const into = new Uint8Array(512);
    await again.read(0, into);
    t.ok(
      into.every((byte) => byte === 5),
      'what was flushed is there',
    );
    await run(drive.giveBack());
  });

  await t.test(`${name}: giving back what is given back is no error`, async (t) => {
    const { drive, run } = await make();
    await run(drive.giveBack());
    await run(drive.giveBack());
    t.equal(await drive.position(), 'host');
  });

  await t.test(`${name}: giving back overtakes a taking that is under way`, async (t) => {
    const { drive, run } = await make();
    const taking = drive.take(never);
    const outcome = taking.then(
      () => 'taken',
      () => 'overtaken',
    );
    await run(drive.giveBack());
    await run(outcome);
    t.equal(await drive.position(), 'host');
  });

  await t.test(
    `${name}: a taking that is aborted leaves the drive with the host, or lets it be given back`,
    async (t) => {
      const { drive, run } = await make();
      await t.rejects(run(drive.take(AbortSignal.abort(new Error('no')))), { message: 'no' });
      t.equal(await drive.position(), 'host');
      const abort = new AbortController();
      const taking = drive.take(abort.signal);
      taking.catch(() => {});
      abort.abort(new Error('gone'));
      await run(taking.catch(() => {}));
      await run(drive.giveBack());
      t.equal(await drive.position(), 'host');
    },
  );

  await t.test(`${name}: a held drive is nobody's, until it is given back`, async (t) => {
    const { drive, run } = await make();
    if (!drive.capabilities.hold) {
      await t.rejects(run(drive.hold()), { code: 'NS_NOT_SUPPORTED' });
      return;
    }
    const device = await run(drive.take(never));
    await run(drive.hold());
    t.equal(await drive.position(), 'held');
    await t.rejects(device.read(0, new Uint8Array(1)), { code: /^NS_BLOCK_/ });
    await run(drive.hold());
    t.equal(await drive.position(), 'held');
    await run(drive.giveBack());
    t.equal(await drive.position(), 'host');
  });
}
