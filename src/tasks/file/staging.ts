import { allow, hasCode, minutes, refuse, toHex, type Verdict } from '../../base/index.ts';
import type { StagedFile, StateStore } from '../../ports/index.ts';
import { CHUNK_BYTES, type Order } from '../../protocol/index.ts';
import { ChunkMap, chunksOf, clearRange, receiveFile } from '../../transfer/index.ts';
import type { TaskServices } from '../services.ts';
import type { TaskContext } from '../task.ts';

/** Staged files by content: a second order for the same bytes goes on where the first one stopped. */
const STAGED_PREFIX = 'staged-';
const MAP_SUFFIX = '.map';

export interface StagedNames {
  readonly content: string;
  readonly map: string;
}

export function stagedNames(sha256: Uint8Array): StagedNames {
  const content = `${STAGED_PREFIX}${toHex(sha256)}`;
  return { content, map: `${content}${MAP_SUFFIX}` };
}

/**
 * Fetches the file into our own storage, whole and verified. The caller holds the claim on its content, and closes it. Refuses with
 * STAGING_FULL; what came stays for the next try unless its hash is wrong.
 */
export async function stage(
  context: TaskContext,
  size: number,
  sha256: Uint8Array,
  names: StagedNames = stagedNames(sha256),
): Promise<Verdict<StagedFile>> {
  const { services, id, signal } = context;
  const file = await openStaged(context, names.content, size);
  if (!file.ok) return file;
  const { data } = file.value;
  let whole = false;
  try {
    const total = chunksOf(size, CHUNK_BYTES);
    const stored = await services.store.readDocument(names.map);
    const have =
      (stored === undefined ? undefined : ChunkMap.fromBytes(stored, total)) ?? new ChunkMap(total);
    const received = await receiveFile({
      id,
      size,
      chunk: CHUNK_BYTES,
      sha256,
      have,
      read: (offset, into, chunkSignal) => data.read(offset, into, chunkSignal),
      write: (offset, bytes, chunkSignal) => data.write(offset, bytes, chunkSignal),
      zero: (offset, length, zeroSignal) => clearRange(data, { offset, length }, zeroSignal),
      flush: () => data.flush(),
      saveMap: (map) => services.store.writeDocument(names.map, map),
      saveEvery: 64,
      port: services.blocks,
      clock: services.clock,
      signal,
      noProgress: minutes(1),
      onProgress: (progress) => context.progress('staging', progress.done, progress.total, 'bytes'),
    });
    if (!received.ok) {
      await dropNames(services.store, names);
      return received;
    }
    signal.addEventListener('abort', received.value.release, { once: true });
    whole = true;
    return file;
  } finally {
    if (!whole) await data.close();
  }
}

/** Room is made, where there is too little, by dropping what no task is about: contents kept for a next try. */
async function openStaged(context: TaskContext, name: string, size: number): Promise<Verdict<StagedFile>> {
  const { store } = context.services;
  try {
    return allow(await store.stagedFile(name, size));
  } catch (error) {
    if (!hasCode(error, 'NS_STATE_FULL')) throw error;
  }
  await dropUnclaimed(context, name);
  try {
    return allow(await store.stagedFile(name, size));
  } catch (error) {
    if (hasCode(error, 'NS_STATE_FULL')) return refuse('STAGING_FULL');
    throw error;
  }
}

async function dropUnclaimed(
  { services: { store, log }, tryClaim }: TaskContext,
  except: string,
): Promise<void> {
  for (const content of await store.names(STAGED_PREFIX)) {
    if (content === except || content.endsWith(MAP_SUFFIX)) continue;
    const release = tryClaim(content);
    if (release === undefined) continue;
    try {
      await store.remove(`${content}${MAP_SUFFIX}`);
      await store.remove(content);
      log.log('info', 'staging.dropped', { content });
    } finally {
      release();
    }
  }
}

/** The content is on the host's disk, or of no use. */
async function dropNames(store: StateStore, { content, map }: StagedNames): Promise<void> {
  await store.remove(map);
  await store.remove(content);
}

/**
 * The same for the contents of an order, unless a staged order is to bring the same, or, where `tryClaim` is given, somebody
 * is at work with them.
 */
export async function dropContent(
  { store, staged }: Pick<TaskServices, 'store' | 'staged'>,
  { id, verb, args }: Pick<Order, 'id' | 'verb' | 'args'>,
  tryClaim?: (name: string) => (() => void) | undefined,
): Promise<void> {
  if (verb !== 'file.download' || !('sha256' in args) || !(args.sha256 instanceof Uint8Array)) return;
  const { content } = stagedNames(args.sha256);
  if (staged?.keeps(content, id) === true) return;
  const release = tryClaim?.(content);
  if (tryClaim !== undefined && release === undefined) return;
  try {
    await dropNames(store, stagedNames(args.sha256));
  } finally {
    release?.();
  }
}
