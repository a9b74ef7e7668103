import { seconds } from '../../base/index.ts';
import { forEachHost, showBudgetLeft } from '../../fleet/index.ts';
import type { Destruction } from '../../security/index.ts';
import type { Context, Signing } from './context.ts';

/** Devices know of each other's tokens: a few are enough. */
const ASKED = 3;
const PATIENCE = seconds(5);

/**
 * What devices say is left of the budget, for somebody who is about to answer whether to use it. Nobody is kept from the
 * question by a device that is away.
 */
export async function budgetLeft(
  context: Context,
  kind: Destruction,
  hosts: readonly string[],
  signing: Signing = {},
): Promise<string> {
  const timing = { ...context.timing, accept: PATIENCE, total: PATIENCE };
  const ask = context.withFleet(
    (fleet) =>
      forEachHost(hosts.slice(0, ASKED), async (host) => {
        const run = await fleet.order(host, 'budget.read', {}, { signal: context.signal, timing });
        const outcome = await run.outcome;
        const budget = outcome.is === 'receipt' ? outcome.result : undefined;
        return budget === undefined ? [] : [{ host, budget }];
      }),
    signing,
  );
  const notes = await ask.catch((error: unknown) => {
    if (context.signal.aborted) throw error;
    return [];
  });
  return showBudgetLeft(kind, notes.flat());
}
