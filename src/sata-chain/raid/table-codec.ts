import * as v from 'valibot';
import { fromUtf8, NsError, utf8 } from '../../base/index.ts';
import { type ArrayTable, MOST_MEMBERS, MOST_UNREADABLE } from './array-table.ts';

/** The table as a payload of its slots: JSON, with the version first. */
const VERSION = 1;
/** Holds 256 members with the longest names and the longest list of unreadable stretches. */
export const TABLE_SLOT = 128 * 1024;

/** A list at its limit that writes then punched holes into. Longer ones do not fit the slot and are refused there. */
const LONGEST_LIST = 4 * MOST_UNREADABLE;

const Whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 48));
const Range = v.strictObject({ lba: Whole, count: Whole });
const Unit = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));

const Table = v.strictObject({
  version: v.literal(VERSION),
  array: Unit,
  layout: Unit,
  sectorSize: v.picklist([512, 4096]),
  registers: v.pipe(
    v.array(
      v.strictObject({
        unit: Unit,
        serial: v.pipe(v.string(), v.maxLength(20)),
        window: Range,
        role: v.picklist(['data', 'mirror', 'spare', 'failed']),
        state: v.picklist(['live', 'ready', 'copying', 'retired', 'failed', 'replaced']),
        logicalBase: Whole,
        length: Whole,
      }),
    ),
    v.maxLength(MOST_MEMBERS),
  ),
  copy: v.nullable(
    v.strictObject({
      id: Whole,
      kind: v.picklist(['rebuild', 'relocate']),
      logicalBase: Whole,
      length: Whole,
      source: Unit,
      target: Unit,
      replaces: Unit,
      afterwards: v.picklist(['ready', 'retired']),
    }),
  ),
  nextCopy: Whole,
  unreadable: v.pipe(v.array(Range), v.maxLength(LONGEST_LIST)),
});

export function encodeTable(table: ArrayTable): Uint8Array {
  return utf8(JSON.stringify({ version: VERSION, ...table }));
}

/** NS_ARRAY_STATE where whole bytes (their checksum held) are no table: another version, or a fault of ours. */
export function decodeTable(bytes: Uint8Array): ArrayTable {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes) ?? '');
  } catch (cause) {
    throw new NsError('NS_ARRAY_STATE', 'the stored array table is not JSON', { family: 'peer', cause });
  }
  const parsed = v.safeParse(Table, value);
  if (!parsed.success) {
    throw new NsError('NS_ARRAY_STATE', `the stored array table: ${parsed.issues[0].message}`, {
      family: 'peer',
    });
  }
  const { version: _, ...table } = parsed.output;
  return table;
}
