import type { Receipt } from '../protocol/index.ts';
import { type Finding, note } from './finding.ts';

/** Whether the host stayed down from before the task to after it, by the receipt's own power trace. */
export function noteOfPower(power: Receipt['power']): Finding[] {
  if (power.length === 0) return [note('POWER_UNKNOWN', 'The receipt has no power trace.')];
  const woke = power.find(({ state }, i) => state === 'S0' && i > 0 && power[i - 1]?.state !== 'S0');
  if (woke !== undefined) return [note('WOKE', `The host came on ${woke.at} ms after the order.`)];
  if (power.some(({ certain, state }) => !certain || state === 'unknown'))
    return [note('POWER_UNCERTAIN', 'The power trace was not certain throughout.')];
  return [];
}
