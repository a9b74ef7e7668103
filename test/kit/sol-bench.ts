import { SeededEntropy, VirtualClock } from '../../src/adapters/sim/index.ts';
import { milliseconds, seconds } from '../../src/base/index.ts';
import {
  BmcCommands,
  IpmiClient,
  LanCarrier,
  LanChannel,
  LanResponder,
  type Level,
  lanCommands,
  openSol,
  type SolCommandOptions,
  solCommands,
} from '../../src/ipmi/index.ts';
import { DatagramNet } from './datagram-net.ts';
import { FakeHostConsole } from './fake-host-console.ts';
import { LAN_GUID, LAN_USERS, lanAccounts } from './lan-bench.ts';

/** A BMC with a host's console, on a network in memory and a virtual clock, and our own clients of it. */
export function solBench(options: Partial<SolCommandOptions> = {}) {
  const clock = new VirtualClock();
  const net = new DatagramNet();
  const host = new FakeHostConsole();
  const lines: string[] = [];
  const log = {
    log(_: string, event: string, fields: Readonly<Record<string, string | number | boolean>> = {}) {
      lines.push(
        [event, fields.user ?? fields.by, fields.why].filter((part) => part !== undefined).join(' '),
      );
    },
  };
  const channel = new LanChannel({ accounts: lanAccounts, guid: LAN_GUID });
  const commands = new BmcCommands({
    clock,
    log,
    commands: [
      ...lanCommands(channel),
      ...solCommands({ console: host, port: net.local.port, clock, log, ...options }),
    ],
  });
  const responder = new LanResponder({
    channel,
    server: net,
    commands,
    clock,
    entropy: new SeededEntropy(9),
    log,
  });
  let seed = 100;
  const client = (
    user: keyof typeof LAN_USERS = 'admin',
    level: Level = LAN_USERS[user].level,
  ): IpmiClient => {
    const login = lanAccounts.find(({ name }) => name === user)!;
    seed += 1;
    const carrier = new LanCarrier({
      openDatagram: async () => net.console(),
      clock,
      entropy: new SeededEntropy(seed),
      login: { user, key: login.key, level },
      suites: [17],
      patience: { first: milliseconds(200), tries: 6, total: seconds(5) },
      idle: seconds(50),
    });
    return new IpmiClient({
      carrier,
      clock,
      sol: (sol, signal) => openSol((until) => carrier.openSession(until), clock, sol, signal),
      close: () => carrier.close(),
    });
  };
  const settle = <T>(promise: Promise<T>): Promise<T> => clock.settle(promise, seconds(300));
  return { clock, net, host, lines, channel, commands, responder, client, settle };
}
