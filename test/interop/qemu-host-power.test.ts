import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { askControlSocket } from '../../src/adapters/control-socket.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { MiB, milliseconds } from '../../src/base/index.ts';
import { FusedPower } from '../../src/bmc/index.ts';
import type { PowerState } from '../../src/ports/index.ts';
import { sayingBootSector, sleepingBootSector } from '../kit/boot-sector.ts';
import { run, scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { met, openHostOf, startQemuMachine } from '../kit/qemu-host.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const never = new AbortController().signal;
let count = 0;

/** A host in S5 whose disk has this boot sector, the agent beside it, and a stranger at its other monitor. */
async function bench(t: Test, bootSector: Uint8Array = sayingBootSector('up')) {
  count += 1;
  const directory = join(dir, `host${count}`);
  const image = join(dir, `disk${count}.img`);
  const words = join(dir, `words${count}`);
  const disk = new Uint8Array(MiB);
  disk.set(bootSector);
  await writeFile(image, disk);
  const host = await openHostOf(directory, [image]);
  const power = new FusedPower({
    sources: host.sources,
    guard: host.guard,
    states: ['S0', 'S3', 'S4', 'S5', 'G3'],
    clock: systemClock,
    log: { log: () => {} },
  });
  const start = async (...more: readonly string[]) => {
    const says = [
      '-chardev',
      `file,id=words,path=${words}`,
      '-device',
      'isa-debugcon,iobase=0xe9,chardev=words',
    ];
    const qemu = await startQemuMachine({ directory, images: [image], args: [...more, '--', ...says] });
    t.teardown(() => qemu.stop());
    return qemu;
  };
  let qemu = await start();
  const stranger = await qemu.people();
  await met(host);
  const asked: string[] = [];
  power.onWakeRequest((reason) => asked.push(reason));
  t.teardown(async () => {
    stranger.close();
    power.close();
    await host.close();
  });
  const state = async (): Promise<PowerState> => (await power.read()).state;
  return {
    directory,
    image,
    host,
    power,
    qemu,
    stranger,
    asked,
    state,
    drive: host.switches[0]!,
    restart: async (...more: readonly string[]) => {
      qemu = await start(...more);
      return qemu;
    },
    shows: (wanted: PowerState) => eventually(async () => (await state()) === wanted),
    /** The boot sector has run since this was called. */
    boots: async (by: () => Promise<unknown>) => {
      await writeFile(words, '');
      await by();
      await eventually(async () => (await readFile(words, 'utf8')).endsWith('up'));
    },
    hand: (command: unknown) => askControlSocket(join(directory, 'control.sock'), command, 5000),
  };
}

/** Whether a program that wants the image for itself gets it: QEMU's own locks, seen from outside. */
async function isFree(image: string): Promise<boolean> {
  return run('qemu-io', ['-f', 'raw', '-c', 'read 0 512', image]).then(
    () => true,
    (error: Error) => {
      if (/Failed to get .* lock/.test(error.message)) return false;
      throw error;
    },
  );
}

await t.test(
  'power is read from the machine: off, on, off by its BMC, without mains, and back',
  async (t) => {
    const { host, power, qemu, stranger, state, shows, restart } = await bench(t);
    t.equal(await state(), 'S5');
    await host.control.drive('on', never);
    t.equal(await state(), 'S0');
    await host.control.drive('off', never);
    t.equal(await state(), 'S5');
    t.same((await stranger.event('SHUTDOWN')).data, { guest: true, reason: 'guest-shutdown' });
    t.same(await stranger.command('query-status').then(({ status }) => status), 'shutdown');
    await host.control.drive('on', never);
    t.equal(await state(), 'S0', 'from a machine that was switched off, too');
    await qemu.stop();
    await shows('G3');
    await t.rejects(host.control.drive('on', never), { code: 'NS_POWER', message: /no mains/ });
    await restart();
    await shows('S5');
    t.match(await power.read(), { certain: true, sources: { 'run-state': 'prelaunch' } });
  },
);

await t.test('a QEMU that hangs is not taken for a machine without mains', async (t) => {
  const { qemu, power, shows, state } = await bench(t);
  qemu.freeze(true);
  const reading = await power.read();
  t.match(reading, { state: 'unknown', certain: false });
  qemu.freeze(false);
  await shows('S5');
  t.equal(await state(), 'S5');
});

await t.test('the button asks; the disk comes home; then the host boots from it', async (t) => {
  const { hand, asked, drive, state, boots, power, shows } = await bench(t);
  await drive.take(never);
  t.match(await hand({ press: 'power' }), { result: 'asked' });
  t.same(asked, ['power button']);
  t.equal(await state(), 'S5');
  await drive.giveBack();
  await boots(() => power.allowWake());
  t.equal(await state(), 'S0');
  t.match(await hand({ press: 'power' }), { result: 'pressed' }, 'a running host hears it by ACPI');
  t.match(await hand({ get: 'state' }), { qemu: 'running', masked: false });
  await t.rejects(hand({ wake: 'lan', now: 1 }), { code: 'NS_CONTROL_REFUSED' });
  await shows('S0');
});

await t.test(
  'a stranger who lets the host run gets a host that stands still until its disk is home',
  async (t) => {
    const { stranger, asked, drive, power, image, host, boots, state } = await bench(t, new Uint8Array(512));
    const disk = await drive.take(never);
    await disk.write(0, sayingBootSector('up'));
    await disk.flush();
    const began = performance.now();
    await stranger.command('cont');
    await stranger.event('STOP');
    t.comment(`figure: from the stranger's order to the stop ${(performance.now() - began).toFixed(1)} ms`);
    await eventually(() => asked.length === 1);
    t.match(await power.read(), { state: 'unknown', certain: false, sources: { 'run-state': 'paused' } });
    const home = performance.now();
    await drive.giveBack();
    t.comment(`figure: the disk handed back in ${(performance.now() - home).toFixed(1)} ms`);
    t.notOk(await isFree(image), 'QEMU has it again');
    await boots(() => power.allowWake());
    t.equal(await state(), 'S0');
    t.equal(asked.length, 1, 'told once');
    await host.control.drive('off', never);
    await stranger.command('system_reset');
    await stranger.command('cont');
    await eventually(() => asked.length === 2);
    await host.control.drive('off', never);
    t.equal(await state(), 'S5', 'whoever stands still can be switched off');
  },
);

await t.test('a masked host that a stranger lets run is off again within a second', async (t) => {
  const { stranger, asked, power, state, boots, host } = await bench(t);
  await power.maskPowerOn(true);
  for (let round = 1; round <= 5; round += 1) {
    const began = performance.now();
    await stranger.command('cont');
    await eventually(() => asked.length === round);
    await eventually(async () => (await state()) === 'S5');
    const took = performance.now() - began;
    t.ok(took < 1000, 'within a second');
    t.comment(`figure: from the stranger's order to S5 ${took.toFixed(1)} ms`);
  }
  await power.allowWake();
  await t.rejects(host.control.drive('on', never), { code: 'NS_POWER', message: /masked/ });
  t.equal(await state(), 'S5');
  await power.maskPowerOn(false);
  t.equal(await state(), 'S5');
  await boots(() => host.control.drive('on', never));
});

await t.test('a masked host whose QEMU is started anew, running, is off again', async (t) => {
  const { qemu, power, restart, shows, asked } = await bench(t);
  await power.maskPowerOn(true);
  await qemu.stop();
  await shows('G3');
  await restart('--on');
  await eventually(() => asked.length > 0);
  await shows('S5');
});

await t.test(
  'a host that sleeps is in S3; whoever wakes it has it stopped, or off where it is masked',
  async (t) => {
    const { host, stranger, power, shows, asked, state } = await bench(t, sleepingBootSector);
    await host.control.drive('on', never);
    await shows('S3');
    await stranger.command('system_wakeup');
    await eventually(() => asked.length === 1);
    await shows('unknown');
    await power.allowWake();
    // The firmware finds nothing to resume, and boots: the boot sector sends it to sleep again.
    await stranger.event('SUSPEND');
    await shows('S3');
    await power.maskPowerOn(true);
    await stranger.command('system_wakeup');
    await eventually(() => asked.length === 2);
    await shows('S5');
    t.equal(await state(), 'S5');
  },
);

await t.test('reset and soft-off go by the VM protocol, and never to a host that is down', async (t) => {
  const { host, stranger, boots, state } = await bench(t);
  for (const action of ['reset', 'nmi', 'soft'] as const) {
    await t.rejects(host.control.drive(action, never), { code: 'NS_POWER', message: /does not run/ });
  }
  await boots(() => host.control.drive('on', never));
  await boots(() => host.control.drive('reset', never));
  await host.control.drive('soft', never);
  await stranger.event('POWERDOWN');
  t.equal(await state(), 'S0', 'firmware has no ears for it');
});

await t.test('a host that is switched off in the first moments of its firmware starts again', async (t) => {
  const { host, boots } = await bench(t);
  for (const after of [0, 2, 4, 6]) {
    await host.control.drive('on', never);
    await systemClock.sleep(milliseconds(after), never);
    await host.control.drive('off', never);
  }
  await boots(() => host.control.drive('on', never));
  t.pass('it booted');
});

await t.test('who has the image is told by its locks: the host, we, or nobody else at all', async (t) => {
  const { drive, image, qemu, restart, shows } = await bench(t);
  t.notOk(await isFree(image), "the host's");
  const device = await drive.take(never);
  t.notOk(await isFree(image), 'ours');
  await device.write(4096, new Uint8Array(512).fill(7));
  await drive.hold();
  t.notOk(await isFree(image), 'held');
  const file = await open(image, 'r');
  const into = new Uint8Array(512);
  await file.read(into, 0, 512, 4096);
  await file.close();
  t.equal(into[511], 7, 'what was written before is in the image');
  await qemu.stop();
  await shows('G3');
  t.equal(await drive.position(), 'held', 'also without QEMU');
  const next = await restart();
  t.not(await next.ended, 0, 'QEMU does not start without its disk');
  t.match(next.complaints.text, /Failed to get .* lock/);
  await drive.giveBack();
  t.equal(await drive.position(), 'host');
  t.ok(await isFree(image), 'nobody has it');
  const ours = await drive.take(never);
  t.equal(await drive.position(), 'ours');
  await ours.read(0, into);
  await drive.giveBack();
  await restart();
  await shows('S5');
});

/** The process that has an image open for the agent. */
async function helperOf(image: string): Promise<number> {
  for (const pid of await readdir('/proc')) {
    const line = await readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '');
    if (line.startsWith('qemu-storage-daemon') && line.includes(image)) return Number(pid);
  }
  throw new Error(`nobody has ${image} open for the agent`);
}

await t.test('where the lock ends, so does the access', async (t) => {
  const { drive, image, boots, host } = await bench(t);
  const device = await drive.take(never);
  const helper = await helperOf(image);
  process.kill(helper, 'SIGKILL');
  await eventually(() => isFree(image));
  await t.rejects(device.write(0, new Uint8Array(512)), { code: 'NS_BLOCK_IO' });
  await eventually(async () => (await drive.position()) === 'held');
  const again = await drive.take(never);
  await again.read(0, new Uint8Array(512));
  await drive.giveBack();
  await boots(() => host.control.drive('on', never));
});

await t.test('while the disk is ours a host that runs all the same gets errors, not bytes', async (t) => {
  const { host, drive, stranger } = await bench(t);
  await drive.take(never);
  // By our own hand, which asks nobody: whoever orders this has brought the disks home.
  await host.control.drive('on', never);
  t.match((await stranger.event('BLOCK_IO_ERROR')).data, { 'node-name': 'disk0', operation: 'read' });
});
