import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { SysfsLines } from '../../../../src/adapters/linux/gpio/sysfs-lines.ts';
import { silentLog } from '../../../../src/adapters/log.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { NsError } from '../../../../src/base/index.ts';
import { planBoardTest } from '../../../../src/board/index.ts';
import type { SerialLine } from '../../../../src/ports/index.ts';
import { openLinuxBoard } from '../../../../src/programs/agent/board-linux.ts';
import { boardTest } from '../../../../src/programs/agent/board-test.ts';
import { liveHands } from '../../../../src/programs/agent/board-test-live.ts';
import { doStep } from '../../../../src/programs/agent/board-test-run.ts';
import {
  BOARD,
  type ComputeModule,
  description,
  onComputeModule,
  PIN,
  untouched,
} from '../../../kit/compute-module.ts';

const dir = await mkdtemp(join(tmpdir(), 'nightshift-board-test-'));
t.teardown(() => rm(dir, { recursive: true }));

await t.test(
  'a board that is as it is described is recognised and proven, and none of its lines moves',
  async (t) => {
    await onComputeModule(async ({ gpio, test }) => {
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
  await onComputeModule(async ({ gpio, test }) => {
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
  const wrong: readonly (readonly [RegExp, (bench: ComputeModule) => unknown])[] = [
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
    await onComputeModule(async (one) => {
      spoil(one);
      const { said, code } = await one.test();
      t.match(said, pattern);
      t.match(said, /, 1 failed/, 'and nothing else');
      t.equal(code, 1);
      untouched(t, one.gpio.wires);
    });
});

await t.test('the same by sysfs, where lines have neither names nor users', async (t) => {
  await onComputeModule(async ({ gpio, kernel, test }) => {
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
  await onComputeModule(async ({ files, kernel }) => {
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
  await onComputeModule(async ({ gpio, files, test }) => {
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
  await onComputeModule(async ({ gpio, kernel, test }) => {
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

await t.test('wrong words are told, and nothing is begun', async (t) => {
  await onComputeModule(async ({ kernel }) => {
    const told = (...args: readonly string[]) => boardTest(args, { print: () => {}, env: {}, kernel });
    for (const args of [[], ['tset'], ['test', 'more'], ['test', '--drvie']])
      await t.rejects(told(...args), { code: 'NS_USAGE', family: 'caller' });
    await t.rejects(told('test', '--board', 'nosuch'), { code: 'NS_BOARD_UNKNOWN' });
    await t.rejects(told('test', '--board', 'romulus'), { message: /cannot run on romulus/ });
  });
});
