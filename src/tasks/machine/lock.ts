import { allow, refuse, seconds, type Verdict } from '../../base/index.ts';
import type { LockChange } from '../../bmc/index.ts';
import type { Order } from '../../protocol/index.ts';
import type { Issuer } from '../desk.ts';
import type { TaskServices } from '../services.ts';
import { stopReasons } from '../stop.ts';
import type { EffectFacts, EffectFate, TaskKind } from '../task.ts';
import { lockNote } from './status.ts';

const shape = {
  pace: 'instant',
  pure: false,
  whileDisabled: true,
  deadline: seconds(60),
  noProgress: seconds(60),
} as const;

type LockOrder = Order<'machine.disable' | 'machine.enable'>;

/** A change that was held back on its way must not undo a later one of the same key. */
function checkOrder(order: LockOrder, { lockout }: TaskServices): Verdict<void> {
  return order.ctr < lockout.latestOrder(order.iss)
    ? refuse('REPLAYED', 'A later order of this key has changed the lock since.')
    : allow(undefined);
}

function changeOf({ ctr, args }: LockOrder, { keyId }: Issuer): LockChange {
  return { by: keyId, counter: ctr, ...(args.reason === undefined ? {} : { reason: args.reason }) };
}

/** The record says whose order changed it last; that the board follows the record is made sure at every start. */
async function lockFate({ by, counter }: EffectFacts, { lockout }: TaskServices): Promise<EffectFate> {
  if (!(by instanceof Uint8Array)) return 'unknown';
  const latest = lockout.latestOrder(by);
  // A later order of this key has changed the lock: whether this one did so before it cannot be told any more.
  if (typeof counter !== 'number' || latest > counter) return 'unknown';
  return latest === counter ? 'done' : 'absent';
}

async function resultOf(_order: LockOrder, _facts: EffectFacts, services: TaskServices) {
  return { lock: await lockNote(services), changed: true };
}

/**
 * Disables the machine. Overtakes everything: it waits for no queue, and every task that works on the machine is
 * stopped once the lock is stored. Repeating it is a no-op with `changed` false. Where a restart finds it not
 * in the record it simply runs again: the lock is a desired state and not an event.
 */
export const machineDisable: TaskKind<'machine.disable'> = {
  ...shape,
  verb: 'machine.disable',
  fate: lockFate,
  resultOf,
  async run(order, context) {
    const { services, id, issuer } = context;
    const { args } = order;
    const timely = checkOrder(order, services);
    if (!timely.ok) return timely;
    if (args.dryRun === true) return allow({ lock: await lockNote(services), changed: false });
    const goOn = services.blocks.standBack?.();
    try {
      return await context.effect({ by: issuer.keyId, counter: order.ctr }, async () => {
        const { lock, changed } = await services.lockout.disable(changeOf(order, issuer));
        services.tasks.stopWorking(stopReasons.disabled(), id);
        return allow({ lock: { ...lock }, changed });
      });
    } finally {
      goOn?.();
    }
  },
};

/** Releases the machine: the record first, then the button and the drives. */
export const machineEnable: TaskKind<'machine.enable'> = {
  ...shape,
  verb: 'machine.enable',
  fate: lockFate,
  resultOf,
  async run(order, context) {
    const { services, issuer } = context;
    const { args } = order;
    const timely = checkOrder(order, services);
    if (!timely.ok) return timely;
    if (args.dryRun === true) return allow({ lock: await lockNote(services), changed: false });
    return context.effect({ by: issuer.keyId, counter: order.ctr }, async () => {
      const { lock, changed } = await services.lockout.enable(changeOf(order, issuer));
      if (lock.state !== 'enabled') return refuse('DISABLED', 'The lock could not be released.');
      return allow({ lock: { ...lock }, changed });
    });
  },
};
