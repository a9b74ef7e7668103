import * as v from 'valibot';
import { frameJson, NsError, unframeJson } from '../base/index.ts';
import type { StateStore } from '../ports/index.ts';

/** From one format of the device's own state to the next. */
export interface Migration {
  /** One more than the format that it begins with; formats are counted from 1. */
  readonly to: number;
  /** All documents that it reads or writes. */
  readonly documents: readonly string[];
  /** What these hold afterwards, by name; undefined: there is none. Pure. */
  change(before: DocumentSet): DocumentSet;
}

export type DocumentSet = ReadonlyMap<string, Uint8Array | undefined>;

export interface StateFormat {
  readonly format: number;
  readonly did: 'nothing' | 'waits' | 'migrated' | 'went-back';
}

type Documents = Pick<StateStore, 'readDocument' | 'writeDocument' | 'remove'>;

const DOCUMENT = 'state-format';
const KIND = { letters: 'NSSF', largest: 64 * 1024 };
/** What guards the device: what it has done, owes, was told, and whom it obeys. An older copy of it would undo that. */
const NEVER_TAKEN_BACK =
  /^(journal|audit|lock|drive-lock|absence|keyring|budget|console-passes|technicians?|release|relay|staged|redo|firmware|state-format|kept|device-key)(-|\.|$)/;

const stored = v.object({
  format: v.number(),
  /** Copies of documents as they were in an older format, which is what the way back leads to. */
  kept: v.optional(
    v.object({ format: v.number(), documents: v.array(v.object({ name: v.string(), was: v.boolean() })) }),
  ),
  /** Documents are being changed: they hold some of both formats until that is over. */
  moving: v.optional(v.boolean()),
});
type Stored = v.InferOutput<typeof stored>;

/**
 * Brings the state to the newest format that this firmware knows, but not while it is on trial: then what the one before
 * wrote stays as it is, so that it can come back. State that a newer firmware has migrated is put back from the copies that it
 * kept. Cut off anywhere, the next start ends what was begun.
 * @throws NsError NS_STATE_NEWER where there is no way back
 */
export async function settleStateFormat(
  store: Documents,
  migrations: readonly Migration[],
  proven: boolean,
): Promise<StateFormat> {
  const own = 1 + migrations.length;
  let now = await readFormat(store);
  if (now.moving === true) now = await goBack(store, now);
  if (now.format > own) {
    if (now.kept === undefined || now.kept.format > own)
      throw new NsError(
        'NS_STATE_NEWER',
        `the state has format ${now.format}, and this firmware knows ${own} at most`,
      );
    now = await goBack(store, now);
    if (now.format === own || !proven) return { format: now.format, did: 'went-back' };
  }
  if (now.format === own) return { format: own, did: 'nothing' };
  if (!proven) return { format: now.format, did: 'waits' };
  await migrate(store, migrations.slice(now.format - 1), now);
  return { format: own, did: 'migrated' };
}

async function migrate(store: Documents, steps: readonly Migration[], now: Stored): Promise<void> {
  const names = [...new Set(steps.flatMap(({ documents }) => documents))];
  const guarded = names.find((name) => NEVER_TAKEN_BACK.test(name));
  if (guarded !== undefined)
    throw new NsError('NS_INTERNAL', `a migration names ${guarded}, which is never taken back`, {
      family: 'bug',
    });
  // Copies of a format before this one lead back no further from here on.
  if (now.kept !== undefined) await writeFormat(store, { format: now.format });
  for (const { name } of now.kept?.documents ?? []) await store.remove(copyOf(name));
  const before = new Map<string, Uint8Array | undefined>();
  for (const name of names) {
    const bytes = await store.readDocument(name);
    before.set(name, bytes);
    if (bytes !== undefined) await store.writeDocument(copyOf(name), bytes);
  }
  let after: DocumentSet = before;
  for (const step of steps) after = new Map([...after, ...step.change(after)]);
  const kept = {
    format: now.format,
    documents: names.map((name) => ({ name, was: before.get(name) !== undefined })),
  };
  await writeFormat(store, { format: now.format, kept, moving: true });
  for (const name of names) await put(store, name, after.get(name));
  await writeFormat(store, { format: now.format + steps.length, kept });
}

/** Puts the kept copies in the place of what they were copied from. */
async function goBack(store: Documents, now: Stored): Promise<Stored> {
  const { kept } = now;
  if (kept === undefined) throw new NsError('NS_STATE_NEWER', 'the copies of the older state are not there');
  await writeFormat(store, { ...now, moving: true });
  for (const { name, was } of kept.documents) {
    const copy = was ? await store.readDocument(copyOf(name)) : undefined;
    if (was && copy === undefined)
      throw new NsError('NS_STATE_NEWER', `the copy of ${name} in the older state is not there`);
    await put(store, name, copy);
  }
  const back = { format: kept.format };
  await writeFormat(store, back);
  for (const { name } of kept.documents) await store.remove(copyOf(name));
  return back;
}

const copyOf = (name: string): string => `kept-${name}`;

async function put(store: Documents, name: string, bytes: Uint8Array | undefined): Promise<void> {
  if (bytes === undefined) await store.remove(name);
  else await store.writeDocument(name, bytes);
}

async function readFormat(store: Documents): Promise<Stored> {
  const bytes = await store.readDocument(DOCUMENT);
  if (bytes === undefined) return { format: 1 };
  const found = unframeJson(KIND, bytes, stored);
  if (found === undefined) throw new NsError('NS_STATE_NEWER', 'the format of the state cannot be read');
  return found;
}

const writeFormat = (store: Documents, now: Stored): Promise<void> =>
  store.writeDocument(DOCUMENT, frameJson(KIND, now));
