import type { PowerAction, PowerReading } from '../../../ports/index.ts';
import { CHASSIS_CONTROL, chassisControl } from '../../commands/chassis-control.ts';
import { getChassisStatus, type RestorePolicy } from '../../commands/get-chassis-status.ts';
import { getSystemRestartCause, RESTART_CAUSES } from '../../commands/get-system-restart-cause.ts';
import { POWER_RESTORE_POLICY, setPowerRestorePolicy } from '../../commands/set-power-restore-policy.ts';
import { flag, nameOf } from '../../wire/bits.ts';
import { type BmcCommand, type Caller, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import { LAN_CHANNEL, SYSTEM_INTERFACE } from '../lan-channel.ts';
import type { BmcChassis } from '../machine.ts';
import type { BootFlagsLife } from './boot-flags-life.ts';
import type { Lamp } from './identify.ts';
import { refused } from './refused.ts';
import type { Restarts } from './restarts.ts';
import { OPERATOR, OPERATOR_OR_HOST, serve, USER, USER_OR_HOST, valid } from './serve.ts';

const STARTS: readonly PowerAction[] = ['on', 'cycle', 'reset'];
const POLICIES = ['always-off', 'previous', 'always-on'] as const;
/** Front panel buttons, in the last byte of the status: which are disabled, and which may be. */
const POWER_BUTTON_DISABLED = 0x01;
const POWER_BUTTON_MAY_BE = 0x10;
const IDENTIFY_TOLD = 0x40;

/** The host's power, as users see and order it (IPMI 2.0, 28.2, 28.3, 28.8, 28.11). */
export function chassisPowerCommands(
  chassis: BmcChassis,
  restarts: Restarts,
  bootFlags: BootFlagsLife,
  lamp: Lamp | undefined,
): readonly BmcCommand[] {
  return [
    serve(getChassisStatus, USER_OR_HOST, 0, async (_data, _caller, signal) => {
      const on = isOn(await chassis.power(signal));
      const intrusion = await isOpen(chassis, signal);
      const locked = chassis.locked() !== undefined;
      const masked = locked || chassis.powerButtonMasked?.get() === true;
      return [
        flag(on, 0) | (codeOf(chassis.restorePolicy.get()) << 5),
        flag(on && restarts.last.cause === 'chassis-control', 4),
        flag(intrusion, 0) |
          flag(locked, 1) |
          (lamp === undefined ? 0 : IDENTIFY_TOLD | (['off', 'timed', 'on'].indexOf(lamp.state) << 4)),
        (masked ? POWER_BUTTON_DISABLED : 0) |
          (chassis.powerButtonMasked === undefined ? 0 : POWER_BUTTON_MAY_BE),
      ];
    }),
    serve(chassisControl, OPERATOR_OR_HOST, 1, async (data, caller, signal) => {
      const action = nameOf(CHASSIS_CONTROL, data.u8(0) & 0x0f);
      valid(action !== undefined);
      await control(chassis, restarts, action, caller, signal);
      if (STARTS.includes(action)) bootFlags.ordered();
      return [];
    }),
    serve(setPowerRestorePolicy, OPERATOR, 1, async (data) => {
      const policy = nameOf(POWER_RESTORE_POLICY, data.u8(0) & 0x07);
      const offered = chassis.restorePolicies ?? POLICIES;
      valid(policy !== undefined && (policy === 'unchanged' || offered.includes(policy)));
      // A machine that is disabled must not come up by itself with the mains.
      const locked = policy === 'always-on' || policy === 'previous' ? chassis.locked() : undefined;
      if (locked !== undefined) throw refused(locked);
      if (policy !== 'unchanged') await chassis.restorePolicy.set(policy);
      return [offered.reduce((byte, each) => byte | flag(true, POWER_RESTORE_POLICY[each]), 0)];
    }),
    serve(getSystemRestartCause, USER, 0, () => {
      const { cause, channel } = restarts.last;
      return [RESTART_CAUSES.indexOf(cause), channel];
    }),
  ];
}

/**
 * S0 to S3 count as on: the host's memory is alive. Where the sources disagree nothing may be said at all: a wrong "off"
 * lets a cluster start the host's work elsewhere while it still writes, and a wrong "on" is no better founded. So D5h.
 */
function isOn({ state, certain }: PowerReading): boolean {
  if (!certain || state === 'unknown') throw new Completion(COMPLETION.wrongState);
  return state === 'S0' || state === 'S3';
}

/** A lid that cannot be looked at counts as open: whoever cares looks, and the power is told all the same. */
async function isOpen({ intrusion }: BmcChassis, signal: AbortSignal): Promise<boolean> {
  if (intrusion === undefined) return false;
  try {
    return await intrusion(signal);
  } catch {
    return true;
  }
}

/** Ends in the completion code of the refusal, where it is refused. */
async function control(
  chassis: BmcChassis,
  restarts: Restarts,
  action: PowerAction,
  caller: Caller,
  signal: AbortSignal,
): Promise<void> {
  const channel = caller.is === 'host' ? SYSTEM_INTERFACE : LAN_CHANNEL;
  // Noted first: the host may be up before the order is answered.
  const takeBack = STARTS.includes(action)
    ? restarts.ordered({ cause: 'chassis-control', channel })
    : () => {};
  let done = false;
  try {
    const verdict = await chassis.control(action, caller, signal);
    if (!verdict.ok) throw refused(verdict.refusal);
    done = true;
  } finally {
    if (!done) takeBack();
  }
}

const codeOf = (policy: RestorePolicy): number => (policy === 'unknown' ? 3 : POWER_RESTORE_POLICY[policy]);
