import t from 'tap';
import * as v from 'valibot';
import { SimIo, VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { seconds } from '../../../../src/base/index.ts';
import type { Channel, IoDevices } from '../../../../src/ports/index.ts';
import { MOST_SENSORS, VERBS } from '../../../../src/protocol/index.ts';
import { showResult } from '../../../../src/show/index.ts';
import { readSensors } from '../../../../src/tasks/sensor/read-sensors.ts';

const input = { readable: true, writable: false } as const;
const CHANNELS: Channel[] = [
  { ...input, name: 'lid', kind: 'gpio', unit: 'state' },
  { ...input, name: 'rail', kind: 'voltage', unit: 'mV', low: 3135, high: 3465 },
  { ...input, name: 'inlet', kind: 'temperature', unit: 'm°C', high: 45_000 },
  { ...input, name: 'console', kind: 'uart', unit: 'bytes' },
  { ...input, name: 'cam', kind: 'camera', unit: 'jpeg' },
  { ...input, readable: false, writable: true, name: 'pulse', kind: 'gpio', unit: 'state' },
];
const never = new AbortController().signal;

function bench(channels: readonly Channel[] = CHANNELS) {
  const clock = new VirtualClock();
  return { clock, io: new SimIo(clock, channels) };
}

await t.test('one answer has all that measures, and takes no bytes from anybody', async (t) => {
  const { clock, io } = bench();
  io.force('rail', 3000);
  const read = v.parse(VERBS['sensor.read'].result, await readSensors(io, clock, never));
  t.same(read, {
    sensors: [
      { name: 'lid', kind: 'gpio', unit: 'state', value: 0 },
      { name: 'rail', kind: 'voltage', unit: 'mV', value: 3000, low: 3135, high: 3465 },
      { name: 'inlet', kind: 'temperature', unit: 'm°C', value: 31_000, high: 45_000 },
    ],
    left: 0,
  });
  t.same(showResult('sensor.read', read), [
    '3 sensors',
    'lid        0  state',
    'rail    3000  mV     3135..3465  TOO LOW',
    'inlet  31000  m°C    ..45000     well',
  ]);
  t.equal(clock.waiting, 0, 'no timer is left behind');
});

await t.test('a sensor that fails or hangs is said, and keeps the others from nobody', async (t) => {
  const { clock, io } = bench();
  io.setFailing('lid', true);
  const hanging: IoDevices = {
    channels: () => io.channels(),
    read: (name, signal) => (name === 'rail' ? new Promise(() => {}) : io.read(name, signal)),
    write: (name, value, signal) => io.write(name, value, signal),
    watch: (name, listener) => io.watch(name, listener),
  };
  const { sensors } = await clock.settle(readSensors(hanging, clock, never), seconds(5));
  t.match(sensors, [
    { name: 'lid', value: undefined, fault: /does not answer/ },
    { name: 'rail', value: undefined, fault: /rail/ },
    { name: 'inlet', value: 31_000 },
  ]);
  t.match(showResult('sensor.read', { sensors, left: 0 }).join('\n'), /rail +- +mV .*NO READING: /);
});

await t.test('no sensors is an answer, and too many are counted', async (t) => {
  const { clock, io } = bench([]);
  const none = await readSensors(io, clock, never);
  t.same(none, { sensors: [], left: 0 });
  t.same(showResult('sensor.read', none), ['this board has no sensors']);
  const many = Array.from({ length: MOST_SENSORS + 3 }, (_, i) => ({ ...CHANNELS[0]!, name: `s${i}` }));
  const crowded = bench(many);
  const read = await readSensors(crowded.io, crowded.clock, never);
  t.equal(read.sensors.length, MOST_SENSORS);
  t.equal(read.left, 3);
  t.match(showResult('sensor.read', read).at(-1), /and 3 sensors more/);
});

await t.test('whoever stops waiting is told so', async (t) => {
  const { clock, io } = bench();
  await t.rejects(readSensors(io, clock, AbortSignal.abort(new Error('Ctrl-C'))), { message: 'Ctrl-C' });
});
