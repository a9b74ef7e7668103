import { allow, equalBytes, minutes, NsError, refuse, type Verdict } from '../../base/index.ts';
import { beginWriting, hashOfRange, rewrite, type Slot } from '../../firmware/index.ts';
import type { FlashRange } from '../../ports/index.ts';
import { CHUNK_BYTES } from '../../protocol/index.ts';
import { ChunkMap, chunksOf, receiveFile } from '../../transfer/index.ts';
import type { TaskContext } from '../task.ts';
import type { OwnFirmware } from './own-firmware.ts';

/** What of which image is in which slot already. */
const DOCUMENT = 'firmware-slot';
const HEAD = 33;

export interface SlotContent {
  readonly size: number;
  readonly sha256: Uint8Array;
}

/**
 * Brings the bytes into a slot that counts as empty meanwhile, and reads all of them back from the medium. What came before a
 * cut is kept for the next try. TRANSFER_CORRUPT where what came is something else.
 * @throws NsError NS_FLASH where the medium does not take or keep them, and what a transfer throws
 */
export async function fillSlot(
  context: TaskContext,
  { book, slots }: OwnFirmware,
  slot: Slot,
  content: SlotContent,
): Promise<Verdict<void>> {
  const { services, signal } = context;
  const range = slots.slots[slot];
  if (content.size > range.size)
    return refuse('FIRMWARE_TOO_LARGE', `It has ${content.size} bytes; the slot has room for ${range.size}.`);
  await book.change((record) => (record.slots[slot].is === 'empty' ? record : beginWriting(record, slot)));
  const received = await receiveInto(context, range, slot, content);
  if (!received.ok) return received;
  const found = await hashOfRange(range, content.size, signal, (done) =>
    context.progress('reading back', done, content.size, 'bytes'),
  );
  // What is in the map is not on the medium: the next try begins anew.
  await services.store.remove(DOCUMENT);
  if (equalBytes(found, content.sha256)) return allow(undefined);
  throw new NsError('NS_FLASH', `slot ${slot} does not read back as it was written`);
}

async function receiveInto(
  context: TaskContext,
  range: FlashRange,
  slot: Slot,
  { size, sha256 }: SlotContent,
): Promise<Verdict<void>> {
  const { services, id, signal } = context;
  const total = chunksOf(size, CHUNK_BYTES);
  // A chunk has erase blocks of its own, or all is erased first and begun anew after each cut.
  const byChunk = CHUNK_BYTES % range.eraseSize === 0;
  const kept = byChunk ? await mapOf(context, slot, sha256, total) : undefined;
  // A map of other bytes would be wrong from the first write on.
  if (kept === undefined) await services.store.remove(DOCUMENT);
  const have = kept ?? new ChunkMap(total);
  if (!byChunk) {
    // Block by block: each may take seconds, and a slot has many.
    for (let at = 0; at < size; at += range.eraseSize) {
      await range.erase(at, range.eraseSize, signal);
      context.progress('erasing the slot', Math.min(at + range.eraseSize, size), size, 'bytes');
    }
  }
  const received = await receiveFile({
    id,
    size,
    chunk: CHUNK_BYTES,
    sha256,
    have,
    read: (offset, into, chunkSignal) => range.read(offset, into, chunkSignal),
    write: (offset, bytes, chunkSignal) =>
      byChunk ? rewrite(range, offset, bytes, chunkSignal) : range.write(offset, bytes, chunkSignal),
    flush: () => range.flush(),
    saveMap: async (map) => {
      if (byChunk) await services.store.writeDocument(DOCUMENT, documentOf(slot, sha256, map));
    },
    saveEvery: 4,
    port: services.blocks,
    clock: services.clock,
    signal,
    noProgress: minutes(2),
    onProgress: ({ done }) => context.progress('writing the slot', done, size, 'bytes'),
  });
  if (!received.ok) {
    await services.store.remove(DOCUMENT);
    return received;
  }
  signal.addEventListener('abort', received.value.release, { once: true });
  return allow(undefined);
}

async function mapOf(
  { services }: TaskContext,
  slot: Slot,
  sha256: Uint8Array,
  total: number,
): Promise<ChunkMap | undefined> {
  const stored = await services.store.readDocument(DOCUMENT);
  if (
    stored === undefined ||
    !equalBytes(stored.subarray(0, HEAD), documentOf(slot, sha256, new Uint8Array()))
  )
    return undefined;
  return ChunkMap.fromBytes(stored.subarray(HEAD), total);
}

function documentOf(slot: Slot, sha256: Uint8Array, map: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD + map.byteLength);
  bytes[0] = slot === 'a' ? 0 : 1;
  bytes.set(sha256, 1);
  bytes.set(map, HEAD);
  return bytes;
}
