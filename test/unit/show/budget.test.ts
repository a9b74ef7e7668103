import t from 'tap';
import { showBudgetLeft } from '../../../src/fleet/index.ts';
import type { BudgetNote } from '../../../src/protocol/index.ts';
import { showResult } from '../../../src/show/index.ts';

const note: BudgetNote = {
  version: 0,
  inForce: { lock: 10, wipe: 5 },
  used: { lock: 0, wipe: 0 },
  forked: [],
  governors: ['gina'],
  plain: { limit: 256, used: 0 },
  damaged: false,
};

await t.test('what is left is by the newest epoch, the most seen of it and the lowest limit', async (t) => {
  const on = (host: string, change: Partial<BudgetNote> = {}) => ({ host, budget: { ...note, ...change } });
  t.equal(showBudgetLeft('lock', []), 'budget: no device said how much of it is left');
  t.match(showBudgetLeft('wipe', [on('rack1')]), /by rack1, 5 for wipe an epoch, and no token seen yet/);
  const asked = [
    on('rack1', { epoch: 7, used: { lock: 9, wipe: 0 } }),
    on('rack2', { epoch: 8, used: { lock: 3, wipe: 0 }, inForce: { lock: 6, wipe: 5 } }),
    on('rack3', { epoch: 8, used: { lock: 4, wipe: 0 } }),
  ];
  t.match(showBudgetLeft('lock', asked), /by rack\[1-3\], 2 of 6 for lock are left of epoch 8/);
  const over = [on('rack1', { epoch: 8, used: { lock: 12, wipe: 0 } })];
  t.match(showBudgetLeft('lock', over), /0 of 10 for lock/);
});

await t.test('what stops every destructive order is said loudly', async (t) => {
  const lines = showResult('budget.read', { ...note, governors: [], damaged: true, forked: [7] }).join('\n');
  t.match(lines, /DAMAGED[\s\S]*FORKED: in epoch 7[\s\S]*governors: NONE/);
});
