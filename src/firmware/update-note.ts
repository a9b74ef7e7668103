import * as v from 'valibot';
import { frameJson, fromHex, toHex, unframeJson } from '../base/index.ts';
import type { StateStore } from '../ports/index.ts';
import type { BootRecord, Slot } from './boot-record.ts';

/** The last update that was written whole, and what became of it. */
export interface UpdateNote {
  /** The id of its order. */
  readonly order: Uint8Array;
  readonly version: string;
  readonly slot: Slot;
  readonly sha256: Uint8Array;
  readonly state: 'trying' | 'confirmed' | 'rolled-back';
  readonly why?: string;
  /** Whether the power of the host was known as the update was written: then the new firmware must know it too. */
  readonly powerKnown: boolean;
  /** Disks whose ports did not answer then: the new firmware may be what mends them, and need not find them well. */
  readonly silent?: readonly string[];
  /** Starts at which the firmware could not read its own flash, and so not end its trial by itself. */
  readonly blind?: number;
}

/** Why the boot gave one up that said nothing itself. */
export const NEVER_PROVEN = 'it was started as often as it may be, or was not whole, and never proved itself';
/** The same of one that had. */
export const NOT_WHOLE_LATER = 'it was proven, and was not whole at a later start';

const DOCUMENT = 'firmware-update';
const KIND = { letters: 'NSFU', largest: 4096 };

/** Firmware older and newer than this one read it: fields may be added, and none may change its meaning. */
const stored = v.object({
  order: v.string(),
  version: v.string(),
  slot: v.picklist(['a', 'b']),
  sha256: v.string(),
  state: v.picklist(['trying', 'confirmed', 'rolled-back']),
  why: v.optional(v.string()),
  powerKnown: v.boolean(),
  silent: v.optional(v.array(v.string())),
  blind: v.optional(v.number()),
});

/** Undefined where there is none, or none that can be read. */
export async function readUpdateNote(
  store: Pick<StateStore, 'readDocument'>,
): Promise<UpdateNote | undefined> {
  const bytes = await store.readDocument(DOCUMENT);
  const found = bytes === undefined ? undefined : unframeJson(KIND, bytes, stored);
  if (found === undefined) return undefined;
  const { order, sha256, why, blind, silent, ...rest } = found;
  return {
    ...rest,
    order: fromHex(order),
    sha256: fromHex(sha256),
    ...(why === undefined ? {} : { why }),
    ...(silent === undefined ? {} : { silent }),
    ...(blind === undefined ? {} : { blind }),
  };
}

/**
 * What became of it by the boot record, which counts: a note may be older or newer than that by a power cut, a full disk or a
 * copy that was put back. Undefined: it never took effect, or something else has taken its place.
 */
export function becameOf(
  { slot, sha256, version, state }: UpdateNote,
  { slots, first }: BootRecord,
): UpdateNote['state'] | undefined {
  const held = slots[slot];
  const same = (held.is === 'good' || held.is === 'trying') && held.sha256 === toHex(sha256);
  if (held.is === 'bad' && held.version === version) return 'rolled-back';
  if (state === 'rolled-back') return state;
  if (!same) return undefined;
  if (held.is === 'trying') return 'trying';
  // Proven firmware that was to be tried again, and is not what the boot starts: the record never said so.
  return state === 'confirmed' || first === slot ? 'confirmed' : undefined;
}

/** Durable on return. */
export async function writeUpdateNote(
  store: Pick<StateStore, 'writeDocument'>,
  { order, sha256, ...rest }: UpdateNote,
): Promise<void> {
  const why = rest.why === undefined ? {} : { why: rest.why.slice(0, 500) };
  await store.writeDocument(
    DOCUMENT,
    frameJson(KIND, { ...rest, ...why, order: toHex(order), sha256: toHex(sha256) }),
  );
}
