import { ConsoleIo } from '../../adapters/host-console/console-io.ts';
import { serialConsole } from '../../adapters/host-console/serial-console.ts';
import { JoinedIo } from '../../adapters/joined-io.ts';
import {
  CameraIo,
  type GadgetFiles,
  GnssIo,
  GpioIo,
  type GpioLines,
  I2cIo,
  type I2cRead,
  type KernelFiles,
  PwmIo,
  SysfsIo,
  type TakeStill,
} from '../../adapters/linux/index.ts';
import type { openSerialLine } from '../../adapters/serial-line.ts';
import { asNsError } from '../../base/index.ts';
import { type BoardDescription, boardChannels } from '../../board/index.ts';
import type { HostConsole } from '../../ipmi/index.ts';
import type { Clock, IoDevices, LogSink } from '../../ports/index.ts';
import type { BoardSetting } from './board.ts';

/** What a board meets of the kernel. */
export interface LinuxKernel {
  readonly openLines: (clock: Clock, log: LogSink) => Promise<GpioLines>;
  readonly files: KernelFiles;
  readonly readI2c: I2cRead;
  readonly takeStill: TakeStill;
  readonly openSerial: typeof openSerialLine;
  readonly gadgetFiles: GadgetFiles;
}

export interface OpenChannels {
  readonly io?: IoDevices;
  readonly console?: HostConsole;
  /** For the agent alone: puts right what one before it left. */
  readonly takeOver: () => Promise<void>;
  readonly closeIo: () => Promise<void>;
}

/** The enrolled channels. A serial line that is not there is told of, and missing: it keeps no device from starting. */
export async function openChannels(
  description: BoardDescription,
  lines: GpioLines | undefined,
  { clock, log }: BoardSetting,
  { files, readI2c, takeStill, openSerial }: LinuxKernel,
): Promise<OpenChannels> {
  const parts: IoDevices[] = [];
  const closing: (() => Promise<void>)[] = [];
  const gpio = [];
  const sysfs = [];
  const fans = [];
  const chips = [];
  const cameras = [];
  let takeOver = async (): Promise<void> => {};
  let hostConsole: HostConsole | undefined;
  const channels = boardChannels(description);
  for (const [index, { at }] of description.channels.entries()) {
    const channel = channels[index];
    if (channel === undefined || at === undefined) continue;
    switch (at.on) {
      case 'gpio':
        gpio.push({ channel, line: at });
        break;
      case 'hwmon':
      case 'led':
      case 'eeprom':
        sysfs.push({ channel, at });
        break;
      case 'pwm':
        fans.push({ channel, at });
        break;
      case 'i2c':
        chips.push({ channel, at });
        break;
      case 'camera':
        cameras.push({ channel, at });
        break;
      case 'gnss': {
        const receiver = new GnssIo({
          channel,
          open: () => openSerial(at.path, { baudRate: at.baud }),
          clock,
        });
        parts.push(receiver);
        closing.push(() => receiver.close());
        break;
      }
      case 'uart': {
        const line = await openSerial(at.path, { baudRate: at.baud }).catch((error: unknown) => {
          log.log('warn', 'linux.uart-missing', {
            path: at.path,
            error: asNsError(error, 'NS_SERIAL').message,
          });
          return undefined;
        });
        if (line === undefined) break;
        const console = serialConsole(line);
        const io = new ConsoleIo(channel.name, console);
        hostConsole ??= console;
        parts.push(io);
        closing.push(async () => {
          io.close();
          await line.close();
        });
        break;
      }
    }
  }
  if (gpio.length > 0 && lines !== undefined) parts.push(await GpioIo.open(lines, gpio));
  if (sysfs.length > 0) parts.push(new SysfsIo(sysfs, files, clock));
  if (fans.length > 0) {
    const pwm = new PwmIo({ wanted: fans, files, clock, log });
    parts.push(pwm);
    closing.push(() => pwm.close());
    takeOver = () => pwm.takeOver();
  }
  if (cameras.length > 0) parts.push(new CameraIo(cameras, files, clock, takeStill));
  if (chips.length > 0) parts.push(new I2cIo(chips, files, clock, readI2c));
  return {
    ...(parts.length === 0 ? {} : { io: new JoinedIo(parts) }),
    ...(hostConsole === undefined ? {} : { console: hostConsole }),
    takeOver: () => takeOver(),
    closeIo: async () => {
      for (const close of closing) await close();
    },
  };
}
