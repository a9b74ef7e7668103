import fc from 'fast-check';
import t from 'tap';
import { refusal } from '../../../../../src/base/index.ts';
import { factorsFor } from '../../../../../src/ipmi/bmc/scale.ts';
import { convert, unconvert } from '../../../../../src/ipmi/sdr/convert.ts';
import type { Channel } from '../../../../../src/ports/index.ts';
import { bmcBench, HOST } from '../../../../kit/bmc-bench.ts';
import { FakeBmcMachine } from '../../../../kit/fake-bmc-machine.ts';

void t.test('our own client reads each sensor, to within its step', async (t) => {
  const { client } = await bmcBench();
  const found = new Map((await client().sensors()).map((now) => [now.sensor.name, now]));
  for (const [name, value, unit, step] of [
    ['inlet', 23.5, 'degrees C', 0.65],
    ['cpu', 61, 'degrees C', 0.44],
    ['rail-12v', 12.04, 'Volts', 0.06],
    ['rail-minus-5v', -5.02, 'Volts', 0.024],
    ['fan1', 3210, 'RPM', 24],
  ] as const) {
    const reading = found.get(name)?.reading;
    t.match(reading, { is: 'value', unit, severity: 'ok' }, name);
    const told = reading?.is === 'value' ? reading.value : Number.NaN;
    t.ok(Math.abs(told - value) <= step / 2 + 1e-9, `${name}: ${told} for ${value}`);
  }
  t.match(found.get('lid')?.reading, { is: 'states', states: ['state asserted'] });
  t.match(found.get('locate')?.reading, { is: 'states', states: ['state deasserted'] });
  t.match(found.get('Host power')?.reading, { is: 'states', states: ['S0/G0: working'] });
  t.match(found.get('Machine')?.reading, { is: 'states', states: ['device enabled'] });
  t.match(found.get('Sessions')?.reading, { is: 'none', why: 'event-only' });
  t.notOk(found.has('camera'), 'what is no sensor is none');
});

void t.test('a sensor that does not answer, and a machine that is disabled or unsure', async (t) => {
  const { client, machine } = await bmcBench();
  machine.values.set('inlet', undefined);
  machine.values.set('fan1', Number.NaN);
  machine.lock = refusal('DISABLED');
  machine.certain = false;
  const found = new Map((await client().sensors()).map((now) => [now.sensor.name, now.reading]));
  t.match(found.get('inlet'), { is: 'none', why: 'unavailable' });
  t.match(found.get('fan1'), { is: 'none', why: 'unavailable' }, 'one that fails');
  t.match(found.get('Machine'), { states: ['device disabled'] });
  t.match(found.get('Host power'), { states: ['unknown'] });
});

void t.test('a value beyond its range stays at the end of it', async (t) => {
  const { client, machine } = await bmcBench();
  machine.values.set('fan1', 1_000_000);
  machine.values.set('inlet', -200_000);
  const found = new Map((await client().sensors()).map((now) => [now.sensor.name, now.reading]));
  t.match(found.get('fan1'), { raw: 255 });
  t.match(found.get('inlet'), { raw: 0 });
});

void t.test('factors cover their range, in steps no larger than they must be', async () => {
  const bound = fc.double({ min: -30_000, max: 30_000, noNaN: true });
  fc.assert(
    fc.property(bound, bound, (a, b) => {
      const [least, most] = a < b ? [a, b] : [b, a];
      const factors = factorsFor(least, most);
      const sensor = { format: 'unsigned', linearisation: 0, factors } as const;
      const [first, last] = [convert(sensor, 0)!, convert(sensor, 255)!];
      const slack = 1e-6 * Math.max(1, Math.abs(least), Math.abs(most));
      if (first > least + slack || last < most - slack) throw new Error(`${first} to ${last}`);
      const step = factors.m * 10 ** factors.resultExponent;
      const needed = Math.max((most - least) / 255, Math.max(Math.abs(least), Math.abs(most)) / 511);
      if (step > 2 * needed + slack) throw new Error(`a step of ${step} where ${needed} would do`);
      const middle = (least + most) / 2;
      const raw = unconvert(sensor, middle);
      if (raw === undefined || Math.abs(convert(sensor, raw)! - middle) > step / 2 + slack)
        throw new Error('the middle is not met');
    }),
    { numRuns: 500 },
  );
});

void t.test('the repository is read in any pieces, and its records are one chain', async (t) => {
  const { ask, client } = await bmcBench();
  const info = await client().sdrInfo();
  t.match(info, { version: '1.5', records: 16, free: 0, canReserve: true });
  const [low = 0, high = 0] = (await ask(0x0a, 0x22)).data;
  const ids: number[] = [];
  for (let id = 0; id !== 0xffff; ) {
    const whole = (await ask(0x0a, 0x23, Uint8Array.of(0, 0, id & 0xff, id >> 8, 0, 0xff))).data;
    const record = whole.subarray(2);
    ids.push(record[0]! | (record[1]! << 8));
    for (const count of [1, 5, 16, 64]) {
      for (let offset = 0; offset < record.byteLength; offset += count) {
        const piece = await ask(0x0a, 0x23, Uint8Array.of(low, high, id & 0xff, id >> 8, offset, count));
        t.same(piece.data.subarray(2), record.subarray(offset, offset + count));
      }
    }
    id = whole[0]! | (whole[1]! << 8);
  }
  t.equal(ids.length, info.records);
  t.equal((await ask(0x0a, 0x23, Uint8Array.of(low, high, 1, 0, 200, 4))).completion, 0xc9);
  t.equal((await ask(0x0a, 0x23, Uint8Array.of(low, high, 1, 0, 0, 65))).completion, 0xca);
  t.equal((await ask(0x0a, 0x23, Uint8Array.of(low ^ 1, high, 1, 0, 4, 4))).completion, 0xc5);
  t.equal((await ask(0x0a, 0x23, '0000 9900 00 ff')).completion, 0xcb);
});

void t.test('what a sensor does not have is refused for each in the same way', async (t) => {
  const { ask } = await bmcBench();
  for (const number of ['01', '06', 'f0', 'f2']) {
    t.equal((await ask(0x04, 0x27, number)).completion, 0xcd);
    t.equal((await ask(0x04, 0x26, `${number} 3f 000000000000`)).completion, 0xcd);
    t.equal((await ask(0x04, 0x25, `${number} ff`)).completion, 0xcd);
    t.equal((await ask(0x04, 0x28, `${number} 00`)).completion, 0xcd);
    t.same((await ask(0x04, 0x29, number)).data, Uint8Array.of(0x40));
  }
  t.equal((await ask(0x04, 0x2d, 'f2')).completion, 0xcd, 'a sensor of events alone');
  for (const code of [0x25, 0x27, 0x29, 0x2b, 0x2d, 0x2f])
    t.equal((await ask(0x04, code, code === 0x25 ? 'ee ff' : 'ee')).completion, 0xcb);
  t.same((await ask(0x04, 0x2f, '01')).data, Uint8Array.of(0x01, 0x01));
  t.equal((await ask(0x04, 0x23, '01 80', HOST)).data[0], 0x80);
  t.equal((await ask(0x04, 0x23, '06 80')).completion, 0xcd);
});

void t.test('names that are too long or strange are cut, and still differ', async (t) => {
  const machine = new FakeBmcMachine();
  const channel = (name: string): Channel => ({
    name,
    kind: 'gpio',
    unit: 'state',
    readable: true,
    writable: false,
  });
  const channels = ['a-very-long-name-of-one', 'a-very-long-name-of-two', 'größe', 'a'].map(channel);
  Object.defineProperty(machine, 'sensors', { value: { channels, read: async () => 0 } });
  const { client } = await bmcBench({ machine });
  const names = (await client().sensors()).map((now) => now.sensor.name);
  t.same(names.slice(0, 4), ['a-very-long-name', 'a-very-long-na~2', 'gr??e', 'a']);
});

void t.test('more channels than there are numbers leave the BMC its own', async (t) => {
  const machine = new FakeBmcMachine();
  const channels = Array.from(
    { length: 400 },
    (_, n): Channel => ({ name: `pin${n}`, kind: 'gpio', unit: 'state', readable: true, writable: false }),
  );
  Object.defineProperty(machine, 'sensors', { value: { channels, read: async () => 0 } });
  const { client } = await bmcBench({ machine });
  const numbers = (await client().sensors()).map((now) => now.sensor.number);
  t.equal(new Set(numbers).size, numbers.length);
  t.equal(numbers.filter((number) => number < 0xf0).length, 0xef);
});
