import fc from 'fast-check';
import t from 'tap';
import { PwmIo } from '../../../../src/adapters/linux/index.ts';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { seconds } from '../../../../src/base/index.ts';
import type { Channel } from '../../../../src/ports/index.ts';
import { ioDevicesContract } from '../../../contract/io-devices.ts';
import { FakeKernelFiles } from '../../../kit/fake-kernel-files.ts';

const CHIP = '/sys/class/hwmon/hwmon3';
const NOTES = '/run/fans';
const channel = (name: string, minimum: number, safe: number): Channel => ({
  name,
  kind: 'pwm',
  unit: '%',
  readable: true,
  writable: true,
  minimum,
  maximum: 100,
  safe,
});
const place = { on: 'pwm', name: 'nct6779', device: undefined, slowest: 30 } as const;
const wanted = [
  { channel: channel('front', 0, 0), at: { ...place, pwm: 'pwm1', automatic: 5 } },
  { channel: channel('rear', 30, 60), at: { ...place, pwm: 'pwm2', automatic: undefined } },
];

function kernel(more: Readonly<Record<string, string>> = {}) {
  return new FakeKernelFiles({
    '/sys/class/hwmon/hwmon0/name': 'lm75',
    [`${CHIP}/name`]: 'nct6779',
    [`${CHIP}/pwm1`]: '77',
    [`${CHIP}/pwm1_enable`]: '5',
    [`${CHIP}/pwm2`]: '128',
    ...more,
  });
}

async function bench(files = kernel()) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = { log: (level: string, event: string) => void lines.push(`${level} ${event}`) };
  const open = async () => {
    const io = new PwmIo({ wanted, files, clock, log, notes: NOTES });
    await io.takeOver();
    return io;
  };
  return { clock, files, lines, open, io: await open() };
}

await ioDevicesContract('drives of fans', async () => {
  const { io, clock } = await bench();
  return { io, pass: () => clock.advance(seconds(3)) };
});

await t.test('a start touches nothing; a speed is driven, and told in percent', async (t) => {
  const { io, files } = await bench();
  t.same(files.written, []);
  t.equal(await io.read('front'), 0, 'its chip drives it');
  t.equal(await io.read('rear'), 50);
  await io.write('front', 40);
  t.same(files.written, [
    [NOTES, 'front'],
    [`${CHIP}/pwm1_enable`, '1'],
    [`${CHIP}/pwm1`, '102'],
  ]);
  t.equal(await io.read('front'), 40);
  files.files.set(`${CHIP}/pwm1_enable`, '0');
  t.equal(await io.read('front'), 100, 'a fan that is not controlled at all runs as fast as it can');
});

await t.test('no order brings a fan to a stop', async (t) => {
  const { io, files } = await bench();
  for (const value of [1, 29, -1, 101, 30.5, Number.NaN, new Uint8Array(1)])
    await t.rejects(io.write('front', value), { message: /takes 30 to 100 %/ });
  await t.rejects(io.write('rear', 0), { message: /takes 30 to 100 %/ }, 'nothing there drives it by itself');
  t.same(files.written, []);
});

await t.test('0 gives a fan back, and so does the end of the agent, one that fails or not', async (t) => {
  const { io, files, lines } = await bench();
  await io.write('front', 90);
  await io.write('front', 0);
  t.equal(files.files.get(`${CHIP}/pwm1_enable`), '5');
  t.equal(files.files.get(NOTES), '');
  await io.write('rear', 31);
  await io.write('front', 31);
  files.failing.add(`${CHIP}/pwm2`);
  await io.close();
  t.equal(files.files.get(`${CHIP}/pwm1_enable`), '5');
  t.same(lines, ['error linux.fan-not-given-back']);
  files.failing.clear();
  await io.close();
  t.equal(files.files.get(`${CHIP}/pwm2`), '153', 'its safe speed');
});

await t.test('what an agent drove that ended without a word is given back at the next start', async (t) => {
  const { io, files, open } = await bench();
  await io.write('front', 35);
  files.written.length = 0;
  await open();
  t.same(files.written, [
    [`${CHIP}/pwm1_enable`, '5'],
    [NOTES, ''],
  ]);
  files.written.length = 0;
  files.files.set(`${CHIP}/pwm1_enable`, '1');
  await open();
  t.same(files.written, [], 'what somebody else drives by hand is theirs');
  files.files.set(NOTES, 'front\n../../etc\nrear-window');
  await open();
  t.equal(files.files.get(`${CHIP}/pwm1_enable`), '5', 'names that are no fans of ours are nothing');
});

await t.test('whatever is ordered and whatever fails, no fan is slower than its slowest', async (t) => {
  const paths = [`${CHIP}/pwm1`, `${CHIP}/pwm1_enable`, `${CHIP}/pwm2`, NOTES];
  const step = fc.oneof(
    fc.record({
      is: fc.constant('write' as const),
      name: fc.constantFrom('front', 'rear'),
      value: fc.integer({ min: -5, max: 105 }),
    }),
    fc.record({ is: fc.constant('fail' as const), path: fc.constantFrom(...paths) }),
    fc.constant({ is: 'mend' as const }),
    fc.constant({ is: 'restart' as const }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { files, open, ...first } = await bench();
      let { io } = first;
      for (const each of steps) {
        if (each.is === 'write') await io.write(each.name, each.value).catch(() => undefined);
        else if (each.is === 'fail') files.failing.add(each.path);
        else if (each.is === 'mend') files.failing.clear();
        else io = await open();
      }
      for (const [path, value] of files.written) {
        if (/pwm[12]$/.test(path)) t.ok(Number(value) >= Math.floor(0.3 * 255), value);
      }
      files.failing.clear();
      await io.close();
      await (await open()).close();
      t.equal(files.files.get(`${CHIP}/pwm1_enable`), '5');
    }),
    { numRuns: 60 },
  );
});
