import type { LockWish } from './lock-record.ts';

/** What a device remembers of how long nobody has been heard of. */
export interface AbsenceRecord {
  /** Milliseconds of the device's own running time since somebody was heard. */
  readonly ran: number;
  /** Of the time, in percent: the latest warning that was given; 0 for none. */
  readonly warned: number;
  /** Version of the lock's record. A machine that was enabled since begins anew. */
  readonly lock: number;
}

/** When it is told that the time runs out, in percent of it. */
export const WARNINGS = [50, 75, 90, 97] as const;

export type AbsenceEvent =
  /** The device ran for so many milliseconds more, and the lock stands like this. */
  | {
      readonly is: 'ran';
      readonly ms: number;
      readonly lock: { readonly state: LockWish; readonly version: number };
    }
  /** Somebody gave an order that cannot have been given earlier. */
  | { readonly is: 'heard' };

export type AbsenceStep =
  | { readonly do: 'store' | 'tell-heard' | 'disable' }
  | { readonly do: 'warn'; readonly percent: number };

export interface AbsenceMove {
  readonly record: AbsenceRecord;
  readonly steps: readonly AbsenceStep[];
}

const STORE = { do: 'store' } as const;

/** Decides what becomes of the absence lock. A disabled machine waits; whoever enables it has been heard. `limit` in milliseconds. */
export function stepAbsence(record: AbsenceRecord, event: AbsenceEvent, limit: number): AbsenceMove {
  if (event.is === 'heard') return heard(record);
  const { state, version } = event.lock;
  if (state === 'disabled') return { record, steps: [] };
  if (version > record.lock) return { record: { ran: 0, warned: 0, lock: version }, steps: [STORE] };
  const ran = Math.min(record.ran + event.ms, limit);
  const due = WARNINGS.findLast((percent) => ran * 100 >= limit * percent) ?? 0;
  const steps: AbsenceStep[] = [];
  if (due > record.warned) steps.push({ do: 'warn', percent: due });
  const next = { ran, warned: due, lock: version };
  if (!same(next, record)) steps.push(STORE);
  if (ran >= limit) steps.push({ do: 'disable' });
  return { record: next, steps };
}

function heard(record: AbsenceRecord): AbsenceMove {
  const next = { ...record, ran: 0, warned: 0 };
  if (same(next, record)) return { record, steps: [] };
  return { record: next, steps: record.warned > 0 ? [STORE, { do: 'tell-heard' }] : [STORE] };
}

const same = (a: AbsenceRecord, b: AbsenceRecord): boolean =>
  a.ran === b.ran && a.warned === b.warned && a.lock === b.lock;
