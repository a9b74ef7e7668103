import fc from 'fast-check';
import t from 'tap';
import {
  BLANK_RECORD,
  type BootRecord,
  beginTrial,
  beginWriting,
  chooseSlot,
  confirm,
  rollBack,
  type Slot,
  slotToWrite,
  TRIES,
} from '../../../src/firmware/index.ts';

const firmware = (version: string, rollback = 1) => ({
  version,
  rollback,
  size: 10,
  sha256: 'ab'.repeat(32),
});
const whole = (): boolean => true;

/** A device that came from its maker: the first firmware in slot a, proven. */
const made = confirm(beginTrial(BLANK_RECORD, 'a', firmware('1.0.0')), 'a');

await t.test('a blank device starts its recovery system', async (t) => {
  t.match(chooseSlot(BLANK_RECORD, whole), { start: 'recovery', record: BLANK_RECORD });
});

await t.test('a new firmware is started so many times, then the old one is', async (t) => {
  let record = beginTrial(beginWriting(made, 'b'), 'b', firmware('2.0.0'));
  const started: string[] = [];
  for (let n = 0; n < TRIES + 2; n += 1) {
    const choice = chooseSlot(record, whole);
    started.push(choice.start);
    record = choice.record;
  }
  t.same(started, [...Array.from({ length: TRIES }, () => 'b'), 'a', 'a']);
  t.match(record, { first: 'a', floor: 1, slots: { b: { is: 'bad', version: '2.0.0' } } });
});

await t.test('a firmware that has proven itself stays, and raises the floor', async (t) => {
  const choice = chooseSlot(beginTrial(made, 'b', firmware('2.0.0', 5)), whole);
  const record = confirm(choice.record, 'b');
  t.match(record, {
    first: 'b',
    floor: 5,
    slots: { a: { is: 'good' }, b: { is: 'good', version: '2.0.0' } },
  });
  t.equal(chooseSlot(record, whole).start, 'b');
  t.equal(confirm(record, 'b'), record, 'confirmed is confirmed');
  t.equal(rollBack(record, 'b'), record, 'and is not rolled back any more');
});

await t.test('a firmware that gives itself up makes way at once', async (t) => {
  const record = rollBack(chooseSlot(beginTrial(made, 'b', firmware('2.0.0')), whole).record, 'b');
  t.equal(chooseSlot(record, whole).start, 'a');
});

await t.test('bytes that are not what they should be are not started, and the other slot is', async (t) => {
  const trial = beginTrial(made, 'b', firmware('2.0.0'));
  const { start, record } = chooseSlot(trial, (slot) => slot === 'a');
  t.equal(start, 'a');
  t.match(record.slots.b, { is: 'bad', version: '2.0.0' });
});

await t.test('where nothing can be read nothing is given up: it may be read the next time', async (t) => {
  t.same(
    chooseSlot(made, () => false),
    { start: 'recovery', record: made },
  );
  t.equal(chooseSlot(made, whole).start, 'a');
});

await t.test('the slot that runs is never written, and none while what runs is on trial', async (t) => {
  t.equal(slotToWrite(made, 'a'), 'b');
  t.equal(slotToWrite(beginTrial(made, 'b', firmware('2.0.0')), 'b'), undefined);
  t.equal(slotToWrite(made, 'recovery'), 'b');
  t.equal(slotToWrite(BLANK_RECORD, 'recovery'), 'a');
});

/** What may happen to a device, in any order. */
const happening = fc.oneof(
  fc.record({ is: fc.constant('start' as const), works: fc.boolean() }),
  fc.record({ is: fc.constant('update' as const), cut: fc.boolean(), works: fc.boolean() }),
  fc.constant({ is: 'confirm' as const }),
  fc.constant({ is: 'give-up' as const }),
  fc.record({ is: fc.constant('rot' as const), slot: fc.constantFrom<Slot>('a', 'b') }),
);

await t.test(
  'whatever happens, a slot that has proven itself and is whole can be started again',
  async (t) => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
        let record: BootRecord = made;
        let running = 'a' as Slot | 'recovery';
        const rotten = new Set<Slot>();
        let counter = record.counter;
        const store = (next: BootRecord): void => {
          t.ok(next === record || next.counter === record.counter + 1, 'every change has the next number');
          record = next;
        };
        const start = (): void => {
          const proven = (['a', 'b'] as const).filter(
            (slot) => record.slots[slot].is === 'good' && !rotten.has(slot),
          );
          const choice = chooseSlot(record, (slot) => !rotten.has(slot));
          store(choice.record);
          running = choice.start;
          if (proven.length > 0) t.not(running, 'recovery');
          if (running !== 'recovery') t.notOk(rotten.has(running));
        };
        for (const one of happenings) {
          if (one.is === 'start') start();
          if (one.is === 'rot') rotten.add(one.slot);
          if (one.is === 'confirm' && running !== 'recovery') store(confirm(record, running));
          if (one.is === 'give-up' && running !== 'recovery') store(rollBack(record, running));
          if (one.is !== 'update') continue;
          const slot = slotToWrite(record, running);
          if (slot === undefined) continue;
          t.not(slot, running);
          store(beginWriting(record, slot));
          rotten.add(slot);
          if (one.cut) {
            start();
            continue;
          }
          rotten.delete(slot);
          store(beginTrial(record, slot, firmware('9.0.0', record.floor + 1)));
        }
        t.ok(record.counter >= counter);
        counter = record.counter;
      }),
      { numRuns: 300 },
    );
  },
);
