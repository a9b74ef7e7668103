import fc from 'fast-check';
import t from 'tap';
import { silentLog } from '../../../../src/adapters/log.ts';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { seconds, utf8 } from '../../../../src/base/index.ts';
import { logLines } from '../../../../src/console/host/log-lines.ts';
import { decodeLogRecord, encodeLogRecord, SLOT } from '../../../../src/console/host/log-record.ts';
import { ConsoleLog } from '../../../../src/console/index.ts';
import type { MemoryDevice } from '../../../kit/memory-device.ts';
import { MemoryState } from '../../../kit/memory-state.ts';
import { PowerRail } from '../../../kit/power-cut.ts';

const SIZE = 6 * SLOT;
const line = (n: number): string => `${String(n).padStart(6, '0')} ${'x'.repeat(n % 900)}\r\n`;

class Bench {
  readonly store = new MemoryState(1024 * 1024);
  readonly clock = new VirtualClock();
  readonly told: string[] = [];

  open(size = SIZE): Promise<ConsoleLog> {
    const log = { log: (_: string, event: string) => void this.told.push(event) };
    return ConsoleLog.open({ store: this.store, clock: this.clock, log, size });
  }

  async text(log: ConsoleLog): Promise<string> {
    return (await log.read(1e9)).map(({ bytes }) => Buffer.from(bytes).toString('latin1')).join('');
  }
}

await t.test('a record is read as it was written, and with one bit flipped not at all', async (t) => {
  const record = {
    seq: 2 ** 32 + 7,
    marks: [
      { is: 'start', at: 0, seconds: 1_790_000_000 },
      { is: 'lost', at: 3, count: 99 },
      { is: 'time', at: 5, seconds: 1_790_000_009 },
    ],
    bytes: utf8('hello'),
  } as const;
  const slot = encodeLogRecord(record);
  t.equal(slot.byteLength, SLOT);
  t.same(decodeLogRecord(slot), record);
  t.equal(decodeLogRecord(slot.subarray(1)), undefined);
  t.equal(decodeLogRecord(new Uint8Array(SLOT)), undefined);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: SLOT * 8 - 1 }), (bit) => {
      const hit = slot.slice();
      hit[bit >> 3]! ^= 1 << (bit & 7);
      return decodeLogRecord(hit) === undefined;
    }),
  );
});

await t.test(
  'what was said is there after a restart, the oldest goes first, and times stand between',
  async (t) => {
    const bench = new Bench();
    let log = await bench.open();
    log.hear(utf8('first words'));
    await bench.clock.advance(seconds(2));
    await log.flush();
    // Cut off without a goodbye.
    log = await bench.open();
    await bench.clock.advance(seconds(30));
    log.hear(utf8('second\r\nstart\r\n'));
    await bench.clock.advance(seconds(30));
    log.hear(utf8('later\r\n'));
    const at = (n: number): string => `@${n - 1_790_000_000}`;
    t.same(logLines(await log.read(1e9), at), [
      '[@0: the agent was started]',
      '[@0]',
      'first words',
      '[@2: the agent was started]',
      '[@32]',
      'second',
      'start',
      '[@62]',
      'later',
    ]);
    let said = '';
    for (let n = 0; n < 100; n += 1) {
      said += line(n * 31);
      log.hear(utf8(line(n * 31)));
      if (n % 7 === 0) await log.flush();
    }
    await log.close();
    const kept = await bench.text(await bench.open());
    t.ok(said.endsWith(kept));
    t.ok(kept.length > SIZE - 3 * SLOT && kept.length < SIZE);
  },
);

await t.test(
  'wherever the power is cut, what was flushed is there, in order, but for the oldest of it',
  async (t) => {
    let cuts = 0;
    for (let cutAt = 1; ; cutAt += 1) {
      const bench = new Bench();
      const rail = new PowerRail({ cutAt, seed: cutAt });
      bench.store.wrap = (device) => rail.wrap(device as MemoryDevice);
      let said = '';
      let flushed = 0;
      const run = async (): Promise<void> => {
        const log = await bench.open();
        for (let n = 0; n < 40; n += 1) {
          said += line(n * 23);
          log.hear(utf8(line(n * 23)));
          if (n % 3 !== 0) continue;
          await log.flush();
          flushed = said.length;
        }
      };
      const survived = await run().then(
        () => true,
        () => false,
      );
      if (survived) break;
      cuts += 1;
      bench.store.wrap = (device) => device;
      const log = await bench.open();
      const kept = await bench.text(log);
      const from = said.indexOf(kept);
      // All of one piece: nothing between is missing, and nothing stands twice.
      t.ok(from >= 0 && from + kept.length >= flushed, `cut ${cutAt}: ${from} ${kept.length} ${flushed}`);
      t.ok(kept.length >= Math.min(flushed, SIZE - 3 * SLOT), `cut ${cutAt}: enough is kept`);
      log.hear(utf8('and on'));
      t.match(await bench.text(log), /and on$/);
    }
    t.ok(cuts > 30, `${cuts} cuts`);
  },
);

await t.test('what comes too fast is counted, and a storage that fails is told of once', async (t) => {
  const bench = new Bench();
  const log = await bench.open();
  for (let i = 0; i < 64; i += 1) log.hear(new Uint8Array(64 * 1024).fill(0x78));
  await bench.clock.advance(seconds(4));
  log.hear(utf8('\r\nquiet again\r\n'));
  const lines = logLines(await log.read(1e9), String);
  t.ok(lines.some((each) => /^\[\d{7} bytes were not kept: they came too fast\]$/.test(each)));
  t.equal(lines.at(-1), 'quiet again');
  await log.close();
  bench.store.wrap = (device) => ({
    ...device,
    name: device.name,
    capabilities: device.capabilities,
    read: (at, into) => device.read(at, into),
    write: async () => Promise.reject(new Error('no storage')),
  });
  const broken = await bench.open();
  for (let i = 0; i < 3; i += 1) {
    broken.hear(new Uint8Array(8192));
    await bench.clock.advance(seconds(3));
  }
  t.same(bench.told, ['host-console.log-failed']);
});

await t.test('another size begins a new one', async (t) => {
  const bench = new Bench();
  const log = await bench.open();
  log.hear(utf8('gone'));
  await log.close();
  const other = await ConsoleLog.open({
    store: bench.store,
    clock: bench.clock,
    log: silentLog,
    size: SIZE * 2,
  });
  t.equal(await bench.text(other), '');
});
