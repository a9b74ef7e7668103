import type { StagedOrders, StagedParts } from './staged-orders.ts';

/** Opens what own storage knows of staged orders. */
export async function openStaged(parts: StagedParts): Promise<StagedOrders> {
  return (await import('./staged-orders.ts')).StagedOrders.open(parts);
}
