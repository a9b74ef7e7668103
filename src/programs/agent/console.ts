import { qrModules } from '../../adapters/qr-code.ts';
import { openSerialLine } from '../../adapters/serial-line.ts';
import { asNsError, minutes, seconds } from '../../base/index.ts';
import {
  type ConsoleCommand,
  ConsoleSession,
  type ConsoleStatus,
  helpCommand,
  loginCommand,
  logoutCommand,
  menuCommand,
  Seat,
  statusCommand,
  terminalCommand,
  unlockCommand,
} from '../../console/index.ts';
import type { LogSink, MessageBus, SerialLine, Stop } from '../../ports/index.ts';
import type { Order } from '../../protocol/index.ts';
import type { KeyringView, LoginDesk, ReleaseDesk } from '../../security/index.ts';
import type { DeviceIdentity, TaskDesk } from '../../tasks/index.ts';
import { BrokerLink, enrolCommand } from './console-about.ts';
import type { ConsoleBlocks } from './console-blocks.ts';
import { fullStatus, orderCommands } from './console-commands.ts';
import { openLogins, openRelease, powerOf } from './console-desks.ts';
import { orderAtConsole } from './console-order.ts';
import { SerialPrinter } from './console-printer.ts';
import { ConsoleTransfers } from './console-transfer.ts';
import type { Machine } from './machine.ts';
import type { RecentLog } from './recent-log.ts';

export interface ConsoleConfig {
  readonly path: string;
  readonly baud: number;
  /** How the host's console is joined: host-console.ts judges it. */
  readonly host?: unknown;
}

export interface DeviceConsoleParts {
  readonly config: ConsoleConfig;
  /** Directory with the device's key. */
  readonly state: string;
  readonly machine: Machine;
  readonly keyring: KeyringView;
  readonly identity: DeviceIdentity;
  readonly bus: Pick<MessageBus, 'onState'>;
  /** By which time the ends of grants are judged. */
  readonly timeFor: (order: Pick<Order, 'verb'>) => number;
  readonly desk: TaskDesk;
  /** Takes what nobody holds, of what tasks claim by name too. */
  readonly tryClaim: (name: string) => (() => void) | undefined;
  /** The highest counter of a taken order by this key, or in this window of a right that was passed on; 0 where there is none. */
  readonly lastCounter: (keyId: Uint8Array) => number;
  /** A nonce of this device, for orders that go by no wall clock. */
  readonly giveNonce: () => Uint8Array;
  readonly log: LogSink;
  readonly recent: RecentLog;
  /** URL of the broker. */
  readonly broker: string;
  readonly openLine?: (path: string, baud: number) => Promise<SerialLine>;
  /** The way of blocks, on which orders that are given here have their own. */
  readonly blocks: ConsoleBlocks;
  /** The largest file that is put over the line, in bytes. */
  readonly largestFile: number;
}

/** The front door that needs no network. */
export interface DeviceConsole {
  close(): Promise<void>;
}

/** Whoever is silent for so long is taken to have left. */
const IDLE = minutes(15);
const FIRST_PAUSE = seconds(1);
const LONGEST_PAUSE = seconds(30);

const realLine = (path: string, baudRate: number): Promise<SerialLine> => openSerialLine(path, { baudRate });

/** Opens the console on its line, and again whenever the line was away. A line that is not there keeps no device from starting. */
export async function openDeviceConsole(parts: DeviceConsoleParts): Promise<DeviceConsole> {
  const { machine, log } = parts;
  const release = await openRelease(parts);
  const logins = await openLogins(parts);
  const link = new BrokerLink(parts.bus, machine.clock);
  const status = async (): Promise<ConsoleStatus> => {
    const { state, version } = await machine.lockout.status();
    const power = await powerOf(machine);
    const challenged = (await release?.pending()) ?? false;
    return { device: parts.identity.device, lock: { state, version }, power, network: link.up, challenged };
  };
  const over = new AbortController();
  const { clock, store } = machine;
  const { largestFile: largest, tryClaim } = parts;
  const transfers = new ConsoleTransfers({ store, clock, log, largest, tryClaim });
  const running = keepOpen(parts, over.signal, (line) =>
    serve(line, { ...parts, release, logins, status, link, transfers }, over.signal),
  );
  return {
    close: async () => {
      over.abort(new Error('the agent is stopping'));
      link.close();
      await running.catch((error: unknown) =>
        log.log('error', 'console.failed', { error: asNsError(error).message }),
      );
      await transfers.close();
    },
  };
}

/** Ends when the signal aborts. */
async function keepOpen(
  { config, machine: { clock }, log, openLine = realLine }: DeviceConsoleParts,
  signal: AbortSignal,
  serveLine: (line: SerialLine) => Promise<void>,
): Promise<void> {
  let pause: number = FIRST_PAUSE;
  let said = '';
  while (!signal.aborted) {
    try {
      const line = await openLine(config.path, config.baud);
      log.log('info', 'console.open', { path: config.path });
      pause = FIRST_PAUSE;
      said = '';
      await serveLine(line);
    } catch (error) {
      const { message } = asNsError(error);
      // Said once, however long it stays away.
      if (message !== said) log.log('warn', 'console.line-failed', { path: config.path, error: message });
      said = message;
    }
    await clock.sleep(seconds(pause / 1000), signal).catch(() => undefined);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

interface Served extends DeviceConsoleParts {
  readonly printer: SerialPrinter;
  readonly line: SerialLine;
  readonly release: ReleaseDesk | undefined;
  readonly logins: LoginDesk;
  readonly transfers: ConsoleTransfers;
  readonly link: BrokerLink;
  readonly status: () => Promise<ConsoleStatus>;
}

/** One console, until the line hangs up or the agent stops. */
async function serve(
  line: SerialLine,
  shared: Omit<Served, 'printer' | 'line'>,
  signal: AbortSignal,
): Promise<void> {
  const { machine, identity, release, log } = shared;
  const { clock, audit } = machine;
  const printer = new SerialPrinter(line);
  const parts = { ...shared, printer, line };
  const seat = new Seat((event, detail) =>
    audit
      .append({ at: clock.wallSeconds(), event, detail })
      .catch((error: unknown) => log.log('error', 'audit-failed', { error: asNsError(error).message })),
  );
  let why = 'left';
  const session = new ConsoleSession({
    commands: () => commandsFor(parts, seat),
    banner: [`Nightshift ${identity.version} on ${identity.device}. "help" lists the commands.`],
    prompt: () => `${seat.session === undefined ? '' : `${seat.session.name}@`}${identity.device}> `,
    write: (text) => printer.print(text),
    onLeave: () => {
      seat.leave(why);
      why = 'left';
      release?.forget();
    },
  });
  let idle: Stop = () => undefined;
  const stopData = line.onData((bytes) => {
    idle();
    idle = clock.after(IDLE, () => {
      why = 'idle for 15 minutes';
      session.leave();
    });
    session.receive(bytes);
  });
  session.start();
  await new Promise<void>((resolve) => {
    line.onHangUp(() => resolve());
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  idle();
  stopData();
  why = signal.aborted ? 'the agent stopped' : 'the line hung up';
  await session.close();
  await seat.written;
  await printer.close();
  await line.close();
}

/** What somebody may type at this moment; the rules of orders are not here, but at the desk. */
function commandsFor(parts: Served, seat: Seat): readonly ConsoleCommand[] {
  const commands = ownCommands(parts, seat);
  const menu = menuCommand(() => ownCommands(parts, seat));
  const help = helpCommand(() => [...commands, menu, help]);
  return [...commands, menu, help];
}

function ownCommands(parts: Served, seat: Seat): readonly ConsoleCommand[] {
  const { machine, identity, release, logins, status, line, printer } = parts;
  const orders = {
    ...parts,
    clock: machine.clock,
    deviceKey: machine.keyStore.publicKey,
    terminal: printer,
    where: line.name,
  };
  const order = (text: string) => orderAtConsole(text, orders);
  const { session } = seat;
  const brief = statusCommand(status);
  return [
    session === undefined ? brief : fullStatus(brief, orders, session),
    ...(release === undefined
      ? []
      : [unlockCommand({ device: identity.device, desk: release, qr: qrModules, order })]),
    ...(session === undefined
      ? [loginCommand(logins, seat)]
      : [...orderCommands(orders, session), logoutCommand(seat)]),
    enrolCommand(orders),
    terminalCommand,
  ];
}
