import type { Verdict } from '../../base/index.ts';
import type { ArgsOf, Order, Verb } from '../../protocol/index.ts';
import { stillStands, type TechnicianSession } from '../../security/index.ts';
import type { ConsoleOrderParts } from './console-order.ts';

/** Whether whoever is logged in might give this order at this moment, by the keyring of now. Nothing is ordered. */
export function mayNow<V extends Verb>(
  { keyring, identity, timeFor }: Pick<ConsoleOrderParts, 'keyring' | 'identity' | 'timeFor'>,
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
    ...{ tenant, device, groups, power: 'later', via: 'console' },
    now: timeFor(order),
  });
}
