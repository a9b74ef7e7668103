import fc from 'fast-check';
import t from 'tap';
import { type AbsenceEvent, type AbsenceRecord, stepAbsence, WARNINGS } from '../../../src/bmc/absence.ts';

const LIMIT = 1000;
const NEW: AbsenceRecord = { ran: 0, warned: 0, lock: 3 };
const ran = (ms: number, version = 3): AbsenceEvent => ({
  is: 'ran',
  ms,
  lock: { state: 'enabled', version },
});

interface Told {
  readonly record: AbsenceRecord;
  readonly warned: readonly number[];
  readonly disabled: boolean;
}

function follow(events: readonly AbsenceEvent[], from = NEW): Told {
  let record = from;
  let disabled = false;
  const warned: number[] = [];
  for (const event of events) {
    const move = stepAbsence(record, event, LIMIT);
    record = move.record;
    for (const step of move.steps) {
      if (step.do === 'warn') warned.push(step.percent);
      if (step.do === 'disable') disabled = true;
    }
  }
  return { record, warned, disabled };
}

const steps = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 120 });

await t.test(
  'it disables when the time is up, in whatever pieces it was counted, and not before',
  async () => {
    fc.assert(
      fc.property(steps, (pieces) => {
        const all = pieces.reduce((sum, ms) => sum + ms, 0);
        const { disabled, warned } = follow(pieces.map((ms) => ran(ms)));
        const due = WARNINGS.filter((percent) => all * 100 >= LIMIT * percent);
        return disabled === all >= LIMIT && JSON.stringify(warned) === JSON.stringify(due);
      }),
    );
  },
);

await t.test('whoever is heard of in time is never locked out', async () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 8 }), (stretches) => {
      const short = stretches.filter((pieces) => pieces.reduce((sum, ms) => sum + ms, 0) < LIMIT);
      const events = short.flatMap((pieces) => [...pieces.map((ms) => ran(ms)), { is: 'heard' } as const]);
      const { disabled, record } = follow(events);
      return !disabled && record.ran === 0;
    }),
  );
});

await t.test('a disabled machine waits, and an enabled one begins anew', async (t) => {
  const late: AbsenceRecord = { ran: LIMIT, warned: 97, lock: 3 };
  const disabled = { is: 'ran', ms: 5000, lock: { state: 'disabled', version: 4 } } as const;
  t.same(stepAbsence(late, disabled, LIMIT), { record: late, steps: [] });
  t.same(stepAbsence(late, ran(500, 5), LIMIT), {
    record: { ran: 0, warned: 0, lock: 5 },
    steps: [{ do: 'store' }],
  });
});

await t.test('what was not done is done at the next look; a warning is given once', async (t) => {
  const late: AbsenceRecord = { ran: LIMIT, warned: 97, lock: 3 };
  t.same(stepAbsence(late, ran(0), LIMIT).steps, [{ do: 'disable' }]);
  t.same(stepAbsence({ ran: 760, warned: 75, lock: 3 }, ran(10), LIMIT).steps, [{ do: 'store' }]);
});

await t.test('an older record of the lock is no enabling', async (t) => {
  t.match(stepAbsence({ ran: 600, warned: 50, lock: 3 }, ran(10, 0), LIMIT), {
    record: { ran: 610, warned: 50, lock: 0 },
  });
});

await t.test('another limit warns by itself: shorter at once, longer anew', async (t) => {
  t.same(stepAbsence({ ran: 600, warned: 50, lock: 3 }, ran(1), 640).steps[0], { do: 'warn', percent: 90 });
  const longer = stepAbsence({ ran: 600, warned: 50, lock: 3 }, ran(1), 10_000);
  t.equal(longer.record.warned, 0);
});

await t.test(
  'being heard of is told only after a warning, and stored only where it changes something',
  async (t) => {
    t.same(stepAbsence(NEW, { is: 'heard' }, LIMIT).steps, []);
    t.same(stepAbsence({ ...NEW, ran: 10 }, { is: 'heard' }, LIMIT).steps, [{ do: 'store' }]);
    t.same(stepAbsence({ ...NEW, ran: 500, warned: 50 }, { is: 'heard' }, LIMIT).steps, [
      { do: 'store' },
      { do: 'tell-heard' },
    ]);
  },
);
