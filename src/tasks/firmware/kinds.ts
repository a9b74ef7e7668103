import { hours, minutes, refuse, seconds } from '../../base/index.ts';
import type { TaskKind } from '../task.ts';

/** Held by the one update that may be under way. */
const CLAIM = 'firmware';

/** What an update becomes is loaded by the first one. */
const updating = () => import('./update.ts');

/**
 * Writes the slot that does not run and puts it on trial. What takes effect is the boot record: until it names the new
 * firmware, the slot counts as empty and nothing of it is started. The restart follows the receipt.
 */
export const agentUpdate: TaskKind<'agent.update'> = {
  verb: 'agent.update',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: hours(24),
  noProgress: minutes(5),
  async run(order, context) {
    const { firmware, byNeighbour } = context.services;
    if (firmware === undefined) return refuse('FIRMWARE_ABSENT');
    if (byNeighbour?.(context.id) === true) return refuse('FILES_NEED_NETWORK');
    const release = context.tryClaim(CLAIM);
    if (release === undefined) return refuse('FIRMWARE_BUSY');
    try {
      return await (await updating()).update(order, context, firmware);
    } finally {
      release();
    }
  },
  fateOf: CLAIM,
  async fate(facts, { firmware }) {
    return firmware === undefined ? 'unknown' : (await updating()).fateOfUpdate(facts, firmware);
  },
  async resultOf(order, facts, services) {
    return (await updating()).resultOfUpdate(order, facts, services);
  },
};

export const agentFirmware: TaskKind<'agent.firmware'> = {
  verb: 'agent.firmware',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(30),
  noProgress: seconds(30),
  async run(_order, { services }) {
    if (services.firmware === undefined) return refuse('FIRMWARE_ABSENT');
    return (await import('./look.ts')).lookAtFirmware(services, services.firmware);
  },
};
