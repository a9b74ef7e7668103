import type { SectorRange } from '../target.ts';
import {
  type ArrayTable,
  type CopyOrder,
  type MappingRegister,
  MOST_UNREADABLE,
  registerOf,
  setsOf,
} from './array-table.ts';

/**
 * The only ways in which a table changes. Each gives the new table, or the same one where the change does not apply
 * any more: two failures may race, and a copy may have ended meanwhile.
 */

type Patch = Partial<Omit<MappingRegister, 'unit' | 'window'>>;

function patched(table: ArrayTable, patches: Readonly<Record<string, Patch>>): ArrayTable {
  return {
    ...table,
    registers: table.registers.map((register) => ({ ...register, ...patches[register.unit] })),
  };
}

/**
 * R0 to R1. The unit is out; its partner becomes the data role. Unchanged where it is the last that holds its
 * stretch: a bad drive is better than none. A copy that it was the target of is over; one that it was the source of
 * goes on from the partner.
 */
export function failUnit(table: ArrayTable, unit: string): ArrayTable {
  const register = registerOf(table, unit);
  if (register === undefined || register.role === 'failed') return table;
  const out: Patch = { role: 'failed', state: register.length > 0 ? 'failed' : 'replaced' };
  if (register.role === 'spare') {
    const copy = table.copy?.target === unit ? null : table.copy;
    return { ...patched(table, { [unit]: out }), copy };
  }
  const set = setsOf(table).find(({ logicalBase }) => logicalBase === register.logicalBase);
  const partner = set?.copies.find((other) => other.unit !== unit);
  if (partner === undefined) return table;
  const after = patched(table, { [unit]: out, [partner.unit]: { role: 'data' } });
  if (table.copy?.source !== unit) return after;
  return { ...after, copy: { ...table.copy, kind: 'rebuild', source: partner.unit } };
}

/** R1 to R2: the first stretch that lost a unit and has its own unit back, or else the smallest spare that can hold it. */
export function beginRebuild(table: ArrayTable): ArrayTable {
  if (table.copy !== null) return table;
  for (const { lost, copies, length, logicalBase } of setsOf(table)) {
    const source = copies[0];
    const target = table.registers
      .filter(({ state, window }) => state === 'ready' && window.count >= length)
      .filter((spare) => spare.length === 0 || spare.logicalBase === logicalBase)
      .sort((a, b) => b.length - a.length || a.window.count - b.window.count)[0];
    const replaces = lost.find(({ unit }) => unit === target?.unit) ?? lost[0];
    if (source === undefined || target === undefined || replaces === undefined) continue;
    return withCopy(table, {
      kind: 'rebuild',
      logicalBase,
      length,
      source: source.unit,
      target: target.unit,
      replaces: replaces.unit,
      afterwards: 'retired',
    });
  }
  return table;
}

function withCopy(table: ArrayTable, copy: Omit<CopyOrder, 'id'>): ArrayTable {
  return {
    ...patched(table, { [copy.target]: { state: 'copying' } }),
    copy: { ...copy, id: table.nextCopy },
    nextCopy: table.nextCopy + 1,
  };
}

/** Orders the content of a live unit moved to a spare, online. Unchanged where that cannot be. */
export function beginRelocate(
  table: ArrayTable,
  from: string,
  to: string,
  afterwards: 'ready' | 'retired',
): ArrayTable {
  const source = registerOf(table, from);
  const target = registerOf(table, to);
  const possible =
    table.copy === null &&
    source?.state === 'live' &&
    (target?.state === 'ready' || target?.state === 'retired') &&
    target.length === 0 &&
    target.window.count >= source.length;
  if (!possible) return table;
  const { logicalBase, length } = source;
  return withCopy(table, {
    kind: 'relocate',
    logicalBase,
    length,
    source: from,
    target: to,
    replaces: from,
    afterwards,
  });
}

/** The operator takes the copy back. Its target stays idle until it is made a spare again. */
export function abandonCopy(table: ArrayTable): ArrayTable {
  const target = table.copy === null ? undefined : registerOf(table, table.copy.target);
  if (target === undefined) return table;
  const idle: Patch =
    target.length > 0 ? { role: 'failed', state: 'failed' } : { role: 'spare', state: 'retired' };
  return { ...patched(table, { [target.unit]: idle }), copy: null };
}

/**
 * R3: the registers of both units at once. The target takes the stretch of the unit that it replaces; that unit is
 * out of the map. Only for a target that holds all of the stretch durably.
 */
export function swapRegisters(table: ArrayTable, id: number): ArrayTable {
  const { copy } = table;
  if (copy === null || copy.id !== id) return table;
  const old = registerOf(table, copy.replaces);
  if (old === undefined) return table;
  const { logicalBase, length } = copy;
  const nowhere = { logicalBase: 0, length: 0 };
  const leaving: Patch =
    copy.kind === 'relocate'
      ? { role: 'spare', state: copy.afterwards, ...nowhere }
      : old.role === 'spare'
        ? nowhere
        : { state: 'replaced', ...nowhere };
  // A failed unit left the data role to its partner.
  const role = copy.kind === 'rebuild' ? 'mirror' : old.role;
  // In this order: a unit with a new drive replaces itself.
  return {
    ...patched(table, {
      [copy.replaces]: leaving,
      [copy.target]: { role, state: 'live', logicalBase, length },
    }),
    copy: null,
  };
}

/**
 * A drive stands ready in a unit that holds nothing: a new one where one failed, or a retired one given back. In a
 * unit whose stretch still waits for a replacement it waits for that stretch and no other.
 */
export function addSpare(table: ArrayTable, unit: string, serial: string): ArrayTable {
  const register = registerOf(table, unit);
  const idle = register?.role === 'failed' || register?.state === 'retired';
  return idle ? patched(table, { [unit]: { role: 'spare', state: 'ready', serial } }) : table;
}

/** Adds stretches that no unit holds; undefined where the list would be longer than it may. */
export function markUnreadable(table: ArrayTable, range: SectorRange): ArrayTable | undefined {
  const unreadable = [...subtract(table.unreadable, range), range].sort((a, b) => a.lba - b.lba);
  const joined: SectorRange[] = [];
  for (const next of unreadable) {
    const last = joined.at(-1);
    if (last !== undefined && last.lba + last.count === next.lba) {
      joined[joined.length - 1] = { lba: last.lba, count: last.count + next.count };
    } else joined.push(next);
  }
  return joined.length > MOST_UNREADABLE ? undefined : { ...table, unreadable: joined };
}

/** The range was written anew. It may make one stretch two, and the list that much longer. */
export function markReadable(table: ArrayTable, range: SectorRange): ArrayTable {
  return { ...table, unreadable: subtract(table.unreadable, range) };
}

function subtract(ranges: readonly SectorRange[], gone: SectorRange): SectorRange[] {
  const end = gone.lba + gone.count;
  return ranges.flatMap(({ lba, count }) => {
    const rest: SectorRange[] = [];
    if (lba < gone.lba) rest.push({ lba, count: Math.min(count, gone.lba - lba) });
    if (lba + count > end) rest.push({ lba: Math.max(lba, end), count: lba + count - Math.max(lba, end) });
    return rest;
  });
}
