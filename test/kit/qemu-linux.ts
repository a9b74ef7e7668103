import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeGuestSystem } from './guest-system.ts';
import { type Qemu, startQemu } from './qemu.ts';

export interface LinuxOptions {
  /** A directory that is there and empty, for the length of the run. */
  readonly directory: string;
  /** Drives and the like: see ahciDrive. */
  readonly args: readonly string[];
  /**
   * What the guest does: commands of busybox's shell. Standard input and output are a serial line to the test. It begins
   * when every AHCI port has found its drive, or that there is none. At the end the machine switches itself off.
   */
  readonly script: string;
}

export interface LinuxGuest extends Qemu {
  /** The next line of the guest in which this is found; throws with all that guest and kernel said. */
  hear(pattern: RegExp, patienceMs?: number): Promise<RegExpExecArray>;
  kernelLog(): Promise<string>;
}

const MODULES = ['ahci', 'sd_mod', 'ext4'];

const before = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module; done
stty -F /dev/ttyS1 -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
# Runs a command until it succeeds, at most 60 s.
until_true() { local i=0; until "$@"; do i=$((i + 1)); [ $i -lt 600 ] || return 1; sleep 0.1; done; }
ports_known() { [ "$(dmesg | grep -c 'ata[0-9]*: SATA link')" -ge "$(ls /sys/class/ata_port | wc -l)" ]; }
disk_there() { [ -b /dev/sda ]; }
until_true ports_known || echo 'the AHCI ports never came up'
if dmesg | grep -q 'SATA link up'; then until_true disk_there || echo 'no disk on the link'; fi
`;

const after = `
poweroff -f
`;

/** Switches on a machine that runs Debian's kernel and, as its only program, a script. */
export async function startLinux(options: LinuxOptions): Promise<LinuxGuest> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const system = await makeGuestSystem(directory, MODULES, before + options.script + after);
  const log = join(directory, 'kernel.log');
  const machine = startQemu({
    directory,
    memory: 256,
    args: [
      ...['-kernel', system.kernel, '-initrd', system.initramfs, '-append', 'console=ttyS0 panic=-1'],
      ...['-chardev', `file,id=log,path=${log}`, '-serial', 'chardev:log'],
      ...['-chardev', 'stdio,id=words,signal=off', '-serial', 'chardev:words'],
      ...options.args,
    ],
  });
  const kernelLog = (): Promise<string> => readFile(log, 'utf8');
  return {
    ...machine,
    kernelLog,
    hear: async (pattern, patienceMs) => {
      try {
        return await machine.said.line(pattern, patienceMs);
      } catch (error) {
        const said = await kernelLog().catch(() => '');
        const text = error instanceof Error ? error.message : String(error);
        throw new Error(`${text}\n${machine.complaints.text}\n${said.slice(-8000)}`, { cause: error });
      }
    },
  };
}
