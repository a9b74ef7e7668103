import fc from 'fast-check';
import t from 'tap';
import { milliseconds, seconds } from '../../../src/base/index.ts';
import { type Lease, leaseRefusal } from '../../../src/bmc/index.ts';
import { machineBench } from '../../kit/machine.ts';

const never = new AbortController().signal;
const sector = () => new Uint8Array(512).fill(7);

async function awake(options: Parameters<typeof machineBench>[0] = {}) {
  const bench = machineBench(options);
  await bench.lockout.reassert();
  return bench;
}

await t.test('a host that asks to wake gets its disk first, and only then wakes', async (t) => {
  const { clock, host, drives, interlock, lend } = await awake({ disks: 2 });
  const lease = await lend();
  const seen: string[] = [];
  host.onChange(({ state }) => seen.push(`${state} with ${drives.map((drive) => drive.at).join(',')}`));
  t.equal(host.press(), 'asked');
  t.equal(host.state, 'S5', 'the interlock keeps it down');
  t.equal(leaseRefusal(lease.signal.reason)?.code, 'HOST_WAKING', 'the holder knows at once');
  await clock.settle(interlock.idle(), seconds(3));
  await clock.advance(seconds(1));
  t.same(seen, ['S0 with host,host']);
});

await t.test('a holder that never lets go delays the wake by no more than the board allows', async (t) => {
  const { clock, host, drives, interlock, lend } = await awake();
  const lease = await lend();
  const stubborn = lease.critical(() => new Promise<never>(() => {}));
  stubborn.catch(() => {});
  const asked = clock.monotonic();
  host.wake('wake-on-lan');
  await clock.settle(interlock.idle(), seconds(5));
  t.ok(clock.monotonic() - asked <= 2000, `took ${clock.monotonic() - asked}`);
  t.equal(drives[0]!.at, 'host');
  await t.rejects(lease.device.write(0, sector()), { code: 'NS_LEASE_ENDED' });
});

await t.test('a critical section that ends in its time is finished, then the host wakes', async (t) => {
  const { clock, host, images, interlock, lend } = await awake();
  const lease = await lend();
  const applied = lease.critical(async () => {
    for (let i = 0; i < 10; i += 1) {
      await clock.sleep(milliseconds(100), never);
      await lease.device.write(i * 512, sector());
    }
    await lease.device.flush();
  });
  await clock.advance(milliseconds(50));
  host.press();
  await clock.settle(Promise.all([applied, interlock.idle()]), seconds(3));
  t.ok(images[0]!.bytes.subarray(0, 5120).every((byte) => byte === 7));
  await clock.advance(seconds(1));
  t.equal(host.state, 'S0');
});

await t.test('a wake while the switch moves towards us turns it round', async (t) => {
  const { clock, host, drives, ask, interlock } = await awake({ switchDelay: 400 });
  const asked = ask();
  await clock.advance(milliseconds(200));
  host.press();
  t.match(await clock.settle(asked, seconds(5)), { refusal: { code: 'HOST_WAKING' } });
  await clock.settle(interlock.idle(), seconds(5));
  t.equal(drives[0]!.at, 'host');
});

await t.test('asking twice wakes once, and nobody gets the disk meanwhile', async (t) => {
  const { clock, host, ask, lend, interlock } = await awake();
  await lend();
  host.press();
  await clock.advance(milliseconds(30));
  host.press();
  t.match(await ask(), { refusal: { code: 'HOST_WAKING' } });
  await clock.settle(interlock.idle(), seconds(3));
  t.match(await ask(), { refusal: { code: 'HOST_WAKING' } }, 'allowed, and not awake yet');
  await clock.advance(seconds(1));
  t.match(await ask(), { refusal: { code: 'HOST_AWAKE' } }, 'awake, and with its disk');
  t.same(
    host.history.map(({ from, to, cause }) => [from, to, cause]),
    [['S5', 'S0', 'power button']],
  );
});

await t.test('the door opens again when the host has gone down, or never came up', async (t) => {
  const { clock, host, lend, interlock } = await awake();
  host.press();
  await clock.advance(seconds(2));
  t.equal(host.state, 'S0');
  host.set('S5');
  await clock.settle(interlock.idle(), seconds(3));
  await clock.settle((await lend()).release(), seconds(2));

  host.press();
  await clock.settle(interlock.idle(), seconds(3));
  host.set('G3', 'mains lost');
  await clock.advance(seconds(31));
  await clock.settle((await lend()).release(), seconds(2));
});

await t.test('a disk that only lingers with us goes back like any other', async (t) => {
  const { clock, host, drives, interlock, lend, lockout } = await awake({ linger: 60_000 });
  await (await lend()).release();
  t.equal(drives[0]!.at, 'ours');
  host.press();
  await clock.settle(interlock.idle(), seconds(3));
  t.equal(drives[0]!.at, 'host');
  host.set('S0');
  host.set('S5');
  await clock.settle(interlock.idle(), seconds(3));
  await (await lend()).release();
  await clock.settle(lockout.disable({}), seconds(5));
  await clock.advance(seconds(120));
  t.equal(drives[0]!.at, 'held');
});

await t.test('a disabled machine is not let wake: its drive stays held', async (t) => {
  const { clock, host, drives, lockout, interlock, ask } = await awake();
  await clock.settle(lockout.disable({ reason: 'stolen' }), seconds(5));
  t.equal(host.press(), 'ignored');
  await clock.settle(interlock.idle(), seconds(3));
  await clock.advance(seconds(60));
  t.equal(host.state, 'S5');
  t.equal(drives[0]!.at, 'held');
  t.match(await ask(), { refusal: { code: 'DISABLED', sentence: /stolen/ } });
});

await t.test('without an interlock, the disk goes back as soon as the first sign is seen', async (t) => {
  const { clock, host, drives, lend } = await awake({ interlock: false });
  const lease = await lend();
  host.set('S0', 'somebody pulled a wire');
  await clock.advance(milliseconds(100));
  t.equal(drives[0]!.at, 'host');
  t.equal(leaseRefusal(lease.signal.reason)?.code, 'HOST_WAKING');
  host.set('S5');
  await clock.advance(milliseconds(100));
  const next = await lend();
  host.set('unknown');
  await clock.advance(milliseconds(100));
  t.equal(drives[0]!.at, 'host', 'who knows whether it sleeps');
  t.ok(next.signal.aborted);
});

// Promises 1 and 2, against every order of events that the generator can think of.
type Event =
  | { do: 'lease'; disk: 0 | 1; mode: 'read' | 'write'; stubborn: boolean }
  | { do: 'release' | 'wake' | 'down' | 'disable' | 'enable' }
  | { do: 'wait'; ms: number };

const events = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('lease' as const),
        disk: fc.constantFrom(0 as const, 1 as const),
        mode: fc.constantFrom('read' as const, 'write' as const),
        stubborn: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom('release' as const, 'wake' as const, 'down' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('disable' as const, 'enable' as const) }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
    },
  ),
  { maxLength: 25 },
);

await t.test('whatever happens: one owner, no wake of ours, and the disk back in time', async (t) => {
  await fc.assert(
    fc.asyncProperty(events, async (sequence: readonly Event[]) => {
      const { clock, host, drives, lockout, ask } = await awake({ disks: 2, switchDelay: 120 });
      const leases: Lease[] = [];
      const faults: string[] = [];
      let asks = 0;
      let wakes = 0;
      let lockChanges = 0;
      host.onWakeRequest(() => {
        asks += 1;
        const asked = clock.monotonic();
        const locks = lockChanges;
        const counts = lockout.enabled;
        void clock.sleep(milliseconds(2001), never).then(() => {
          // A wake that the lock refused is forgotten, and a host that went down again may have lent its disk anew.
          if (!counts || locks !== lockChanges || host.history.some((event) => event.at >= asked)) return;
          // A disable that overtook the wake may still be on its way from one side to the other.
          const home = (at: string) => (lockout.enabled ? at === 'host' : at !== 'ours');
          for (const drive of drives) if (!home(drive.at)) faults.push(`${drive.disk} ${drive.at}`);
        });
      });
      host.onChange(({ state }) => {
        if (state !== 'S0') return;
        wakes += 1;
        for (const drive of drives)
          if (drive.at === 'ours' || drive.at === 'unknown') faults.push(`S0 while ${drive.at}`);
      });
      for (const event of sequence) {
        switch (event.do) {
          case 'lease':
            void ask({ disk: `disk${event.disk}`, mode: event.mode }).then((verdict) => {
              if (!verdict.ok) return;
              leases.push(verdict.value);
              if (event.stubborn) verdict.value.critical(() => new Promise<never>(() => {})).catch(() => {});
            });
            break;
          case 'release':
            void leases.pop()?.release();
            break;
          case 'wake':
            host.wake('button');
            break;
          case 'down':
            if (host.state === 'S0') host.set('S5');
            break;
          case 'disable':
            lockChanges += 1;
            void lockout.disable({});
            break;
          case 'enable':
            lockChanges += 1;
            void lockout.enable({});
            break;
          case 'wait':
            await clock.advance(milliseconds(event.ms));
            break;
        }
        await clock.advance(milliseconds(1));
        if (host.state === 'S0' && drives.some((drive) => drive.at === 'ours')) faults.push('two owners');
      }
      await clock.advance(seconds(5));
      if (faults.length > 0) throw new Error(faults.join('; '));
      if (wakes > asks) throw new Error(`woke ${wakes} times for ${asks} requests`);
    }),
    { numRuns: 150 },
  );
  t.pass();
});

await t.test('a host that shows as awake before its disk is home is let go on all the same', async (t) => {
  const { clock, host, power, lend, interlock, lockout } = machineBench({ switchDelay: 200 });
  await clock.settle(lockout.reassert(), seconds(5));
  await lend();
  let allowed = 0;
  power.allowWake = async () => {
    allowed += 1;
  };
  host.wake('somebody who asks nobody');
  host.set('S0', 'for a moment, until its board stops it');
  await clock.settle(interlock.idle(), seconds(10));
  t.equal(allowed, 1);
});

await t.test('whoever switches on a host that comes on meanwhile is answered', async (t) => {
  const { clock, host, lend, interlock, lockout } = machineBench({ switchDelay: 200 });
  await clock.settle(lockout.reassert(), seconds(5));
  await lend();
  let went = 0;
  const on = interlock.switchOn('admin', async () => {
    went += 1;
  });
  host.set('S0', 'by itself');
  t.match(await clock.settle(on, seconds(10)), { ok: true });
  t.equal(went, 0, 'a button that is pressed again would switch it off');
});
