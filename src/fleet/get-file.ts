import { asNsError, type Duration, equalBytes, minutes, NsError, toHex } from '../base/index.ts';
import type { Clock, LocalSink, PartFile } from '../ports/index.ts';
import type { Offer } from '../protocol/index.ts';
import {
  type BlockPort,
  ChunkMap,
  chunksOf,
  type Received,
  receiveFile,
  type TransferProgress,
  type Window,
} from '../transfer/index.ts';
import type { OrderEvent, OrderRun } from './order-run.ts';
import type { OrderOptions } from './order-timing.ts';
import type { OrderOutcome } from './outcome.ts';

export interface TransferOptions extends OrderOptions {
  readonly onProgress?: (progress: TransferProgress) => void;
  readonly onEvent?: (event: OrderEvent) => void;
  /** Longest time without a new chunk; 2 minutes by default. */
  readonly noProgress?: Duration;
  readonly window?: Window;
  /** Bytes of a put on their way to the broker at once; less where many hosts share one connection. */
  readonly sendWindow?: number;
}

/** Verbs by which a device offers something and sends it. */
export type UploadVerb = 'file.upload' | 'volume.upload';

export interface GetOutcome<V extends UploadVerb = 'file.upload'> {
  readonly outcome: OrderOutcome<V>;
  /** Present where the file is here, whole, under its own name, with the hash that the device has signed. */
  readonly file?: { readonly size: number; readonly sha256: Uint8Array; readonly resumedAt: number };
  /** What went wrong on this side of the wire. */
  readonly fault?: NsError;
}

export const DEFAULT_NO_PROGRESS: Duration = minutes(2);

/** A part belongs to the file as the device saw it: the same size, time and inode. */
const partKey = (offer: Offer): string => `${offer.size}-${offer.mtime}-${offer.inode}-${offer.chunk}`;

interface Reception {
  readonly part: PartFile;
  readonly offer: Offer;
  readonly resumedAt: number;
  readonly result: Promise<Received | NsError>;
}

/** Follows an upload order: takes its offer, fetches the chunks, and compares with the signed receipt. */
export async function getFile<V extends UploadVerb>(
  order: OrderRun<V>,
  port: BlockPort,
  sink: LocalSink,
  clock: Clock,
  options: TransferOptions,
): Promise<GetOutcome<V>> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(options.signal.reason);
  options.signal.addEventListener('abort', onAbort, { once: true });
  let reception: Reception | undefined;
  let fault: NsError | undefined;
  try {
    for await (const event of order.events()) {
      options.onEvent?.(event);
      if (event.event !== 'offer' || reception !== undefined || fault !== undefined) continue;
      try {
        reception = await receive(event, port, sink, clock, { ...options, signal: stop.signal });
      } catch (error) {
        fault = asNsError(error, 'NS_LOCAL_FILE');
        await port
          .send({ t: 'stop', id: order.id, why: 'the receiver cannot store the file' })
          .catch(() => undefined);
      }
    }
    const outcome = await order.outcome;
    if (reception === undefined) return { outcome, ...(fault === undefined ? {} : { fault }) };
    return await settle(outcome, reception, stop, clock);
  } catch (error) {
    stop.abort(error);
    await reception?.result;
    await reception?.part.keep();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', onAbort);
  }
}

async function receive(
  offer: Offer,
  port: BlockPort,
  sink: LocalSink,
  clock: Clock,
  options: TransferOptions,
): Promise<Reception> {
  if (offer.chunk < 1)
    throw new NsError('NS_OFFER_INVALID', 'the device offers chunks of no size', { family: 'peer' });
  const part = await sink.open(partKey(offer), offer.size);
  const total = chunksOf(offer.size, offer.chunk);
  const have =
    (part.map === undefined ? undefined : ChunkMap.fromBytes(part.map, total)) ?? new ChunkMap(total);
  const resumedAt = Math.min(have.count * offer.chunk, offer.size);
  const result = receiveFile({
    id: offer.id,
    size: offer.size,
    chunk: offer.chunk,
    have,
    write: (offset, data) => part.write(offset, data),
    zero: part.zero === undefined ? undefined : async (offset, length) => part.zero?.(offset, length),
    read: (offset, into) => part.read(offset, into),
    flush: () => part.flush(),
    saveMap: (map) => part.saveMap(map),
    port,
    clock,
    signal: options.signal,
    noProgress: options.noProgress ?? DEFAULT_NO_PROGRESS,
    ...(options.window === undefined ? {} : { window: options.window }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  }).then(
    (verdict) => (verdict.ok ? verdict.value : new NsError('NS_GET_CORRUPT', verdict.refusal.sentence)),
    (error: unknown) => asNsError(error, 'NS_LOCAL_FILE'),
  );
  return { part, offer, resumedAt, result };
}

/** The order has ended: keep the file only if both ends have the same one. */
async function settle<V extends UploadVerb>(
  outcome: OrderOutcome<V>,
  { part, offer, resumedAt, result }: Reception,
  stop: AbortController,
  clock: Clock,
): Promise<GetOutcome<V>> {
  const signed =
    outcome.is === 'receipt' && outcome.receipt.outcome === 'succeeded' ? outcome.result?.sha256 : undefined;
  const done = signed !== undefined;
  if (!done) stop.abort(new NsError('NS_ORDER_ENDED', 'the order ended before the transfer'));
  const received = await result;
  if (!(received instanceof NsError)) received.release();
  if (!done) {
    await part.keep();
    const ours = received instanceof NsError && received.code !== 'NS_ORDER_ENDED' ? received : undefined;
    return { outcome, ...(ours === undefined ? {} : { fault: ours }) };
  }
  if (received instanceof NsError) {
    await part.keep();
    return { outcome, fault: received };
  }
  if (!equalBytes(received.sha256, signed)) {
    await part.discard();
    const sentence = `the file that came has the SHA-256 ${toHex(received.sha256)}, not the one in the receipt; it was thrown away`;
    return { outcome, fault: new NsError('NS_GET_CORRUPT', sentence, { family: 'peer', retryable: true }) };
  }
  // Of a disk without filesystems nobody knows when it was written.
  await part.finish(offer.mtime > 0 ? offer.mtime : clock.wallSeconds());
  return { outcome, file: { size: offer.size, sha256: received.sha256, resumedAt } };
}
