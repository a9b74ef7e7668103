import type { Verdict } from '../../base/index.ts';
import type { ArgsOf, Order, Verb } from '../../protocol/index.ts';
import { stillStands, type TechnicianSession } from '../../security/index.ts';
import type { ConsoleOrderParts } from './console-order.ts';
import type { Machine } from './machine.ts';

/** What is asked for whoever is logged in, at each key too. */
export interface StandingParts extends Pick<ConsoleOrderParts, 'keyring' | 'identity' | 'timeFor'> {
  readonly machine: { readonly power: Pick<Machine['power'], 'state'> };
}

/**
 * Whether whoever is logged in might give this order at this moment, by the keyring and the power state of now, as it was seen
 * last. Nothing is ordered, and nothing read.
 */
export function mayNow<V extends Verb>(
  { keyring, identity, timeFor, machine }: StandingParts,
  { key, grants }: Pick<TechnicianSession, 'key' | 'grants'>,
  verb: V,
  args: ArgsOf<V>,
): Verdict<void> {
  const { tenant, device, groups } = identity;
  const order = { verb, args, ...(grants === undefined ? {} : { grants }) } as Pick<
    Order,
    'verb' | 'args' | 'grants'
  >;
  return stillStands(keyring.current, [key.publicKey.keyId], order, {
    ...{ tenant, device, groups, power: machine.power.state, via: 'console' },
    now: timeFor(order),
  });
}
