import type { Order, Receipt } from '../protocol/index.ts';
import { type Enrolled, linksOf, withinGrants } from '../security/index.ts';
import { type Finding, note } from './finding.ts';

/**
 * Whether the grants that an order carries covered it, by the device's clock and whatever groups it counts itself to:
 * those stand in its own configuration.
 */
export function notesOfGrants(order: Order, receipt: Receipt, signers: readonly Enrolled[]): Finding[] {
  if (receipt.outcome === 'refused') return [];
  return signers.flatMap((signer) => {
    if (signer.through === undefined) return [];
    const hosts = linksOf(signer).flatMap(({ scopes = [] }) => scopes.flatMap((scope) => scope.hosts ?? []));
    const groups = hosts.filter((host) => host.startsWith('@')).map((host) => host.slice(1));
    const facts = { device: receipt.device, groups, power: 'later', now: receipt.receivedAt } as const;
    const covered = withinGrants([signer], order, facts);
    return covered.ok
      ? []
      : [note('GRANT', `The order was obeyed beside a grant: ${covered.refusal.sentence}`)];
  });
}
