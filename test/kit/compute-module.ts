import type { Test } from 'tap';
import { CharacterLines } from '../../src/adapters/linux/gpio/character-lines.ts';
import type { KernelFiles } from '../../src/adapters/linux/index.ts';
import { NsError } from '../../src/base/index.ts';
import type { SerialLine } from '../../src/ports/index.ts';
import type { LinuxKernel } from '../../src/programs/agent/board-linux-channels.ts';
import { readDescription } from '../../src/programs/agent/board-parts.ts';
import { boardTest } from '../../src/programs/agent/board-test.ts';
import { FakeConfigfs } from './fake-configfs.ts';
import { GpioKernel, type Wire } from './gpio-kernel.ts';

export const BOARD = 'rpi-cm4-sidecar';
export const description = await readDescription(BOARD);
export const PIN = { led: 24, powerIn: 25, powerOut: 23, resetOut: 27, disk: 17, diskLight: 22 };
const { parts, partitions } = await (async () => {
  const { layoutOf } = await import('../../src/programs/agent/board-test-open.ts');
  const layout = await layoutOf(description);
  return { parts: layout!.partitions, partitions: layout!.partitions.map((_, i) => `mmcblk0p${i + 1}`) };
})();

/** What the kernel of that module shows; what is not here is not there. */
const shown = (): Map<string, string> =>
  new Map([
    ['/proc/device-tree/compatible', 'raspberrypi,4-compute-module\0brcm,bcm2711\0'],
    ['/dev/watchdog0', ''],
    ['/sys/class/watchdog/watchdog0/identity', description.watchdog!.driver],
    ['/sys/class/watchdog/watchdog0/state', 'inactive'],
    [`/sys/class/udc/${description.gadget!.controller}`, ''],
    ['/sys/class/hwmon/hwmon0/name', 'cpu_thermal'],
    ['/sys/class/hwmon/hwmon0/temp1_input', '41500'],
    ...[...(description.uarts ?? []).map(({ path }) => path), '/dev/ttyAMA1'].map(
      (path) => [path, ''] as const,
    ),
    ...parts.flatMap(({ name, offset, size }, i) =>
      [
        ['uevent', `DEVTYPE=partition\nPARTNAME=${name}`],
        ['start', `${offset / 512}`],
        ['size', `${size / 512}`],
      ].map(([file, text]) => [`/sys/class/block/${partitions[i]}/${file}`, text!] as const),
    ),
  ]);

export const filesOf = (all: ReadonlyMap<string, string>): KernelFiles => {
  const gone = (path: string): never => {
    throw new NsError('NS_IO_FAILED', `${path}: ENOENT`);
  };
  const below = (path: string): string[] =>
    [...all.keys()].filter((key) => key.startsWith(`${path}/`)).map((key) => key.slice(path.length + 1));
  return {
    has: async (path) => all.has(path) || below(path).length > 0,
    list: async (path) => [...new Set(below(path).map((rest) => rest.split('/')[0]!))],
    text: async (path) => all.get(path) ?? gone(path),
    bytes: async (path, most) => Buffer.from(all.get(path) ?? gone(path)).subarray(0, most),
    write: async () => {},
    target: async (path) => all.get(path) ?? gone(path),
  };
};

/** The Compute Module that a test is in, and its board test. */
export interface ComputeModule {
  readonly gpio: GpioKernel;
  readonly files: Map<string, string>;
  readonly kernel: LinuxKernel;
  /** Its lines of text and its exit code. */
  readonly test: (
    ...args: readonly string[]
  ) => Promise<{ said: string; rows: readonly string[]; code: number }>;
}

/** Runs a test beside a stand-in for the kernel of that module, whose host is off. */
export async function onComputeModule(use: (module: ComputeModule) => Promise<void>): Promise<void> {
  const gpio = await GpioKernel.open(
    'pinctrl-bcm2711',
    Array.from(
      { length: 58 },
      (_, n) => ['', '', 'SDA1', 'SCL1'][n] || (n === 14 ? 'TXD1' : n === 15 ? 'RXD1' : `GPIO${n}`),
    ),
  );
  // The host is off: its light is dark. Nobody presses a button, and none is driven.
  for (const pin of [PIN.led, PIN.powerIn, PIN.diskLight]) gpio.put(pin, true);
  const files = shown();
  const kernel: LinuxKernel = {
    openLines: async (clock, log) =>
      new CharacterLines({ libc: gpio.libc, clock, log, directory: gpio.directory }),
    files: filesOf(files),
    readI2c: async ({ bytes }) => new Uint8Array(bytes),
    gadgetFiles: new FakeConfigfs(),
    takeStill: async () => Uint8Array.of(0xff, 0xd8, 0xff, 0xd9),
    openSerial: async () =>
      ({ close: async () => {}, onData: () => () => {}, onHangUp: () => () => {} }) as unknown as SerialLine,
  };
  try {
    await use({
      gpio,
      files,
      kernel,
      test: async (...args) => {
        const said: string[] = [];
        const code = await boardTest(['test', ...args], {
          print: (line) => said.push(line),
          env: {},
          kernel,
        });
        // Rows that are one line.
        return { rows: said, said: said.join('\n').replaceAll('\n    ', ' '), code };
      },
    });
  } finally {
    gpio.remove();
  }
}

export const untouched = (t: Test, wires: readonly Wire[]): void => {
  t.same(
    wires.filter(({ driven }) => driven.length > 0).map(({ name }) => name),
    [],
    'no line was driven',
  );
};
