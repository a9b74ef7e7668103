import t from 'tap';
import type { ResultOf } from '../../../src/protocol/index.ts';
import { showResult } from '../../../src/show/index.ts';

const sha256 = new Uint8Array(32).fill(0xab);
const look: ResultOf<'agent.firmware'> = {
  board: 'rainier',
  version: '1.3.0',
  running: 'b',
  slots: [
    { slot: 'a', state: 'good', version: '1.2.0', rollback: 2, sha256 },
    { slot: 'b', state: 'trying', version: '1.3.0', rollback: 3, sha256, left: 2 },
  ],
  floor: 2,
  release: true,
};

await t.test('what runs comes first, and whether it has proven itself', async (t) => {
  const lines = showResult('agent.firmware', look);
  t.equal(lines[0], 'rainier: version 1.3.0 (slot b, on trial)');
  t.match(lines[1], /^ *slot a +1\.2\.0 +proven +rollback 2 +abababababababab$/);
  t.match(lines[2], /on trial, 2 more starts/);
  t.equal(lines.at(-1), 'accepts rollback 2 and later');
  const blank = { ...look, running: 'recovery', release: false } as const;
  t.equal(
    showResult('agent.firmware', blank)[0],
    'rainier: version 1.3.0 (the recovery system), not a release',
  );
});

await t.test('the last update says what became of it, and why', async (t) => {
  const update = { order: new Uint8Array(16).fill(1), version: '1.3.0', slot: 'b', sha256 } as const;
  const last = (more: Partial<NonNullable<typeof look.update>>) =>
    showResult('agent.firmware', { ...look, update: { ...update, state: 'trying', ...more } }).at(-1);
  const order = `(order ${'01'.repeat(16)})`;
  t.equal(last({}), `last update: 1.3.0 in slot b is on trial ${order}`);
  t.equal(
    last({ why: 'its broker: away' }),
    `last update: 1.3.0 in slot b is on trial; it waits for its broker: away ${order}`,
  );
  t.equal(last({ state: 'confirmed' }), `last update: 1.3.0 in slot b was confirmed ${order}`);
  t.equal(
    last({ state: 'rolled-back', why: 'it did not start' }),
    `last update: 1.3.0 in slot b was ROLLED BACK: it did not start ${order}`,
  );
});

await t.test('an update says what was done, and never more', async (t) => {
  const done = { version: '1.3.0', slot: 'b', from: { version: '1.2.0', slot: 'a' }, dryRun: false } as const;
  const said = (state: ResultOf<'agent.update'>['state']) =>
    showResult('agent.update', { ...done, state, dryRun: state === 'would-try' });
  t.match(said('trying'), [/is in slot b, read back, and is tried now; 1\.2\.0 in slot a stays/]);
  t.match(said('running'), [/runs already, in slot b; nothing was done/]);
  t.match(said('would-try'), [/^would write version 1\.3\.0 to slot b/]);
});
