import { type Duration, hasCode, milliseconds, NsError, seconds } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';
import { type Carrier, runCommand } from './command.ts';
import { type ChassisControl, chassisControl } from './commands/chassis-control.ts';
import { type ChassisStatus, getChassisStatus } from './commands/get-chassis-status.ts';

export interface PowerOptions {
  /** For "cycle" and "reset", which do nothing to a machine that is off: switch it on instead. */
  readonly onIfOff?: boolean;
  /** Until the machine is as asked. */
  readonly within?: Duration;
  /** Between two looks. */
  readonly every?: Duration;
}

const EVERY: Duration = milliseconds(500);
const WITHIN: Duration = seconds(30);
/** An operating system shuts down first. */
const SOFT_WITHIN: Duration = seconds(120);

/** Power states that must be seen, one after another; none where nothing tells that it happened. */
const MUST_SEE: Readonly<Record<ChassisControl, readonly boolean[]>> = {
  on: [true],
  off: [false],
  soft: [false],
  cycle: [false, true],
  reset: [],
  nmi: [],
};

/**
 * Orders a power action and waits until the machine shows it: a BMC answers before the deed is done. What holds already is not
 * ordered again. An order is sent once: where its answer is lost, the state tells whether it was obeyed; for "reset", "nmi" and
 * "cycle" it cannot, and NS_IPMI_SILENT stands. NS_IPMI_POWER where the machine does not come to be as asked in time, or
 * where it is off and cannot be reset.
 */
export async function power(
  carrier: Carrier,
  clock: Clock,
  action: ChassisControl,
  options: PowerOptions,
  signal: AbortSignal,
): Promise<ChassisStatus> {
  const before = await runCommand(carrier, getChassisStatus, undefined, signal);
  let order = action;
  if (!before.powerOn && (action === 'cycle' || action === 'reset')) {
    if (options.onIfOff !== true) throw failed(`the machine is off: it has nothing to ${action}`);
    order = 'on';
  }
  const mustSee = MUST_SEE[order];
  const goal = mustSee.length === 1 ? mustSee[0] : undefined;
  if (goal === before.powerOn) return before;
  let lost: unknown;
  try {
    await runCommand(carrier, chassisControl, order, signal);
  } catch (error) {
    if (goal === undefined || !hasCode(error, 'NS_IPMI_SILENT')) throw error;
    lost = error;
  }
  return await see(carrier, clock, order, options, lost, signal);
}

async function see(
  carrier: Carrier,
  clock: Clock,
  order: ChassisControl,
  options: PowerOptions,
  lost: unknown,
  signal: AbortSignal,
): Promise<ChassisStatus> {
  const limit = options.within ?? (order === 'soft' ? SOFT_WITHIN : WITHIN);
  const end = clock.monotonic() + limit;
  const left = [...MUST_SEE[order]];
  for (;;) {
    const status = await look(carrier, signal);
    while (status !== undefined && left.length > 0 && left[0] === status.powerOn) left.shift();
    if (status !== undefined && left.length === 0) return status;
    if (clock.monotonic() >= end) {
      throw (
        lost ?? failed(`"${order}" was ordered, and ${limit / 1000} s later the machine does not show it`)
      );
    }
    await clock.sleep(options.every ?? EVERY, signal);
  }
}

/** Undefined where the BMC is too busy to tell: many are, while they switch. */
async function look(carrier: Carrier, signal: AbortSignal): Promise<ChassisStatus | undefined> {
  try {
    return await runCommand(carrier, getChassisStatus, undefined, signal);
  } catch (error) {
    if (error instanceof NsError && error.retryable && !signal.aborted) return undefined;
    throw error;
  }
}

const failed = (why: string): NsError => new NsError('NS_IPMI_POWER', why, { family: 'peer' });
