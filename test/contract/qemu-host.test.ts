import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { systemScheduler } from '../../src/adapters/system-scheduler.ts';
import { MiB, milliseconds } from '../../src/base/index.ts';
import { FusedPower } from '../../src/bmc/index.ts';
import type { PowerState } from '../../src/ports/index.ts';
import { sayingBootSector, sleepingBootSector } from '../kit/boot-sector.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { met, openHost, openHostOf, startQemuMachine } from '../kit/qemu-host.ts';
import { driveSwitchContract } from './drive-switch.ts';
import { hostPowerContract } from './host-power.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const log = { log: () => {} };
const never = new AbortController().signal;
let count = 0;

/** It runs, for good. */
const waits = sayingBootSector('up');
const saysInto = (path: string): string[] => [
  ...['-chardev', `file,id=words,path=${path}`, '-device', 'isa-debugcon,iobase=0xe9,chardev=words'],
];

async function machine() {
  count += 1;
  const directory = join(dir, `host${count}`);
  const image = join(dir, `disk${count}.img`);
  await writeFile(image, new Uint8Array(MiB));
  // The BMC first: an emulator that does not find it waits a second before it looks again.
  const host = await openHostOf(directory, [image]);
  const words = join(dir, `words${count}`);
  const qemu = await startQemuMachine({ directory, images: [image], args: ['--', ...saysInto(words)] });
  const stranger = await qemu.people();
  await met(host);
  t.teardown(async () => {
    stranger.close();
    await host.close();
    await qemu.stop();
  });
  return { image, words, stranger, host };
}

await hostPowerContract('QEMU host', async () => {
  const { image, stranger, host, words } = await machine();
  const power = new FusedPower({
    sources: host.sources,
    guard: host.guard,
    states: ['S0', 'S3', 'S4', 'S5', 'G3'],
    clock: systemClock,
    log,
  });
  t.teardown(() => power.close());
  const boots = async (sector: Uint8Array): Promise<void> => {
    const file = await open(image, 'r+');
    await file.write(sector, 0, sector.byteLength, 0);
    await file.close();
  };
  await boots(waits);
  const shows = (state: PowerState) => eventually(async () => (await power.read()).state === state);
  const on = () => host.control.drive('on', never);
  /** Until it has left its firmware, which does not take every reset in its first moments. */
  const booted = async (): Promise<void> => {
    await writeFile(words, '');
    await on();
    await eventually(async () => (await readFile(words, 'utf8')).endsWith('up'));
  };
  const off = () => host.control.drive('off', never);
  const enter = async (state: PowerState): Promise<void> => {
    if ((await power.read()).state === state) return;
    if (state === 'S5') await off();
    else if (state === 'S0') await booted();
    else if (state === 'S3') {
      await boots(sleepingBootSector);
      await off();
      await on();
    } else {
      await boots(waits);
      await off();
      await booted();
      await stranger.command('stop');
    }
    await shows(state);
  };
  return {
    power,
    enter,
    askToWake: async () => {
      await host.press();
    },
    settle: () => systemClock.sleep(milliseconds(150), never),
  };
});

await driveSwitchContract('drive of a QEMU host', async () => {
  const { host } = await machine();
  const [drive] = host.switches;
  return { drive: drive!, run: (movement) => movement, now: () => performance.now() };
});

await driveSwitchContract('chain of a QEMU host', async () => {
  count += 1;
  const directory = join(dir, `host${count}`);
  const images = ['a', 'b'].map((name) => join(dir, `member${count}${name}.img`));
  for (const image of images) await writeFile(image, new Uint8Array(MiB / 2));
  const socket = join(dir, `chain${count}.sock`);
  const host = await openHost(
    directory,
    { disks: [{ members: images.map((image) => ({ image })), socket }] },
    { chain: { scheduler: systemScheduler(), entropy: systemEntropy, state: new MemoryState() } },
  );
  const drive = host.switches[0]!;
  await eventually(async () => (await drive.position()) === 'host');
  const qemu = await startQemuMachine({ directory, chains: [socket] });
  await met(host);
  t.teardown(async () => {
    await host.close();
    await qemu.stop();
  });
  return { drive, run: (movement) => movement, now: () => performance.now() };
});
