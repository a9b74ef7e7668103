import fc from 'fast-check';
import t from 'tap';
import { SimDriveBay, SimDriveLock } from '../../../../src/adapters/sim/drive-bay.ts';
import { SeededEntropy } from '../../../../src/adapters/sim/seeded-entropy.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { DRIVE_DOCUMENTS, DriveLocks, DriveNotebook, drivePassword } from '../../../../src/bmc/index.ts';
import type { StateStore } from '../../../../src/ports/index.ts';
import { MemoryState } from '../../../kit/memory-state.ts';

const disk = 'disk0';
const word = (text: string): Uint8Array => new TextEncoder().encode(text.padEnd(32));

/** One device and its bay; agents come and go, and own storage may be cut off at a write. */
class Rig {
  readonly store = new MemoryState();
  readonly drive = new SimDriveLock('WD-1');
  readonly bay = new SimDriveBay(disk, this.drive);
  readonly lines: string[] = [];
  seed = 7;
  writes = Number.POSITIVE_INFINITY;

  async agent({ arms = true, witness }: { arms?: boolean; witness?: StateStore } = {}): Promise<DriveLocks> {
    const { store } = this;
    const cut = {
      readDocument: (name: string) => store.readDocument(name),
      writeDocument: async (name: string, bytes: Uint8Array) => {
        this.writes -= 1;
        if (this.writes < 0) throw new Error('the power is cut');
        await store.writeDocument(name, bytes);
      },
    };
    const log = {
      log: (_: string, event: string, more?: object) => this.lines.push(`${event} ${JSON.stringify(more)}`),
    };
    const notebook = await DriveNotebook.open({
      store: cut,
      entropy: new SeededEntropy(this.seed),
      log,
      ...(witness === undefined ? {} : { witness }),
    });
    return new DriveLocks({ drives: [this.bay], notebook, arms, clock: systemClock, log });
  }
}

await t.test('armed, locked at the power-on, opened again', async (t) => {
  const rig = new Rig();
  const locks = await rig.agent();
  t.equal(await locks.fact(disk), 'open');
  await locks.arm([disk]);
  t.equal(await locks.fact(disk), 'armed');
  t.ok(rig.drive.state.maximum, 'the master password of the factory opens nothing');
  await locks.arm([disk]);
  t.same(rig.drive.asked, ['set-password'], 'and only once');
  rig.drive.powerOn();
  t.equal(await locks.fact(disk), 'locked');

  const later = await rig.agent();
  t.ok(later.waiting);
  await later.open();
  t.equal(await later.fact(disk), 'open');
  t.notOk(later.waiting);
  t.same(rig.drive.asked, ['set-password', 'unlock', 'disable-password']);
  t.notMatch(rig.lines.join('\n'), /[a-z2-7]{32}/, 'no password in the log');
});

await t.test("somebody else's password: never touched, locked or not", async (t) => {
  for (const locked of [false, true]) {
    const rig = new Rig();
    rig.drive.command({ is: 'set-password', password: word('theirs'), maximum: true });
    if (locked) rig.drive.powerOn();
    const locks = await rig.agent();
    await locks.arm([disk]);
    await locks.open();
    t.equal(await locks.fact(disk), 'foreign');
    t.same(rig.drive.asked, ['set-password']);
    t.equal(rig.drive.state.attempts, 5);
  }
});

await t.test('a frozen drive is armed after its next power-on', async (t) => {
  const rig = new Rig();
  rig.drive.freeze();
  const locks = await rig.agent();
  await locks.arm([disk]);
  t.equal(await locks.fact(disk), 'frozen');
  rig.drive.powerOn();
  await locks.arm([disk]);
  t.equal(await locks.fact(disk), 'armed');
});

await t.test('one that was frozen armed is opened after its next power-on', async (t) => {
  const rig = new Rig();
  const locks = await rig.agent();
  await locks.arm([disk]);
  rig.drive.freeze();
  await locks.open();
  t.equal(await locks.fact(disk), 'armed');
  t.ok(locks.waiting);
  rig.drive.powerOn();
  await locks.open();
  t.equal(await locks.fact(disk), 'open');
});

await t.test('a drive that was taken out locked is opened when it is back', async (t) => {
  const rig = new Rig();
  const locks = await rig.agent();
  await locks.arm([disk]);
  const other = new SimDriveLock('WD-2');
  rig.bay.insert(other);
  await locks.arm([disk]);
  t.equal(await locks.fact(disk), 'armed', 'whichever is in the bay');
  await locks.open();
  t.equal(other.state.user, undefined);
  t.ok(locks.waiting);
  rig.bay.insert(rig.drive);
  t.ok(rig.drive.state.locked);
  await locks.open();
  t.equal(rig.drive.state.user, undefined);
  t.notOk(locks.waiting);
});

await t.test(
  'a drive that only says the serial number of an armed one learns nothing of its password',
  async (t) => {
    const rig = new Rig();
    const locks = await rig.agent();
    await locks.arm([disk]);
    const theirs = rig.drive.state.user;
    for (let n = 0; n < 5; n += 1) {
      const fake = new SimDriveLock('WD-1');
      rig.bay.insert(fake);
      await locks.arm([disk]);
      if (n < 2) t.notSame(fake.state.user, theirs);
      else t.equal(await locks.fact(disk), 'spent', 'and they end');
    }
    rig.bay.insert(rig.drive);
    await locks.open();
    t.equal(rig.drive.state.user, undefined);
    t.ok(rig.drive.state.attempts > 0);
  },
);

await t.test('a password that was changed by somebody is tried once, and never again', async (t) => {
  const rig = new Rig();
  const locks = await rig.agent();
  await locks.arm([disk]);
  rig.drive.command({ is: 'set-password', password: word('theirs'), maximum: true });
  rig.drive.powerOn();
  for (let n = 0; n < 4; n += 1) {
    await locks.open();
    await locks.renew();
  }
  t.equal(await locks.fact(disk), 'foreign');
  t.equal(rig.drive.state.attempts, 4);
});

await t.test('a password of another level is not ours, whatever the serial number', async (t) => {
  const rig = new Rig();
  const locks = await rig.agent();
  await locks.arm([disk]);
  rig.drive.command({ is: 'set-password', password: word('theirs'), maximum: false });
  rig.drive.powerOn();
  await locks.open();
  t.equal(await locks.fact(disk), 'foreign');
  t.equal(rig.drive.state.attempts, 5);
});

await t.test('without an answer it is tried four times, also by another agent, until an order', async (t) => {
  const rig = new Rig();
  const locks = await rig.agent();
  await locks.arm([disk]);
  rig.drive.powerOn();
  const unlocks = (): number => rig.drive.asked.filter((is) => is === 'unlock').length;
  for (let n = 0; n < 8; n += 1) {
    rig.drive.cutAtCommand(1, 'before');
    await (await rig.agent()).open();
  }
  t.equal(unlocks(), 4);
  rig.drive.cutAtCommand(9, 'before');
  const later = await rig.agent();
  await later.renew();
  await later.open();
  t.equal(rig.drive.state.user, undefined);
});

await t.test('a drive without a lock of its own, an empty bay, a disk without a way', async (t) => {
  const rig = new Rig();
  const locks = await rig.agent();
  rig.bay.insert(undefined);
  await locks.arm([disk]);
  t.equal(await locks.fact(disk), 'empty');
  rig.bay.insert(new SimDriveLock('WD-3', false));
  await locks.arm([disk]);
  t.equal(await locks.fact(disk), 'cannot');
  t.equal(await locks.fact('disk7'), 'cannot');
});

await t.test(
  'switched off in the configuration: what was armed is opened, and nothing is armed',
  async (t) => {
    const rig = new Rig();
    await (await rig.agent()).arm([disk]);
    const locks = await rig.agent({ arms: false });
    await locks.open();
    t.equal(rig.drive.state.user, undefined);
    await locks.arm([disk]);
    t.equal(rig.drive.state.user, undefined);
  },
);

await t.test('own storage damaged: nothing is armed or tried, and nothing is written over', async (t) => {
  const rig = new Rig();
  await (await rig.agent()).arm([disk]);
  for (const name of DRIVE_DOCUMENTS) await rig.store.writeDocument(name, Uint8Array.of(1));
  const locks = await rig.agent();
  t.equal(await locks.fact(disk), 'lost');
  await locks.arm([disk]);
  await locks.open();
  t.same(rig.drive.asked, ['set-password']);
  t.same(await rig.store.readDocument(DRIVE_DOCUMENTS[0]), Uint8Array.of(1));
});

await t.test('own storage lost, or of yesterday: the witness opens the drive', async (t) => {
  for (const lost of [true, false]) {
    const rig = new Rig();
    const witness = new MemoryState();
    const first = await rig.agent({ witness });
    const old = await rig.store.readDocument(DRIVE_DOCUMENTS[0]);
    await first.arm([disk]);
    rig.drive.powerOn();
    for (const name of DRIVE_DOCUMENTS) {
      await rig.store.remove(name);
      if (!lost) await rig.store.writeDocument(name, old!);
    }
    await (await rig.agent({ witness })).open();
    t.equal(rig.drive.state.user, undefined);
  }
});

await t.test('own storage lost and begun anew before the witness was back: its secret counts', async (t) => {
  const rig = new Rig();
  const witness = new MemoryState();
  await (await rig.agent({ witness })).arm([disk]);
  rig.drive.powerOn();
  for (const name of DRIVE_DOCUMENTS) await rig.store.remove(name);
  rig.seed = 8;
  t.equal(await (await rig.agent()).fact(disk), 'foreign', 'a new secret, made without it');
  await (await rig.agent({ witness })).open();
  t.equal(rig.drive.state.user, undefined);
});

await t.test("a witness by which another device's drives are locked is not written over", async (t) => {
  const [theirs, ours] = [new Rig(), new Rig()];
  ours.seed = 8;
  const witness = new MemoryState();
  await (await theirs.agent({ witness })).arm([disk]);
  const before = await witness.readDocument('drive-lock');
  await (await ours.agent()).arm([disk]);
  const locks = await ours.agent({ witness });
  await locks.open();
  t.equal(ours.drive.state.user, undefined);
  t.same(await witness.readDocument('drive-lock'), before);
  t.match(ours.lines.join(), /witness-of-another/);
});

await t.test(
  'whatever is cut, and where: a drive is never left with a password that is not known',
  async (t) => {
    const doing = fc.oneof(
      fc.constantFrom('arm', 'arm', 'open', 'open', 'restart', 'power-on', 'freeze', 'renew', 'swap'),
      fc.record({ cutWrite: fc.integer({ min: 1, max: 6 }), act: fc.constantFrom('arm', 'open') }),
      fc.record({
        cutDrive: fc.integer({ min: 1, max: 2 }),
        when: fc.constantFrom('before' as const, 'after' as const),
        act: fc.constantFrom('arm', 'open'),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(doing, { maxLength: 20 }), async (all) => {
        const rig = new Rig();
        let locks = await rig.agent();
        const drives = [rig.drive, new SimDriveLock('WD-9')];
        const act = async (what: string): Promise<void> => {
          if (what === 'arm') await locks.arm([disk]);
          else if (what === 'open') await locks.open();
          else if (what === 'renew') await locks.renew();
          else if (what === 'restart') locks = await rig.agent();
          else if (what === 'power-on') rig.bay.drive?.powerOn();
          else if (what === 'freeze') rig.bay.drive?.freeze();
          else rig.bay.insert(drives.find((one) => one !== rig.bay.drive));
        };
        for (const one of all) {
          if (typeof one === 'string') await act(one);
          else if ('cutWrite' in one) {
            rig.writes = one.cutWrite - 1;
            await act(one.act);
            rig.writes = Number.POSITIVE_INFINITY;
            locks = await rig.agent();
          } else {
            rig.bay.drive?.cutAtCommand(one.cutDrive, one.when);
            await act(one.act);
          }
          for (const { state } of drives) if (state.attempts === 0) throw new Error('no attempt is left');
        }
        // Its owner enables it, with each drive in turn.
        locks = await rig.agent();
        for (const drive of drives) {
          rig.bay.insert(drive);
          await locks.renew();
          // A cut that is still to come comes once.
          for (let n = 0; n < 3; n += 1) await locks.open();
          if (drive.state.user !== undefined) throw new Error(`${drive.serial} stays locked`);
        }
      }),
      { numRuns: 150 },
    );
    t.pass();
  },
);

await t.test('passwords are 32 letters, and differ by secret, serial number and count', async (t) => {
  const secret = new Uint8Array(32).fill(1);
  const all = [
    drivePassword(secret, 'A', 1),
    drivePassword(secret, 'A', 2),
    drivePassword(secret, 'B', 1),
    drivePassword(new Uint8Array(32), 'A', 1),
  ];
  for (const one of all) t.match(one, /^[a-z2-7]{32}$/);
  t.equal(new Set(all).size, 4);
  t.equal(drivePassword(secret, 'A', 1), all[0]);
});
