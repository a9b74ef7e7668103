import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { diskAt } from '../../../../src/adapters/linux/disk-place.ts';

const home = await mkdtemp(join(tmpdir(), 'nightshift-place-'));
t.teardown(() => rm(home, { recursive: true }));

/** Devices of the kernel: a path below /sys/devices, and the bus that each part of it is on. */
async function plugged(disk: string, buses: Readonly<Record<string, string>>): Promise<void> {
  const directory = join(home, 'devices', disk);
  await mkdir(directory, { recursive: true });
  for (const [name, bus] of Object.entries(buses)) {
    const part = join(home, 'devices', disk.slice(0, disk.indexOf(`${name}/`) + name.length));
    await mkdir(join(home, 'bus', bus), { recursive: true });
    await symlink(join(home, 'bus', bus), join(part, 'subsystem')).catch(() => {});
  }
  await mkdir(join(home, 'class/block'), { recursive: true });
  await symlink(directory, join(home, 'class/block', disk.slice(disk.lastIndexOf('/') + 1)));
}
const at = (place: string): Promise<string | undefined> => diskAt(`/dev/disk/by-path/${place}`, home);

// As kernels show them: a BMC's USB port, a port behind a hub behind PCI, SATA, NVMe, an SD card.
await plugged('platform/ahb/1e6a1000.usb/usb1/1-1/1-1:1.0/host0/target0:0:0/0:0:0:0/block/sda', {
  ahb: 'platform',
  '1e6a1000.usb': 'platform',
  usb1: 'usb',
  '1-1': 'usb',
  '1-1:1.0': 'usb',
  host0: 'scsi',
  'target0:0:0': 'scsi',
  '0:0:0:0': 'scsi',
});
await plugged('platform/ahb/1e6a1000.usb/usb1/1-1/1-1:1.0/host0/target0:0:0/0:0:0:0/block/sda/sda1', {});
await writeFile(join(home, 'class/block/sda1/partition'), '1\n');
const PCI_USB =
  'platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb2/2-1/2-1.4/2-1.4:1.0/host3/target3:0:0/3:0:0:1/block/sdb';
await plugged(PCI_USB, {
  scb: 'platform',
  'fd500000.pcie': 'platform',
  '0000:00:00.0': 'pci',
  '0000:01:00.0': 'pci',
  usb2: 'usb',
  '2-1': 'usb',
  '2-1.4': 'usb',
  '2-1.4:1.0': 'usb',
  host3: 'scsi',
  'target3:0:0': 'scsi',
  '3:0:0:1': 'scsi',
});
await plugged('pci0000:00/0000:00:1f.2/ata2/host5/target5:0:0/5:0:0:0/block/sdc', {
  '0000:00:1f.2': 'pci',
  host5: 'scsi',
  'target5:0:0': 'scsi',
  '5:0:0:0': 'scsi',
});
const port = join(home, 'devices/pci0000:00/0000:00:1f.2/ata2/ata_port/ata2/port_no');
await mkdir(dirname(port), { recursive: true });
await writeFile(port, '2\n');
await plugged('pci0000:00/0000:00:02.0/nvme/nvme0/nvme0n1', { '0000:00:02.0': 'pci', nvme0: 'nvme' });
await writeFile(join(home, 'class/block/nvme0n1/nsid'), '1\n');
await plugged('platform/fe340000.mmc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0', {
  'fe340000.mmc': 'platform',
  'mmc0:aaaa': 'mmc',
});
await plugged('virtual/block/loop0', {});

await t.test('a disk is found by its place where no udev has named it', async (t) => {
  t.equal(await at('platform-1e6a1000.usb-usb-0:1:1.0-scsi-0:0:0:0'), '/dev/sda');
  t.equal(await at('platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.4:1.0-scsi-0:0:0:1'), '/dev/sdb');
  t.equal(await at('pci-0000:00:1f.2-ata-2'), '/dev/sdc');
  t.equal(await at('pci-0000:00:02.0-nvme-1'), '/dev/nvme0n1');
  t.equal(await at('platform-fe340000.mmc'), '/dev/mmcblk0');
});

await t.test('in another place there is none, and another kind of path is left as it is', async (t) => {
  t.equal(await at('platform-1e6a1000.usb-usb-0:2:1.0-scsi-0:0:0:0'), undefined);
  t.equal(await at('platform-1e6a3000.usb-usb-0:1:1.0-scsi-0:0:0:0'), undefined);
  t.equal(await at(''), undefined);
  t.equal(await diskAt('/dev/vdb', home), '/dev/vdb');
  t.equal(await diskAt('/dev/disk/by-path/x', join(home, 'nothing')), undefined);
});
