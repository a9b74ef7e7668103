import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askControlSocket } from '../../src/adapters/control-socket.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { BoardDescription } from '../../src/board/index.ts';
import { qemuHost } from '../../src/programs/agent/board-qemu-host.ts';
import type { BmcConfig } from '../../src/programs/agent/config-ipmi.ts';
import { AgentDesk } from './agent-desk.ts';
import { type DiskImage, type DiskMaking, makeDisk } from './disk-image.ts';
import { scratch } from './disk-tools.ts';
import { eventually } from './eventually.ts';
import { makeGuestSystem } from './guest-system.ts';
import { MemoryState } from './memory-state.ts';
import { type QemuMachine, startQemuMachine } from './qemu-host.ts';
import type { Qmp } from './qmp.ts';

const BOARD = new URL('../../boards/qemu-host/board.json', import.meta.url);
const MODULES = ['ahci', 'sd_mod', 'ext4'];
const BOOT_MS = 90_000;

/** Mounts its disk, leaves a line on it, lets go of it, and does what it is told on its console. */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module; done
stty -F /dev/ttyS0 -echo
exec </dev/ttyS0 >/dev/ttyS0 2>&1
i=0; until [ -b /dev/sda1 ] || [ $i -ge 600 ]; do i=$((i + 1)); sleep 0.1; done
mount -t ext4 /dev/sda1 /mnt && echo "guest: mounted $(cat /mnt/etc/hostname)"
echo booted >>/mnt/boots && sync && umount /mnt && echo "guest: done"
while read word; do
  case "$word" in
    suspend) echo "guest: suspending"; echo mem >/sys/power/state; echo "guest: resumed" ;;
    off) echo "guest: off"; poweroff -f ;;
  esac
done
`;

export interface QemuColdHostOptions extends DiskMaking {
  readonly ipmi?: BmcConfig;
  /** Seconds after which QEMU ends, whoever waits. */
  readonly life?: number;
}

/** A QEMU machine with a real disk image and a Linux to boot, the whole agent beside it, and a stranger at its monitor. */
export class QemuColdHost extends AgentDesk {
  readonly disk: DiskImage;
  readonly machine: QemuMachine;
  /** The monitor for people. */
  readonly stranger: Qmp;
  readonly #dir: string;
  readonly #remove: () => Promise<void>;
  readonly #description: BoardDescription;
  readonly #ipmi: BmcConfig | undefined;
  #heard = '';

  private constructor(
    dir: string,
    remove: () => Promise<void>,
    parts: Pick<QemuColdHost, 'disk' | 'machine' | 'stranger'>,
    description: BoardDescription,
    ipmi: BmcConfig | undefined,
  ) {
    super(join(dir, 'state'));
    this.#dir = dir;
    this.#remove = remove;
    this.disk = parts.disk;
    this.machine = parts.machine;
    this.stranger = parts.stranger;
    this.#description = description;
    this.#ipmi = ipmi;
  }

  /** A machine that has mains and was not switched on yet. */
  static async start(options: QemuColdHostOptions): Promise<QemuColdHost> {
    const { dir, remove } = await scratch();
    const description = JSON.parse(await readFile(BOARD, 'utf8')) as BoardDescription;
    const disk = await makeDisk(dir, options);
    await mkdir(join(dir, 'guest'));
    const guest = await makeGuestSystem(join(dir, 'guest'), MODULES, INIT);
    const machine = await startQemuMachine({
      directory: join(dir, 'qemu'),
      images: [disk.path],
      memory: 256,
      lifeSeconds: options.life ?? 240,
      args: [
        '--',
        ...['-kernel', guest.kernel, '-initrd', guest.initramfs],
        ...['-append', 'console=ttyS0 loglevel=3 panic=-1'],
      ],
    });
    const stranger = await machine.people();
    const host = new QemuColdHost(dir, remove, { disk, machine, stranger }, description, options.ipmi);
    await host.boot();
    await host.shows('S5');
    return host;
  }

  /** Starts the agent on the state directory that is there. */
  async boot(): Promise<void> {
    const at = (name: string): string => join(this.#dir, 'qemu', name);
    await this.bootAgent(
      {
        base: this.#dir,
        protectedPaths: [],
        limits: { running: 4, open: 32, stagingMiB: 256 },
        ...(this.#ipmi === undefined ? {} : { ipmi: this.#ipmi }),
      },
      (log) =>
        qemuHost.open(this.#description, {
          clock: systemClock,
          store: new MemoryState(),
          log,
          base: this.#dir,
          qemu: {
            qmp: at('qmp-agent.sock'),
            bmc: at('bmc.sock'),
            console: at('console.sock'),
            control: at('control.sock'),
            disks: [{ image: this.disk.path }],
          },
        }),
    );
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.boot();
  }

  async close(): Promise<void> {
    this.stranger.close();
    await this.stop();
    await this.machine.stop();
    await this.#remove();
  }

  /** Waits until the agent says so. */
  async shows(state: string): Promise<void> {
    await eventually(async () => (await this.give('machine.status', {})).result?.power.state === state);
  }

  /** A finger on the host's front panel. */
  async press(): Promise<unknown> {
    const control = join(this.#dir, 'qemu', 'control.sock');
    return (await askControlSocket(control, { press: 'power' }, 5000)).result;
  }

  /** Waits until the guest has said this on its console, as the agent reads it. */
  async says(words: string): Promise<void> {
    const end = performance.now() + BOOT_MS;
    while (!this.#heard.includes(words)) {
      const read = await this.give('io.read', { channel: 'console' });
      if (read.result?.value instanceof Uint8Array) this.#heard += Buffer.from(read.result.value).toString();
      if (performance.now() > end) throw new Error(`the guest never said "${words}":\n${this.#heard}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.#heard = this.#heard.slice(this.#heard.indexOf(words) + words.length);
  }

  /** Types on the guest's console. */
  async types(line: string): Promise<void> {
    await this.give('io.write', { channel: 'console', value: Buffer.from(`${line}\r`) });
  }

  /** What the monitor has told of these events so far. */
  async happened(...names: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const name of names) {
      while ((await this.stranger.event(name, 20).catch(() => undefined)) !== undefined) found.push(name);
    }
    return found;
  }
}
