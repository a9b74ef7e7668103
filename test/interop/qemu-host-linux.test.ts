import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { MiB } from '../../src/base/index.ts';
import { FusedPower } from '../../src/bmc/index.ts';
import type { PowerState } from '../../src/ports/index.ts';
import { bmcBench } from '../kit/bmc-bench.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { makeGuestSystem } from '../kit/guest-system.ts';
import { HeardLines } from '../kit/heard-lines.ts';
import { met, openHostOf, startQemuMachine } from '../kit/qemu-host.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const never = new AbortController().signal;

const MODULES = ['ahci', 'sd_mod', 'button', 'evdev', 'ipmi_devintf', 'ipmi_si'];

/** Says what the kernel's IPMI driver learned of the BMC, sleeps when told to, and switches off when the button is pressed. */
const SCRIPT = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module; done
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty -echo
for i in $(seq 100); do [ -e /dev/ipmi0 ] && break; sleep 0.1; done
for fact in firmware_revision manufacturer_id product_id ipmi_version guid; do
  echo "$fact: $(cat /sys/devices/platform/ipmi_bmc.*/$fact)"
done
for event in /dev/input/event*; do
  ( dd if=$event of=/dev/null bs=24 count=1 2>/dev/null; poweroff -f ) &
done
# Until all of them are read from.
until [ "$(ls -l /proc/[0-9]*/fd | grep -c /dev/input/event)" -ge "$(ls /dev/input | grep -c event)" ]; do sleep 0.1; done
echo ready
read order
sync
echo "going to sleep"
echo mem >/sys/power/state
echo awake
dd if=/dev/sda of=/dev/null bs=512 count=1 iflag=direct 2>/dev/null && echo "disk: there"
while true; do sleep 1; done
`;

await t.test(
  'a Linux host: its own IPMI driver, NMI, soft-off, S3, and a wake that waits for the disk',
  async (t) => {
    const directory = join(dir, 'host');
    const image = join(dir, 'disk.img');
    await writeFile(image, new Uint8Array(MiB));
    const system = await makeGuestSystem(join(dir, 'guest'), MODULES, SCRIPT);
    const host = await openHostOf(directory, [image]);
    const { bmc, machine } = await bmcBench();
    host.bmc.serve(bmc);
    const power = new FusedPower({
      sources: host.sources,
      guard: host.guard,
      states: ['S0', 'S3', 'S4', 'S5', 'G3'],
      clock: systemClock,
      log: { log: () => {} },
    });
    const kernel = ['-kernel', system.kernel, '-initrd', system.initramfs];
    const qemu = await startQemuMachine({
      directory,
      images: [image],
      memory: 256,
      lifeSeconds: 120,
      args: ['--', ...kernel, '-append', 'console=ttyS0 panic=-1 no_console_suspend'],
    });
    const stranger = await qemu.people();
    await met(host);
    const console = connect(join(directory, 'console.sock'));
    const said = new HeardLines('the guest', console);
    t.teardown(async () => {
      console.destroy();
      stranger.close();
      power.close();
      await host.close();
      await qemu.stop();
    });
    const state = async (): Promise<PowerState> => (await power.read()).state;
    const shows = (wanted: PowerState) => eventually(async () => (await state()) === wanted);
    const asked: string[] = [];
    power.onWakeRequest((reason) => asked.push(reason));

    const began = performance.now();
    await host.control.drive('on', never);
    const { major, minor } = machine.identity.firmware;
    const revision = (await said.line(/^firmware_revision: (\S+)/))[1];
    t.equal(revision, `${major}.${minor}`, 'by KCS, through the emulator, from our commands');
    t.match((await said.line(/^manufacturer_id: (\S+)/))[1], /^0x0{6}$/);
    t.match(
      (await said.line(/^product_id: (\S+)/))[1],
      new RegExp(`^0x${machine.identity.product.toString(16)}$`),
    );
    t.equal((await said.line(/^ipmi_version: (\S+)/))[1], '2.0');
    await said.line(/^ready/);
    t.comment(`figure: Linux from power on to ready ${Math.round(performance.now() - began)} ms`);

    await host.control.drive('nmi', never);
    await said.line(/NMI/);
    await host.control.drive('soft', never);
    await stranger.event('POWERDOWN');
    await shows('S5');
    t.equal((await stranger.command('query-status')).status, 'shutdown');

    await host.control.drive('on', never);
    await said.line(/^ready/);
    console.write('sleep\n');
    await said.line(/going to sleep/);
    await shows('S3');
    const [drive] = host.switches;
    const disk = await drive!.take(never);
    await disk.read(0, new Uint8Array(512));
    await stranger.command('system_wakeup');
    await eventually(() => asked.length === 1);
    await shows('unknown');
    await drive!.giveBack();
    await power.allowWake();
    await said.line(/^awake/);
    await said.line(/^disk: there/);
    t.equal(await state(), 'S0', 'and it found its disk');
  },
);
