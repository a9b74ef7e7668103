import t from 'tap';
import { endOf } from '../../../../src/programs/command/update-wait.ts';
import type { ResultOf } from '../../../../src/protocol/index.ts';

const order = new Uint8Array(16).fill(1);
const sha256 = new Uint8Array(32).fill(2);
const says = (change: Partial<ResultOf<'agent.firmware'>>, state: 'trying' | 'confirmed' | 'rolled-back') =>
  endOf(
    {
      board: 'rainier',
      version: '1.3.0',
      running: 'b',
      slots: [
        { slot: 'a', state: 'good', version: '1.2.0' },
        { slot: 'b', state: 'good', version: '1.3.0' },
      ],
      floor: 2,
      release: true,
      update: { order, version: '1.3.0', slot: 'b', sha256, state },
      ...change,
    },
    order,
  );

await t.test('only what was confirmed and runs is a success', async (t) => {
  t.match(says({}, 'confirmed'), { is: 'confirmed', line: /was confirmed, and runs in slot b/ });
  t.match(says({}, 'trying'), { is: 'waits' });
  t.match(says({}, 'rolled-back'), { is: 'rolled-back' });
  t.match(says({ running: 'a', version: '1.2.0' }, 'confirmed'), {
    is: 'rolled-back',
    line: /was confirmed, and does NOT run: 1\.2\.0 runs in slot a/,
  });
  const other = {
    order: new Uint8Array(16),
    version: '1.3.0',
    slot: 'b',
    sha256,
    state: 'confirmed',
  } as const;
  t.match(says({ update: other }, 'confirmed'), { is: 'rolled-back', line: /another update/ });
});
