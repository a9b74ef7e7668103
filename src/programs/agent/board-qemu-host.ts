import { resolve } from 'node:path';
import { systemEntropy } from '../../adapters/entropy.ts';
import { ConsoleIo } from '../../adapters/host-console/console-io.ts';
import { openSocketConsole } from '../../adapters/host-console/socket-console.ts';
import { openQemuHost, parseQemuHostConfig, type QemuHostConfig } from '../../adapters/qemu-host/index.ts';
import { systemScheduler } from '../../adapters/system-scheduler.ts';
import { asNsError, milliseconds } from '../../base/index.ts';
import { FusedPower } from '../../bmc/index.ts';
import { type Board, needed } from './board.ts';

/** The one channel of board.json. */
const CONSOLE = 'console';
const STATES = ['S0', 'S3', 'S4', 'S5', 'G3'] as const;

function configOf(qemu: unknown, base: string): QemuHostConfig {
  const config = parseQemuHostConfig(needed(qemu, 'qemu', 'qemu-host'));
  const at = (path: string): string => resolve(base, path);
  return {
    ...config,
    qmp: at(config.qmp),
    bmc: at(config.bmc),
    ...(config.console === undefined ? {} : { console: at(config.console) }),
    ...(config.control === undefined ? {} : { control: at(config.control) }),
    disks: config.disks.map(({ image, members, socket, ...disk }) => ({
      ...disk,
      ...(image === undefined ? {} : { image: at(image) }),
      ...(members === undefined
        ? {}
        : { members: members.map((member) => ({ ...member, image: at(member.image) })) }),
      ...(socket === undefined ? {} : { socket: at(socket) }),
    })),
  };
}

/** A QEMU machine as the host: the agent is its external BMC, and has its hand on its disks. */
export const qemuHost: Board = {
  check: ({ qemu }) => void configOf(qemu, '/'),
  async open(description, { clock, log, base, store, qemu }) {
    const config = configOf(qemu, base);
    const host = await openQemuHost(config, {
      clock,
      log,
      handBack: milliseconds(description.handBackMs),
      chain: { scheduler: systemScheduler(), entropy: systemEntropy, state: store },
    });
    const power = new FusedPower({ sources: host.sources, guard: host.guard, states: STATES, clock, log });
    const console =
      config.console === undefined ? undefined : openSocketConsole({ path: config.console, clock, log });
    const io = console && new ConsoleIo(CONSOLE, console);
    return {
      description,
      power,
      control: host.control,
      switches: host.switches,
      chains: host.chains,
      hostInterface: {
        serve: (commands) => host.bmc.serve(commands),
        attention: (raised) => {
          host.bmc.order(raised ? 'attentionWithInterrupt' : 'clearAttention').catch((error: unknown) => {
            log.log('warn', 'bmc.attention', { error: asNsError(error).message });
          });
        },
      },
      ...(console === undefined ? {} : { console }),
      ...(io === undefined ? {} : { io }),
      close: async () => {
        power.close();
        io?.close();
        await console?.close();
        await host.close();
      },
    };
  },
};
