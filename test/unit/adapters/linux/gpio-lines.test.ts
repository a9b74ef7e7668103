import t from 'tap';
import { GPIO_IOCTL } from '../../../../src/adapters/linux/gpio/abi.ts';
import { CharacterLines } from '../../../../src/adapters/linux/gpio/character-lines.ts';
import { GpioIo } from '../../../../src/adapters/linux/gpio/gpio-io.ts';
import type { GpioLines } from '../../../../src/adapters/linux/gpio/lines.ts';
import { SysfsLines } from '../../../../src/adapters/linux/gpio/sysfs-lines.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import type { LogSink } from '../../../../src/ports/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { GpioKernel } from '../../../kit/gpio-kernel.ts';

const CHIP = '1e780000.gpio';
const quiet: LogSink = { log: () => {} };
const line = (offset: number, more: { activeLow?: boolean; line?: string } = {}) => ({
  chip: CHIP,
  offset,
  activeLow: false,
  ...more,
});

const WAYS: readonly (readonly [string, (kernel: GpioKernel) => Promise<GpioLines>])[] = [
  [
    'character device',
    async ({ libc, directory }) => new CharacterLines({ libc, clock: systemClock, log: quiet, directory }),
  ],
  ['sysfs', ({ files }) => SysfsLines.open(systemClock, files, '/sys/class/gpio')],
];

await t.test('the numbers of the calls are those of the kernel', async (t) => {
  t.same(Object.fromEntries(Object.entries(GPIO_IOCTL).map(([name, code]) => [name, code.toString(16)])), {
    chipInfo: '8044b401',
    lineInfo: 'c100b405',
    getLine: 'c250b407',
    setConfig: 'c110b40d',
    getValues: 'c010b40e',
    setValues: 'c010b40f',
  });
});

for (const [name, open] of WAYS) {
  const withKernel = async (use: (kernel: GpioKernel, lines: GpioLines) => Promise<void>): Promise<void> => {
    const kernel = await GpioKernel.open(CHIP, ['PS_PWROK', '', 'RELAY', 'BUTTON']);
    const lines = await open(kernel);
    try {
      await use(kernel, lines);
    } finally {
      await lines.close();
      kernel.remove();
    }
  };

  await t.test(`${name}: an input says whether it is active, and every change of it`, async (t) => {
    await withKernel(async (kernel, lines) => {
      const plain = await lines.hold(line(0), 'input');
      const inverted = await lines.hold(line(3, { activeLow: true }), 'input');
      t.same([await plain.read(), await inverted.read()], [0, 1]);
      const heard: number[] = [];
      plain.onChange((value) => heard.push(value));
      const stop = inverted.onChange((value) => heard.push(10 + value));
      kernel.put(0, true);
      await eventually(() => heard.length === 1);
      kernel.put(3, true);
      await eventually(() => heard.length === 2);
      t.same(heard, [1, 10]);
      stop();
      kernel.put(3, false);
      kernel.put(0, false);
      await eventually(() => heard.length === 3);
      t.same(heard, [1, 10, 0]);
      await t.rejects(plain.write(1), { code: 'NS_GPIO', message: /is an input/ });
    });
  });

  await t.test(`${name}: taking and giving back an output changes nothing on its wire`, async (t) => {
    await withKernel(async (kernel, lines) => {
      const [, free, relay] = kernel.wires;
      Object.assign(relay ?? {}, { direction: 'out', high: true });
      const held = await lines.hold(line(2), 'output');
      const untouched = await lines.hold(line(1), 'output');
      t.same([await held.read(), await untouched.read()], [1, 0]);
      await lines.close();
      t.same([relay?.driven, relay?.high, relay?.direction], [[], true, 'out']);
      t.same([free?.driven, free?.direction], [[], 'in']);
    });
  });

  await t.test(`${name}: an output is driven as it is told, without a moment of anything else`, async (t) => {
    await withKernel(async (kernel, lines) => {
      const held = await lines.hold(line(2, { activeLow: true }), 'output');
      const heard: number[] = [];
      held.onChange((value) => heard.push(value));
      await held.write(0);
      await held.write(1);
      await held.write(1);
      await held.write(0);
      t.same(kernel.wires[2]?.driven, ['out high', 'out low', 'out low', 'out high']);
      t.same(heard, [0, 1, 0]);
      t.equal(await held.read(), 0);
    });
  });

  await t.test(
    `${name}: a line that is not what the board says is refused, and stays as it is`,
    async (t) => {
      await withKernel(async (kernel, lines) => {
        const [power, , relay] = kernel.wires;
        Object.assign(relay ?? {}, { direction: 'out', high: true });
        const refused = (message: RegExp) => ({ code: 'NS_GPIO', message });
        await t.rejects(lines.hold({ ...line(0), chip: 'other' }, 'input'), refused(/no GPIO chip other/));
        await t.rejects(lines.hold(line(2), 'input'), refused(/driven by this machine/));
        await lines.hold(line(0), 'input');
        await t.rejects(lines.hold(line(0), 'input'), refused(/in use by/));
        t.same([relay?.driven, relay?.direction, power?.driven], [[], 'out', []]);
      });
    },
  );
}

await t.test('a line is where its name is, and on a chip that has it', async (t) => {
  const kernel = await GpioKernel.open(CHIP, ['PS_PWROK', 'RELAY']);
  const { libc, directory } = kernel;
  const lines = new CharacterLines({ libc, clock: systemClock, log: quiet, directory });
  await lines.hold(line(0, { line: 'PS_PWROK' }), 'input');
  await t.rejects(lines.hold(line(1, { line: 'PS_PWROK' }), 'input'), {
    message: /called "RELAY" here, not "PS_PWROK"/,
  });
  await t.rejects(lines.hold(line(2), 'input'), { message: /it has 2 lines/ });
  await lines.close();
  kernel.remove();
});

await t.test('a chip that forgets a value as the line becomes an output is told again', async (t) => {
  const kernel = await GpioKernel.open(CHIP, ['FORGETFUL']);
  const { libc, directory } = kernel;
  const lines = new CharacterLines({ libc, clock: systemClock, log: quiet, directory });
  const held = await lines.hold(line(0), 'output');
  await held.write(1);
  t.same([kernel.wires[0]?.high, await held.read()], [true, 1]);
  await lines.close();
  kernel.remove();
});

await t.test('as channels they take 0 and 1 and nothing else', async (t) => {
  const kernel = await GpioKernel.open(CHIP, ['A', 'B']);
  const lines = await SysfsLines.open(systemClock, kernel.files);
  const channel = { kind: 'gpio', readable: true, unit: 'state', minimum: 0, maximum: 1 } as const;
  const io = await GpioIo.open(lines, [
    { channel: { ...channel, name: 'door', writable: false }, line: line(0) },
    { channel: { ...channel, name: 'relay', writable: true }, line: line(1) },
  ]);
  t.same(
    io.channels().map(({ name }) => name),
    ['door', 'relay'],
  );
  await io.write('relay', 1);
  t.equal(await io.read('relay'), 1);
  await t.rejects(io.write('relay', 2), { code: 'NS_IO_FAILED' });
  await t.rejects(io.write('relay', Uint8Array.of(1)), { code: 'NS_IO_FAILED' });
  await t.rejects(io.write('door', 1), { code: 'NS_GPIO' });
  await t.rejects(io.read('nothing'), { code: 'NS_IO_UNKNOWN' });
  await lines.close();
  kernel.remove();
});
