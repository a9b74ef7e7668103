import fc from 'fast-check';
import t from 'tap';
import {
  aspeedOffset,
  type BoardDescription,
  boardFaults,
  partitionFaults,
} from '../../../src/board/index.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const line = (offset: number, more: object = {}) => ({
  chip: '1e780000.gpio',
  offset,
  activeLow: false,
  ...more,
});

const good: BoardDescription = {
  name: 'a-board',
  title: 'A board',
  evidence: 'described',
  adapter: 'linux',
  compatible: ['maker,board'],
  processor: { soc: 'AST2600', arch: 'armv7', neon: false, node: 20 },
  handBackMs: 2000,
  wakeSettleMs: 10_000,
  channels: [
    {
      name: 'intrusion',
      kind: 'gpio',
      readable: true,
      writable: false,
      unit: 'state',
      at: { on: 'gpio', ...line(9) },
    },
    {
      name: 'inlet-temp',
      kind: 'temperature',
      readable: true,
      writable: false,
      unit: 'm°C',
      at: { on: 'hwmon', name: 'lm75', sensor: 'temp1' },
    },
  ],
  gpio: {
    chips: [{ label: '1e780000.gpio', lines: 208 }],
    reserved: [{ chip: '1e780000.gpio', offset: 0, why: 'MDIO' }],
  },
  host: {
    states: ['S0', 'S5'],
    signals: [{ signal: 'ps-pwrok', gpio: line(14) }],
    buttons: { powerIn: line(34), powerOut: line(35) },
    disks: [{ name: 'disk0', path: '/dev/disk/by-path/x', power: 'own', switch: line(50), settleMs: 500 }],
  },
  protectedPaths: [],
};
const with_ = (change: Partial<BoardDescription>): string[] => boardFaults({ ...good, ...change });
const { host, channels } = good;

await t.test('a description that holds together has no faults', async (t) => {
  t.same(boardFaults(good), []);
});

await t.test('a line has one use, is not reserved, and is there', async (t) => {
  const powered = { ...host, disks: [] } as NonNullable<typeof host>;
  const signals = (gpio: ReturnType<typeof line>) =>
    with_({ host: { ...powered, signals: [{ signal: 'sio-s5', gpio }] } });
  t.match(signals(line(9)), [/signal sio-s5: line 9 of 1e780000\.gpio is already channel intrusion/]);
  t.match(signals(line(34)), [/button powerIn: line 34 .* is already signal sio-s5/]);
  t.match(signals(line(0)), [/signal sio-s5: line 0 .* is reserved \(MDIO\)/]);
  t.match(signals(line(208)), [/line 208 .*, which has 208 lines/]);
  t.match(signals(line(1, { chip: 'other' })), [/there is no chip other in gpio\.chips/]);
  const twiceNamed = with_({
    host: {
      ...powered,
      buttons: { powerIn: line(34, { line: 'BUTTON' }), powerOut: line(35, { line: 'BUTTON' }) },
    },
  });
  t.match(twiceNamed, [/button powerOut: line 35 .* is already button powerIn/]);
});

await t.test(
  'a channel is where its kind can be, in its unit, and can be written where it says so',
  async (t) => {
    const [gpio, temperature] = channels;
    const judge = (change: object) =>
      with_({ channels: [{ ...temperature, ...change } as (typeof channels)[number]] });
    t.match(judge({ at: undefined }), [/says not where it is/]);
    t.match(judge({ at: gpio?.at }), [/a temperature cannot be on gpio/]);
    t.match(judge({ unit: 'mV' }), [/a temperature is told in m°C/]);
    const pwm = { on: 'pwm', name: 'nct6779', pwm: 'pwm1', slowest: 30 };
    const fan = { kind: 'pwm', unit: '%', writable: true, minimum: 30, maximum: 100, safe: 60, at: pwm };
    t.same(judge(fan), []);
    t.same(judge({ ...fan, minimum: 0, safe: 0, at: { ...pwm, automatic: 5 } }), []);
    t.match(judge({ ...fan, minimum: 0 }), [/takes 30 \(its slowest\) to 100 %/]);
    t.match(judge({ ...fan, at: { ...pwm, automatic: 5 } }), [/takes 0 \(automatic\) to 100 %/]);
    t.match(judge({ ...fan, safe: 29 }), [/needs a safe value that turns the fan/]);
    t.match(judge({ ...fan, safe: undefined }), [/needs a safe value that turns the fan/]);
    t.match(judge({ ...fan, unit: 'rpm' }), [/a pwm is told in %/]);
    const chip = { kind: 'i2c', unit: 'bytes', at: { on: 'i2c', bus: 3, address: 0x41, bytes: 1 } };
    t.same(judge(chip), []);
    t.match(judge({ ...chip, writable: true, minimum: 0, maximum: 1 }), [/on i2c cannot be written/]);
    t.match(judge({ holds: 'fru' }), [/only an eeprom holds fru/]);
    t.match(judge({ kind: 'fan', unit: 'rpm', writable: true }), [/on hwmon cannot be written/]);
  },
);

await t.test('what the agent cannot do without is there', async (t) => {
  t.match(with_({ compatible: undefined }), [/needs "compatible"/]);
  t.match(with_({ host: undefined }), [/needs a section "host"/]);
  t.match(with_({ processor: undefined }), [/needs a processor/]);
  t.match(with_({ adapter: 'none' }), [/Node runs on a board whose adapter is "none"/]);
  const chip = { bus: 7, address: 0x50, kind: '24c64', what: 'FRU' };
  t.match(with_({ i2c: [chip, chip] }), [/address 0x50 of I2C bus 7 is there twice/]);
});

await t.test('pins of ASPEED chips are counted as their datasheet letters them', async (t) => {
  t.same(
    ['A0', 'B6', 'E3', 'R2', 'Z7', 'AA0', 'AA2', 'AC7'].map(aspeedOffset),
    [0, 14, 35, 138, 207, 208, 210, 231],
  );
  t.same(['', 'A8', 'BA0', 'a0', 'AAA1'].map(aspeedOffset), [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

await t.test(
  'partitions that lie side by side on erase blocks are right, any that touch are not',
  async (t) => {
    const eraseSize = 64 * KiB;
    const layout = fc
      .array(fc.record({ gap: fc.nat(3), blocks: fc.integer({ min: 1, max: 40 }) }), {
        minLength: 1,
        maxLength: 12,
      })
      .map((parts) => {
        let at = 0;
        return parts.map(({ gap, blocks }, index) => {
          const offset = at + gap * eraseSize;
          at = offset + blocks * eraseSize;
          return { name: `p${index}`, offset, size: blocks * eraseSize };
        });
      });
    fc.assert(
      fc.property(layout, fc.nat(), (partitions, pick) => {
        const medium = { size: 64 * MiB, eraseSize, partitions };
        t.same(partitionFaults(medium), []);
        const index = pick % partitions.length;
        const change = (part: object) =>
          partitionFaults({
            ...medium,
            partitions: partitions.map((p, i) => (i === index ? { ...p, ...part } : p)),
          });
        const hit = partitions[index];
        t.match(change({ offset: (hit?.offset ?? 0) + 1 })[0], /not at a multiple|behind the end/);
        t.match(change({ size: (hit?.size ?? 0) + 1 })[0], /not a multiple/);
        t.match(change({ offset: 64 * MiB }), [/behind the end/]);
        const next = partitions[index + 1];
        if (next !== undefined)
          t.match(change({ size: next.offset - (hit?.offset ?? 0) + eraseSize })[0], /before p\d+ has ended/);
      }),
      { numRuns: 100 },
    );
    t.match(
      partitionFaults({
        size: MiB,
        eraseSize,
        partitions: [0, 1].map((n) => ({ name: 'a', offset: n * eraseSize, size: eraseSize })),
      }),
      [/two partitions are called a/],
    );
  },
);
