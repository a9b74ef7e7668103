import { type Duration, milliseconds } from '../../base/index.ts';
import type { Clock, DriveSwitch, HostControl, LogSink, PowerSource } from '../../ports/index.ts';
import type { ControlSocket } from '../control-socket.ts';
import { VmBmc } from '../vm-bmc.ts';
import type { QemuHostConfig } from './config.ts';
import { openQemuHostControl, type Pressed, pressButton } from './control.ts';
import { hostDrive } from './host-drive.ts';
import { Qmp } from './qmp.ts';
import { QmpDriveSwitch } from './qmp-drive-switch.ts';
import { qmpSource, RunState } from './run-state.ts';
import { vmSource } from './vm-source.ts';
import { type QemuGuard, WakeGuard } from './wake-guard.ts';

export interface QemuHostOptions {
  readonly clock: Clock;
  readonly log: LogSink;
  /** Of each disk; 2 s by default. */
  readonly handBack?: Duration;
}

/** A QEMU machine as the host: all that a board is made of. */
export interface QemuHost {
  /** "qmp", which is required, and "vm-protocol". */
  readonly sources: readonly PowerSource[];
  readonly guard: QemuGuard;
  readonly control: HostControl;
  readonly switches: readonly DriveSwitch[];
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
  const switches = config.disks.map(
    ({ name, image, node = name }) =>
      new QmpDriveSwitch({ disk: name, image, node, qmp, clock, log, handBack }),
  );
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
    press: () => pressButton(hand),
    bmc,
    close,
  };
}
