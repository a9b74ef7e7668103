import * as v from 'valibot';
import { frameJson, fromHex, toHex, unframeJson } from '../base/index.ts';
import type { StateStore } from '../ports/index.ts';
import type { Slot } from './boot-record.ts';

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
}

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
});

/** Undefined where there is none, or none that can be read. */
export async function readUpdateNote(
  store: Pick<StateStore, 'readDocument'>,
): Promise<UpdateNote | undefined> {
  const bytes = await store.readDocument(DOCUMENT);
  const found = bytes === undefined ? undefined : unframeJson(KIND, bytes, stored);
  if (found === undefined) return undefined;
  const { order, sha256, why, ...rest } = found;
  return {
    ...rest,
    order: fromHex(order),
    sha256: fromHex(sha256),
    ...(why === undefined ? {} : { why }),
  };
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
