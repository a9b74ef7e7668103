import type { Command } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

export const POWER_RESTORE_POLICY = { 'always-off': 0, previous: 1, 'always-on': 2, unchanged: 3 } as const;
export type PowerRestorePolicy = keyof typeof POWER_RESTORE_POLICY;
const POLICIES = ['always-off', 'previous', 'always-on'] as const;

/**
 * IPMI 2.0, 28.8: what the machine does when mains power comes back. "unchanged" only asks. Gives the policies that the
 * machine can have; the one that it has is in Get Chassis Status.
 */
export const setPowerRestorePolicy: Command<
  PowerRestorePolicy,
  readonly Exclude<PowerRestorePolicy, 'unchanged'>[]
> = {
  name: 'Set Power Restore Policy',
  netFn: NET_FN.chassis,
  code: 0x06,
  level: 'operator',
  repeatable: true,
  encode: (policy) => Uint8Array.of(POWER_RESTORE_POLICY[policy]),
  decode: (data) => POLICIES.filter((_, n) => bit(data.u8(0), n)),
};
