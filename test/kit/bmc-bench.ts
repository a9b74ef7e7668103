import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import type { Caller } from '../../src/ipmi/bmc/command.ts';
import { type BmcCommandSetOptions, bmcCommandSet } from '../../src/ipmi/bmc/commands/index.ts';
import { BmcCommands } from '../../src/ipmi/bmc/dispatch.ts';
import { SelStore } from '../../src/ipmi/bmc/sel-store.ts';
import { type Carrier, IpmiClient, type Level } from '../../src/ipmi/index.ts';
import type { StateStore } from '../../src/ports/index.ts';
import { hex } from './canned-carrier.ts';
import { FakeBmcMachine } from './fake-bmc-machine.ts';
import { MemoryState } from './memory-state.ts';

/** A user with a session that goes nowhere. */
export function aUser(level: Level = 'administrator'): Caller {
  const session = {
    handle: 1,
    limit: level,
    peer: '127.0.0.1:50000',
    setLevel: () => {},
    close: () => {},
    send: () => {},
    onPayload: () => () => {},
    onClose: () => () => {},
  };
  return { is: 'user', name: 'tester', level, session };
}

export const HOST: Caller = { is: 'host' };

export interface BmcBenchOptions extends Partial<Omit<BmcCommandSetOptions, 'machine'>> {
  readonly store?: StateStore;
  readonly machine?: FakeBmcMachine;
}

/** A BMC side over a machine in memory, on a virtual clock. */
export async function bmcBench(options: BmcBenchOptions = {}) {
  const clock = new VirtualClock();
  const machine = options.machine ?? new FakeBmcMachine();
  const lines: string[] = [];
  const log = { log: (level: string, event: string) => lines.push(`${level} ${event}`) };
  const store = options.store ?? new MemoryState();
  const sel = options.sel ?? (await SelStore.open({ store, clock, log }));
  const life = new AbortController();
  const commands = bmcCommandSet({ clock, log, sel, life: life.signal, ...options, machine });
  const bmc = new BmcCommands({ commands, clock, log });

  const ask = async (netFn: number, command: number, data: Uint8Array | string = '', caller = aUser()) => {
    const bytes = typeof data === 'string' ? hex(data) : data;
    return clock.settle(bmc.answer({ netFn, command, lun: 0, data: bytes }, caller), clock.monotonic());
  };
  /** Our own client, with the BMC in the same process. */
  const client = (caller = aUser()): IpmiClient => {
    const carrier: Carrier = {
      carry: ({ netFn, command, lun = 0, data }) => bmc.answer({ netFn, command, lun, data }, caller),
    };
    return new IpmiClient({ carrier, clock });
  };
  return { clock, machine, lines, log, store, sel, life, commands, bmc, ask, client };
}
