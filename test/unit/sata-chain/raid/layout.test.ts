import fc from 'fast-check';
import t from 'tap';
import { hasCode, sentenceOf } from '../../../../src/base/index.ts';
import type { ChainMember } from '../../../../src/sata-chain/index.ts';
import { capacityOf, type MirrorSet, setsOf } from '../../../../src/sata-chain/raid/array-table.ts';
import { tableFor } from '../../../../src/sata-chain/raid/layout.ts';
import { piecesOf, rawOffset } from '../../../../src/sata-chain/raid/mapping.ts';
import { unitOf } from '../../../kit/array-bench.ts';

const ID = 'a77a000000000001';
const members = (...sizes: number[]): ChainMember[] =>
  sizes.map((sectors, at) => ({ unit: unitOf(at), serial: `S${at}`, sectors, sectorSize: 512 }));

/** Where a range of the array lies in the raw chain, once for every unit that holds it. */
const rawRanges = (sets: readonly MirrorSet[], range: { readonly lba: number; readonly count: number }) =>
  piecesOf(sets, range.lba, range.count).flatMap(({ set, lba, count }) =>
    set.copies.map((copy) => ({
      unit: copy.unit,
      role: copy.role,
      lba: lba + rawOffset(set.logicalBase, copy),
      count,
    })),
  );

await t.test('of drives that are spanned in their order the map is the identity', async (t) => {
  const chain = members(10, 20, 5);
  const table = tableFor({ stretches: chain.map(({ unit }) => ({ span: unit })) }, chain, ID);
  t.equal(capacityOf(table), 35);
  t.same(
    rawRanges(setsOf(table), { lba: 8, count: 25 }).map(({ lba, count }) => [lba, count]),
    [
      [8, 2],
      [10, 20],
      [30, 3],
    ],
  );
});

await t.test(
  'every sector of the array lies on one sector of each of its copies, and on no other',
  async (t) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 8 }), (sizes) => {
        const chain = members(...sizes);
        const stretches = [];
        for (let at = 0; at + 1 < sizes.length; at += 2) {
          stretches.push(
            at % 4 === 0 ? { mirror: [unitOf(at), unitOf(at + 1)], equal: true } : { span: unitOf(at) },
          );
          if (at % 4 !== 0) stretches.push({ span: unitOf(at + 1) });
        }
        if (sizes.length % 2 === 1) stretches.push({ span: unitOf(sizes.length - 1) });
        const table = tableFor({ stretches }, chain, ID);
        const sets = setsOf(table);
        const used = new Set<number>();
        for (let lba = 0; lba < capacityOf(table); lba += 1) {
          const ranges = rawRanges(sets, { lba, count: 1 });
          for (const range of ranges) {
            const { window } = table.registers.find(({ unit }) => unit === range.unit)!;
            if (range.lba < window.lba || range.lba >= window.lba + window.count || used.has(range.lba))
              return false;
            used.add(range.lba);
          }
          if (ranges.length === 0 || ranges[0]!.role !== 'data') return false;
        }
        const whole = piecesOf(sets, 0, capacityOf(table));
        return whole.reduce((sum, { count }) => sum + count, 0) === capacityOf(table);
      }),
      { numRuns: 50 },
    );
    t.pass();
  },
);

await t.test(
  'a new mirror is copied from the first of the pair, unless they are said to be equal',
  async (t) => {
    const of = (equal: boolean) =>
      tableFor({ stretches: [{ mirror: [unitOf(0), unitOf(1)], equal }] }, members(8, 9), ID).registers[1];
    t.match(of(true), { role: 'mirror', state: 'live', length: 8 });
    t.match(of(false), { role: 'spare', state: 'ready', length: 8 });
  },
);

const SPAN = { span: unitOf(0) };
const BAD: readonly [string, unknown, readonly ChainMember[], RegExp][] = [
  ['no stretch', { stretches: [] }, members(8), /at least one stretch/],
  [
    'a slip in a key',
    { stretches: [SPAN], spare: [] },
    members(8),
    /unknown key "spare"; did you mean "spares"/,
  ],
  ['a name that is none', { stretches: [{ span: 'x' }] }, members(8), /16 hexadecimal/],
  ['a unit that is not there', { stretches: [SPAN, { span: unitOf(7) }] }, members(8), /not in the chain/],
  ['a unit twice', { stretches: [SPAN], spares: [unitOf(0)] }, members(8), /named twice/],
  ['a pair of one', { stretches: [{ mirror: [unitOf(0), unitOf(0)] }] }, members(8), /named twice/],
  ['a unit left out', { stretches: [SPAN] }, members(8, 8), /says nothing of unit/],
  [
    'a spare without a pair',
    { stretches: [SPAN], spares: [unitOf(1)] },
    members(8, 8),
    /can replace nothing/,
  ],
  ['no members', { stretches: [SPAN] }, [], /no members/],
  ['an empty drive', { stretches: [SPAN] }, members(0), /has no sectors/],
  ['too many sectors', { stretches: [SPAN, { span: unitOf(1) }] }, members(2 ** 47, 2 ** 47), /2\^48/],
  [
    'unequal sectors',
    { stretches: [SPAN, { span: unitOf(1) }] },
    [...members(8), { unit: unitOf(1), serial: 'S1', sectors: 8, sectorSize: 4096 }],
    /4096-byte sectors/,
  ],
];
for (const [what, layout, chain, sentence] of BAD) {
  await t.test(`a layout with ${what} is refused in words`, async (t) => {
    try {
      tableFor(layout, chain, ID);
      t.fail('it was taken');
    } catch (error) {
      t.ok(hasCode(error, 'NS_ARRAY_LAYOUT') || hasCode(error, 'NS_CONFIG_INVALID'));
      t.match(sentenceOf(error), sentence);
    }
  });
}
