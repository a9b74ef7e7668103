import {
  type BootRecord,
  otherSlot,
  SLOTS,
  type Slot,
  type SlotFirmware,
  type SlotState,
} from './boot-record.ts';

/** So often a new firmware may be started before it must have proven itself. */
export const TRIES = 3;

/** Before anything was written: nothing to start but the recovery system. */
export const BLANK_RECORD: BootRecord = {
  counter: 0,
  first: 'a',
  floor: 0,
  slots: { a: { is: 'empty' }, b: { is: 'empty' } },
};

/** What to start, and the record that must be on flash before it is. */
export interface BootChoice {
  readonly start: Slot | 'recovery';
  readonly record: BootRecord;
}

/**
 * What is started next. A firmware on trial spends a try before it starts, so that one that never comes up cannot start for
 * ever; the other slot takes its place when none is left. `whole`: whether a slot's bytes are what the record says. Where
 * nothing can be started the record stays as it is: what could not be read may be read the next time.
 */
export function chooseSlot(record: BootRecord, whole: (slot: Slot) => boolean): BootChoice {
  let next = record;
  for (const slot of [record.first, otherSlot(record.first)]) {
    const state = next.slots[slot];
    if (state.is !== 'good' && state.is !== 'trying') continue;
    if ((state.is === 'trying' && state.left === 0) || !whole(slot)) {
      next = withSlot(next, slot, { is: 'bad', version: state.version });
      continue;
    }
    if (state.is === 'trying') next = withSlot(next, slot, { ...state, left: state.left - 1 });
    if (next.first !== slot) next = { ...next, first: slot };
    return { start: slot, record: changed(record, next) };
  }
  return { start: 'recovery', record };
}

/**
 * The slot that an update writes while `running` runs: never the one that runs, nor the only one that has proven itself.
 * Undefined while what runs is on trial: the other slot is what it falls back to.
 */
export function slotToWrite(record: BootRecord, running: Slot | 'recovery'): Slot | undefined {
  if (running !== 'recovery') return record.slots[running].is === 'good' ? otherSlot(running) : undefined;
  return SLOTS.find((slot) => record.slots[slot].is !== 'good') ?? otherSlot(record.first);
}

/** Before the first byte is written: whatever happens now, this slot is not started. */
export function beginWriting(record: BootRecord, slot: Slot): BootRecord {
  const left = withSlot(record, slot, { is: 'empty' });
  return changed(record, record.first === slot ? { ...left, first: otherSlot(slot) } : left);
}

/** Everything is written and was read back: it is started next, on trial. */
export function beginTrial(record: BootRecord, slot: Slot, firmware: SlotFirmware): BootRecord {
  const { version, rollback, size, sha256 } = firmware;
  const trying = withSlot(record, slot, { is: 'trying', version, rollback, size, sha256, left: TRIES });
  return changed(record, { ...trying, first: slot });
}

/** It runs, reaches its broker and has tested itself: it stays, and nothing older than it may come back. */
export function confirm(record: BootRecord, slot: Slot): BootRecord {
  const state = record.slots[slot];
  if (state.is !== 'trying') return record;
  const { version, rollback, size, sha256 } = state;
  const good = withSlot(record, slot, { is: 'good', version, rollback, size, sha256 });
  return changed(record, { ...good, floor: Math.max(record.floor, rollback) });
}

/** It runs and finds that it must not stay: the other slot is started next. */
export function rollBack(record: BootRecord, slot: Slot): BootRecord {
  const state = record.slots[slot];
  if (state.is !== 'trying') return record;
  const bad = withSlot(record, slot, { is: 'bad', version: state.version });
  return changed(record, { ...bad, first: otherSlot(slot) });
}

function withSlot(record: BootRecord, slot: Slot, state: SlotState): BootRecord {
  return { ...record, slots: { ...record.slots, [slot]: state } };
}

function changed(before: BootRecord, after: BootRecord): BootRecord {
  return after === before ? before : { ...after, counter: before.counter + 1 };
}
