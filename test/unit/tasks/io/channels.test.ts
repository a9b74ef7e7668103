import t from 'tap';
import * as v from 'valibot';
import { SimIo, VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { seconds, utf8 } from '../../../../src/base/index.ts';
import type { Channel, ChannelValue, IoDevices } from '../../../../src/ports/index.ts';
import { VERBS } from '../../../../src/protocol/index.ts';
import { ioList, ioRead, ioWrite } from '../../../../src/tasks/io/channels.ts';
import { ioWatch } from '../../../../src/tasks/io/watch.ts';

const never = new AbortController().signal;
const channels: Channel[] = [
  { name: 'lid', kind: 'gpio', readable: true, writable: false, unit: 'state' },
  {
    name: 'fan1',
    kind: 'fan',
    readable: true,
    writable: true,
    unit: 'rpm',
    minimum: 0,
    maximum: 6000,
    safe: 1500,
  },
  {
    name: 'pulse',
    kind: 'gpio',
    readable: false,
    writable: true,
    unit: 'state',
    minimum: 0,
    maximum: 1,
    safe: 0,
  },
  { name: 'wild', kind: 'led', readable: true, writable: true, unit: 'state' },
  { name: 'console', kind: 'uart', readable: true, writable: true, unit: 'bytes' },
  { name: 'cam', kind: 'camera', readable: true, writable: false, unit: 'jpeg' },
  { name: 'temp', kind: 'temperature', readable: true, writable: false, unit: 'm°C' },
];

function bench() {
  const clock = new VirtualClock();
  return { clock, io: new SimIo(clock, channels) };
}

function altered(io: IoDevices, part: Partial<IoDevices>): IoDevices {
  return {
    channels: () => io.channels(),
    read: (name, signal) => io.read(name, signal),
    write: (name, value, signal) => io.write(name, value, signal),
    watch: (name, listener) => io.watch(name, listener),
    ...part,
  };
}

await t.test('the list is what the board enrols, no more', async (t) => {
  const { io } = bench();
  const listed = v.parse(VERBS['io.list'].result, ioList(io));
  t.same(
    listed.channels.map(({ name }) => name),
    channels.map(({ name }) => name),
  );
  t.same(listed.channels[1], { ...channels[1] });
});

await t.test('what is not enrolled, or cannot be read, is refused', async (t) => {
  const { io } = bench();
  for (const channel of ['nothing', '__proto__', '', 'fan1 ']) {
    t.match(await ioRead(io, { channel }, never), { refusal: { code: 'NOT_ENROLLED' } });
    t.match(await ioWrite(io, { channel, value: 1 }, never), { refusal: { code: 'NOT_ENROLLED' } });
  }
  t.match(await ioRead(io, { channel: 'pulse' }, never), { refusal: { code: 'CHANNEL_WRITE_ONLY' } });
  const read = await ioRead(io, { channel: 'cam' }, never);
  t.ok(read.ok && v.parse(VERBS['io.read'].result, read.value).value instanceof Uint8Array);
  io.setFailing('temp', true);
  await t.rejects(ioRead(io, { channel: 'temp' }, never), { code: 'NS_IO_FAILED' });
});

await t.test('an output takes what lies within its limits, and nothing else', async (t) => {
  const { io } = bench();
  const write = (channel: string, value: ChannelValue, dryRun = false) =>
    ioWrite(io, { channel, value, dryRun }, never);
  t.match(await write('fan1', 6000, true), { value: { before: 1500, dryRun: true, after: undefined } });
  t.equal(await io.read('fan1'), 1500, 'a dry run changes nothing');
  t.match(await write('fan1', 6000), { value: { unit: 'rpm', before: 1500, after: 6000, dryRun: false } });
  for (const value of [-1, 6001, 2.5, Number.NaN, utf8('1')]) {
    t.match(await write('fan1', value), { refusal: { code: 'VALUE_OUT_OF_RANGE', sentence: /fan1/ } });
  }
  t.equal(await io.read('fan1'), 6000);
  t.match(await write('lid', 1), { refusal: { code: 'CHANNEL_READ_ONLY' } });
  t.match(await write('wild', 1), { refusal: { code: 'VALUE_OUT_OF_RANGE', sentence: /no limits/ } });
  t.match(await write('pulse', 1), { ok: true, value: { before: undefined, after: undefined } });
  t.match(await write('console', utf8('reboot\r')), { ok: true });
  t.match(await write('console', 7), { refusal: { code: 'VALUE_OUT_OF_RANGE' } });
  t.match(await write('console', new Uint8Array(4097)), { refusal: { code: 'VALUE_OUT_OF_RANGE' } });
  const heard = await ioRead(io, { channel: 'console' }, never);
  t.ok(
    heard.ok &&
      Buffer.from(heard.value.value as Uint8Array)
        .toString()
        .startsWith('reboot'),
    'the write took no bytes away',
  );
});

await t.test('an output whose write fails is brought to its safe value', async (t) => {
  const { io } = bench();
  const written: ChannelValue[] = [];
  const flaky = altered(io, {
    write: async (_name, value) => {
      written.push(value);
      if (value === 5000) throw new Error('bus error');
    },
  });
  await t.rejects(ioWrite(flaky, { channel: 'fan1', value: 5000 }, never), { message: 'bus error' });
  t.same(written, [5000, 1500]);
});

await t.test('a watch ends by time or by number, and passes samples on as they come', async (t) => {
  const { clock, io } = bench();
  const seen: [number, ChannelValue][] = [];
  const watch = (args: { channel: string; seconds?: number; samples?: number }, signal = never) =>
    ioWatch({ io, clock, args, signal, onSample: (n, value) => seen.push([n, value]) });
  const timed = await clock.settle(watch({ channel: 'temp', seconds: 3 }), seconds(5));
  t.match(timed, { ok: true, value: { unit: 'm°C', samples: 6, dropped: 0 } });
  t.ok(timed.ok && v.parse(VERBS['io.watch'].result, timed.value));
  t.same(timed.ok && timed.value.last.map(({ at }) => at), [500, 1000, 1500, 2000, 2500, 3000]);
  t.same(
    seen.map(([n]) => n),
    [1, 2, 3, 4, 5, 6],
  );
  const counted = await clock.settle(watch({ channel: 'temp', samples: 2 }), seconds(5));
  t.match(counted, { value: { samples: 2 } });
  t.match(await watch({ channel: 'temp', samples: 0 }), { value: { samples: 0, last: [] } });
  t.match(await watch({ channel: 'nothing' }), { refusal: { code: 'NOT_ENROLLED' } });
  t.match(await watch({ channel: 'pulse' }), { refusal: { code: 'CHANNEL_WRITE_ONLY' } });
  const silent = clock.monotonic();
  await clock.settle(watch({ channel: 'lid' }), seconds(20));
  t.equal(clock.monotonic() - silent, 10_000, 'ten seconds where nothing is said');
  const abort = new AbortController();
  const cancelled = watch({ channel: 'temp', seconds: 60 }, abort.signal);
  abort.abort(new Error('cancelled'));
  await t.rejects(cancelled, { message: 'cancelled' });
  t.equal(clock.waiting, 0, 'nothing goes on watching');
});

await t.test('a channel that chatters is thinned out, and what was dropped is counted', async (t) => {
  const { clock, io } = bench();
  const watching = ioWatch({
    io,
    clock,
    args: { channel: 'lid', seconds: 1 },
    signal: never,
    onSample: () => {},
  });
  for (let i = 0; i < 100; i += 1) {
    await clock.advance(seconds(0.005));
    io.force('lid', i % 2);
  }
  const verdict = await clock.settle(watching, seconds(2));
  t.ok(verdict.ok);
  if (!verdict.ok) return;
  const { samples, dropped } = verdict.value;
  t.ok(samples >= 8 && samples <= 11, `${samples} samples in half a second`);
  t.equal(samples + dropped, 100);
});

await t.test('pictures do not burst the receipt', async (t) => {
  const { clock, io } = bench();
  const picture = new Uint8Array(10_000);
  const big = altered(io, {
    watch: (_name, listener) =>
      clock.every(seconds(1), () => listener(clock.monotonic() > 19_500 ? new Uint8Array(50_000) : picture)),
  });
  const watching = ioWatch({
    io: big,
    clock,
    args: { channel: 'cam', seconds: 20 },
    signal: never,
    onSample: () => {},
  });
  t.match(await clock.settle(watching, seconds(30)), {
    value: { samples: 19, dropped: 1, last: { length: 3 } },
  });
});

await t.test('what the bytes of a channel say goes beside them, and never in their place', async (t) => {
  const { io } = bench();
  const asked: string[] = [];
  const contents = { as: 'fru', fields: [{ name: 'Board Serial', value: 'B1' }], problems: [] } as const;
  const contentsOf = async ({ name }: Channel) => {
    asked.push(name);
    return { ...contents, fields: [...contents.fields], problems: [] };
  };
  const read = async (channel: string) => {
    const verdict = await ioRead(io, { channel }, never, contentsOf);
    return v.parse(VERBS['io.read'].result, verdict.ok ? verdict.value : undefined);
  };
  const told = await read('cam');
  t.same(told.contents, contents);
  t.ok(told.value instanceof Uint8Array && told.value.byteLength > 0);
  t.equal((await read('temp')).contents, undefined, 'a number says what it is by itself');
  t.same(asked, ['cam']);
});
