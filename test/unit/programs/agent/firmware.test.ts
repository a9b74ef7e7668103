import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { silentLog } from '../../../../src/adapters/log.ts';
import {
  BlindFirmware,
  DeviceFirmware,
  openDeviceFirmware,
} from '../../../../src/programs/agent/firmware.ts';
import { FlashBench, smallLayout } from '../../../kit/flash-bench.ts';
import { testKey } from '../../../kit/keys.ts';

const home = await mkdtemp(join(tmpdir(), 'ns-firmware-'));
t.teardown(() => rm(home, { recursive: true }));
const layout = smallLayout('nor');
const bench = await FlashBench.make(home, layout, new Uint8Array(100), [testKey()]);
const image = { description: bench.descriptionFile, medium: bench.medium, slot: bench.slotFile };
const open = () => openDeviceFirmware({ base: home, firmware: { image } }, 'sim-host', silentLog);

/** How often this process has the medium open. */
async function held(): Promise<number> {
  const files = await readdir('/proc/self/fd');
  const targets = await Promise.all(files.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target === bench.medium).length;
}

await t.test(
  'firmware whose record cannot be read is blind, and keeps nothing of its medium open',
  async (t) => {
    const firmware = await open();
    if (!(firmware instanceof DeviceFirmware)) throw new Error('the firmware was not opened');
    t.match(firmware, { version: '1.0.0', proven: true, onTrial: false });
    t.not(await held(), 0);
    await firmware.slots.close();
    await writeFile(bench.medium, new Uint8Array(layout.size).fill(0xff));
    const blind = await open();
    t.ok(blind instanceof BlindFirmware);
    t.match(blind, { running: 'a', proven: false });
    t.equal(await held(), 0);
  },
);
