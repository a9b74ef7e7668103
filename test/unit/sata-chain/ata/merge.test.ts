import fc from 'fast-check';
import t from 'tap';
import {
  type DeviceIdentity,
  decodeIdentity,
  encodeIdentity,
  type Merge,
  mergeUnit,
} from '../../../../src/sata-chain/index.ts';
import { driveIdentity } from './identities.ts';

const drive = (serial: string, over: Partial<DeviceIdentity> = {}): DeviceIdentity => ({
  serial,
  firmware: '1',
  model: 'DRIVE',
  sectors: 1000,
  sectorSize: 512,
  physicalSectorSize: 512,
  features: { ncqDepth: 32, trim: true, fua: true, writeCache: false, smart: true },
  rotation: 1,
  generation: 3,
  ...over,
});
/** The phantom of units in order from the head, each with its drive or none. */
function mergeIdentities(drives: readonly (DeviceIdentity | undefined)[]): Merge {
  let below: DeviceIdentity | undefined;
  for (let i = drives.length - 1; i > 0; i -= 1) {
    const merged = mergeUnit(drives[i], below);
    if (!merged.ok) return merged;
    below = merged.identity;
  }
  return mergeUnit(drives[0], below);
}

const phantom = (merge: Merge): DeviceIdentity & { chain: NonNullable<DeviceIdentity['chain']> } => {
  if (!merge.ok) throw new Error(merge.sentence);
  return merge.identity;
};

await t.test('three drives are one disk of their sum', async (t) => {
  const merged = phantom(
    mergeIdentities([
      drive('A', { sectors: 1_953_525_168 }),
      drive('B', { sectors: 1_953_525_168 }),
      drive('C', { sectors: 3_907_029_168 }),
    ]),
  );
  t.equal(merged.sectors, 7_814_079_504);
  t.equal(merged.chain.depth, 3);
  t.equal(decodeIdentity(encodeIdentity(merged)).sectors, 7_814_079_504);
  t.match(merged.serial, /^NS[0-9A-F]{16}$/);
});

await t.test('the phantom can only what all members can, and flushes if any has a cache', async (t) => {
  const weak = { ncqDepth: 0, trim: false, fua: false, writeCache: true, smart: false };
  t.same(phantom(mergeIdentities([drive('A'), drive('B', { features: weak })])).features, weak);
  const shallow = { ncqDepth: 4, trim: true, fua: true, writeCache: false, smart: true };
  t.same(phantom(mergeIdentities([drive('A'), drive('B', { features: shallow })])).features, shallow);
  const rotation = (...rates: number[]): number =>
    phantom(mergeIdentities(rates.map((rate, i) => drive(`${i}`, { rotation: rate })))).rotation;
  t.same(
    [rotation(1, 1), rotation(1, 7200), rotation(7200, 5400), rotation(1, 0), rotation(7200, 0)],
    [1, 7200, 5400, 0, 0],
  );
});

await t.test('what cannot be one disk is a fault', async (t) => {
  t.match(mergeUnit(drive('A'), drive('B', { sectorSize: 4096, physicalSectorSize: 4096 })), {
    fault: 'sector-size',
  });
  t.match(mergeUnit(drive('A', { sectors: 2 ** 47 }), drive('B', { sectors: 2 ** 47 })), {
    fault: 'too-many-sectors',
  });
  const chain = { depth: 1, epoch: 0, membership: new Uint8Array(8), held: false, degraded: false };
  t.match(mergeUnit(drive('A'), drive('B', { chain })), { fault: 'contradiction' });
  t.ok(mergeUnit(drive('A', { sectors: 2 ** 47 }), drive('B', { sectors: 2 ** 47 - 1 })).ok);
});

await t.test(
  'membership and serial change with members, sizes and order; not with empty units',
  async (t) => {
    const serial = (...drives: (DeviceIdentity | undefined)[]): string =>
      phantom(mergeIdentities(drives)).serial;
    const [a, b, c] = [drive('A'), drive('B'), drive('C')];
    const seen = [
      serial(a, b),
      serial(b, a),
      serial(a, b, c),
      serial(a),
      serial(drive('A', { sectors: 1001 }), b),
      serial(drive('AB'), drive('')),
      serial(a, drive('B', { sectors: 1001 })),
      serial(undefined),
    ];
    t.equal(new Set(seen).size, seen.length);
    t.equal(serial(a, undefined, b), serial(a, b));
    t.equal(serial(undefined, a), serial(a, undefined));
    t.equal(phantom(mergeIdentities([a, undefined, b])).chain.depth, 3);
    t.equal(phantom(mergeIdentities([undefined, undefined])).sectors, 0);
    t.equal(phantom(mergeUnit(a, b)).serial, serial(a, b), 'a plain drive below counts as a unit with it');
    const inside = phantom(mergeUnit(b, c));
    t.equal(phantom(mergeUnit(inside, undefined)).chain.depth, 1, 'chain words of a local drive are ignored');
  },
);

await t.test('held and degraded come up from below; the epoch is the own one', async (t) => {
  const below = phantom(mergeUnit(drive('B'), undefined, { held: true, degraded: true, epoch: 9 }));
  t.match(phantom(mergeUnit(drive('A'), below, { epoch: 3, generation: 1 })), {
    generation: 1,
    chain: { held: true, degraded: true, epoch: 3 },
  });
});

await t.test('unit by unit, through IDENTIFY data, gives the merge of all drives at once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(driveIdentity(512), { nil: undefined, freq: 5 }), { minLength: 1, maxLength: 12 }),
      async (drives) => {
        let below: DeviceIdentity | undefined;
        for (const local of drives.toReversed()) {
          const unit = phantom(mergeUnit(local && decodeIdentity(encodeIdentity(local)), below));
          below = decodeIdentity(encodeIdentity(unit));
        }
        const there = drives.filter((one) => one !== undefined);
        const flat = {
          sectors: there.reduce((sum, one) => sum + one.sectors, 0),
          physicalSectorSize: Math.max(512, ...there.map((one) => one.physicalSectorSize)),
          ncqDepth: there.length === 0 ? 0 : Math.min(...there.map((one) => one.features.ncqDepth)),
          trim: there.length > 0 && there.every((one) => one.features.trim),
          writeCache: there.some((one) => one.features.writeCache),
          depth: drives.length,
        };
        const seen = {
          sectors: below!.sectors,
          physicalSectorSize: below!.physicalSectorSize,
          ncqDepth: below!.features.ncqDepth,
          trim: below!.features.trim,
          writeCache: below!.features.writeCache,
          depth: below!.chain!.depth,
        };
        const direct = phantom(mergeIdentities(drives));
        if (JSON.stringify(flat) !== JSON.stringify(seen)) throw new Error(JSON.stringify([flat, seen]));
        if (JSON.stringify(direct) !== JSON.stringify(below)) throw new Error('the data say something else');
      },
    ),
    { numRuns: 300 },
  );
});
