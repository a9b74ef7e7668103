import type { BudgetNote } from '../protocol/index.ts';
import { foldHosts } from './fold-hosts.ts';

/** What is left by those that were asked: the newest epoch that any has seen, the most seen of it, the lowest limit. */
export function showBudgetLeft(
  kind: 'lock' | 'wipe',
  notes: readonly { readonly host: string; readonly budget: BudgetNote }[],
): string {
  if (notes.length === 0) return 'budget: no device said how much of it is left';
  const by = foldHosts(notes.map(({ host }) => host));
  const limit = Math.min(...notes.map(({ budget }) => budget.inForce[kind]));
  const epochs = notes.flatMap(({ budget }) => budget.epoch ?? []);
  if (epochs.length === 0) return `budget: by ${by}, ${limit} for ${kind} an epoch, and no token seen yet`;
  const newest = Math.max(...epochs);
  const used = notes.map(({ budget }) => (budget.epoch === newest ? budget.used[kind] : 0));
  const left = Math.max(0, limit - Math.max(...used));
  return `budget: by ${by}, ${left} of ${limit} for ${kind} are left of epoch ${newest}`;
}
