import fc from 'fast-check';
import t from 'tap';
import {
  CSI,
  countOf,
  DSI,
  ISR,
  register,
  SCONTROL,
  SERROR,
  SSTATUS,
  wordsOf,
} from '../../../../src/sata-chain/index.ts';

await t.test('each field lies where the register map says', async (t) => {
  const bit = (n: number) => 2 ** n;
  t.equal(SSTATUS.encode({ det: 3, spd: 2, ipm: 1 }), 0x123);
  t.equal(SSTATUS.encode({ det: 4 }), 4);
  t.equal(SCONTROL.encode({ det: 1, spd: 2, ipm: 3, spm: 4, pmp: 15 }), 0xf4321);
  t.equal(SERROR.encode({ X: true, N: true, W: true }), bit(26) + bit(16) + bit(18));
  t.equal(SERROR.encode({ recoveredData: true, internal: true }), bit(0) + bit(11));
  t.equal(DSI.encode({ present: true, identified: true, speed: 3, failed: true, epoch: 0xab }), 0xab000239);
  t.equal(DSI.encode({ raidRole: 2, changed: true, locked: true }), bit(13) + bit(14) + bit(11));
  t.equal(CSI.encode({ held: true, unitsBelow: 0x21, speedUp: 3, speedDown: 1, epoch: 1 }), 0x01132180);
  t.equal(ISR.encode({ state: 9, seen: true, lastOob: 2, retries: 63 }), 0xfe29);
});

const MAPS = { DSI, CSI, ISR, SSTATUS, SCONTROL, SERROR };

await t.test('what is encoded is decoded, whatever else is in the word', async () => {
  for (const map of Object.values(MAPS)) {
    const places = Object.values(map.fields) as (number | readonly [number, number])[];
    let mask = 0;
    for (const place of places) {
      const [high, low] = typeof place === 'number' ? [place, place] : place;
      mask += (2 ** (high - low + 1) - 1) * 2 ** low;
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (word) => {
        const again = (map.encode as (v: unknown) => number)(map.decode(word));
        return again === (word & mask) >>> 0;
      }),
    );
  }
});

await t.test('a value that does not fit its field is refused', async (t) => {
  t.throws(() => ISR.encode({ retries: 64 }), RangeError);
  t.throws(() => CSI.encode({ unitsBelow: -1 }), RangeError);
  t.throws(() => register({ a: [3, 0] }).encode({ a: 1.5 }), RangeError);
});

await t.test('counts of 64 bits ride beside', async () => {
  fc.assert(fc.property(fc.maxSafeNat(), (n) => countOf(...wordsOf(n)) === n));
});
