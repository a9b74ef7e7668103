import { btBmc } from '../../adapters/local-ipmi/bt-bmc.ts';
import type { HostDoor } from '../../adapters/local-ipmi/host-door.ts';
import { kcsBmc } from '../../adapters/local-ipmi/kcs-bmc.ts';
import { utf8 } from '../../base/index.ts';
import type { BoardDescription } from '../../board/index.ts';
import {
  auditRecords,
  type BmcAccount,
  BmcCommands,
  bmcCommandSet,
  bmcKeyFrom,
  LanChannel,
  lanCommands,
  powerRecords,
  SelStore,
  solCommands,
  userKey,
} from '../../ipmi/index.ts';
import type { LogSink, PowerReading } from '../../ports/index.ts';
import { LoginNotes, note } from './bmc-audit.ts';
import { BmcListener } from './bmc-listener.ts';
import { bmcMachine } from './bmc-machine.ts';
import { KeptBootFlags } from './boot-flags.ts';
import type { BmcConfig, HostInterfaceConfig } from './config-ipmi.ts';
import { lanFacts } from './lan-facts.ts';
import type { Machine } from './machine.ts';
import { madeOf } from './secret.ts';

export interface DeviceBmcOptions {
  readonly machine: Machine;
  /** Without it nobody on a network is answered: only the host itself, where the board has a way for it. */
  readonly config: BmcConfig | undefined;
  /** The board's own where absent. */
  readonly hostInterface: HostInterfaceConfig | undefined;
  readonly device: string;
  readonly log: LogSink;
}

export interface DeviceBmc {
  close(): Promise<void>;
}

/** User 1 has no name, and never gets in. */
const FIRST_USER = 2;

/** The BMC side of this device: to the fleet's other tools over the LAN, and to the host itself. */
export async function openDeviceBmc({
  machine,
  config,
  hostInterface,
  device,
  log,
}: DeviceBmcOptions): Promise<DeviceBmc> {
  const { clock, store, audit, board, power } = machine;
  const life = new AbortController();
  const now = await power.read().catch(() => undefined);
  const bootFlags = await KeptBootFlags.open({ store, clock, log });
  const { console } = board;
  const own = bmcMachine({ machine, device, log, now, bootFlags, ...(console && { console }) });
  const sel = await SelStore.open({ store, clock, log });
  const channel = config && (await channelOf(config, own.identity.systemGuid, log));
  const doors: HostDoor[] = [];
  const commands = new BmcCommands({
    commands: [
      ...bmcCommandSet({
        machine: own,
        sel,
        clock,
        log,
        life: life.signal,
        attention: (raised) => {
          for (const one of [board.hostInterface, ...doors]) one?.attention(raised);
        },
        ...(config === undefined ? {} : { lan: () => lanFacts(config) }),
      }),
      ...(channel === undefined ? [] : lanCommands(channel)),
      ...(board.console === undefined || config === undefined
        ? []
        : solCommands({ console: board.console, port: config.port, clock, log, level: config.consoleLevel })),
    ],
    clock,
    log,
  });
  const stops = [
    audit.onAppended((entry) => {
      for (const { record, ...when } of auditRecords(entry, own.identity.manufacturer)) sel.add(record, when);
    }),
    power.onChange(powerFeed(sel, now)),
  ];
  board.hostInterface?.serve(commands);
  const { kcs, bt } = hostInterface ?? devicesOf(board.description);
  const door = { commands, clock, log };
  doors.push(...kcs.map((path) => kcsBmc(path, door)), ...bt.map((path) => btBmc(path, door)));
  const logins = new LoginNotes(clock);
  const lans =
    config === undefined || channel === undefined
      ? []
      : config.listen.map(
          (host) =>
            new BmcListener({
              address: { host, port: config.port },
              channel,
              commands,
              clock,
              log,
              onEvent: (event) => {
                const entry = logins.take(event);
                if (entry !== undefined) note(machine, log, entry);
              },
            }),
        );
  return {
    close: async () => {
      life.abort(new Error('the BMC side is closed'));
      for (const stop of stops) stop();
      await Promise.all([...doors, ...lans].map((one) => one.close()));
      await Promise.all([sel.close(), bootFlags.close()]);
    },
  };
}

function devicesOf({ hostInterface: { kcs, bt } = {} }: BoardDescription): HostInterfaceConfig {
  return { kcs: kcs === undefined ? [] : [kcs], bt: bt === undefined ? [] : [bt] };
}

/** Reads the files of secrets that it names, and judges the rest; opens nothing. NS_CONFIG_INVALID. */
export async function checkBmc(config: BmcConfig, log: LogSink): Promise<void> {
  await channelOf(config, new Uint8Array(16), log);
}

async function channelOf(config: BmcConfig, guid: Uint8Array, log: LogSink): Promise<LanChannel> {
  const accounts: BmcAccount[] = [];
  for (const [index, { name, passwordFile, level }] of config.accounts.entries()) {
    const key = await madeOf(passwordFile, log, (password) => userKey(utf8(password)));
    accounts.push({ id: FIRST_USER + index, name, level, key });
  }
  const { bmcKeyFile } = config;
  const bmcKey = bmcKeyFile === undefined ? undefined : await madeOf(bmcKeyFile, log, bmcKeyFrom);
  return new LanChannel({
    accounts,
    suites: config.suites,
    guid,
    ...(bmcKey === undefined ? {} : { bmcKey }),
  });
}

/** Each change of the host's power in the event log: as one of many, since a host changes it as often as it likes. */
function powerFeed(sel: SelStore, first: PowerReading | undefined): (reading: PowerReading) => void {
  let before = first;
  return (reading) => {
    for (const record of powerRecords(before, reading)) sel.add(record, { passing: true });
    before = reading;
  };
}
