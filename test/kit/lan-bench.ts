import { SeededEntropy, VirtualClock } from '../../src/adapters/sim/index.ts';
import { type Duration, milliseconds, NsError, seconds, utf8 } from '../../src/base/index.ts';
import type { BmcCommand, CallerSession } from '../../src/ipmi/bmc/command.ts';
import {
  BmcCommands,
  type CipherSuiteId,
  IpmiClient,
  LanCarrier,
  LanChannel,
  type LanChannelOptions,
  type LanEvent,
  LanResponder,
  type Level,
  lanCommands,
  userKey,
} from '../../src/ipmi/index.ts';
import type { Entropy } from '../../src/ports/index.ts';
import { hex } from './canned-carrier.ts';
import { DatagramNet, type FakeConsole } from './datagram-net.ts';

export const LAN_USERS = {
  admin: { id: 2, password: 's3cret-pw', level: 'administrator' },
  oper: { id: 3, password: 'twenty-bytes-long-pw', level: 'operator' },
  viewer: { id: 7, password: 'v', level: 'user' },
} as const;

export const LAN_GUID = hex('a123456789abcdefa123456789abcdef');

export const lanAccounts = (Object.keys(LAN_USERS) as (keyof typeof LAN_USERS)[]).map((name) => ({
  name,
  id: LAN_USERS[name].id,
  key: userKey(utf8(LAN_USERS[name].password)),
  level: LAN_USERS[name].level,
}));

export interface LanBenchOptions extends Partial<LanChannelOptions> {
  readonly entropy?: Entropy;
  readonly commands?: readonly BmcCommand[];
}

export interface LanClientOptions {
  readonly password?: string;
  readonly suites?: readonly CipherSuiteId[];
  readonly level?: Level;
  readonly bmcKey?: string;
  readonly address?: string;
  readonly patience?: { readonly first: Duration; readonly tries: number; readonly total: Duration };
}

/** A LAN responder on a network in memory and a virtual clock, with a deed (netFn 0, command 2) that is counted. */
export function lanBench(options: LanBenchOptions = {}) {
  const clock = new VirtualClock();
  const net = new DatagramNet();
  const events: LanEvent[] = [];
  const lines: string[] = [];
  const log = { log: (level: string, event: string) => lines.push(`${level} ${event}`) };
  const deeds: string[] = [];
  const callers: CallerSession[] = [];
  const channel = new LanChannel({ accounts: lanAccounts, suites: [17, 3], guid: LAN_GUID, ...options });
  const commands = new BmcCommands({
    clock,
    log,
    commands: [
      ...lanCommands(channel),
      {
        name: 'Get Device ID',
        netFn: 6,
        code: 1,
        from: { user: 'user', host: true },
        answer(_, caller) {
          if (caller.is === 'user') callers.push(caller.session);
          return hex('20 01 02 17 02 bf 11 92 00 0f f0');
        },
      },
      {
        name: 'Get Chassis Status',
        netFn: 0,
        code: 1,
        from: { user: 'user' },
        answer: () => hex('21 10 40'),
      },
      {
        name: 'Chassis Control',
        netFn: 0,
        code: 2,
        from: { user: 'operator' },
        answer(data, caller) {
          deeds.push(`${caller.is === 'user' ? caller.name : caller.is} ${data.u8(0)}`);
          return new Uint8Array(0);
        },
      },
      ...(options.commands ?? []),
    ],
  });
  const responder = new LanResponder({
    channel,
    server: net,
    commands,
    clock,
    entropy: options.entropy ?? new SeededEntropy(9),
    log,
    onEvent: (event) => events.push(event),
  });
  let seed = 100;

  /** Our own client; `consoles` holds the sockets that it has opened. */
  const client = (user: string, how: LanClientOptions = {}) => {
    const consoles: FakeConsole[] = [];
    const known = Object.hasOwn(LAN_USERS, user) ? LAN_USERS[user as keyof typeof LAN_USERS] : undefined;
    seed += 1;
    const carrier = new LanCarrier({
      openDatagram: async () => {
        const console = net.console(how.address);
        consoles.push(console);
        return console;
      },
      clock,
      entropy: new SeededEntropy(seed),
      login: {
        user,
        key: userKey(utf8(how.password ?? known?.password ?? 'x')),
        level: how.level ?? known?.level ?? 'administrator',
        ...(how.bmcKey === undefined ? {} : { bmcKey: userKey(utf8(how.bmcKey)) }),
      },
      suites: how.suites ?? [17],
      patience: how.patience ?? { first: milliseconds(200), tries: 4, total: seconds(3) },
      idle: seconds(50),
    });
    const ipmi = new IpmiClient({ carrier, clock, close: () => carrier.close() });
    return { ipmi, consoles };
  };
  const settle = <T>(promise: Promise<T>): Promise<T> => clock.settle(promise, seconds(120));
  const last = (): CallerSession => {
    const found = callers.at(-1);
    if (found === undefined) throw new NsError('NS_INTERNAL', 'nobody has asked yet');
    return found;
  };
  return { clock, net, events, lines, deeds, channel, commands, responder, client, settle, last };
}
