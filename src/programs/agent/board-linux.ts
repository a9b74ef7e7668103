import { JoinedIo } from '../../adapters/joined-io.ts';
import {
  GpioIo,
  type GpioLines,
  gadgetFiles,
  kernelFiles,
  type LinuxBoardConfig,
  openGpioLines,
  openWatchdog,
  parseLinuxBoardConfig,
  readI2c,
  takeStill,
  UsbGadget,
  WiredDrive,
} from '../../adapters/linux/index.ts';
import { openSerialLine } from '../../adapters/serial-line.ts';
import { milliseconds, NsError, seconds } from '../../base/index.ts';
import { FusedPower, PinHost, PinPowerSource } from '../../bmc/index.ts';
import type { BoardDescription, GpioLine, HostLines } from '../../board/index.ts';
import type { Channel, IoDevices, LogSink, Watchdog } from '../../ports/index.ts';
import type { Board, BoardParts, BoardSetting } from './board.ts';
import { type LinuxKernel, openChannels } from './board-linux-channels.ts';

/** Lines of the host as channels of our own: no order can name them. */
const lineChannel = (name: string, writable: boolean): Channel => ({
  name,
  kind: 'gpio',
  readable: true,
  writable,
  unit: 'state',
  minimum: 0,
  maximum: 1,
});

const LINGER = seconds(1);
const SIGNAL = 'signal:';
const BUTTON = 'button:';
const OUTPUTS = ['powerOut', 'resetOut', 'nmiOut'];

/** The kernel of this machine. */
export const LINUX_KERNEL: LinuxKernel = {
  openLines: openGpioLines,
  files: kernelFiles,
  readI2c,
  gadgetFiles,
  takeStill: takeStill(),
  openSerial: openSerialLine,
};

/** A board whose parts Linux has drivers for, put together as its description says. */
export const linuxBoard: Board = {
  check: ({ linux }, description) => void configOf(linux, hostOf(description)),
  open: (description, setting) => openLinuxBoard(description, setting, LINUX_KERNEL),
};

export async function openLinuxBoard(
  description: BoardDescription,
  setting: BoardSetting,
  kernel: LinuxKernel,
): Promise<BoardParts> {
  const { clock, log } = setting;
  const host = hostOf(description);
  const config = configOf(setting.linux, host);
  const lines = needsLines(description) ? await kernel.openLines(clock, log) : undefined;
  try {
    const hostIo = await openHostLines(host, lines);
    const { timing } = host;
    const pins = new PinHost({
      io: hostIo,
      buttons: buttonsOf(host),
      clock,
      ...(timing === undefined
        ? {}
        : {
            timing: {
              press: milliseconds(timing.powerPressMs),
              hold: milliseconds(timing.forceOffMs),
              reset: milliseconds(timing.resetPressMs),
            },
          }),
    });
    const power = new FusedPower({
      sources:
        host.signals.length === 0
          ? []
          : [
              new PinPowerSource(
                hostIo,
                // Which level is which is known below: what is active arrives as 1.
                host.signals.map(({ signal }) => ({ signal, channel: SIGNAL + signal, activeLow: false })),
              ),
            ],
      guard: pins,
      states: config.states ?? host.states,
      clock,
      log,
    });
    const switches = await openDrives(description, config, lines, setting);
    const { io, console, takeOver, closeIo } = await openChannels(description, lines, setting, kernel);
    await takeOver();
    return {
      description,
      power,
      ...(pins.actions.length === 0 ? {} : { control: pins }),
      switches,
      // Each way to us is a disk that the kernel finds anew, and an order may go there more than once.
      linger: LINGER,
      ...(io === undefined ? {} : { io }),
      ...(console === undefined ? {} : { console }),
      ...(description.gadget === undefined
        ? {}
        : { media: new UsbGadget(description.gadget.controller, kernel.gadgetFiles) }),
      bench: { files: kernel.files, ...(lines === undefined ? {} : { lines }) },
      ...(description.watchdog === undefined ? {} : { openWatchdog: () => openWatchdogOf(description, log) }),
      close: async () => {
        power.close();
        pins.close();
        for (const drive of switches) await drive.close();
        await closeIo();
        await lines?.close();
      },
    };
  } catch (error) {
    await lines?.close();
    throw error;
  }
}

export function hostOf({ name, host }: BoardDescription): HostLines {
  if (host !== undefined) return host;
  throw new NsError('NS_CONFIG_INVALID', `the board ${name} says nothing of its host`, { family: 'caller' });
}

export function configOf(linux: unknown, host: HostLines): LinuxBoardConfig {
  const config = parseLinuxBoardConfig(linux);
  for (const state of config.states ?? [])
    if (!host.states.includes(state))
      throw new NsError('NS_CONFIG_INVALID', `linux.states: this board's host has no ${state}`, {
        family: 'caller',
      });
  for (const { name } of config.disks ?? [])
    if (!host.disks.some((disk) => disk.name === name))
      throw new NsError('NS_CONFIG_INVALID', `linux.disks: this board has no ${name}`, { family: 'caller' });
  return config;
}

function needsLines({ channels, host }: BoardDescription): boolean {
  if (host === undefined) return false;
  const { signals, buttons = {}, disks } = host;
  return (
    signals.length > 0 ||
    Object.keys(buttons).length > 0 ||
    disks.some((disk) => disk.switch !== undefined) ||
    channels.some(({ at }) => at?.on === 'gpio')
  );
}

async function openHostLines(
  { signals, buttons = {} }: HostLines,
  lines: GpioLines | undefined,
): Promise<IoDevices> {
  if (lines === undefined) return new JoinedIo([]);
  return await GpioIo.open(lines, [
    ...signals.map(({ signal, gpio }) => ({ channel: lineChannel(SIGNAL + signal, false), line: gpio })),
    ...Object.entries(buttons).flatMap(([name, line]: [string, GpioLine | undefined]) =>
      line === undefined ? [] : [{ channel: lineChannel(BUTTON + name, OUTPUTS.includes(name)), line }],
    ),
  ]);
}

function buttonsOf({ buttons = {} }: HostLines) {
  const { powerIn, powerOut, resetIn, resetOut, nmiOut } = buttons;
  return {
    ...(powerIn === undefined ? {} : { powerIn: `${BUTTON}powerIn` }),
    ...(powerOut === undefined ? {} : { powerOut: `${BUTTON}powerOut` }),
    ...(resetIn === undefined ? {} : { resetIn: `${BUTTON}resetIn` }),
    ...(resetOut === undefined ? {} : { resetOut: `${BUTTON}resetOut` }),
    ...(nmiOut === undefined ? {} : { nmiOut: `${BUTTON}nmiOut` }),
  };
}

async function openDrives(
  { host, handBackMs }: BoardDescription,
  config: LinuxBoardConfig,
  lines: GpioLines | undefined,
  { clock, log }: BoardSetting,
): Promise<WiredDrive[]> {
  const drives: WiredDrive[] = [];
  for (const disk of host?.disks ?? []) {
    const line = disk.switch === undefined ? undefined : await lines?.hold(disk.switch, 'output');
    drives.push(
      new WiredDrive({
        disk: disk.name,
        path: config.disks?.find(({ name }) => name === disk.name)?.path ?? disk.path,
        ...(line === undefined ? {} : { line }),
        ownPower: disk.power === 'own',
        settle: milliseconds(disk.settleMs),
        handBack: milliseconds(handBackMs),
        clock,
        log,
      }),
    );
  }
  return drives;
}

async function openWatchdogOf({ watchdog }: BoardDescription, log: LogSink): Promise<Watchdog | undefined> {
  if (watchdog === undefined) return undefined;
  const { path, driver, timeoutSeconds } = watchdog;
  return openWatchdog({ path, driver, timeout: seconds(timeoutSeconds), log });
}
