import { allow, equalBytes, refuse, seconds, type Verdict } from '../../base/index.ts';
import type { Order } from '../../protocol/index.ts';
import type { TaskServices } from '../services.ts';
import { stopReasons } from '../stop.ts';
import type { EffectFacts, TaskKind } from '../task.ts';
import { lockNote } from './status.ts';

const shape = {
  pace: 'instant',
  pure: false,
  whileDisabled: true,
  deadline: seconds(60),
  noProgress: seconds(60),
} as const;

/** A change that was held back on its way must not undo a later one of the same key. */
function checkOrder(
  order: Order<'machine.disable' | 'machine.enable'>,
  { lockout }: TaskServices,
): Verdict<void> {
  return order.ctr < lockout.latestOrder(order.iss)
    ? refuse('REPLAYED', 'A later order of this key has changed the lock since.')
    : allow(undefined);
}

/** The stored lock says whether it was this issuer's order that changed it last. */
async function resultOf(
  order: Order<'machine.disable' | 'machine.enable'>,
  _facts: EffectFacts,
  services: TaskServices,
) {
  const lock = await lockNote(services);
  return { lock, changed: lock.by !== undefined && equalBytes(lock.by, order.iss) };
}

/**
 * Disables the machine. Overtakes everything: it waits for no queue, and every task that works on the machine is
 * stopped once the lock is stored. Repeating it is a no-op with `changed` false. After a restart it simply runs again,
 * since the lock is a desired state and not an event.
 */
export const machineDisable: TaskKind<'machine.disable'> = {
  ...shape,
  verb: 'machine.disable',
  fate: () => Promise.resolve('absent'),
  resultOf,
  async run(order, context) {
    const { services, id, issuer } = context;
    const { args } = order;
    const timely = checkOrder(order, services);
    if (!timely.ok) return timely;
    if (args.dryRun === true) return allow({ lock: await lockNote(services), changed: false });
    return context.effect({ lock: 'disabled' }, async () => {
      const change = {
        by: issuer.keyId,
        counter: order.ctr,
        ...(args.reason === undefined ? {} : { reason: args.reason }),
      };
      const { lock, changed } = await services.lockout.disable(change);
      services.tasks.stopWorking(stopReasons.disabled(), id);
      return allow({ lock: { ...lock }, changed });
    });
  },
};

/** Releases the machine: the record first, then the button and the drives. */
export const machineEnable: TaskKind<'machine.enable'> = {
  ...shape,
  verb: 'machine.enable',
  fate: () => Promise.resolve('absent'),
  resultOf,
  async run(order, context) {
    const { services, issuer } = context;
    const { args } = order;
    const timely = checkOrder(order, services);
    if (!timely.ok) return timely;
    if (args.dryRun === true) return allow({ lock: await lockNote(services), changed: false });
    return context.effect({ lock: 'enabled' }, async () => {
      const change = {
        by: issuer.keyId,
        counter: order.ctr,
        ...(args.reason === undefined ? {} : { reason: args.reason }),
      };
      const { lock, changed } = await services.lockout.enable(change);
      if (lock.state !== 'enabled') return refuse('DISABLED', 'The lock could not be released.');
      return allow({ lock: { ...lock }, changed });
    });
  },
};
