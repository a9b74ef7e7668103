import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { parseSimConfig, SimMachine } from '../../src/adapters/sim/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { MiB, milliseconds, seconds } from '../../src/base/index.ts';
import { Custody, Lockout, leaseRefusal, PowerWatch, WakeInterlock } from '../../src/bmc/index.ts';
import type { LogSink } from '../../src/ports/index.ts';

const never = new AbortController().signal;

/** A simulated machine on the real clock, with a real image file and a real state directory. */
async function start(dir: string) {
  const clock = systemClock;
  const lines: string[] = [];
  const log: LogSink = { log: (level, event) => lines.push(`${level} ${event}`) };
  const image = join(dir, 'disk0.img');
  await open(image, 'a').then(async (file) => {
    await file.truncate(8 * MiB);
    await file.close();
  });
  const machine = new SimMachine({
    config: parseSimConfig({ disks: [{ image }], switchDelayMs: 20, bootDelayMs: 20 }),
    clock,
    channels: [],
    handBackMs: 1000,
  });
  const power = new PowerWatch(machine.host);
  const custody = new Custody({ power, drives: machine.drives, clock, log });
  const store = await openFileStateStore(join(dir, 'state'));
  const lockout = new Lockout({ store, power, custody, clock, log });
  const interlock = new WakeInterlock({ power, custody, clock, log, mayWake: () => lockout.enabled });
  interlock.start();
  const lock = await lockout.reassert();
  await custody.start();
  const stop = async () => {
    interlock.stop();
    power.close();
    await machine.close();
  };
  return { clock, machine, custody, lockout, interlock, lock, lines, stop };
}

async function directory(t: { teardown: (done: () => Promise<void>) => void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ns-wake-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

await t.test('a waking host gets its disk back in time, though a writer does not let go', async (t) => {
  const device = await start(await directory(t));
  t.teardown(device.stop);
  const asked = await device.custody.lease({
    disk: 'disk0',
    mode: 'write',
    holder: 'put',
    duration: seconds(60),
    signal: never,
  });
  t.ok(asked.ok);
  if (!asked.ok) return;
  const lease = asked.value;
  let written = 0;
  const writing = lease.critical(async () => {
    for (;;) {
      await lease.device.write((written % 2000) * 4096, new Uint8Array(4096).fill(1));
      written += 1;
    }
  });
  writing.catch(() => {});
  const back = device.clock.deadline(seconds(10), 'the wake');
  t.teardown(() => back.release());
  while (written < 10) await device.clock.sleep(milliseconds(5), back.signal);
  t.equal(device.machine.host.press(), 'asked');
  while (device.machine.host.state !== 'S0') await device.clock.sleep(milliseconds(5), back.signal);
  t.equal(device.machine.drives[0]!.at, 'host');
  await t.rejects(writing, { code: 'NS_LEASE_ENDED' });
  t.equal(leaseRefusal(lease.signal.reason)?.code, 'HOST_WAKING');
  t.ok(device.lines.includes('info custody.handed-back'), 'in time, or the line would be an error');
  t.match(
    await device.custody.lease({
      disk: 'disk0',
      mode: 'read',
      holder: 'ls',
      duration: seconds(1),
      signal: never,
    }),
    { refusal: { code: /^HOST_(WAKING|AWAKE)$/ } },
  );
});

await t.test('a machine that was disabled stays so over a restart, until it is enabled', async (t) => {
  const dir = await directory(t);
  const first = await start(dir);
  const done = await first.lockout.disable({ by: Uint8Array.of(1, 2), reason: 'stolen' });
  t.same(done.lock.inForce, ['power-button-masked', 'drive-held']);
  await first.stop();

  const second = await start(dir);
  t.match(second.lock, { state: 'disabled', version: 1, reason: 'stolen' });
  t.same(second.lock.inForce, ['power-button-masked', 'drive-held']);
  t.equal(second.machine.host.press(), 'ignored');
  await second.interlock.idle();
  t.equal(second.machine.drives[0]!.at, 'held');
  await second.lockout.enable({});
  await second.stop();

  const third = await start(dir);
  t.teardown(third.stop);
  t.match(third.lock, { state: 'enabled', version: 2, inForce: [] });
  t.equal(third.machine.host.press(), 'asked');
});
