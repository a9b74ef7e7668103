import fc from 'fast-check';
import t from 'tap';
import { hasCode } from '../../../../src/base/index.ts';
import {
  decodeIntentMap,
  encodeIntentSector,
  INTENT_REGION,
} from '../../../../src/sata-chain/raid/intent-codec.ts';
import { IntentMap, regionSectorsFor } from '../../../../src/sata-chain/raid/intent-map.ts';
import { tableFor } from '../../../../src/sata-chain/raid/layout.ts';
import { decodeTable, encodeTable, TABLE_SLOT } from '../../../../src/sata-chain/raid/table-codec.ts';
import { TwoSlotRecord } from '../../../../src/sata-chain/raid/two-slot.ts';
import { unitOf } from '../../../kit/array-bench.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';
import { PowerRail } from '../../../kit/power-cut.ts';

const SLOT = 1024;

await t.test('a record of two slots is the old or the new one, wherever the power goes', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.nat(), async (cutAt, seed) => {
      const device = new MemoryDevice('slots', 2 * SLOT);
      const rail = new PowerRail({ cutAt, seed });
      let acknowledged = 0;
      try {
        const record = await TwoSlotRecord.open(rail.wrap(device));
        for (let value = 1; value < 8; value += 1) {
          await record.write(new Uint8Array(900).fill(value));
          acknowledged = value;
        }
      } catch (error) {
        if (!hasCode(error, 'NS_POWER_CUT')) throw error;
      }
      const found = (await TwoSlotRecord.open(device)).latest;
      const value = found?.[0] ?? 0;
      const whole = found === undefined || found.every((byte) => byte === value);
      return whole && (value === acknowledged || value === acknowledged + 1);
    }),
  );
  t.pass();
});

await t.test('a flipped bit in a slot makes it the other one’s turn', async (t) => {
  const device = new MemoryDevice('slots', 2 * SLOT);
  const record = await TwoSlotRecord.open(device);
  await record.write(Uint8Array.of(1));
  await record.write(Uint8Array.of(2));
  for (let bit = 0; bit < 25 * 8; bit += 1) {
    if (bit >= 20 * 8 && bit < 24 * 8) continue; // Reserved: not looked at.
    device.bytes[bit >>> 3]! ^= 1 << (bit & 7);
    t.same((await TwoSlotRecord.open(device)).latest, Uint8Array.of(1), `bit ${bit}`);
    device.bytes[bit >>> 3]! ^= 1 << (bit & 7);
  }
  t.same((await TwoSlotRecord.open(device)).latest, Uint8Array.of(2));
});

await t.test('a record that is longer than a slot is refused, and the old one stays', async (t) => {
  const record = await TwoSlotRecord.open(new MemoryDevice('slots', 2 * SLOT));
  await record.write(Uint8Array.of(1));
  await t.rejects(record.write(new Uint8Array(SLOT)), { code: 'NS_ARRAY_STATE_FULL' });
  t.same(record.latest, Uint8Array.of(1));
});

const CHAIN = Array.from({ length: 256 }, (_, at) => ({
  unit: unitOf(at),
  serial: 'SERIAL-OF-20-LETTERS',
  sectors: 2 ** 39,
  sectorSize: 512 as const,
}));

await t.test('the largest table fits its slot and comes back as it was', async (t) => {
  const table = tableFor({ stretches: CHAIN.map(({ unit }) => ({ span: unit })) }, CHAIN, unitOf(1));
  const unreadable = Array.from({ length: 256 }, (_, at) => ({
    lba: 2 ** 46 + at * 2 ** 20,
    count: 2 ** 19,
  }));
  const bytes = encodeTable({ ...table, unreadable });
  t.ok(bytes.byteLength < TABLE_SLOT - 64, `${bytes.byteLength} bytes`);
  t.same(decodeTable(bytes), { ...table, unreadable });
});

await t.test('whole bytes that are no table are said to be none', async (t) => {
  for (const text of ['', '{', '[]', '{"version":2}', '{"version":1,"array":"x"}']) {
    t.throws(() => decodeTable(new TextEncoder().encode(text)), { code: 'NS_ARRAY_STATE' }, text);
  }
});

await t.test('a sector of the write-intent map that is not whole says that all may differ', async (t) => {
  const regions = 5000;
  const bytes = new Uint8Array(INTENT_REGION);
  bytes.set(
    encodeIntentSector(0, (region) => region === 7),
    0,
  );
  bytes.set(
    encodeIntentSector(1, (region) => region === 4999),
    512,
  );
  t.same(decodeIntentMap(bytes, regions), [7, 4999]);
  bytes[600]! ^= 1;
  t.equal(decodeIntentMap(bytes, regions).length, 1 + (regions - 3968));
  t.equal(
    decodeIntentMap(new Uint8Array(INTENT_REGION), regions).length,
    regions,
    'nor one that was never written',
  );
});

await t.test('no array is too large for the map', async (t) => {
  t.equal(regionSectorsFor(1000), 2048);
  const largest = regionSectorsFor(2 ** 48 - 1);
  t.ok(Math.ceil((2 ** 48 - 1) / largest) <= 16 * 3968, `${(largest * 512) / 2 ** 30} GiB a region`);
});

await t.test(
  'a write-intent bit is durable before a write begins, whatever is cleared beside it',
  async (t) => {
    const script = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('write' as const), region: fc.nat(9), long: fc.boolean() }),
        fc.record({ do: fc.constant('clear' as const) }),
      ),
      { maxLength: 30, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(script, async (steps) => {
        const device = new MemoryDevice('intent', INTENT_REGION);
        // What the device holds itself is what was flushed.
        const map = await IntentMap.format(new PowerRail().wrap(device), 80, 8);
        const clearing: Promise<void>[] = [];
        const held: number[][] = [];
        let wrong = 0;
        for (const one of steps) {
          if (one.do === 'clear') {
            map.flushed(map.flushing());
            clearing.push(map.clear(() => false));
            continue;
          }
          await map.begin([one.region]);
          if (!decodeIntentMap(device.bytes, 10).includes(one.region)) wrong += 1;
          if (one.long) held.push([one.region]);
          else map.end([one.region]);
          for (const [region] of held) if (!decodeIntentMap(device.bytes, 10).includes(region!)) wrong += 1;
        }
        for (const regions of held) map.end(regions);
        await Promise.all(clearing);
        map.flushed(map.flushing());
        await map.clear(() => false);
        return wrong === 0 && decodeIntentMap(device.bytes, 10).length === 0;
      }),
    );
    t.pass();
  },
);
