import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CharacterLines } from '../../../../src/adapters/linux/gpio/character-lines.ts';
import { SysfsLines } from '../../../../src/adapters/linux/gpio/sysfs-lines.ts';
import type { KernelFiles } from '../../../../src/adapters/linux/index.ts';
import { silentLog } from '../../../../src/adapters/log.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { NsError } from '../../../../src/base/index.ts';
import { boardChannels, type EnrolledChannel, planBoardTest } from '../../../../src/board/index.ts';
import { encodeFru } from '../../../../src/ipmi/index.ts';
import type { SerialLine } from '../../../../src/ports/index.ts';
import { openLinuxBoard } from '../../../../src/programs/agent/board-linux.ts';
import type { LinuxKernel } from '../../../../src/programs/agent/board-linux-channels.ts';
import { readDescription } from '../../../../src/programs/agent/board-parts.ts';
import { boardTest } from '../../../../src/programs/agent/board-test.ts';
import { liveHands } from '../../../../src/programs/agent/board-test-live.ts';
import { type BoardHands, doStep } from '../../../../src/programs/agent/board-test-run.ts';
import { FakeConfigfs } from '../../../kit/fake-configfs.ts';
import { GpioKernel, type Wire } from '../../../kit/gpio-kernel.ts';

const dir = await mkdtemp(join(tmpdir(), 'nightshift-board-test-'));
t.teardown(() => rm(dir, { recursive: true }));

const BOARD = 'rpi-cm4-sidecar';
const description = await readDescription(BOARD);
const PIN = { led: 24, powerIn: 25, powerOut: 23, resetOut: 27, disk: 17, diskLight: 22 };
const { parts, partitions } = await (async () => {
  const { layoutOf } = await import('../../../../src/programs/agent/board-test-open.ts');
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

const filesOf = (all: ReadonlyMap<string, string>): KernelFiles => {
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

interface Bench {
  readonly gpio: GpioKernel;
  readonly files: Map<string, string>;
  readonly kernel: LinuxKernel;
  /** Its lines of text and its exit code. */
  readonly test: (
    ...args: readonly string[]
  ) => Promise<{ said: string; rows: readonly string[]; code: number }>;
}

async function bench(use: (bench: Bench) => Promise<void>): Promise<void> {
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

const untouched = (t: Test, wires: readonly Wire[]): void => {
  t.same(
    wires.filter(({ driven }) => driven.length > 0).map(({ name }) => name),
    [],
    'no line was driven',
  );
};

await t.test(
  'a board that is as it is described is recognised and proven, and none of its lines moves',
  async (t) => {
    await bench(async ({ gpio, test }) => {
      // As a start of the board, or an earlier agent, has left them.
      for (const pin of [PIN.powerOut, PIN.disk]) gpio.wires[pin]!.direction = 'out';
      gpio.put(PIN.disk, true);
      const before = gpio.wires.map(({ direction, high }) => ({ direction, high }));
      const { said, rows, code } = await test();
      t.equal(code, 0, said);
      t.match(said, /^rpi-cm4-sidecar: /);
      t.match(said, /^proven {4}restart: .* 3 of 3 outputs/m);
      t.match(said, /^proven {4}button powerOut: line 23 .*output, reads 0/m);
      t.match(said, /^proven {4}button powerIn: line 25 .*active low, reads 0/m);
      t.match(said, /^proven {4}power: S3 or S4 or S5 or G3: power-led dark$/m);
      t.match(said, /^proven {4}disks: disk0 ours$/m);
      t.match(said, /^proven {4}channel processor-temp: 41500 m deg C$/m);
      t.match(said, /^proven {4}flash: \d+ partitions as emmc-ab has them$/m);
      t.match(said, /^absent {4}host interface: /m);
      t.match(said, /\d+ proven, 0 failed, \d+ absent$/);
      t.same(
        rows.filter((line) => line.length > 79 || /[^\x20-\x7e]/.test(line)),
        [],
        'plain, on 79 columns',
      );
      untouched(t, gpio.wires);
      t.same(
        gpio.wires.map(({ direction, high }) => ({ direction, high })),
        before,
      );
    });
  },
);

await t.test('a chip that forgets its outputs when they are let go is found out', async (t) => {
  await bench(async ({ gpio, test }) => {
    const out = gpio.wires[PIN.powerOut]!;
    out.direction = 'out';
    gpio.onRelease = (wire) => {
      if (wire === out) wire.direction = 'in';
    };
    const { said, code } = await test('--board', BOARD);
    t.equal(code, 1);
    t.match(said, /^FAILED {4}button powerOut: .*was driven, and is an input/m);
    t.match(said, /^FAILED {4}restart: .*differ: button powerOut/m);
    gpio.onRelease = (wire) => {
      if (wire.name === `GPIO${PIN.disk}`) wire.high = !wire.high;
    };
    t.match((await test()).said, /^FAILED {4}switch of disk0: .*read 0, and 1 after/m);
  });
});

await t.test('what is not as it is described is named, one line each', async (t) => {
  const wrong: readonly (readonly [RegExp, (bench: Bench) => unknown])[] = [
    [
      /^FAILED {4}signal power-led: .*driven by this machine/m,
      ({ gpio }) => (gpio.wires[PIN.led]!.direction = 'out'),
    ],
    [
      /^FAILED {4}button resetOut: .*in use by "phy-reset"/m,
      ({ gpio }) => (gpio.wires[PIN.resetOut]!.consumer = 'phy-reset'),
    ],
    [
      /^FAILED {4}watchdog: .*is "softdog", not/m,
      ({ files }) => files.set('/sys/class/watchdog/watchdog0/identity', 'softdog'),
    ],
    [
      /^FAILED {4}gadget: .*the kernel has none/m,
      ({ files }) => files.delete(`/sys/class/udc/${description.gadget!.controller}`),
    ],
    [
      /^FAILED {4}channel processor-temp: .*no temperature reads so/m,
      ({ files }) => files.set('/sys/class/hwmon/hwmon0/temp1_input', '-273000'),
    ],
    [
      /^FAILED {4}channel processor-temp: .*shows no cpu_thermal/m,
      ({ files }) => files.set('/sys/class/hwmon/hwmon0/name', 'other'),
    ],
    [
      /^FAILED {4}flash: it is not emmc-ab: there is no kernel/m,
      ({ files }) => files.set('/sys/class/block/mmcblk0p3/uevent', 'PARTNAME=other'),
    ],
    [/^FAILED {4}uart host: there is no/m, ({ files }) => files.delete(description.uarts![1]!.path)],
  ];
  for (const [pattern, spoil] of wrong)
    await bench(async (one) => {
      spoil(one);
      const { said, code } = await one.test();
      t.match(said, pattern);
      t.match(said, /, 1 failed/, 'and nothing else');
      t.equal(code, 1);
      untouched(t, one.gpio.wires);
    });
});

await t.test('the same by sysfs, where lines have neither names nor users', async (t) => {
  await bench(async ({ gpio, kernel, test }) => {
    gpio.wires[PIN.powerOut]!.direction = 'out';
    const openLines = () => SysfsLines.open(systemClock, gpio.files);
    const said: string[] = [];
    const code = await boardTest(['test'], {
      print: (line) => said.push(line),
      env: {},
      kernel: { ...kernel, openLines },
    });
    t.equal(code, 0, said.join('\n'));
    t.match(said.join('\n'), /^proven {4}button powerOut: line 23 .*output,?\s+reads 0/m);
    untouched(t, gpio.wires);
    t.match((await test()).said, /0 failed/, 'and nothing was left exported');
  });
});

await t.test('a serial line that somebody has is not opened, and it is said who', async (t) => {
  await bench(async ({ files, kernel }) => {
    files.set('/proc/812/fd/7', 'ttyUSB0');
    files.set('/proc/812/comm', 'nightshift-agent');
    const { path } = description.uarts!.find(({ use }) => use === 'host-console')!;
    t.equal(path, '/dev/ttyUSB0');
    const said: string[] = [];
    const opened: string[] = [];
    const openSerial = async (each: string): Promise<SerialLine> => {
      opened.push(each);
      throw new NsError('NS_SERIAL', `${each} was opened`);
    };
    const code = await boardTest(['test'], {
      print: (line) => said.push(line),
      env: {},
      kernel: { ...kernel, openSerial },
    });
    t.equal(code, 3);
    t.match(said.join('\n'), /^not tried uart host: \/dev\/ttyUSB0 is held by nightshift-agent \(812\)/m);
    t.notOk(opened.includes(path));
  });
});

await t.test('on another machine nothing is taken, whatever board is named', async (t) => {
  await bench(async ({ gpio, files, test }) => {
    files.set('/proc/device-tree/compatible', 'acme,router\0');
    gpio.put(PIN.led, false);
    const { said, code } = await test('--board', BOARD);
    t.equal(code, 1);
    t.match(said, /^FAILED {4}machine: it calls itself acme,router/m);
    t.match(said, /^not tried {1}button powerOut: this machine is another one, and was left alone/m);
    await t.rejects(test(), { code: 'NS_USAGE', message: /calls itself acme,router.*--board NAME/ });
    files.delete('/proc/device-tree/compatible');
    await t.rejects(test(), { code: 'NS_USAGE', message: /no device tree/ });
  });
});

await t.test('beside an agent at work: what it holds is told, and left with it', async (t) => {
  await bench(async ({ gpio, kernel, test }) => {
    const setting = { clock: systemClock, log: silentLog, base: dir, store: undefined as never };
    const board = await openLinuxBoard(description, setting, kernel);
    try {
      const { said, code } = await test();
      t.equal(code, 3, 'nothing failed, and not all was tried');
      t.match(said, /^not tried button powerOut: .*a Nightshift agent at work holds it/m);
      t.match(said, /^not tried power: /m);
      t.match(said, /^proven {4}channel processor-temp: /m);
      // The same by the agent itself, as from its console.
      const hands = await liveHands(
        { board, power: board.power, clock: systemClock },
        {
          mayNotRead: () => ({ code: 'NOT_PERMITTED', sentence: 'No.', remedy: '' }),
          write: () => Promise.reject(new Error('driven')),
        },
      );
      const found = new Map<string, string>();
      for (const step of planBoardTest(description, { drive: false })) {
        const { is, says } = await doStep(step, hands, new AbortController().signal);
        found.set(step.name, `${is}: ${says}`);
      }
      t.match(found.get('button powerOut'), /^proven: .*output, .*reads 0$/);
      t.match(found.get('signal power-led'), /^proven: /);
      t.match(found.get('disks'), /^proven: disk0 with the host$/);
      t.match(found.get('restart'), /^not tried: the lines of this agent stay held/);
      t.match(found.get('channel processor-temp'), /^not tried: NOT_PERMITTED/);
      untouched(t, gpio.wires);
    } finally {
      await board.close();
    }
    t.equal((await test()).code, 0, 'and once the agent has stopped all is proven');
  });
});

await t.test('a simulated board is proven by its ports; its light blinks where that is wanted', async (t) => {
  const config = join(dir, 'agent.yaml');
  await writeFile(
    config,
    JSON.stringify({
      device: 'host1',
      broker: 'mqtt://127.0.0.1:1',
      state: join(dir, 'state'),
      keyring: [
        { name: 'olga', role: 'operator', key: 'ed25519:42-phQtGoNApH3gnZ38B2pz0OmNQqUzIBmM0f3P3UTo' },
      ],
      sim: { state: 'S5', disks: [], dimms: [{ slot: 'DIMM_A1', size: 65_536 }] },
    }),
  );
  const said: string[] = [];
  const test = (...args: readonly string[]): Promise<number> =>
    boardTest(['test', '--board', 'sim-host', ...args], { print: (line) => said.push(line), env: {} });
  await t.rejects(test(), { code: 'NS_USAGE', message: /say --config FILE/ });
  t.equal(await test('--config', config, '--drive', '--json'), 0);
  const lines = said.map((line) => JSON.parse(line) as Record<string, unknown>);
  t.ok(lines.every(({ v }) => v === 1));
  t.match(
    lines.find(({ name }) => name === 'light identify-led'),
    { line: 'step', of: 'light', is: 'proven', says: '0, 1, and 0 again' },
  );
  t.match(lines.at(-1), { line: 'end', outcome: 'well', failed: 0, 'not tried': 0 });
});

await t.test('a memory is proven by what it holds; a light is put back, whatever comes', async (t) => {
  const evb = await readDescription('ast2600-evb');
  const [fru] = evb.channels.filter(({ name }) => name === 'board-fru');
  const inventory = encodeFru({ records: [], internalUse: Uint8Array.of(1, 2, 3) });
  const memory = new Uint8Array(256).fill(0xff);
  const values: Record<string, number | Uint8Array> = { 'board-fru': memory, lamp: 1 };
  const written: number[] = [];
  const over = new AbortController();
  const lamp = { name: 'lamp', kind: 'led', unit: 'state', readable: true, writable: true } as const;
  const channels = [...boardChannels({ channels: [fru!, lamp] })];
  const hands: BoardHands = {
    clock: systemClock,
    released: 0,
    io: { channels: () => channels, read: async (name) => values[name]! },
    write: async (name, value) => {
      written.push(value);
      values[name] = value;
      if (written.length === 1) over.abort(new Error('left'));
    },
  };
  const look = (channel: EnrolledChannel) =>
    doStep({ name: 'one', look: { at: 'channel', channel } }, hands, new AbortController().signal);
  t.match(await look(fru!), { is: 'proven', says: /EMPTY: no FRU was written/ });
  memory.set(inventory);
  t.match(await look(fru!), { is: 'proven', says: /FRU, whose sums are right/ });
  memory[0] = 2;
  t.match(await look(fru!), { is: 'failed', says: /FRU\) is damaged/ });
  values['board-fru'] = memory.subarray(0, 128);
  t.match(await look(fru!), { is: 'failed', says: /128 bytes, not 256/ });
  await t.rejects(doStep({ name: 'lamp', look: { at: 'light', channel: lamp } }, hands, over.signal), {
    message: 'left',
  });
  t.same(written, [0, 1], 'somebody left while it was dark, and it is lit again');
  const gnss: EnrolledChannel = {
    name: 'gnss',
    kind: 'gnss',
    unit: 'nmea',
    readable: true,
    writable: false,
    at: { on: 'gnss', path: '/dev/ttyS9', baud: 9600 },
  };
  channels.push(...boardChannels({ channels: [gnss] }));
  const beside = {
    ...hands,
    tryUart: async () => {},
    files: filesOf(
      new Map([
        ['/proc/812/fd/7', 'ttyS9'],
        ['/proc/812/comm', 'gpsd'],
      ]),
    ),
  };
  t.match(
    await doStep(
      { name: 'one', look: { at: 'channel', channel: gnss } },
      beside,
      new AbortController().signal,
    ),
    { is: 'not tried', says: '/dev/ttyS9 is held by gpsd (812)' },
  );
  const { at: _, ...console } = gnss;
  t.match(await look({ ...console, name: 'console', kind: 'uart' }), { is: 'absent' });
  t.match(await look({ ...gnss, name: 'other' }), { is: 'failed', says: /no such channel/ });
  values.gnss = Buffer.from('$GPRMC');
  t.match(await look(gnss), { is: 'proven' });
});

await t.test('wrong words are told, and nothing is begun', async (t) => {
  await bench(async ({ kernel }) => {
    const told = (...args: readonly string[]) => boardTest(args, { print: () => {}, env: {}, kernel });
    for (const args of [[], ['tset'], ['test', 'more'], ['test', '--drvie']])
      await t.rejects(told(...args), { code: 'NS_USAGE', family: 'caller' });
    await t.rejects(told('test', '--board', 'nosuch'), { code: 'NS_BOARD_UNKNOWN' });
    await t.rejects(told('test', '--board', 'romulus'), { message: /cannot run on romulus/ });
  });
});
