import t from 'tap';
import type { ResultOf } from '../../../src/protocol/index.ts';
import { chainViews } from '../../../src/web/chain-view.ts';
import { statusFacts } from '../../../src/web/host-facts.ts';
import { chainNoteOf } from '../../kit/chain-note.ts';
import { statusResult } from '../../kit/status-result.ts';

const NOW = 1_000_000;
const factsOf = (more: Partial<ResultOf<'machine.status'>>) =>
  new Map(statusFacts({ ...statusResult(), ...more }, NOW).map((fact) => [fact.what, fact]));

await t.test('who has a disk is said, since when, and until when at most', async (t) => {
  const facts = factsOf({
    disks: [
      {
        name: 'disk0',
        position: 'ours',
        holder: 'put 3f',
        heldForMs: 30_000,
        leaseLeftMs: 90_000,
        handBackMs: 2000,
      },
      { name: 'disk1', position: 'host', handBackMs: 2000 },
      { name: 'disk2', position: 'held', handBackMs: 2000 },
      { name: 'disk3', position: 'unknown', handBackMs: 2000 },
    ],
  });
  t.match(facts.get('custody of disk0'), {
    says: 'with this device, for put 3f; back within 2 s when the host wants it',
    since: NOW - 30,
    until: NOW + 90,
  });
  t.match(facts.get('custody of disk1'), { says: 'with the host', tone: 'good', since: undefined });
  t.match(facts.get('custody of disk2'), { says: 'held from the host', tone: 'warn' });
  t.match(facts.get('custody of disk3'), { says: 'NOT KNOWN where it is', tone: 'bad' });
});

await t.test('a lock that is not in force, and power that is not certain, are said as such', async (t) => {
  const facts = factsOf({
    power: {
      state: 'S5',
      certain: false,
      fusion: 'contradiction',
      sources: { 'gpio\u001b': 'on', announced: 'S5' },
    },
    lock: { state: 'disabled', version: 2, since: 7, reason: 'stolen\u202e', inForce: [] },
    limits: ['No wake interlock'],
  });
  t.match(facts.get('power'), {
    says: 'S5: off, with standby power, NOT CERTAIN (contradiction)',
    tone: 'warn',
  });
  t.match(facts.get('power, as it is heard'), { says: 'gpio\\u{1b} on, announced S5' });
  t.match(facts.get('lock'), { says: 'DISABLED, and NOT in force: stolen\\u{202e}', tone: 'bad', since: 7 });
  t.match(facts.get('limit'), { says: 'No wake interlock', tone: 'warn' });
});

await t.test('a chain is told unit by unit, and what is wrong finds its unit', async (t) => {
  const note = chainNoteOf(3, (unit, i) => (i === 1 ? { ...unit, driveLink: 0, drive: undefined } : unit));
  const missing = note.units[1]!.unit;
  const [view] = chainViews({
    chains: [
      {
        ...note,
        disk: 'disk0\u001b',
        trouble: [
          {
            code: 'missing-local',
            sentence: `Unit ${missing} at place 1: its drive is missing.`,
            remedy: 'Put it back.',
          },
        ],
      },
    ],
  });
  t.match(view, { disk: 'disk0\\u{1b}', shown: /GiB|MiB/, unitCount: 3 });
  t.match(view?.troubles, [{ code: 'missing-local', units: [missing] }]);
  t.match(view?.units[0]?.drive, { size: /iB/ });
  t.equal(view?.units[1]?.drive, undefined);
});
