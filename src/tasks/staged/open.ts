import type { StagedDesk } from './staged-desk.ts';
import type { StagedParts } from './staged-orders.ts';

/** Opens what own storage knows of staged orders. */
export async function openStaged(parts: StagedParts): Promise<StagedDesk> {
  return (await import('./staged-desk.ts')).StagedDesk.open(parts);
}
