import t from 'tap';
import { judgeAccess } from '../../../src/bmc/power-rules.ts';
import type { PowerState } from '../../../src/ports/index.ts';

// The whole of the power table: state, want, staleOk, ownPower → refusal code, 'yes' or 'stale'.
const YES = 'yes';
const STALE = 'stale';
type Row = readonly [PowerState, 'read' | 'write', { fresh: string; staleOk: string; noDrivePower: string }];
const all = (answer: string) => ({ fresh: answer, staleOk: answer, noDrivePower: answer });
const table: readonly Row[] = [
  ['S0', 'read', all('HOST_AWAKE')],
  ['S0', 'write', all('HOST_AWAKE')],
  ['unknown', 'read', all('HOST_STATE_UNKNOWN')],
  ['unknown', 'write', all('HOST_STATE_UNKNOWN')],
  ['S3', 'read', { fresh: 'HOST_SUSPENDED', staleOk: STALE, noDrivePower: 'NOT_SUPPORTED' }],
  ['S3', 'write', all('HOST_SUSPENDED')],
  ['S4', 'read', { fresh: 'HOST_HIBERNATED', staleOk: STALE, noDrivePower: 'NOT_SUPPORTED' }],
  ['S4', 'write', all('HOST_HIBERNATED')],
  ['S5', 'read', { fresh: YES, staleOk: YES, noDrivePower: 'NOT_SUPPORTED' }],
  ['S5', 'write', { fresh: YES, staleOk: YES, noDrivePower: 'NOT_SUPPORTED' }],
  ['G3', 'read', { fresh: YES, staleOk: YES, noDrivePower: 'NOT_SUPPORTED' }],
  ['G3', 'write', { fresh: YES, staleOk: YES, noDrivePower: 'NOT_SUPPORTED' }],
];

function answer(state: PowerState, certain: boolean, want: 'read' | 'write', staleOk: boolean, own: boolean) {
  const verdict = judgeAccess({
    power: { state, sources: {}, certain, fusion: certain ? 'agreed' : 'missing' },
    want,
    staleOk,
    ownPower: own,
  });
  if (!verdict.ok) return verdict.refusal.code;
  return verdict.value.stale ? STALE : YES;
}

await t.test('every power state, for reading and for writing, is judged by the table', async (t) => {
  t.equal(table.length, 12);
  for (const [state, want, expected] of table) {
    t.equal(answer(state, true, want, false, true), expected.fresh, `${state} ${want}`);
    t.equal(answer(state, true, want, true, true), expected.staleOk, `${state} ${want} stale-ok`);
    t.equal(
      answer(state, true, want, true, false),
      expected.noDrivePower,
      `${state} ${want} drive unpowered`,
    );
  }
});

await t.test('an uncertain reading opens nothing, whatever state it names', async (t) => {
  for (const [state, want] of table) {
    for (const staleOk of [false, true]) {
      t.equal(answer(state, false, want, staleOk, true), 'HOST_STATE_UNKNOWN');
    }
  }
});

await t.test('a refusal names the sensors, and offers stale reading only to readers', async (t) => {
  const sources = { 'ps-pwrok': 'high', 'sio-s5': 'asserted' };
  const unknown = judgeAccess({
    power: { state: 'unknown', sources, certain: false, fusion: 'contradiction' },
    want: 'read',
    staleOk: false,
    ownPower: true,
  });
  t.match(unknown, { refusal: { sentence: /ps-pwrok: high, sio-s5: asserted/ } });
  for (const state of ['S3', 'S4'] as const) {
    const ask = (want: 'read' | 'write') =>
      judgeAccess({
        power: { state, sources: {}, certain: true, fusion: 'agreed' },
        want,
        staleOk: false,
        ownPower: true,
      });
    t.match(ask('read'), { refusal: { remedy: /--stale-ok/ } });
    t.notMatch(ask('write'), { refusal: { remedy: /--stale-ok/ } });
  }
});
