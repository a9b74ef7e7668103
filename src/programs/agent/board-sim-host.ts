import { resolve } from 'node:path';
import { uartConsole } from '../../adapters/host-console/uart-console.ts';
import { openSimControl, parseSimConfig, type SimConfig, SimMachine } from '../../adapters/sim/index.ts';
import { boardChannels } from '../../board/index.ts';
import { type Board, needed } from './board.ts';

/** The channel that stands for the host's serial console. */
const CONSOLE = 'console';

const configOf = (sim: unknown): SimConfig => parseSimConfig(needed(sim, 'sim', 'sim-host'));

/** A host that exists only as a program. */
export const simHost: Board = {
  check: ({ sim }) => void configOf(sim),
  async open(description, { clock, store, log, base, sim }) {
    const parsed = configOf(sim);
    const config = {
      ...parsed,
      disks: parsed.disks.map(({ image, members, ...disk }) => ({
        ...disk,
        ...(image === undefined ? {} : { image: resolve(base, image) }),
        ...(members === undefined
          ? {}
          : { members: members.map((member) => ({ ...member, image: resolve(base, member.image) })) }),
      })),
      ...(parsed.uartLog === undefined ? {} : { uartLog: resolve(base, parsed.uartLog) }),
    };
    // The chain's code is loaded where there is one: most devices have none.
    const { SimChainDisk } = config.disks.some(({ members }) => members !== undefined)
      ? await import('../../adapters/sim/chain-disk.ts')
      : {};
    const machine = new SimMachine({
      config,
      clock,
      channels: boardChannels(description),
      handBackMs: description.handBackMs,
      // The agent runs on the power that was cut: it ends as abruptly as the machine.
      onPowerCut: () => process.kill(process.pid, 'SIGKILL'),
      chainState: store,
      driveState: store,
      ...(SimChainDisk === undefined ? {} : { chainDisk: (options) => new SimChainDisk(options) }),
      log,
    });
    await machine.start();
    const control =
      config.control === undefined ? undefined : await openSimControl(machine, resolve(base, config.control));
    return {
      description,
      power: machine.host,
      control: machine.host,
      boot: machine.boot,
      switches: machine.drives,
      security: machine.bays,
      memory: machine.memory,
      io: machine.io,
      console: uartConsole(machine.io, CONSOLE),
      chains: machine.chains.map(({ control }) => control),
      close: async () => {
        await control?.close();
        await machine.close();
      },
    };
  },
};
