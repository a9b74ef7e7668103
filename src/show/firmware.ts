import { toHex } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { table } from './text.ts';

type Firmware = ResultOf<'agent.firmware'>;

const STATES: Readonly<Record<Firmware['slots'][number]['state'], string>> = {
  empty: 'empty',
  trying: 'on trial',
  good: 'proven',
  bad: 'did not prove itself',
};

/** What runs first, then the slots, then what became of the last update. */
export function showFirmware(r: Firmware): string[] {
  const running = r.slots.find(({ slot }) => slot === r.running);
  const where = running === undefined ? 'the recovery system' : `slot ${r.running}, ${STATES[running.state]}`;
  return [
    `${r.board}: version ${r.version} (${where})${r.release ? '' : ', not a release'}`,
    ...table(
      r.slots.map(({ slot, state, version, rollback, left, sha256 }) => [
        `slot ${slot}`,
        version ?? '',
        `${STATES[state]}${left === undefined ? '' : `, ${left} more starts`}`,
        rollback === undefined ? '' : `rollback ${rollback}`,
        sha256 === undefined ? '' : toHex(sha256).slice(0, 16),
      ]),
    ),
    `accepts rollback ${r.floor} and later`,
    ...(r.update === undefined ? [] : [updateLine(r.update)]),
  ];
}

function updateLine({ version, slot, state, why, order }: NonNullable<Firmware['update']>): string {
  const reason = why === undefined ? '' : state === 'trying' ? `; it waits for ${why}` : `: ${why}`;
  const became = { trying: 'is on trial', confirmed: 'was confirmed', 'rolled-back': 'was ROLLED BACK' }[
    state
  ];
  return `last update: ${version} in slot ${slot} ${became}${reason} (order ${toHex(order)})`;
}

export function showUpdate({ version, slot, state, from }: ResultOf<'agent.update'>): string[] {
  switch (state) {
    case 'running':
      return [`version ${version} runs already, in slot ${slot}; nothing was done`];
    case 'would-try':
      return [
        `would write version ${version} to slot ${slot}, and try it; ${from.version} runs in slot ${from.slot}`,
      ];
    case 'trying':
      return [
        `version ${version} is in slot ${slot}, read back, and is tried now; ${from.version} in slot ${from.slot} stays until it has proven itself`,
      ];
  }
}
