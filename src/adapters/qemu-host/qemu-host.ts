import { type Duration, milliseconds, NsError } from '../../base/index.ts';
import type { Clock, DriveSwitch, HostControl, LogSink, PowerSource } from '../../ports/index.ts';
import type { ChainControl } from '../../sata-chain/index.ts';
import type { ControlSocket } from '../control-socket.ts';
import { VmBmc } from '../vm-bmc.ts';
import type { ChainLife, QemuChainDisk } from './chain-disk.ts';
import type { QemuHostConfig } from './config.ts';
import { openQemuHostControl, type Pressed, pressButton } from './control.ts';
import { hostDrive } from './host-drive.ts';
import { Qmp } from './qmp.ts';
import { QmpDriveSwitch, type QmpDriveSwitchOptions } from './qmp-drive-switch.ts';
import { qmpSource, RunState } from './run-state.ts';
import { vmSource } from './vm-source.ts';
import { type QemuGuard, WakeGuard } from './wake-guard.ts';

export interface QemuHostOptions {
  readonly clock: Clock;
  readonly log: LogSink;
  /** Of each disk; 2 s by default. */
  readonly handBack?: Duration;
  /** Needed where a disk has members. */
  readonly chain?: ChainLife;
}

/** A QEMU machine as the host: all that a board is made of. */
export interface QemuHost {
  /** "qmp", which is required, and "vm-protocol". */
  readonly sources: readonly PowerSource[];
  readonly guard: QemuGuard;
  readonly control: HostControl;
  readonly switches: readonly DriveSwitch[];
  /** Disks that are chains of drives. */
  readonly chains: readonly ChainControl[];
  /** Presses the host's power button: what became of it. */
  press(): Promise<Pressed>;
  /** Where the guest's own software asks: give it the commands by `serve`. */
  readonly bmc: VmBmc;
  close(): Promise<void>;
}

const HAND_BACK = milliseconds(2000);

/**
 * Begins to watch and to guard a QEMU machine, whether it runs already or is started later. The paths of the configuration
 * must be absolute. NS_SOCKET_PATH, NS_VM_BMC, NS_CONTROL_SOCKET where a socket of ours cannot be made.
 */
export async function openQemuHost(config: QemuHostConfig, options: QemuHostOptions): Promise<QemuHost> {
  const { clock, log, handBack = HAND_BACK } = options;
  const bmc = await VmBmc.listen({ path: config.bmc, log });
  const qmp = new Qmp({ path: config.qmp, clock, log });
  await qmp.start();
  const runState = new RunState(qmp, clock);
  const parts = { qmp, runState, bmc, clock };
  const guard = new WakeGuard(parts, log);
  const control = hostDrive(parts, guard);
  const switches: (QmpDriveSwitch | QemuChainDisk)[] = [];
  const chains: ChainControl[] = [];
  const hand = { runState, guard, control };
  let buttons: ControlSocket | undefined;
  const close = async (): Promise<void> => {
    await buttons?.close();
    await Promise.all(switches.map((drive) => drive.close()));
    guard.close();
    runState.close();
    await qmp.close();
    await bmc.close();
  };
  try {
    for (const disk of config.disks) {
      const common = { disk: disk.name, node: disk.node ?? disk.name, qmp, clock, log, handBack };
      if (disk.image !== undefined) switches.push(new QmpDriveSwitch({ ...common, image: disk.image }));
      else {
        const chain = await openChain(disk, common, options.chain);
        switches.push(chain);
        chains.push(chain.control);
      }
    }
    await guard.start();
    if (config.control !== undefined) {
      buttons = await openQemuHostControl(hand, config.control);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    sources: [qmpSource(runState), vmSource(bmc)],
    guard,
    control,
    switches,
    chains,
    press: () => pressButton(hand),
    bmc,
    close,
  };
}

/** The chain's code is loaded where there is one. */
async function openChain(
  { name, members, layout, socket }: QemuHostConfig['disks'][number],
  common: Omit<QmpDriveSwitchOptions, 'image'>,
  life: ChainLife | undefined,
): Promise<QemuChainDisk> {
  if (life === undefined || members === undefined || socket === undefined) {
    throw new NsError('NS_CONFIG_INVALID', `${name} has no image, and no chain can be made here`, {
      family: 'caller',
    });
  }
  const { QemuChainDisk } = await import('./chain-disk.ts');
  const plain = members.map(({ image, serial, model }) => ({
    image,
    ...(serial === undefined ? {} : { serial }),
    ...(model === undefined ? {} : { model }),
  }));
  return QemuChainDisk.open({
    ...common,
    ...life,
    members: plain,
    socket,
    ...(layout === undefined ? {} : { layout }),
  });
}
