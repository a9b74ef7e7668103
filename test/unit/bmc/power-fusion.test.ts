import fc from 'fast-check';
import t from 'tap';
import { fusePower, type SourceAnswer } from '../../../src/bmc/index.ts';
import type { KnownPowerState } from '../../../src/ports/index.ts';

const ALL: readonly KnownPowerState[] = ['S0', 'S3', 'S4', 'S5', 'G3'];
const says = (name: string, possible: readonly KnownPowerState[], said = {}): SourceAnswer => ({
  name,
  required: true,
  claim: { possible, said },
});
const silent = (name: string, required: boolean): SourceAnswer => ({
  name,
  required,
  claim: { failed: 'no answer' },
});

await t.test('sources that leave one state possible agree on it', async (t) => {
  const reading = fusePower(
    [says('ipmi', ['S3', 'S4', 'S5'], { chassis: 'off' }), says('qmp', ['S3'], { qmp: 'suspended' })],
    ALL,
  );
  t.same(reading, {
    state: 'S3',
    certain: true,
    fusion: 'agreed',
    sources: { chassis: 'off', qmp: 'suspended' },
  });
});

await t.test('sources that contradict each other leave the state unknown', async (t) => {
  t.match(fusePower([says('a', ['S0']), says('b', ['S5'])], ALL), {
    state: 'unknown',
    certain: false,
    fusion: 'contradiction',
  });
});

await t.test('a suspended host that looks like one that is off is unknown, not off', async (t) => {
  const off = [says('ipmi', ['S3', 'S4', 'S5'], { chassis: 'off', acpi: 'unknown' })];
  t.match(fusePower(off, ALL), { state: 'unknown', certain: false, fusion: 'ambiguous' });
  t.match(fusePower(off, ['S0', 'S4', 'S5', 'G3']), { state: 'S5', certain: true }, 'a board without S3');
});

await t.test('all kinds of off are one to a disk: the gate looks for what tells S4 from S5', async (t) => {
  t.equal(fusePower([says('pins', ['S4', 'S5', 'G3'])], ALL).state, 'S5');
  t.equal(fusePower([says('pins', ['S4', 'G3'])], ALL).state, 'S4');
});

await t.test(
  'a required source that does not answer leaves the state unknown, another one does not',
  async (t) => {
    const off = says('qmp', ['S5'], { qmp: 'shutdown' });
    t.match(fusePower([off, silent('ipmi', true)], ALL), {
      state: 'unknown',
      fusion: 'missing',
      sources: { ipmi: 'no answer', qmp: 'shutdown' },
    });
    t.match(fusePower([off, silent('ipmi', false)], ALL), { state: 'S5', certain: true });
    t.match(fusePower([], ALL), { state: 'unknown', fusion: 'missing' });
  },
);

await t.test(
  'no source can make another one say less: more sources never widen what is possible',
  async (t) => {
    const states = fc.subarray([...ALL]);
    const seen = fc.check(
      fc.property(fc.array(states, { minLength: 1, maxLength: 4 }), states, (first, more) => {
        const answers = first.map((possible, i) => says(`s${i}`, possible));
        const before = fusePower(answers, ALL);
        const after = fusePower([...answers, says('more', more)], ALL);
        // What was certain stays, becomes finer among the kinds of off, or is contradicted; S0 and S3 never come out of it.
        if (before.certain && after.certain) {
          const finer = before.state === 'S5' && (after.state === 'S4' || after.state === 'G3');
          if (after.state !== before.state && !finer && !(before.state === 'S4' && after.state === 'G3'))
            return false;
        }
        return after.certain === (after.state !== 'unknown') && after.certain === (after.fusion === 'agreed');
      }),
    );
    t.notOk(seen.failed, JSON.stringify(seen.counterexample));
  },
);
