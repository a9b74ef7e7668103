import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import * as v from 'valibot';
import { CharacterLines } from '../../../../src/adapters/linux/gpio/character-lines.ts';
import type { KernelFiles } from '../../../../src/adapters/linux/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { NsError } from '../../../../src/base/index.ts';
import { type BoardDescription, boardDescription } from '../../../../src/board/index.ts';
import type { LogSink } from '../../../../src/ports/index.ts';
import type { BoardParts } from '../../../../src/programs/agent/board.ts';
import { linuxBoard, openLinuxBoard } from '../../../../src/programs/agent/board-linux.ts';
import { checkBoard } from '../../../../src/programs/agent/board-parts.ts';
import { eventually } from '../../../kit/eventually.ts';
import { FakeConfigfs } from '../../../kit/fake-configfs.ts';
import { GpioKernel } from '../../../kit/gpio-kernel.ts';

const dir = await mkdtemp(join(tmpdir(), 'nightshift-linux-board-'));
t.teardown(() => rm(dir, { recursive: true }));
const never = new AbortController().signal;
const drive = join(dir, 'drive');
await writeFile(drive, Buffer.alloc(4096, 9));

const text = await readFile(new URL('../../../../boards/ast2600-evb/board.json', import.meta.url), 'utf8');
const evb = v.parse(boardDescription, JSON.parse(text));
const description: BoardDescription = {
  ...evb,
  host: {
    ...evb.host!,
    timing: { powerPressMs: 20, forceOffMs: 1000, resetPressMs: 20 },
    disks: evb.host!.disks.map((disk) => ({ ...disk, path: drive })),
  },
};

const PIN = {
  pwrok: 14,
  s3: 192,
  s5: 193,
  powerIn: 40,
  powerOut: 41,
  resetIn: 42,
  resetOut: 43,
  disk: 9,
  relay: 8,
};
const LEVELS = { S0: [true, true, true], S3: [false, false, true], S5: [false, false, false] } as const;

const SENSOR = '/sys/class/hwmon/hwmon4';
const files: KernelFiles = {
  has: async () => true,
  list: async () => ['hwmon0', 'hwmon4'],
  text: async (path) => ({ [`${SENSOR}/name`]: 'lm75', [`${SENSOR}/temp1_input`]: '42000' })[path] ?? 'other',
  bytes: async (path, most) => Buffer.from(path).subarray(0, most),
  write: async () => {},
  target: async () => '8-004d',
};

interface Wired {
  readonly kernel: GpioKernel;
  readonly parts: BoardParts;
  readonly said: string[];
  readonly put: (state: keyof typeof LEVELS) => void;
}

async function wired(use: (wired: Wired) => Promise<void>): Promise<void> {
  const kernel = await GpioKernel.open(
    '1e780000.gpio',
    Array.from({ length: 208 }, () => ''),
  );
  const said: string[] = [];
  const log: LogSink = { log: (_, event) => void said.push(event) };
  const put: Wired['put'] = (state) => {
    for (const [index, pin] of [PIN.pwrok, PIN.s3, PIN.s5].entries())
      kernel.put(pin, LEVELS[state][index] ?? false);
  };
  // Buttons are low while pressed.
  for (const pin of [PIN.powerIn, PIN.powerOut, PIN.resetIn, PIN.resetOut]) kernel.put(pin, true);
  put('S5');
  const parts = await openLinuxBoard(
    description,
    { clock: systemClock, log, base: dir, store: undefined as never },
    {
      openLines: async (clock) =>
        new CharacterLines({ libc: kernel.libc, clock, log, directory: kernel.directory }),
      files,
      readI2c: async ({ bytes }) => new Uint8Array(bytes),
      gadgetFiles: new FakeConfigfs(),
      takeStill: async () => Uint8Array.of(0xff, 0xd8, 0xff, 0xd9),
      openSerial: async (path) => {
        throw new NsError('NS_SERIAL', `${path} is not here`);
      },
    },
  );
  try {
    await use({ kernel, parts, said, put });
  } finally {
    await parts.close();
    kernel.remove();
  }
}

await t.test('the host is in the state that its lines say, and every change is told', async (t) => {
  await wired(async ({ parts, put }) => {
    const heard: string[] = [];
    parts.power.onChange(({ state }) => heard.push(state));
    t.match(await parts.power.read(), { state: 'S5', certain: true, sources: { 'sio-s5': 'asserted' } });
    put('S0');
    await eventually(() => heard.at(-1) === 'S0');
    put('S3');
    await eventually(() => heard.at(-1) === 'S3');
    t.match(await parts.power.read(), { state: 'S3', certain: true });
  });
});

await t.test('opening and closing the board moves no wire', async (t) => {
  let wires: GpioKernel['wires'] = [];
  await wired(async ({ kernel }) => {
    wires = kernel.wires;
  });
  t.same(
    wires.flatMap(({ driven }) => driven),
    [],
  );
});

await t.test(
  'the front panel reaches the host through us, and not while the machine is masked',
  async (t) => {
    await wired(async ({ kernel, parts }) => {
      const out = kernel.wires[PIN.powerOut]?.driven ?? [];
      const wakes: string[] = [];
      parts.power.onWakeRequest((reason) => {
        wakes.push(reason);
        void parts.power.allowWake();
      });
      kernel.put(PIN.powerIn, false);
      await eventually(() => out.includes('out low'));
      kernel.put(PIN.powerIn, true);
      await eventually(() => out.at(-1) === 'out high');
      t.same(wakes, ['power button']);
      kernel.put(PIN.resetIn, false);
      const reset = kernel.wires[PIN.resetOut]?.driven ?? [];
      await eventually(() => reset.includes('out low'));
      kernel.put(PIN.resetIn, true);
      await eventually(() => reset.at(-1) === 'out high');
      await parts.power.maskPowerOn(true);
      const before = [out.length, reset.length];
      kernel.put(PIN.powerIn, false);
      kernel.put(PIN.resetIn, false);
      await eventually(() => wakes.length === 2);
      t.same([out.length, reset.length], before, 'nothing goes through');
    });
  },
);

await t.test('the disk is taken by its line and given back by it', async (t) => {
  await wired(async ({ kernel, parts }) => {
    const [disk] = parts.switches;
    t.equal(await disk?.position(), 'host');
    const device = await disk?.take(never);
    t.same(kernel.wires[PIN.disk]?.driven, ['out high']);
    const into = new Uint8Array(1);
    await device?.read(4095, into);
    t.equal(into[0], 9);
    await disk?.giveBack();
    t.same(kernel.wires[PIN.disk]?.driven, ['out high', 'out low']);
  });
});

await t.test('channels are what the board enrols; lines of the host are none of them', async (t) => {
  await wired(async ({ kernel, parts, said }) => {
    t.same(
      parts.io
        ?.channels()
        .map(({ name }) => name)
        .sort(),
      ['aux-relay', 'board-fru', 'board-temp', 'chassis-intrusion'],
    );
    t.equal(await parts.io?.read('board-temp'), 42_000);
    t.equal(
      Buffer.from((await parts.io?.read('board-fru')) as Uint8Array).toString(),
      '/sys/bus/i2c/devices/7-0050/eeprom',
    );
    await parts.io?.write('aux-relay', 1);
    t.same(kernel.wires[PIN.relay]?.driven, ['out high']);
    for (const name of ['powerOut', 'button:powerOut', 'signal:ps-pwrok'])
      await t.rejects(async () => parts.io?.write(name, 1), { code: 'NS_IO_UNKNOWN' });
    t.same(said, ['linux.uart-missing'], 'a serial line that is not there is told of');
  });
});

await t.test('a configuration says what differs here, and nothing that the board has not', async (t) => {
  const check = (linux: unknown) => () => linuxBoard.check({ linux }, evb);
  t.doesNotThrow(check(undefined));
  t.doesNotThrow(check({ states: ['S0', 'S5'], disks: [{ name: 'disk0', path: '/dev/sda' }] }));
  t.throws(check({ disks: [{ name: 'disk7', path: '/dev/sda' }] }), { message: /no disk7/ });
  t.throws(check({ state: ['S0'] }), { message: /did you mean "states"/ });
  t.throws(() => linuxBoard.check({ linux: { states: ['S0', 'S1'] } }, evb), { code: 'NS_CONFIG_INVALID' });
});

await t.test('a board that runs no agent says where it runs instead', async (t) => {
  await t.rejects(checkBoard('tioga-pass', {}), { code: 'NS_BOARD_UNKNOWN', message: /beside that board/ });
  await t.rejects(checkBoard('ast2600-ev', {}), {
    code: 'NS_BOARD_UNKNOWN',
    message: /did you mean "ast2600-evb"/,
  });
  await t.resolves(checkBoard('ast2600-evb', {}));
});
