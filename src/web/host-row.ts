import type { ResultOf } from '../protocol/index.ts';
import { clean } from '../show/index.ts';
import type { LookAnswer } from './fleet-door.ts';
import type { HostRow } from './wire.ts';

/** Longest text of a cell; a device may say up to a kilobyte a field, and has many. */
const CELL = 120;

function cell(text: string): string {
  const whole = clean(text);
  return whole.length > CELL ? `${whole.slice(0, CELL - 1)}…` : whole;
}

export function newRow(name: string, groups: readonly string[]): HostRow {
  return {
    name,
    groups,
    reach: 'not asked',
    asking: false,
    power: '',
    lock: '',
    disks: '',
    running: 0,
    queued: 0,
    says: '',
  };
}

function lockText({ state, inForce }: ResultOf<'machine.status'>['lock']): string {
  return state === 'disabled' && inForce.length === 0 ? 'disabled, NOT in force' : state;
}

function facts(
  r: ResultOf<'machine.status'>,
): Omit<HostRow, 'name' | 'groups' | 'reach' | 'asking' | 'says'> {
  return {
    power: `${r.power.state}${r.power.certain ? '' : '?'}`,
    lock: lockText(r.lock),
    disks: cell(r.disks.map(({ name, position }) => `${name}: ${position}`).join(', ')),
    running: r.tasks.running,
    queued: r.tasks.queued,
  };
}

/** The row after an answer. Where the device said nothing of itself, its last facts stay, with their time, and why. */
export function rowAfter(before: HostRow, answer: LookAnswer<'machine.status'>, now: number): HostRow {
  const { reach, result, lines } = answer;
  const row = { ...before, reach, asking: false };
  if (result === undefined) return { ...row, says: cell(lines[0] ?? '') };
  const [limit] = result.limits;
  return { ...row, ...facts(result), at: now, says: limit === undefined ? '' : cell(`limit: ${limit}`) };
}
