import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import type { GpioLines } from '../../adapters/linux/index.ts';
import { silentLog } from '../../adapters/log.ts';
import { asNsError } from '../../base/index.ts';
import { PinPowerSource } from '../../bmc/index.ts';
import { type BoardDescription, type FlashLayout, flashLayout, testedLines } from '../../board/index.ts';
import type { Channel, Clock, DriveSwitch, IoDevices, PowerClaim } from '../../ports/index.ts';
import { RELEASED } from '../version.ts';
import { configOf, hostOf } from './board-linux.ts';
import { type LinuxKernel, openChannels } from './board-linux-channels.ts';
import { lookAtMachine } from './board-test-kernel.ts';
import { type LineTrials, tryLines } from './board-test-lines.ts';
import type { BoardHands } from './board-test-run.ts';

export interface OpenHands {
  readonly hands: BoardHands;
  close(): Promise<void>;
}

/** The state directory of a board that Linux drives is left alone. */
const NO_STORE = undefined as never;

/**
 * How a program of its own looks at a board that Linux drives: each line is taken, read, let go, and taken once more. With `drive`
 * lights that are lines are held until it is closed.
 */
export async function openLinuxHands(
  description: BoardDescription,
  { linux, clock, drive }: { readonly linux: unknown; readonly clock: Clock; readonly drive: boolean },
  kernel: LinuxKernel,
): Promise<OpenHands> {
  const host = hostOf(description);
  const config = configOf(linux, host);
  const { compatible } = description;
  if (
    compatible !== undefined &&
    (await lookAtMachine({ at: 'machine', compatible }, kernel.files)).is === 'failed'
  )
    return {
      hands: { clock, released: RELEASED, files: kernel.files, foreign: true },
      close: async () => {},
    };
  const open = (): Promise<GpioLines> => kernel.openLines(clock, silentLog);
  const trials = await tryLines(testedLines(description), open);
  const lines = await open().catch((error: unknown) => asNsError(error, 'NS_GPIO'));
  const reachable = lines instanceof Error ? undefined : lines;
  // UARTs are opened one by one, and lines that are no lights need not be held any more.
  const channels = description.channels.filter(({ name, at, kind }) => {
    if (at?.on === 'gpio')
      return drive && kind === 'led' && trials.get(`channel ${name}`)?.value !== undefined;
    return at?.on !== 'uart';
  });
  const setting = { clock, log: silentLog, base: '/', store: NO_STORE };
  const { io, closeIo } = await openChannels({ ...description, channels }, reachable, setting, kernel);
  const layout = await layoutOf(description);
  const signals = signalsOf(description, trials);
  return {
    hands: {
      clock,
      released: RELEASED,
      files: kernel.files,
      trials,
      look: async (line) => {
        if (lines instanceof Error) throw lines;
        return lines.look(line);
      },
      states: config.states ?? host.states,
      ...(signals === undefined ? {} : { signals }),
      switches: host.disks.map((disk) => switchSeen(disk.name, disk.switch !== undefined, trials)),
      ...(io === undefined ? {} : { io, write: (name, value) => io.write(name, value) }),
      tryUart: async (path, baudRate) => {
        await (await kernel.openSerial(path, { baudRate })).close();
      },
      ...(layout === undefined ? {} : { layout }),
    },
    close: async () => {
      await closeIo();
      await reachable?.close();
    },
  };
}

/** What the signals said while they were held; undefined where one could not be read. */
function signalsOf({ host }: BoardDescription, trials: LineTrials): (() => Promise<PowerClaim>) | undefined {
  const signals = host?.signals ?? [];
  const levelOf = (channel: string) => trials.get(channel)?.value;
  const channelOf = (signal: string): string => `signal ${signal}`;
  if (signals.some(({ signal }) => levelOf(channelOf(signal)) === undefined)) return undefined;
  const io: IoDevices = {
    channels: (): readonly Channel[] => [],
    read: async (name) => levelOf(name) ?? 0,
    write: () => Promise.reject(new Error('nothing is written here')),
    watch: () => () => undefined,
  };
  // Which level is active the line itself has said.
  const wired = signals.map(({ signal }) => ({ signal, channel: channelOf(signal), activeLow: false }));
  return () => new PinPowerSource(io, wired).read(new AbortController().signal);
}

function switchSeen(
  disk: string,
  switched: boolean,
  trials: LineTrials,
): Pick<DriveSwitch, 'disk' | 'position'> {
  const value = switched ? trials.get(`switch of ${disk}`)?.value : 1;
  return {
    disk,
    position: async () => (value === undefined ? 'unknown' : value === 1 ? 'ours' : 'host'),
  };
}

/** As the firmware was packed with it; or, in the source, as flash/layouts has it. */
const FIRMWARE = fileURLToPath(new URL('../firmware.json', import.meta.url));
const LAYOUTS = ['../flash/layouts/', '../../../flash/layouts/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);
const packed = v.object({ layout: flashLayout });

export async function layoutOf({ flash }: BoardDescription): Promise<FlashLayout | undefined> {
  if (flash === undefined) return undefined;
  const firmware = v.safeParse(packed, await jsonAt(FIRMWARE));
  if (firmware.success) return firmware.output.layout;
  for (const folder of LAYOUTS) {
    const layout = v.safeParse(flashLayout, await jsonAt(`${folder}${flash.layout}.json`));
    if (layout.success) return layout.output;
  }
  return undefined;
}

async function jsonAt(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
