import * as v from 'valibot';
import { fromUtf8, NsError, shapeConfig, utf8 } from '../../base/index.ts';
import type { StateStore } from '../../ports/index.ts';
import type { UnitMemory, UnitRecord } from '../../sata-chain/index.ts';

const hex16 = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sectorSize = v.picklist([512, 4096]);

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{0,64}$/));

/** Every field that a unit may write: one that is missing here would keep its unit dark at the next start. */
const fields = {
  unit: hex16,
  chain: v.optional(hex16),
  locked: v.boolean(),
  epoch: count,
  before: v.optional(digest),
  degraded: v.optional(v.boolean()),
  keepsPlaces: v.optional(v.boolean()),
  membership: v.optional(
    v.strictObject({
      local: v.nullable(
        v.strictObject({ serial: v.pipe(v.string(), v.maxLength(20)), sectors: count, sectorSize }),
      ),
      below: v.nullable(
        v.strictObject({
          units: count,
          sectors: count,
          sectorSize: v.optional(sectorSize),
          membership: digest,
        }),
      ),
    }),
  ),
} satisfies Readonly<Record<keyof UnitRecord, v.GenericSchema>>;

const unitRecord = v.strictObject(fields);

/**
 * A unit's memory as a document of own storage. A document that cannot be read is NS_CHAIN_RECORD, and the unit stays dark:
 * it may hold a lock, or members that must not be forgotten.
 */
export function storedMemory(store: StateStore, name: string, blank: UnitRecord): UnitMemory {
  return {
    async load() {
      const bytes = await store.readDocument(name);
      return bytes === undefined ? blank : readRecord(bytes, name);
    },
    save: (record) => store.writeDocument(name, utf8(JSON.stringify(record))),
  };
}

/** A memory that forgets when the process ends: for a chain that is put together anew each time. */
export function passingMemory(blank: UnitRecord): UnitMemory {
  let kept = blank;
  return {
    load: async () => kept,
    save: async (record) => {
      kept = record;
    },
  };
}

function readRecord(bytes: Uint8Array, name: string): UnitRecord {
  try {
    return shapeConfig(unitRecord, JSON.parse(fromUtf8(bytes) ?? ''), name) as UnitRecord;
  } catch (cause) {
    throw new NsError('NS_CHAIN_RECORD', `${name} is no record of a unit; the unit stays dark`, {
      family: 'peer',
      cause,
    });
  }
}
