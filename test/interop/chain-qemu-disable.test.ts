import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { sayingBootSector } from '../kit/boot-sector.ts';
import { exportChain } from '../kit/chain-export.ts';
import { buildChainProgram } from '../kit/chain-program.ts';
import { scratch } from '../kit/disk-tools.ts';
import { ahciDrive, debugConsole, firmwareLog, nbdNode, startQemu } from '../kit/qemu.ts';
import { startLinux } from '../kit/qemu-linux.ts';

const SECTOR = 512;
const MEMBERS = [8191, 777, 9001];
const TOTAL = MEMBERS.reduce((sum, sectors) => sum + sectors, 0);

// QEMU has no drive that stays silent on its link. A host beside a chain that offers nothing is a machine with an empty
// port, and that it cannot be otherwise is what QEMU says when it is told to take the drive.

const { dir, remove } = await scratch();
t.teardown(remove);
const program = await buildChainProgram(dir);

async function bench(t: Test, name: string) {
  const directory = join(dir, name);
  await mkdir(directory);
  const chain = await exportChain(program, directory, MEMBERS, sayingBootSector('NIGHT'));
  t.teardown(() => chain.close());
  return { directory, chain };
}

await t.test(
  'a host cannot have a disabled chain as its drive, also after the chain itself was without power',
  async (t) => {
    const { directory, chain } = await bench(t, 'firmware');
    await chain.order('disable');
    const bootsNothing = async (): Promise<void> => {
      const refused = startQemu({ directory, args: [...debugConsole, ...ahciDrive(chain)], lifeSeconds: 60 });
      t.equal(await refused.ended, 1, 'QEMU cannot have the drive, and does not begin');
      t.match(refused.complaints.text, /blockdev.*export not available/);
      t.equal(refused.said.text, '', 'no boot sector ran');
      const host = startQemu({ directory, args: firmwareLog, lifeSeconds: 60 });
      await host.said.line(/No bootable device/);
      await host.stop();
    };
    await bootsNothing();
    await chain.powerCut();
    await bootsNothing();

    await chain.order('enable');
    const again = startQemu({ directory, args: [...debugConsole, ...ahciDrive(chain)], lifeSeconds: 60 });
    await again.ended;
    t.equal(again.said.text, 'NIGHT', 'enabled again, it boots');
  },
);

await t.test('a Linux host that boots while the chain is disabled sees a port without a disk', async (t) => {
  const { directory, chain } = await bench(t, 'absent');
  await chain.order('disable');
  const host = await startLinux({
    directory: join(directory, 'host'),
    args: [],
    script: `
echo "links: $(dmesg | grep -c 'SATA link down (SStatus 0 ')"
echo "disks: $(grep -c sd /proc/partitions)"
read answer
echo "disks later: $(grep -c sd /proc/partitions)"
`,
  });
  t.teardown(() => host.stop());
  const monitor = await host.monitor();
  const cannotConnect = { kind: 'GenericError', message: /export not available/ };
  const attach = () => monitor.command('blockdev-add', nbdNode(chain));
  await t.rejects(attach(), cannotConnect, 'nobody can connect while the firmware runs');
  t.equal((await host.hear(/^links: (\d+)/))[1], '6', 'every port: DET = 0');
  t.equal((await host.hear(/^disks: (\d+)/))[1], '0');
  await t.rejects(attach(), cannotConnect, 'nor when the system does');
  host.tell('tried\n');
  t.equal((await host.hear(/^disks later: (\d+)/))[1], '0');
  await monitor.event('SHUTDOWN');
  t.equal(await host.ended, 0);
});

await t.test(
  'a Linux host that has the disk gets an error on every command after the chain is disabled',
  async (t) => {
    const { directory, chain } = await bench(t, 'attached');
    const places = [0, 8191, 8968, TOTAL - 1];
    const host = await startLinux({
      directory: join(directory, 'host'),
      args: ahciDrive(chain),
      script: `
flush() { dd if=/dev/null of=/dev/sda conv=fsync,notrunc; }
read_at() { dd if=/dev/sda of=/dev/null bs=${SECTOR} skip=$1 count=1 iflag=direct; }
write_at() { dd if=/dev/zero of=/dev/sda bs=${SECTOR} seek=$1 count=1 conv=fsync,notrunc; }
try() {
  flush 2>/dev/null
  echo "$1 flush: $?"
  for sector in ${places.join(' ')}; do
    read_at $sector 2>/dev/null
    echo "$1 read $sector: $?"
    write_at $sector 2>/dev/null
    echo "$1 write $sector: $?"
  done
}
dmesg -c >/dev/null
try before
echo "before: errors $(dmesg | grep -c 'I/O error, dev sda')"
echo ready
read answer
try after
`,
    });
    t.teardown(() => host.stop());
    const commands = ['flush', ...places.flatMap((sector) => [`read ${sector}`, `write ${sector}`])];
    const exitCodes = async (when: string): Promise<Set<string | undefined>> => {
      const codes = new Set<string | undefined>();
      for (const command of commands) {
        codes.add((await host.hear(new RegExp(`^${when} ${command}: (\\d+)`)))[1]);
      }
      return codes;
    };
    t.same(await exitCodes('before'), new Set(['0']), 'every command is obeyed');
    t.equal((await host.hear(/^before: errors (\d+)/))[1], '0');
    await host.hear(/^ready/);
    const logBefore = (await host.kernelLog()).length;
    await chain.order('disable');
    host.tell('disabled\n');
    t.same(await exitCodes('after'), new Set(['1']), 'every command fails');
    t.equal(await host.ended, 0);
    const log = (await host.kernelLog()).slice(logBefore);
    for (const failed of ['failed command: READ', 'failed command: WRITE', 'Synchronize Cache(10) failed']) {
      t.ok(log.includes(failed), `the kernel knows: ${failed}`);
    }
  },
);
